// Package savejson reads and writes save.json, the one file of the old CloudRepo
// Download Analytics program: its counters, its users and its settings, as
// every version wrote them and as people edited them.
//
// It is pure. It does not know what becomes of a counter, nor how a password is
// stored.
package savejson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A File is what a save.json says. Counters are those of the whole life of the
// program that wrote it; the three sets are marginals that need not add up.
type File struct {
	All       int64
	Downloads map[string]int64 // by file name
	Repos     map[string]int64
	Types     Types
	Users     []User
	Display   map[string]bool // which sections the page showed; nil if not said

	// Extra holds members that no version of the program had, as they stand.
	Extra map[string]json.RawMessage

	// Notes says what was not as the old program meant it: names that stood
	// there more than once (it wrote such files itself; their counts are
	// summed), and types that it did not have (they count as other).
	Notes []string

	// Ledger is the id of the installation of pkgmeter that exported the file,
	// "" for the old program's.
	Ledger string
}

// Types are the counters by the old program's types of files.
type Types struct{ Jar, Pom, Crypto, Other int64 }

// A User is a name with its password in plain text, as the old program kept it.
type User struct {
	Name     string
	Password string // "" where the file has null, as our own export does
}

// Names of the members.
const (
	keyAll       = "all"
	keyDownloads = "downloads"
	keyRepos     = "repos"
	keyTypes     = "types"
	keyOther     = "other" // beside types: where version 2.0 counted by mistake
	keyUsers     = "users"
	keyDisplay   = "display"
	keyLedger    = "pkgmeter"
)

// Names of the sections in Display, which are the panels of the page.
const (
	ShowFiles        = "by-file-name"
	ShowRepositories = "by-repo-name"
	ShowTypes        = "by-file-type"
)

// Decode reads a whole save.json: pretty-printed or on one line, with a byte
// order mark, and with whatever text behind the object.
func Decode(text []byte) (*File, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	r := &reader{d: json.NewDecoder(bytes.NewReader(text)), f: &File{
		Downloads: map[string]int64{}, Repos: map[string]int64{}, Extra: map[string]json.RawMessage{},
	}}
	r.d.UseNumber()
	if err := r.object("", r.member); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("save.json ends too early, after %d bytes", len(text))
		}
		if s, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, fmt.Errorf("save.json is no JSON at byte %d: %w", s.Offset, err)
		}
		return nil, fmt.Errorf("save.json: %w", err)
	}
	return r.f, nil
}

type reader struct {
	d *json.Decoder
	f *File
}

// object reads an object and calls member for each of its members, which has
// to read the value. Names that repeat are noted.
func (r *reader) object(where string, member func(name string) error) error {
	t, err := r.d.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return fmt.Errorf("%swant an object, have %v", prefix(where), t)
	}
	seen := map[string]bool{}
	for r.d.More() {
		t, err := r.d.Token()
		if err != nil {
			return err
		}
		name, ok := t.(string)
		if !ok {
			return fmt.Errorf("%swant a name, have %v", prefix(where), t)
		}
		if seen[name] {
			r.f.Notes = append(r.f.Notes, fmt.Sprintf("%s%q stands there more than once", prefix(where), name))
		}
		seen[name] = true
		if err := member(name); err != nil {
			return err
		}
	}
	_, err = r.d.Token()
	return err
}

func prefix(where string) string {
	if where == "" {
		return ""
	}
	return where + ": "
}

func (r *reader) member(name string) (err error) {
	switch name {
	case keyAll:
		return r.count(keyAll, &r.f.All)
	case keyOther:
		return r.count(keyOther, &r.f.Types.Other)
	case keyDownloads:
		return r.counts(keyDownloads, r.f.Downloads)
	case keyRepos:
		return r.counts(keyRepos, r.f.Repos)
	case keyTypes:
		return r.object(keyTypes, r.typeCount)
	case keyUsers:
		return r.object(keyUsers, r.user)
	case keyDisplay:
		return r.object(keyDisplay, r.display)
	case keyLedger:
		return r.d.Decode(&r.f.Ledger)
	}
	var raw json.RawMessage
	if err := r.d.Decode(&raw); err != nil {
		return err
	}
	r.f.Extra[name] = raw
	return nil
}

func (r *reader) counts(where string, into map[string]int64) error {
	return r.object(where, func(name string) error {
		n := into[name]
		err := r.count(where+": "+name, &n)
		into[name] = n
		return err
	})
}

func (r *reader) typeCount(name string) error {
	t := &r.f.Types
	switch name {
	case "jar", "jarfile": // the older name of the same counter
		return r.count("types: "+name, &t.Jar)
	case "pom":
		return r.count("types: pom", &t.Pom)
	case "crypto":
		return r.count("types: crypto", &t.Crypto)
	case "other":
		return r.count("types: other", &t.Other)
	default:
		r.f.Notes = append(r.f.Notes, fmt.Sprintf("types: %q counts as other", name))
		return r.count("types: "+name, &t.Other)
	}
}

// count reads a counter and adds it to n.
func (r *reader) count(where string, n *int64) error {
	var raw json.RawMessage
	if err := r.d.Decode(&raw); err != nil {
		return err
	}
	v, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || v < 0 {
		return fmt.Errorf("%s: want a count, have %.40s", where, raw)
	}
	if *n+v < *n {
		return fmt.Errorf("%s: %d and %d are too many", where, *n, v)
	}
	*n += v
	return nil
}

func (r *reader) user(name string) error {
	var password any
	if err := r.d.Decode(&password); err != nil {
		return err
	}
	u := User{Name: name}
	switch p := password.(type) {
	case string:
		u.Password = p
	case json.Number:
		u.Password = p.String()
	case nil:
	default:
		return fmt.Errorf("users: %s: want a password", name)
	}
	// The last one of a name is the one that the old program took.
	r.f.Users = append(slices.DeleteFunc(r.f.Users, func(have User) bool { return have.Name == name }), u)
	return nil
}

func (r *reader) display(name string) error {
	var shown bool
	if err := r.d.Decode(&shown); err != nil {
		return fmt.Errorf("display: %s: want true or false: %w", name, err)
	}
	if r.f.Display == nil {
		r.f.Display = map[string]bool{}
	}
	r.f.Display[name] = shown
	return nil
}

// Encode writes f on one line, as the old program has to have it. Users are
// names with null: no password ever leaves.
func (f *File) Encode() ([]byte, error) {
	var b bytes.Buffer
	var failed error
	member := func(name string, v any) {
		text, err := json.Marshal(v)
		failed = errors.Join(failed, err)
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(name))
		b.WriteString(": ")
		b.Write(text)
	}
	member(keyAll, f.All)
	member(keyDownloads, f.Downloads)
	member(keyRepos, f.Repos)
	member(keyTypes, map[string]int64{"jar": f.Types.Jar, "pom": f.Types.Pom, "crypto": f.Types.Crypto, "other": f.Types.Other})
	users := map[string]any{}
	for _, u := range f.Users {
		users[u.Name] = nil
	}
	member(keyUsers, users)
	if f.Display != nil {
		member(keyDisplay, f.Display)
	}
	if f.Ledger != "" {
		member(keyLedger, f.Ledger)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Extra)) {
		quoted, err := json.Marshal(name)
		failed = errors.Join(failed, err)
		b.WriteString(", " + string(quoted) + ": ")
		failed = errors.Join(failed, json.Compact(&b, f.Extra[name]))
	}
	return []byte("{" + strings.ReplaceAll(b.String(), "\n", " ") + "}\n"), failed
}
