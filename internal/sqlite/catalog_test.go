package sqlite_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

func doc(c pkgmeter.Collection, id, key string) pkgmeter.Document {
	return pkgmeter.Document{Collection: c, ID: id, Key: key, Brief: "about " + key, Body: fmt.Appendf(nil, `{"_id":%q,"name":%q}`, id, key)}
}

func edit(t *testing.T, s *sqlite.Store, e pkgmeter.CatalogEdit) {
	t.Helper()
	if err := s.EditCatalog(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

func stored(t *testing.T, s *sqlite.Store, key string) pkgmeter.Document {
	t.Helper()
	d, err := s.Document(t.Context(), pkgmeter.Packages, key)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// everything syncs from a token until there is nothing left, and returns the
// records and the last token.
func everything(t *testing.T, s *sqlite.Store, token pkgmeter.SyncToken, limit pkgmeter.SyncLimit) (records []string, _ pkgmeter.SyncToken) {
	t.Helper()
	for range 1000 {
		page, err := s.Sync(t.Context(), token, limit)
		if err != nil {
			t.Fatal(err)
		}
		token = page.Token
		if page.Reset {
			records = nil
		}
		for _, r := range page.Records {
			if len(r) > 0 {
				records = append(records, strings.Split(strings.ReplaceAll(string(r), "},{", "}\n{"), "\n")...)
			}
		}
		if page.UpToDate {
			return records, token
		}
	}
	t.Fatal("the sync does not end")
	return nil, token
}

var wide = pkgmeter.SyncLimit{Rows: 500, Bytes: 1 << 20}

func TestTheCatalogIsEditedWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := &clock{noon}
	s := open(t, dir, c)
	edit(t, s, pkgmeter.CatalogEdit{Put: []pkgmeter.Document{doc(pkgmeter.Packages, "p1", "a"), doc(pkgmeter.Versions, "v1", "a\x001.0.0")}})
	a := stored(t, s, "a")
	if want := fmt.Sprintf(`{"_id":"p1","name":"a","lastUpdated":{"$date":%d}}`, a.At); string(a.Body) != want {
		t.Errorf("the body is %s, want %s", a.Body, want)
	}
	if docs, err := s.Documents(t.Context(), pkgmeter.Versions, "a\x00", 9); err != nil || len(docs) != 1 || docs[0].ID != "v1" {
		t.Errorf("by prefix: %+v, %v", docs, err)
	}
	if docs, err := s.Documents(t.Context(), pkgmeter.Versions, "a\x001.1", 9); err != nil || len(docs) != 0 {
		t.Errorf("by another prefix: %+v, %v", docs, err)
	}
	b := doc(pkgmeter.Packages, "p2", "b")
	stale := a
	stale.At--
	for name, e := range map[string]pkgmeter.CatalogEdit{
		"key":    {Put: []pkgmeter.Document{b, doc(pkgmeter.Packages, "p3", "a")}},
		"id":     {Put: []pkgmeter.Document{b, doc(pkgmeter.Packages, "p1", "c")}},
		"stale":  {Put: []pkgmeter.Document{b, stale}},
		"kept":   {Keep: []pkgmeter.Document{stale}, Put: []pkgmeter.Document{b}},
		"remove": {Put: []pkgmeter.Document{b}, Remove: []pkgmeter.Document{stale}},
	} {
		before, _ := s.CatalogState()
		if err := s.EditCatalog(t.Context(), e); pkgmeter.CodeOf(err) != pkgmeter.Conflict {
			t.Errorf("%s: %v, want a conflict", name, err)
		}
		if _, err := s.Document(t.Context(), pkgmeter.Packages, "b"); pkgmeter.CodeOf(err) != pkgmeter.NotFound {
			t.Errorf("%s: a part of the edit is stored: %v", name, err)
		}
		if after, _ := s.CatalogState(); after != before {
			t.Errorf("%s: the state went from %+v to %+v", name, before, after)
		}
	}
	state, changed := s.CatalogState()
	edit(t, s, pkgmeter.CatalogEdit{Keep: []pkgmeter.Document{a}, Put: []pkgmeter.Document{b}})
	select {
	case <-changed:
	default:
		t.Error("nobody was told of the change")
	}
	after, _ := s.CatalogState()
	if after.Changes[pkgmeter.Packages] != state.Changes[pkgmeter.Packages]+1 || after.At[pkgmeter.Packages] <= state.At[pkgmeter.Packages] {
		t.Errorf("from %+v to %+v by one new package", state, after)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, c)
	if again, _ := s.CatalogState(); again != after {
		t.Errorf("after a restart the state is %+v, was %+v", again, after)
	}
}

func TestPagesAreCutByRowsAndBytes(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	var e pkgmeter.CatalogEdit
	for i := range 10 {
		e.Put = append(e.Put, doc(pkgmeter.Packages, fmt.Sprintf("p%02d", i), fmt.Sprintf("p%02d", i)), doc(pkgmeter.Builds, fmt.Sprintf("b%02d", i), fmt.Sprintf("b%02d", i)))
	}
	edit(t, s, e)
	all, end := everything(t, s, pkgmeter.SyncToken{}, wide)
	if len(all) != 20 {
		t.Fatalf("%d records", len(all))
	}
	slices.Sort(all)
	for _, l := range [][2]int{{1, 1 << 20}, {3, 1 << 20}, {500, 1}, {500, 100}, {500, 300}, {10, 1 << 20}} {
		limit := pkgmeter.SyncLimit{Rows: l[0], Bytes: l[1]}
		got, last := everything(t, s, pkgmeter.SyncToken{}, limit)
		if slices.Sort(got); !slices.Equal(got, all) || last != end {
			t.Errorf("%+v: %d records of 20, token %+v, want %+v", limit, len(got), last, end)
		}
	}
	if page, err := s.Sync(t.Context(), end, wide); err != nil || !page.UpToDate || page.Token != end {
		t.Errorf("nothing is new, but: %+v, %v", page, err)
	}
}

func TestADeletionMakesClientsBeginAnewOnce(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	edit(t, s, pkgmeter.CatalogEdit{Put: []pkgmeter.Document{doc(pkgmeter.Packages, "p1", "a"), doc(pkgmeter.Packages, "p2", "b")}})
	_, token := everything(t, s, pkgmeter.SyncToken{}, wide)
	edit(t, s, pkgmeter.CatalogEdit{Remove: []pkgmeter.Document{stored(t, s, "b")}})
	page, err := s.Sync(t.Context(), token, wide)
	if err != nil || !page.Reset || page.UpToDate || page.Token.At != (pkgmeter.Positions{}) || page.Token.LastDeletion <= token.LastDeletion {
		t.Fatalf("%+v, %v", page, err)
	}
	if got, _ := everything(t, s, page.Token, wide); len(got) != 1 {
		t.Errorf("then %v", got)
	}
	if page, err = s.Sync(t.Context(), pkgmeter.SyncToken{}, wide); err != nil || page.Reset {
		t.Errorf("a client that has nothing: %+v, %v", page, err)
	}
	ahead := page.Token
	ahead.At[3] = 1 << 50
	if page, err = s.Sync(t.Context(), ahead, wide); err != nil || !page.Reset {
		t.Errorf("a client that is ahead: %+v, %v", page, err)
	}
}

func mirrorPage(t *testing.T, s *sqlite.Store, anew, done bool, docs ...pkgmeter.Document) pkgmeter.MirrorSum {
	t.Helper()
	sum, err := s.PutMirrored(t.Context(), pkgmeter.MirrorPage{
		State: pkgmeter.MirrorState{URL: "http://up", Token: []byte("{}"), Anew: anew}, Documents: docs, Done: done,
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestAMirrorLeavesWhatIsOwnAndForgetsWhatIsGone(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	own, far, gone := doc(pkgmeter.Packages, "p1", "own"), doc(pkgmeter.Packages, "m1", "far"), doc(pkgmeter.Packages, "m2", "gone")
	edit(t, s, pkgmeter.CatalogEdit{Put: []pkgmeter.Document{own}})
	theirs := doc(pkgmeter.Packages, "m3", "own")
	if sum := mirrorPage(t, s, false, true, far, gone, theirs); sum != (pkgmeter.MirrorSum{Written: 2, Refused: 1}) {
		t.Errorf("first: %+v", sum)
	}
	if d := stored(t, s, "far"); string(d.Body) != string(far.Body) || !d.Mirrored {
		t.Errorf("not as it came: %+v", d)
	}
	before, _ := s.CatalogState()
	mirrorPage(t, s, true, false)
	if sum := mirrorPage(t, s, true, true, far); sum != (pkgmeter.MirrorSum{Same: 1, Removed: 1}) {
		t.Errorf("anew: %+v", sum)
	}
	after, _ := s.CatalogState()
	if after.At != before.At && after.LastDeletion <= before.LastDeletion {
		t.Errorf("from %+v to %+v", before, after)
	}
	if _, err := s.Document(context.Background(), pkgmeter.Packages, "gone"); pkgmeter.CodeOf(err) != pkgmeter.NotFound {
		t.Errorf("still there: %v", err)
	}
	stored(t, s, "own")
	again := doc(pkgmeter.Packages, "m9", "far") // removed there, and made again
	if sum := mirrorPage(t, s, false, true, again); sum != (pkgmeter.MirrorSum{Written: 1, Removed: 1}) {
		t.Errorf("another id: %+v", sum)
	}
	if m, err := s.Mirror(t.Context()); err != nil || m.URL != "http://up" || m.Anew || string(m.Token) != "{}" {
		t.Errorf("state %+v, %v", m, err)
	}
}
