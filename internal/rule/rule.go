// Package rule derives from an event what the counts are made of: the facts of
// its file, its client and its measures. The rules are numbered as one set, so
// that every number the server shows can be traced to the rules behind it, and
// counted again by others.
//
// It does not know whether an event is part of a pull that counts already (that
// stands in the event), nor repeats, limits of length or the clock. What it
// remembers is of which format each repository is; a [Cache] also what follows from
// files and agents.
package rule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/agent"
	"github.com/pkgmeter/pkgmeter/internal/artifact"
	"github.com/pkgmeter/pkgmeter/internal/purl"
)

// Number is the number of the built-in rules. Any change of a rule, here or in
// packages artifact and agent, raises it.
const Number = 4

// A ClientRule is an operator's own rule about clients. See [agent.Rule].
type ClientRule = agent.Rule

// A Set is the built-in rules and the operator's own. It may be used
// concurrently.
type Set struct {
	own     []ClientRule
	clients *agent.Table
	formats formats
}

var _ pkgmeter.Rules = (*Set)(nil)

// New returns the rules with the operator's own about clients, of which the
// first that fits wins. The error says which one is wrong.
func New(own []ClientRule) (*Set, error) {
	table, err := agent.NewTable(own)
	if err != nil {
		return nil, fmt.Errorf("rules of clients: %w", err)
	}
	return &Set{own: own, clients: table}, nil
}

// Default returns the built-in rules alone.
func Default() *Set {
	s, err := New(nil)
	if err != nil {
		panic(err) // there is no rule that could be wrong
	}
	return s
}

// Own spells out the operator's rules, "" for none; [Parse] reads it.
func (s *Set) Own() string {
	if len(s.own) == 0 {
		return ""
	}
	text, err := json.Marshal(s.own)
	if err != nil {
		panic(err) // strings
	}
	return string(text)
}

// Parse returns the rules with the operator's own as [Set.Own] spells them.
func Parse(own string) (*Set, error) {
	if own == "" {
		return Default(), nil
	}
	var rules []ClientRule
	if err := json.Unmarshal([]byte(own), &rules); err != nil {
		return nil, fmt.Errorf("rules of clients: %w", err)
	}
	return New(rules)
}

// Apply returns an event beside what follows from it. A hit on a file whose
// path is certain tells of what format its repository is.
func (s *Set) Apply(e pkgmeter.Event) pkgmeter.Entry {
	entry := s.Entry(e, s.File(e.Repository, e.Path, e.Hint))
	s.Learn(e.Hint, entry.File, entry.Counts)
	return entry
}

// ApplyAll is Apply for events that came together: the format that one proves
// decides about all of them, whatever their order.
func (s *Set) ApplyAll(events []pkgmeter.Event) []pkgmeter.Entry {
	entries := make([]pkgmeter.Entry, len(events))
	before := s.formats.changes.Load()
	for i, e := range events {
		entries[i] = s.Apply(e)
	}
	if s.formats.changes.Load() == before {
		return entries
	}
	for i, e := range events {
		entries[i] = s.Entry(e, s.File(e.Repository, e.Path, e.Hint))
	}
	return entries
}

// Entry is Apply for an event of a file whose facts are known.
func (s *Set) Entry(e pkgmeter.Event, f pkgmeter.File) pkgmeter.Entry {
	return pkgmeter.Entry{
		Event: e, File: f, Client: s.Client(e.Agent, e.Flags),
		Whole: isDownload(&e), Counts: measures(&e, f.Kind),
	}
}

// Learn notes the format of a repository, if a file with hits proves one: a
// path that is certain by itself. What is not there, and what was only put
// there, proves nothing.
func (s *Set) Learn(hint string, f pkgmeter.File, m pkgmeter.Measures) {
	s.learn(hint, &f, m.Hits > 0)
}

func (s *Set) learn(hint string, f *pkgmeter.File, hits bool) {
	if hint == "" && f.Confidence == pkgmeter.Certain && hits {
		s.formats.found(f.Repository, f.Type)
	}
}

// Client returns what follows from a User-Agent. A robot account is a bot,
// whatever program it runs.
func (s *Set) Client(ua string, flags pkgmeter.Flags) pkgmeter.Client {
	c := s.clients.Parse(ua)
	return ofRobot(pkgmeter.Client{Name: c.Name, Class: pkgmeter.Class(c.Class), Version: c.Version, Runtime: c.Runtime, OS: c.OS, Arch: c.Arch}, flags)
}

// ofRobot returns k, as a bot if the flags say so.
func ofRobot(k pkgmeter.Client, flags pkgmeter.Flags) pkgmeter.Client {
	if flags&pkgmeter.Robot != 0 {
		k.Class = pkgmeter.Bot
	}
	return k
}

// File returns the facts of a file. What the sender said of the repository
// wins over the path. A hint that is a purl gives the coordinates, and the
// path the file and its kind; any other hint is ignored unless it is all there
// is.
//
// A path that is not certain by itself is read by the format of its
// repository, where that is known.
func (s *Set) File(repositorySaid, path, hint string) pkgmeter.File {
	f, _ := s.file(repositorySaid, path, hint)
	return f
}

// A basis is what the facts of a file rest on beside what was said of it: the
// format that its repository has, or has not, where the path is not certain.
// The zero value is nothing.
type basis struct{ repository, format string }

// holds reports whether facts on that basis are still what [Set.File] says.
func (b *basis) holds(s *Set) bool {
	return b.repository == "" || s.formats.of(b.repository) == b.format
}

// file is File with what the facts rest on.
func (s *Set) file(repositorySaid, path, hint string) (f pkgmeter.File, by basis) {
	if path == "" && hint != "" {
		return packageFile(repositorySaid, hint), by
	}
	// Events have no hosts any more. Names in a save.json may, and are of the same files.
	path = cmp.Or(SaidPath(path), path)
	a := artifact.Parse(path)
	if a.Confidence != artifact.Certain && a.Format == "" {
		by.repository = cmp.Or(repositorySaid, a.Repository)
		if by.format = s.formats.of(by.repository); by.format != "" {
			a = artifact.ParseIn(path, by.format)
		}
	}
	f = fileOf(repositorySaid, a)
	if hint == "" {
		return f, by
	}
	if pkg, typ, version, err := purl.Split(hint); err == nil {
		f.Package, f.Type, f.Confidence = pkg, typ, pkgmeter.Certain
		f.Version = cmp.Or(version, f.Version)
		if typ == meteor {
			f.Kind = meteorKind(f.Name, f.Kind)
		}
	}
	return f, by
}

// meteor is the type of packages that have no registry but our own: what their
// files are is said by the end of their names.
const meteor = "meteor"

func meteorKind(name string, otherwise pkgmeter.Kind) pkgmeter.Kind {
	switch {
	case strings.HasSuffix(name, "-source.tgz"):
		return pkgmeter.Sources
	case strings.HasSuffix(name, "-README.md"):
		return pkgmeter.Metadata
	case strings.HasSuffix(name, ".tgz"):
		return pkgmeter.Primary
	}
	return otherwise
}

func fileOf(repositorySaid string, a artifact.Artifact) pkgmeter.File {
	kind, _ := pkgmeter.ParseKind(string(a.Kind))
	return pkgmeter.File{
		Repository: cmp.Or(repositorySaid, a.Repository, pkgmeter.Unknown),
		Name:       cmp.Or(a.File, "/"), // the root has no name of its own
		Type:       a.Type,
		Package:    a.Package,
		Version:    a.Version,
		Kind:       kind,
		SidecarOf:  a.SidecarOf,
		Legacy:     legacyOf(a.File),
		Confidence: pkgmeter.Confidence(a.Confidence),
	}
}

// packageFile is the file of an event that names no path: the purl stands for
// it, spelled canonically, so that all events of a version are of one file.
func packageFile(repositorySaid, hint string) pkgmeter.File {
	f := pkgmeter.File{
		Repository: cmp.Or(repositorySaid, pkgmeter.Unknown),
		Name:       hint,
		Type:       "generic",
		Kind:       pkgmeter.Primary,
	}
	pkg, typ, version, err := purl.Split(hint)
	if err != nil {
		f.Package = purl.Of(f.Type, "", hint)
	} else {
		f.Name = purl.WithVersion(pkg, version)
		f.Type, f.Package, f.Version, f.Confidence = typ, pkg, version, pkgmeter.Certain
	}
	f.Legacy = legacyOf(f.Name)
	return f
}

func legacyOf(name string) pkgmeter.LegacyType {
	legacy, ok := pkgmeter.ParseLegacyType(artifact.Legacy(name))
	if !ok {
		return pkgmeter.LegacyOther
	}
	return legacy
}

// Measures returns what an event of a file of the given kind adds to the
// counts: nothing, unless it is a finished GET or HEAD.
func (*Set) Measures(e pkgmeter.Event, kind pkgmeter.Kind) pkgmeter.Measures {
	return measures(&e, kind)
}

func measures(e *pkgmeter.Event, kind pkgmeter.Kind) pkgmeter.Measures {
	if !isHit(e) {
		return pkgmeter.Measures{}
	}
	m := pkgmeter.Measures{Hits: 1, Bytes: max(e.Bytes, 0)}
	if isDownload(e) && kind == pkgmeter.Primary {
		m.Downloads = 1
	}
	return m
}

// status is that of an event; a sender that says none means success.
func status(e *pkgmeter.Event) int { return cmp.Or(e.Status, http.StatusOK) }

// isHit reports whether a request got its answer; "not modified" is one too.
func isHit(e *pkgmeter.Event) bool {
	if e.Op != pkgmeter.Get && e.Op != pkgmeter.Head {
		return false
	}
	s := status(e)
	return (s >= 200 && s <= 299) || s == http.StatusNotModified
}

// isDownload reports whether an event is a download, if its file is primary: a
// GET that began the file, and no part of a pull that is counted already. Later
// ranges count no more.
func isDownload(e *pkgmeter.Event) bool {
	s := status(e)
	whole := s == http.StatusOK || (s == http.StatusPartialContent && e.Flags&pkgmeter.FromZero != 0)
	return e.Op == pkgmeter.Get && whole && e.Flags&pkgmeter.Collapsed == 0
}

// CanonicalPackage returns the canonical spelling of the purl of a package. The
// error has the code [pkgmeter.Invalid] and names the text.
func CanonicalPackage(text string) (string, error) {
	canonical, _, err := purl.Canonical(text)
	if err != nil {
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "%s", err)
	}
	return canonical, nil
}
