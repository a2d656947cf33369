package source

import (
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/artifact"
	"github.com/pkgmeter/pkgmeter/internal/purl"
)

// The parts of an image that a registry serves.
const (
	manifests = "manifests"
	blobs     = "blobs"
)

// robotMark begins the names of Harbor's robot accounts, unless the operator of
// a Harbor chose another one.
const robotMark = "robot$"

// robot returns the flag for an account of that name. Nothing else of the name
// is kept.
func robot[text string | []byte](account text) pkgmeter.Flags {
	if len(account) >= len(robotMark) && string(account[:len(robotMark)]) == robotMark {
		return pkgmeter.Robot
	}
	return 0
}

// imagePath returns the path under which a registry serves a part of an image:
// by the tag, or else by the digest. It is "" for what is no such name.
func imagePath(image, part, tag, digest string) string {
	for _, ref := range []string{tag, digest} {
		if ref == "" {
			continue
		}
		path := "/v2/" + image + "/" + part + "/" + ref
		// The rules have to find in it what was put there: a name with the word
		// manifests in it, or an escape, is another image.
		if file := artifact.Parse(path).File; file == image+":"+ref || file == image+"@"+ref {
			return path
		}
	}
	return ""
}

// imageHint returns the purl of an image, "" for what is none. It is for events
// that are about all of the image.
func imageHint(image string) string {
	const tag = "latest" // any would do
	if imagePath(image, manifests, tag, "") == "" {
		return ""
	}
	namespace, name := "", image
	if i := strings.LastIndexByte(image, '/'); i >= 0 {
		namespace, name = image[:i], image[i+1:]
	}
	return purl.Of("docker", namespace, name)
}
