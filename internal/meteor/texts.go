package meteor

import (
	"unicode/utf16"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

const (
	maxDescription     = 100  // UTF-16 units, as the tool counts
	maxLongDescription = 1500 // UTF-16 units
	maxText            = 2000 // bytes of a homepage, a banner or a Git address

	// maxBody is the most bytes of a record; real ones have less than 100 KB. It
	// bounds all lists and names in it together, as whatever is published is
	// fetched by all clients.
	maxBody = 128 << 10

	// uploadBody is how much of that addresses and hashes of uploads may take,
	// which come in later.
	uploadBody = 8 << 10
)

// units returns the length of text as JavaScript counts it.
func units(text string) (n int) {
	for _, r := range text {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

// checkTexts reports what is wrong with the texts about a version.
func checkTexts(description, long, git string) error {
	if err := checkDescription(description); err != nil {
		return err
	}
	if n := units(long); n > maxLongDescription {
		return pkgmeter.Errorf(pkgmeter.Invalid, "A long description has at most %d characters; this one has %d.", maxLongDescription, n)
	}
	return checkText("A Git address", git)
}

func checkDescription(text string) error {
	if n := units(text); n < 1 || n > maxDescription {
		return pkgmeter.Errorf(pkgmeter.Invalid, "A description has 1 to %d characters; this one has %d.", maxDescription, n)
	}
	return nil
}

func checkText(what, text string) error {
	if len(text) > maxText {
		return pkgmeter.Errorf(pkgmeter.Invalid, "%s has at most %d bytes; this one has %d.", what, maxText, len(text))
	}
	return nil
}

func checkVersion(version string) error {
	_, err := catalog.ParseVersion(version)
	return err
}

func checkSize(d pkgmeter.Document, most int) error {
	if len(d.Body) > most {
		return pkgmeter.Errorf(pkgmeter.Invalid, "This is too much for one record: %d bytes of names, lists and texts, of which %d are allowed.", len(d.Body), most)
	}
	return nil
}

// value returns what p points to, or what a missing member stands for.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
