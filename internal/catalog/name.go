package catalog

import (
	"regexp"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// MaxName is the longest name of a package or a track, in bytes. Meteor has no
// limit; this one keeps keys and pages small.
const MaxName = 200

// number matches a text that clients would store as a number: they keep records
// in columns of SQLite with numeric affinity, where 1e5 and 100000 are the same.
var number = regexp.MustCompile(`^[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?$`)

// ValidName reports why name cannot be that of a package, in a sentence for its
// author. Only a-z, 0-9, colons, dots and hyphens occur in names.
func ValidName(name string) error {
	if why := wrong(name, "abcdefghijklmnopqrstuvwxyz"); why != "" {
		return pkgmeter.Errorf(pkgmeter.Invalid, "Package names %s.", why)
	}
	return nil
}

// ValidTrack reports why name cannot be that of a release track. Tracks are
// METEOR or USER:NAME, upper case allowed. No @, which stands before the version
// where a release is named.
func ValidTrack(name string) error {
	if why := wrong(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"); why != "" {
		return pkgmeter.Errorf(pkgmeter.Invalid, "Names of release tracks %s.", why)
	}
	return nil
}

// wrong returns the end of a sentence about the name, "" if nothing is wrong
// with it.
func wrong(name, letters string) string {
	switch {
	case name == "":
		return "must not be empty"
	case len(name) > MaxName:
		return "must not be longer than 200 characters"
	case strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(letters+"0123456789:.-", r) }):
		if strings.ContainsAny(letters, "A") {
			return "may have letters, digits, colons, dots, hyphens and underscores only"
		}
		return "may have lower-case letters, digits, colons, dots and hyphens only"
	case !strings.ContainsAny(name, strings.Trim(letters, "_")):
		return "must have a letter"
	case strings.ContainsAny(name[:1], ".-"):
		return "must not begin with a dot or a hyphen"
	case strings.HasSuffix(name, "."):
		return "must not end with a dot"
	case strings.Contains(name, ".."):
		return "must not have two dots in a row"
	case name[0] == ':' || name[len(name)-1] == ':':
		return "must not begin or end with a colon"
	case number.MatchString(name):
		return "must not look like a number, as clients would store another one"
	}
	return ""
}
