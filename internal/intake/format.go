package intake

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// A Format is a kind of file that can be imported.
type Format struct {
	Name string

	// detect reports whether a file that begins with head, of 64 KiB or the
	// whole file, is of this format.
	detect func(head []byte) bool

	// reader makes what reads line after line. Files of a format without one
	// are a single document.
	reader func(source string, received time.Time, people source.People) lineReader

	// whole reports whether a last line that has no end is all there. If not,
	// its writer is taken to be at it still.
	whole func(line []byte) bool

	// mask hides in a line what would identify a person.
	mask func(line []byte) []byte

	// looks is a detect that is asked about one line after another, until one
	// tells. Where it is set, detect is not.
	looks func(line []byte) bool

	// headed says that lines which begin with # describe those after them.
	headed bool
}

// lineReader reads line after line. It is one goroutine's.
type lineReader interface {
	Line(line []byte) (pkgmeter.Event, error)
}

// puller is a lineReader whose lines may be parts of pulls.
type puller interface {
	Pull() (p source.Pull, ok bool)
}

// Lines reports whether files of this format are lines, of one event each.
func (f Format) Lines() bool { return f.reader != nil }

// The order is that in which formats are tried. Those of logs come last, in
// the order of package source.
var formats = append([]Format{
	{Name: "savejson", detect: isSaveJSON},
	{Name: "ndjson", detect: isEvents, whole: isObject, mask: source.Mask, reader: func(name string, received time.Time, people source.People) lineReader {
		return &source.EventReader{Source: name, Received: received, People: people}
	}},
	{Name: MeteorStats, detect: isUseDay},
}, logs()...)

// logs returns the formats of access logs.
func logs() (all []Format) {
	for _, f := range source.LogFormats() {
		all = append(all, Format{
			Name: f.Name, looks: f.Looks, whole: f.Whole, mask: f.Mask, headed: f.Headed,
			reader: func(name string, received time.Time, people source.People) lineReader {
				return f.Reader(name, received, people)
			},
		})
	}
	return all
}

// MeteorStats is the format of a package server's daily statistics of use: a
// file is a day, and all of them are imported at once.
const MeteorStats = "meteor-stats"

// FormatNames lists the names of all formats.
func FormatNames() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.Name
	}
	return names
}

// FormatNamed returns the format of a name.
func FormatNamed(name string) (Format, error) {
	i := slices.IndexFunc(formats, func(f Format) bool { return f.Name == name })
	if i < 0 {
		return Format{}, pkgmeter.Errorf(pkgmeter.Invalid, "there is no format %q: want %s", name, strings.Join(FormatNames(), " or "))
	}
	return formats[i], nil
}

// detect returns the format of a file by its beginning.
func detect(head []byte) (Format, error) {
	for _, f := range formats {
		if f.detect != nil && f.detect(head) {
			return f, nil
		}
	}
	if f, ok := detectLog(head); ok {
		return f, nil
	}
	if isEventsAmid(head) {
		return FormatNamed("ndjson")
	}
	return Format{}, pkgmeter.Errorf(pkgmeter.Invalid,
		"the file is no save.json, and among its first lines is none that is a JSON object with path or package, nor one of a log that is known: if you know better, say --format %s", strings.Join(FormatNames(), " or "))
}

// detectLog returns the format of a log by the first line that tells: so it stays
// the same while the file grows. A line without an end tells only if it is there
// to its end.
func detectLog(head []byte) (Format, bool) {
	n := 0
	for line := range bytes.Lines(head) {
		text, ended := trim(line), bytes.HasSuffix(line, []byte("\n"))
		for _, f := range formats {
			if f.looks != nil && len(text) > 0 && (ended || f.whole(text)) && f.looks(text) {
				return f, true
			}
		}
		if n++; n == untold {
			break
		}
	}
	return Format{}, false
}

// untold is how many lines may tell nothing of what the file is.
const untold = 100

// isSaveJSON looks for a member that the old program's file has. All of its
// versions wrote these.
func isSaveJSON(head []byte) bool {
	return !isEvents(head) && slices.ContainsFunc(members(head), func(name string) bool {
		return slices.Contains([]string{"all", "downloads", "repos", "types", "users"}, name)
	})
}

// isEvents looks at the first line that is not blank: whether it is an event in
// the program's own format.
func isEvents(head []byte) bool {
	for line := range bytes.Lines(head) {
		text := trim(line)
		if len(text) == 0 {
			continue
		}
		ended := bytes.HasSuffix(line, []byte("\n")) || len(head) < pkgmeter.MaxHead
		if ended && !json.Valid(text) {
			return false
		}
		names := members(text)
		return slices.Contains(names, "path") || slices.Contains(names, "package")
	}
	return false
}

// isEventsAmid looks for an event among the first lines, of a file whose first one
// is broken, or an event that names nothing: those are rejected, one by one.
func isEventsAmid(head []byte) bool {
	n := 0
	for line := range bytes.Lines(head) {
		if bytes.HasSuffix(line, []byte("\n")) && isObject(trim(line)) && isEvents(line) {
			return true
		}
		if n++; n == untold {
			break
		}
	}
	return false
}

// isUseDay looks at the first line: whether it is one of a package server's
// statistics.
func isUseDay(head []byte) bool {
	first, _, _ := bytes.Cut(bytes.TrimLeft(head, " \t\r\n"), []byte("\n"))
	names := members(first)
	return slices.Contains(names, "totalAdds") && slices.Contains(names, "directAdds")
}

// isObject reports whether a text is a JSON object. What is before the end of
// one never is: other values may go on, as 12 may be the beginning of 123.
func isObject(text []byte) bool { return bytes.HasPrefix(text, []byte("{")) && json.Valid(text) }

// members returns the names in a JSON object, as far as the text goes.
func members(text []byte) (names []string) {
	d := json.NewDecoder(bytes.NewReader(trim(text)))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	depth, isName := 0, true
	for {
		t, err := d.Token()
		if err != nil || depth < 0 {
			return names
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if name, ok := t.(string); ok && depth == 0 && isName {
			names = append(names, name)
			isName = false
		} else if depth == 0 {
			isName = true
		}
	}
}

// trim takes away what may stand around the text of a line: white space, the
// CR of a line from Windows, and the mark with which files there begin.
func trim(line []byte) []byte {
	return bytes.Trim(bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")), " \t\r\n")
}

// isPacked reports whether a file that begins with head is unpacked as it is read.
func isPacked(head []byte) bool {
	return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) || bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd})
}
