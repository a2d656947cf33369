package purl

// SplitAny is Split without its short cut.
func SplitAny(purl string) (canonical, typ, version string, err error) { return splitAny(purl) }
