package source

import "slices"

// The formats in the order in which a line is asked for them: the more a format
// tells about itself, the earlier. Common is only for who names it, as combined
// reads it too.
var logFormats = []*LogFormat{
	{Name: "cloudfront", Headed: true, looks: looksCloudFront, read: readCloudFront, mask: maskColumns, whole: wholeJSON},
	{Name: "w3c", Headed: true, looks: looksW3C, read: readW3C, mask: maskColumns, whole: wholeNever},
	{Name: "s3", looks: looksS3, read: readS3, mask: maskS3, whole: wholeS3},
	{Name: "traefik", looks: looksTraefik, read: readTraefik, mask: maskTraefik, whole: wholeTraefik},
	{Name: "caddy", looks: looksCaddy, read: readCaddy, mask: Mask, whole: wholeJSON},
	{Name: "fastly", looks: looksFastly, read: readFastly, mask: maskJSONLine, whole: wholeFastly},
	{Name: "nginx-json", looks: looksPlainJSON, read: readPlainJSON, mask: Mask, whole: wholeJSON},
	{Name: "artifactory", looks: looksArtifactory, read: readArtifactory, mask: maskArtifactory, whole: wholeNever},
	{Name: "nexus", looks: looksNexus, read: readNexus, mask: maskNCSA, whole: wholeNexus},
	{Name: "combined", looks: looksCombined, read: readCombined, mask: maskNCSA, whole: wholeCombined},
	{Name: "common", read: readCombined, mask: maskNCSA, whole: wholeCombined},
}

// LogFormats lists the formats of logs, in the order in which they are tried.
func LogFormats() []*LogFormat { return slices.Clone(logFormats) }
