package catalog

import (
	"cmp"
	"strconv"
	"strings"
	"unicode"

	"github.com/pkgmeter/pkgmeter"
)

// A brief is fields with a tab between them, the first of which is when the
// record was published, in milliseconds. Those of packages, builds and tracks
// are empty: their keys say it all.
const tab = "\t"

// Limits of the texts in a brief, in bytes: lists are kept in memory.
const (
	maxShown       = 64
	maxDescription = 400 // 100 characters of any script
)

// brief writes what lists show.
func (r *reader) brief(c pkgmeter.Collection) string {
	switch c {
	case pkgmeter.Versions:
		flag := ""
		if string(r.unmigrated) == "true" {
			flag = "u"
		}
		return strings.Join([]string{msOf(r.published), flag, line(username(r.publishedBy), maxShown), line(textOf(r.description), maxDescription)}, tab)
	case pkgmeter.ReleaseVersions:
		flag, packages := "", 0
		if string(r.recommended) == "true" {
			flag = "r"
		}
		members(r.packages, func(_, _ []byte) { packages++ })
		return strings.Join([]string{
			msOf(r.published), flag, strconv.Itoa(packages),
			line(textOf(r.tool), maxShown), line(textOf(r.orderKey), maxShown), line(textOf(r.description), maxDescription),
		}, tab)
	}
	return ""
}

// msOf returns the milliseconds of a date as they are shown, "0" for none.
func msOf(value []byte) string {
	ms := []byte("0")
	members(value, func(name, v []byte) {
		if string(name) == "$date" {
			ms = v
		}
	})
	if n, err := strconv.ParseInt(string(ms), 10, 64); err == nil && n >= -maxDate && n <= maxDate {
		return string(ms)
	}
	var d Date // it knows other ways to write a number
	_ = d.UnmarshalJSON(value)
	return strconv.FormatInt(int64(d), 10)
}

func textOf(value []byte) string {
	text, _ := unquote(value)
	return text
}

func username(value []byte) (name string) {
	members(value, func(member, v []byte) {
		if string(member) == "username" {
			name = textOf(v)
		}
	})
	return name
}

// line returns text as one line of at most so many bytes, without control
// characters.
func line(text string, most int) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, pkgmeter.Cut(text, most)))
}

// A Publication is what lists show of a version.
type Publication struct {
	Version     string
	Published   Date
	Publisher   string
	Description string
	Unmigrated  bool // hidden from searches of clients
}

// publicationOf reads the brief of a version.
func publicationOf(version, brief string) Publication {
	published, rest, _ := strings.Cut(brief, tab)
	flags, rest, _ := strings.Cut(rest, tab)
	publisher, description, _ := strings.Cut(rest, tab)
	return Publication{
		Version: version, Published: parseMS(published), Publisher: publisher, Description: description,
		Unmigrated: flags == "u",
	}
}

func parseMS(text string) Date {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return Date(ms)
}

// A Release is what lists show of a release.
type Release struct {
	Version     string
	Published   Date
	Recommended bool
	Packages    int // how many versions of packages go with it
	Tool        string
	OrderKey    string // "": experimental
	Description string
}

// ReleaseOf reads key and brief of a document of [pkgmeter.ReleaseVersions].
func ReleaseOf(d pkgmeter.Document) Release {
	_, version, _ := strings.Cut(d.Key, "\x00")
	fields := strings.SplitN(d.Brief, tab, 6)
	fields = append(fields, make([]string, 6-len(fields))...)
	packages, _ := strconv.Atoi(fields[2])
	return Release{
		Version: version, Published: parseMS(fields[0]), Recommended: fields[1] == "r", Packages: packages,
		Tool: fields[3], OrderKey: fields[4], Description: fields[5],
	}
}

// CompareReleases puts the newest release first. Those without an order come
// last, by date.
func CompareReleases(a, b Release) int {
	return cmp.Or(cmp.Compare(b.OrderKey, a.OrderKey), cmp.Compare(b.Published, a.Published), cmp.Compare(b.Version, a.Version))
}
