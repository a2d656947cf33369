package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// changes spells out the audit log, the oldest line first.
func changes(t *testing.T, s *sqlite.Store, f pkgmeter.ChangeFilter, limit int) (all []string) {
	t.Helper()
	err := s.Changes(t.Context(), f, limit, func(c pkgmeter.Change) error {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s: %s %s %s", c.Actor, c.Action, c.Target, c.Detail)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

func TestEveryChangeIsWrittenDownInTheNameOfWhoMadeIt(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	ann := pkgmeter.WithActor(t.Context(), "ann")
	add := func(ctx context.Context, name string, role pkgmeter.Role) error {
		return s.AddUser(ctx, pkgmeter.User{Name: name, Role: role, Hash: "hash of " + name})
	}
	secret, token := auth.NewToken("bob", pkgmeter.ScopeRead)
	token.Expires = noon.Add(48 * time.Hour)
	link, linkSum := auth.NewLink()
	own, err := rule.New([]rule.ClientRule{{Agent: "acme/*", Name: "acme", Class: "ci"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		do   func() error
		want string // "" for nothing
	}{
		{func() error { return add(t.Context(), "ann", pkgmeter.Admin) }, "command line: user.add ann admin"},
		{func() error { return add(ann, "bob", pkgmeter.Viewer) }, "ann: user.add bob viewer"},
		{func() error { return s.SetRole(ann, "bob", pkgmeter.Viewer) }, ""},
		{func() error { return s.SetRole(ann, "bob", pkgmeter.Publisher) }, "ann: user.role bob viewer → publisher"},
		{func() error { return s.SetDisabled(ann, "bob", false) }, ""},
		{func() error { return s.SetDisabled(ann, "bob", true) }, "ann: user.disable bob"},
		{func() error { return s.SetDisabled(ann, "bob", false) }, "ann: user.enable bob"},
		{func() error { return s.SetPassword(ann, "bob", "another hash") }, "ann: user.password bob"},
		{func() error { _, err := s.AddToken(ann, token); return err }, "ann: token.new bob read, begins pkgm_" + token.Prefix + ", until 2026-03-12"},
		{func() error { return s.RevokeToken(ann, 1) }, "ann: token.revoke bob read, began pkgm_" + token.Prefix},
		{func() error {
			_, err := s.AddLink(ann, pkgmeter.ShareLink{SHA256: linkSum, User: "ann", Path: "/stats", Query: "days=30", Expires: noon.Add(48 * time.Hour)})
			return err
		}, "ann: link.new ann /stats?days=30, until 2026-03-12"},
		{func() error { return s.EndLink(ann, 1, "") }, "ann: link.end ann /stats?days=30"},
		{func() error { return s.AddMember(t.Context(), "acme", "bob") }, "command line: org.add acme\ncommand line: org.join acme bob"},
		{func() error { return s.AddMember(t.Context(), "acme", "bob") }, ""},
		{func() error { return s.RemoveMember(ann, "acme", "bob") }, "ann: org.leave acme bob"},
		{func() error { return s.RemoveMember(ann, "acme", "") }, "ann: org.remove acme"},
		{func() error { _, err := s.SetPublic(ann, "r", true); return err }, "ann: repository.public r"},
		{func() error { _, err := s.SetPublic(ann, "r", true); return err }, ""},
		{func() error { _, err := s.SetPublic(ann, "r", false); return err }, "ann: repository.private r"},
		{func() error { return s.SetHidden(ann, "files", true) }, "ann: panel.hide files"},
		{func() error { return s.SetHidden(ann, "files", true) }, ""},
		{func() error { return s.SetHidden(ann, "files", false) }, "ann: panel.show files"},
		{func() error { return s.SetMapping(ann, "cloudrepo", map[string]string{"file": "name"}) }, `ann: source.mapping cloudrepo {} → {"file":"name"}`},
		{func() error { return s.SetMapping(ann, "cloudrepo", map[string]string{"file": "name"}) }, ""},
		{func() error {
			u, err := s.User(t.Context(), "bob")
			if err == nil {
				err = s.AddSession(ann, u, sum(1), noon, 20)
			}
			return err
		}, ""},
		{func() error { return s.EndSessionOf(ann, "bob", sum(1)) }, "ann: session.end bob"},
		{func() error {
			_, err := s.AddWatch(ann, pkgmeter.Watch{Name: "w", Kind: "zero", Ask: "{}", Send: `{"url":"https://hash"}`, State: "{}"}, 9)
			return err
		}, "ann: watch.add w zero {}"},
		{func() error { return s.PauseWatch(ann, 1, true, "{}") }, "ann: watch.pause w zero"},
		{func() error { return s.PauseWatch(ann, 1, true, "{}") }, ""},
		{func() error { return s.PauseWatch(ann, 1, false, "{}") }, "ann: watch.resume w zero"},
		{func() error {
			return s.ChangeWatch(ann, pkgmeter.Watch{ID: 1, Name: "v", Kind: "drop", Ask: `{"days":7}`, Send: `{"url":"https://hash"}`, State: "{}"})
		}, `ann: watch.change v renamed from w: drop {"days":7}`},
		{func() error {
			return s.ChangeWatch(ann, pkgmeter.Watch{ID: 1, Name: "v", Kind: "drop", Ask: `{"days":8}`, Send: `{"url":"https://hash"}`, State: "{}"})
		}, `ann: watch.change v drop {"days":8}`},
		{func() error { return s.RemoveWatch(ann, 1) }, "ann: watch.remove v drop"},
		{func() error { return s.SetDisabled(ann, "bob", true) }, "ann: user.disable bob"},
		{func() error { return s.SetPassword(t.Context(), "bob", "a hash") }, "command line: user.password bob and enabled"},
		{func() error {
			_, err := s.SetRules(t.Context(), own, rule.Number, own.Own())
			return err
		}, fmt.Sprintf("command line: rules.clients  the operator's own rules changed: counting rules %d", rule.Number)},
		{func() error { return s.RemoveUser(ann, "bob") }, "ann: user.remove bob publisher"},
	} {
		before := len(changes(t, s, pkgmeter.ChangeFilter{}, 0))
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.want, err)
		}
		if got := strings.Join(changes(t, s, pkgmeter.ChangeFilter{}, 0)[before:], "\n"); got != step.want {
			t.Errorf("wrote down %q, want %q", got, step.want)
		}
	}
	all := strings.Join(changes(t, s, pkgmeter.ChangeFilter{}, 0), "\n")
	for _, hidden := range []string{secret, secret[len("pkgm_12345678_"):], link, "hash"} {
		if strings.Contains(all, hidden) {
			t.Errorf("the audit log has %q", hidden)
		}
	}
}

func TestAnAdministratorWhoHadToBeMadeIsWrittenDownAsThat(t *testing.T) {
	t.Parallel()
	const why = "no administrator could log in"
	for want, was := range map[string]*pkgmeter.User{
		"command line: user.add admin admin, " + why:                                                                          nil,
		"command line: user.role admin viewer → admin, " + why + "\ncommand line: user.password admin " + why:                 {Role: pkgmeter.Viewer},
		"command line: user.role admin publisher → admin, " + why + "\ncommand line: user.password admin and enabled, " + why: {Role: pkgmeter.Publisher, Disabled: true},
		"command line: user.password admin and enabled, " + why:                                                               {Role: pkgmeter.Admin, Disabled: true},
	} {
		s := open(t, t.TempDir(), &clock{noon})
		if was != nil {
			was.Name, was.Hash = "admin", "x"
			if err := s.AddUser(t.Context(), *was); err != nil {
				t.Fatal(err)
			}
		}
		before := len(changes(t, s, pkgmeter.ChangeFilter{}, 0))
		for range 2 { // the second is not needed
			if _, err := s.EnsureAdmin(t.Context(), "admin", "y"); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Join(changes(t, s, pkgmeter.ChangeFilter{}, 0)[before:], "\n"); got != want {
			t.Errorf("wrote down %q, want %q", got, want)
		}
	}
}

func TestPanelsThatAnImportHidesAreWrittenDownWhereNobodyHadDecided(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	for i := range 2 { // another file decides nothing any more
		o := pkgmeter.Opening{Source: "old", SHA256: [32]byte{byte(i)}, Hidden: map[string]bool{"types": true, "repositories": i == 1, "files": true}}
		if _, err := s.MoveIn(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"command line: panel.hide files imported", "command line: panel.hide types imported"}
	if got := changes(t, s, pkgmeter.ChangeFilter{}, 0); !slices.Equal(got, want) {
		t.Errorf("wrote down %q, want %q", got, want)
	}
}

func TestWhatWasNotChangedIsNotWrittenDown(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	addUser(t, s, "ann")
	if err := s.AddUser(t.Context(), pkgmeter.User{Name: "ann", Role: pkgmeter.Viewer}); pkgmeter.CodeOf(err) != pkgmeter.Conflict {
		t.Errorf("%v", err)
	}
	if err := s.AddMember(t.Context(), "acme", "nobody"); pkgmeter.CodeOf(err) != pkgmeter.NotFound {
		t.Errorf("%v", err)
	}
	if err := s.SetPassword(t.Context(), "nobody", "x"); pkgmeter.CodeOf(err) != pkgmeter.NotFound {
		t.Errorf("%v", err)
	}
	if got := changes(t, s, pkgmeter.ChangeFilter{}, 0); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

func TestTheAuditLogIsReadInPagesAndNarrowed(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	for i := range 5 {
		ctx := pkgmeter.WithActor(t.Context(), []string{"ann", "bob"}[i%2])
		if _, err := s.SetPublic(ctx, fmt.Sprint("r", i), true); err != nil {
			t.Fatal(err)
		}
	}
	addUser(t, s, "userless")
	for name, tt := range map[string]struct {
		filter pkgmeter.ChangeFilter
		limit  int
		want   string
	}{
		"all":            {pkgmeter.ChangeFilter{}, 0, "r0 r1 r2 r3 r4 userless"},
		"the newest two": {pkgmeter.ChangeFilter{}, 2, "r4 userless"},
		"older ones":     {pkgmeter.ChangeFilter{Before: 5}, 2, "r2 r3"},
		"of somebody":    {pkgmeter.ChangeFilter{Actor: "bob"}, 0, "r1 r3"},
		"of nobody":      {pkgmeter.ChangeFilter{Actor: "b"}, 0, ""},
		"about users":    {pkgmeter.ChangeFilter{Action: "user"}, 0, "userless"},
		"one action":     {pkgmeter.ChangeFilter{Action: "repository.public", Actor: "ann"}, 0, "r0 r2 r4"},
		"no prefix":      {pkgmeter.ChangeFilter{Action: "repo"}, 0, ""},
	} {
		var got []string
		for _, line := range changes(t, s, tt.filter, tt.limit) {
			_, what, _ := strings.Cut(line, ": ")
			got = append(got, strings.Fields(what)[1])
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestTheAuditLogKeepsTheNewestLines(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	err := s.EachConnection(t.Context(), func(conn *sql.Conn) error {
		_, err := conn.ExecContext(t.Context(), `
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
			INSERT INTO audit (id, at_ms, actor, action, target, detail) SELECT i, 0, 'a', 'user.add', i, '' FROM n WHERE NOT EXISTS (SELECT 1 FROM audit)`)
		if err != nil && strings.Contains(err.Error(), "readonly") {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	addUser(t, s, "ann")
	got := changes(t, s, pkgmeter.ChangeFilter{}, 0)
	if len(got) != 100_000 || got[0] != "a: user.add 2" || got[99_999] != "command line: user.add ann viewer" {
		t.Errorf("%d lines, from %q to %q", len(got), got[0], got[len(got)-1])
	}
}

func TestTheLastAdministratorStaysAndNobodyRemovesThemselves(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	for _, u := range []pkgmeter.User{{Name: "ann", Role: pkgmeter.Admin}, {Name: "bob", Role: pkgmeter.Admin}, {Name: "off", Role: pkgmeter.Admin, Disabled: true}} {
		u.Hash = "hash"
		if err := s.AddUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	ann := pkgmeter.WithActor(t.Context(), "ann")
	refused := func(name string) {
		t.Helper()
		for what, err := range map[string]error{
			"remove": s.RemoveUser(ann, name), "disable": s.SetDisabled(ann, name, true), "a viewer": s.SetRole(ann, name, pkgmeter.Viewer),
		} {
			if pkgmeter.CodeOf(err) != pkgmeter.Conflict {
				t.Errorf("%s %s: %v", what, name, err)
			}
		}
	}
	refused("ann") // herself
	if err := s.RemoveUser(ann, "bob"); err != nil {
		t.Fatal(err)
	}
	ann = t.Context() // a command
	refused("ann")    // the last one: off cannot log in
	if err := s.SetDisabled(t.Context(), "off", false); err != nil {
		t.Fatal(err)
	}
	if err := s.SetRole(t.Context(), "ann", pkgmeter.Viewer); err != nil {
		t.Errorf("there is another one: %v", err)
	}
	if err := s.SetRole(t.Context(), "ann", "king"); pkgmeter.CodeOf(err) != pkgmeter.Invalid {
		t.Errorf("%v", err)
	}
	if err := s.AddUser(t.Context(), pkgmeter.User{Name: "command line", Role: pkgmeter.Viewer}); pkgmeter.CodeOf(err) != pkgmeter.Invalid {
		t.Errorf("a user has the name by which commands are written down: %v", err)
	}
}

func TestWhoHasNoPasswordIsNotLetIn(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	if err := s.AddUser(t.Context(), pkgmeter.User{Name: "old", Role: pkgmeter.Viewer, Disabled: true}); err != nil {
		t.Fatal(err)
	}
	if err := s.SetDisabled(t.Context(), "old", false); pkgmeter.CodeOf(err) != pkgmeter.Conflict {
		t.Errorf("%v", err)
	}
}

func TestWhoIsKeptOutHasNoSessionsAndNoLinks(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	ann := addUser(t, s, "ann")
	if err := s.AddSession(t.Context(), ann, sum(0), noon, 20); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddLink(t.Context(), pkgmeter.ShareLink{SHA256: sum(7), User: "ann", Path: "/stats", Expires: noon.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Link(t.Context(), sum(7)); err != nil {
		t.Fatal(err)
	}
	if err := s.SetDisabled(t.Context(), "ann", true); err != nil {
		t.Fatal(err)
	}
	if got := alive(t, s, 1); got != nil {
		t.Errorf("sessions %v", got)
	}
	if _, err := s.Link(t.Context(), sum(7)); pkgmeter.CodeOf(err) != pkgmeter.NotFound {
		t.Errorf("the link: %v", err)
	}
	if err := s.RemoveUser(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	if links, err := s.Links(t.Context(), ""); err != nil || links != nil {
		t.Errorf("%v, %v", links, err)
	}
}

func TestTheLastUseOfATokenIsKeptToTheHour(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	addUser(t, s, "ann")
	_, token := auth.NewToken("ann", pkgmeter.ScopeRead)
	id, err := s.AddToken(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ at, want time.Duration }{{0, 0}, {59 * time.Minute, 0}, {time.Hour, time.Hour}} {
		at := noon.Add(step.at)
		if err := s.UseToken(t.Context(), id, at, at.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Token(t.Context(), token.Prefix); err != nil || !got.Used.Equal(noon.Add(step.want)) {
			t.Errorf("%v: used %v, %v", step.at, got.Used, err)
		}
	}
}

func TestLinksAreBounded(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	s := open(t, t.TempDir(), c)
	addUser(t, s, "ann")
	addUser(t, s, "bob")
	link := func(n int, l pkgmeter.ShareLink) error {
		l.SHA256, l.Path = sum(n), "/stats"
		_, err := s.AddLink(t.Context(), l)
		return err
	}
	year := noon.Add(366 * 24 * time.Hour)
	for name, l := range map[string]pkgmeter.ShareLink{
		"more than a year": {User: "ann", Expires: year.Add(time.Millisecond)},
		"over already":     {User: "ann", Expires: noon},
		"a long query":     {User: "ann", Expires: year, Query: strings.Repeat("x", 4097)},
	} {
		if err := link(0, l); pkgmeter.CodeOf(err) != pkgmeter.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := link(0, pkgmeter.ShareLink{User: "nobody", Expires: year}); pkgmeter.CodeOf(err) != pkgmeter.NotFound {
		t.Errorf("%v", err)
	}
	for i := range 50 {
		if err := link(i, pkgmeter.ShareLink{User: "ann", Expires: noon.Add(time.Hour), Query: strings.Repeat("x", 4096)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := link(50, pkgmeter.ShareLink{User: "ann", Expires: year}); pkgmeter.CodeOf(err) != pkgmeter.Conflict {
		t.Errorf("the 51st: %v", err)
	}
	if err := link(51, pkgmeter.ShareLink{User: "bob", Expires: year}); err != nil {
		t.Errorf("of another user: %v", err)
	}
	if err := s.EndLink(t.Context(), 1, "bob"); pkgmeter.CodeOf(err) != pkgmeter.NotFound {
		t.Errorf("bob ends a link of ann's: %v", err)
	}
	c.at = noon.Add(time.Hour) // all of ann's have expired, and make room
	if err := link(52, pkgmeter.ShareLink{User: "ann", Expires: year}); err != nil {
		t.Errorf("%v", err)
	}
	if links, err := s.Links(t.Context(), "ann"); err != nil || len(links) != 1 {
		t.Errorf("%d links, %v", len(links), err)
	}
}
