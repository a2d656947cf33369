package artifact

import (
	"cmp"
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const typeGeneric = "generic"

// asIs is the meaning of a path that may not have coordinates: its last
// segment, undecoded.
func asIs(file string) Artifact {
	_, name := cutLast(strings.TrimRight(file, "/"))
	return Artifact{Type: typeGeneric, Package: genericPackage("", name), Kind: Primary, Rule: "as-is"}
}

// generic is the meaning of what no ecosystem claims: the package is the
// directory, else the file name. A last directory that looks like a version is
// one, and is no part of the package; otherwise the best looking segment is. A
// path that ends in a slash is no file: what answers there is a listing.
func generic(at location) Artifact {
	a := Artifact{Type: typeGeneric, Kind: Primary, Rule: "generic"}
	dir := at.dir
	if at.listing {
		dir = at.path
	}
	if at.listing || at.path == "" {
		a.Kind = Index
	}
	above, last := cutLast(dir)
	if versionParts(last) > 0 {
		a.Version = last
		dir = above
	} else {
		a.Version = bestVersion(at.path)
	}
	a.Package = genericPackage(dir, at.name)
	return a
}

// genericPackage names a package by its directory, else by the name of the
// file. The root itself is "/".
func genericPackage(dir, name string) string {
	if dir != "" {
		namespace, name := cutLast(dir)
		return purl.Of(typeGeneric, namespace, name)
	}
	return purl.Of(typeGeneric, "", cmp.Or(name, "/"))
}

// bestVersion returns the segment that looks most like a version: the one with
// the most numbers up to three, of equals the last.
func bestVersion(path string) string {
	best, parts := "", 0
	for rest := path; rest != ""; {
		var segment string
		segment, rest = cutFirst(rest)
		n := versionParts(segment)
		if rest == "" && strings.Trim(segment, "vV.0123456789") != "" {
			n = 0 // a file name: 1.2.3-linux.zip is no version
		}
		if n > 0 && min(n, 3) >= parts {
			best, parts = segment, min(n, 3)
		}
	}
	return best
}

// versionParts returns the number of leading dotted numbers of a segment that
// looks like a version (v1.2, 1.2.3, 1.2.3-rc.1+build), and 0 for what does
// not. A lone number is none: it is as likely a year or an id.
func versionParts(s string) int {
	if s != "" && s[0]|0x20 == 'v' {
		s = s[1:]
	}
	sc := scanner{text: s}
	if !sc.digits() {
		return 0
	}
	n := 1
	for sc.dottedNumber() {
		n++
	}
	if n < 2 {
		return 0
	}
	if sc.done() {
		return n
	}
	if isAlnum(sc.text[sc.at]) {
		return 0 // 1.2x is a name
	}
	for ; !sc.done(); sc.at++ {
		if c := sc.text[sc.at]; !isAlnum(c) && strings.IndexByte("-+._", c) < 0 {
			return 0
		}
	}
	return n
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isAlnum(c byte) bool { return isDigit(c) || isLetter(c) }

// indexOfNone is a listing that is of no package, and thus generic.
func indexOfNone(name, rule string) Artifact {
	return Artifact{Type: typeGeneric, Package: purl.Of(typeGeneric, "", name), Kind: Index, Rule: rule}
}

// unnamedIndex is the index of a whole tree of packages. As it is of none of
// them it is generic, and it is called after its directory, else its file.
func unnamedIndex(dir, name, rule string) Artifact {
	return Artifact{Type: typeGeneric, Package: genericPackage(dir, name), Kind: Index, Rule: rule}
}
