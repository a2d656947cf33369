package catalog

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter"
)

// Limits of what a record is found by, in bytes. Real ids have 17 bytes, real
// keys some 60.
const (
	maxID  = 200
	maxKey = 1000
)

// keyMembers are the members that together are unique in a collection.
var keyMembers = [pkgmeter.Collections][]string{
	pkgmeter.Packages:        {"name"},
	pkgmeter.Versions:        {"packageName", "version"},
	pkgmeter.Builds:          {"versionId", "buildArchitectures"},
	pkgmeter.ReleaseTracks:   {"name"},
	pkgmeter.ReleaseVersions: {"track", "version"},
}

// Read returns the document of a record that is written already, such as
// another server's: body, which stays as it is and is not copied. It has to be
// well-formed, as it becomes a part of what all clients are sent, but only what
// makes its id, key and brief is looked at.
func Read(c pkgmeter.Collection, body []byte) (pkgmeter.Document, error) {
	if !utf8.Valid(body) {
		return pkgmeter.Document{}, refused(c, "is not UTF-8")
	}
	r := reader{keys: keyMembers[c]}
	if !members(body, r.member) {
		return pkgmeter.Document{}, refused(c, "is not a JSON object")
	}
	if r.fault != "" {
		return pkgmeter.Document{}, refused(c, r.fault)
	}
	if r.id == "" {
		return pkgmeter.Document{}, refused(c, "has no _id")
	}
	key := r.key[0]
	for i, name := range r.keys {
		if r.key[i] == "" {
			return pkgmeter.Document{}, refused(c, "has no "+name)
		}
		if i > 0 {
			key += "\x00" + r.key[i]
		}
	}
	if len(key) > maxKey {
		return pkgmeter.Document{}, refused(c, "has a name of more than 1,000 bytes")
	}
	return pkgmeter.Document{Collection: c, ID: r.id, Key: key, Brief: r.brief(c), Body: body}, nil
}

func refused(c pkgmeter.Collection, what string) error {
	return pkgmeter.Errorf(pkgmeter.Invalid, "A record of %s %s.", c, what)
}

// reader gathers what a record is found by, and what lists show of it.
type reader struct {
	keys  []string // names of the key's members
	id    string
	key   [2]string
	fault string // the first

	// Of lists, as they are written; nil where there is no such member.
	description, published, publishedBy, unmigrated []byte
	recommended, tool, orderKey, packages           []byte
}

func (r *reader) member(name, value []byte) {
	if bytes.IndexByte(name, '\\') >= 0 {
		name = plainName(name)
	}
	switch string(name) {
	case "_id":
		r.take(&r.id, "_id", value, maxID)
		return
	case "description":
		r.description = value
	case "published":
		r.published = value
	case "publishedBy":
		r.publishedBy = value
	case "unmigrated":
		r.unmigrated = value
	case "recommended":
		r.recommended = value
	case "tool":
		r.tool = value
	case "orderKey":
		r.orderKey = value
	case "packages":
		r.packages = value
	}
	for i, k := range r.keys {
		if string(name) == k {
			r.take(&r.key[i], k, value, maxKey)
		}
	}
}

// plainName returns the name of a member without escapes.
func plainName(name []byte) []byte {
	quoted := append(append([]byte{'"'}, name...), '"')
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return name
	}
	return []byte(s)
}

// take reads a member that may occur only once: clients would take the last of
// several. A NUL byte would make one key look like another.
func (r *reader) take(to *string, name string, value []byte, most int) {
	text, ok := unquote(value)
	switch {
	case r.fault != "":
	case *to != "":
		r.fault = "has " + name + " twice"
	case !ok || text == "":
		r.fault = "has an empty " + name + ", or one that is no text"
	case len(text) > most || strings.IndexByte(text, 0) >= 0:
		r.fault = "has a " + name + " that is too long, or has a NUL byte"
	}
	*to = text
}
