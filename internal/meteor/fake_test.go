package meteor_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// A catalogStore is all that the tests need of a store.
type catalogStore interface {
	CatalogState() (pkgmeter.CatalogState, <-chan struct{})
	Sync(context.Context, pkgmeter.SyncToken, pkgmeter.SyncLimit) (pkgmeter.SyncPage, error)
	EditCatalog(context.Context, pkgmeter.CatalogEdit) error
	Document(context.Context, pkgmeter.Collection, string) (pkgmeter.Document, error)
	Mirror(context.Context) (pkgmeter.MirrorState, error)
	PutMirrored(context.Context, pkgmeter.MirrorPage) (pkgmeter.MirrorSum, error)
}

// stores are the stores that everything is tested with.
var stores = map[string]func(testing.TB) catalogStore{
	"fake":   func(testing.TB) catalogStore { return newFake() },
	"sqlite": openSQLite,
}

func openSQLite(t testing.TB) catalogStore {
	t.Helper()
	s, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// A fake is a catalog in memory, made from its description and not from the
// real store.
type fake struct {
	mu      sync.Mutex
	docs    []pkgmeter.Document // by position
	state   pkgmeter.CatalogState
	changed chan struct{}
	mirror  pkgmeter.MirrorState
	seen    map[string]bool
}

func newFake() *fake {
	return &fake{changed: make(chan struct{}), state: pkgmeter.CatalogState{LastDeletion: 1_400_000_000_000, Last: 0}, seen: map[string]bool{}}
}

func (f *fake) CatalogState() (pkgmeter.CatalogState, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state, f.changed
}

func (f *fake) Sync(_ context.Context, token pkgmeter.SyncToken, limit pkgmeter.SyncLimit) (pkgmeter.SyncPage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	page := pkgmeter.SyncPage{Token: token}
	page.Token.LastDeletion = f.state.LastDeletion
	if token.Foreign(f.state) {
		page.Token.At, page.Reset = pkgmeter.Positions{}, true
		return page, nil
	}
	page.UpToDate = true
	size, all := 0, 0
	for c := range pkgmeter.Collections {
		var list [][]byte
		for _, d := range f.docs {
			if d.Collection != c || d.At <= token.At[c] {
				continue
			}
			if len(list) == limit.Rows || all > 0 && size+len(d.Body) > limit.Bytes {
				page.UpToDate = false
				break
			}
			list = append(list, d.Body)
			page.Token.At[c] = d.At
			size += len(d.Body) + 1
			all++
		}
		page.Records[c] = bytes.Join(list, []byte(","))
	}
	return page, nil
}

func (f *fake) find(match func(d pkgmeter.Document) bool) int { return slices.IndexFunc(f.docs, match) }

func (f *fake) byID(c pkgmeter.Collection, id string) int {
	return f.find(func(d pkgmeter.Document) bool { return d.Collection == c && d.ID == id })
}

func (f *fake) byKey(c pkgmeter.Collection, key string) int {
	return f.find(func(d pkgmeter.Document) bool { return d.Collection == c && d.Key == key })
}

func (f *fake) EditCatalog(_ context.Context, edit pkgmeter.CatalogEdit) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	docs, state := slices.Clone(f.docs), f.state
	err := f.edit(edit)
	if err != nil {
		f.docs, f.state = docs, state
		return err
	}
	f.commit()
	return nil
}

func (f *fake) edit(edit pkgmeter.CatalogEdit) error {
	for _, d := range slices.Concat(edit.Keep, edit.Remove, edit.Put) {
		if i := f.byID(d.Collection, d.ID); d.At > 0 && (i < 0 || f.docs[i].At != d.At) {
			return pkgmeter.Errorf(pkgmeter.Conflict, "%s is not as it was", d.ID)
		}
	}
	for _, d := range edit.Remove {
		f.remove(f.byID(d.Collection, d.ID))
	}
	for _, d := range edit.Put {
		if d.At > 0 {
			i := f.byID(d.Collection, d.ID)
			f.docs = slices.Delete(f.docs, i, i+1)
		}
		if f.byID(d.Collection, d.ID) >= 0 || f.byKey(d.Collection, d.Key) >= 0 {
			return pkgmeter.Errorf(pkgmeter.Conflict, "%s is taken", d.ID)
		}
		f.insert(d)
	}
	return nil
}

func (f *fake) insert(d pkgmeter.Document) {
	f.state.Last = max(f.state.Last+1, 1_500_000_000_000)
	d.At = f.state.Last
	if !d.Mirrored {
		d.Body = fmt.Appendf(slices.Clip(d.Body[:len(d.Body)-1]), `,"lastUpdated":{"$date":%d}}`, d.At)
	}
	f.docs = append(f.docs, d)
	f.state.Changes[d.Collection]++
}

func (f *fake) remove(i int) {
	f.state.Changes[f.docs[i].Collection]++
	f.state.LastDeletion++
	f.docs = slices.Delete(f.docs, i, i+1)
}

func (f *fake) commit() {
	f.state.At = pkgmeter.Positions{}
	for _, d := range f.docs {
		f.state.At[d.Collection] = max(f.state.At[d.Collection], d.At)
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fake) Document(_ context.Context, c pkgmeter.Collection, key string) (pkgmeter.Document, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := f.byKey(c, key)
	if i < 0 {
		return pkgmeter.Document{}, pkgmeter.Errorf(pkgmeter.NotFound, "no %s", key)
	}
	return f.docs[i], nil
}

func (f *fake) Mirror(context.Context) (pkgmeter.MirrorState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mirror, nil
}

func (f *fake) PutMirrored(ctx context.Context, page pkgmeter.MirrorPage) (sum pkgmeter.MirrorSum, err error) {
	if err := ctx.Err(); err != nil {
		return sum, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if page.State.Anew && len(page.Documents) == 0 && !page.Done {
		clear(f.seen)
	}
	for _, d := range page.Documents {
		if !d.Mirrored || d.ID == "" || d.Key == "" {
			return sum, fmt.Errorf("not a mirrored document: %+v", d)
		}
		f.put(d, &sum)
		f.seen[d.Collection.String()+d.ID] = page.State.Anew
	}
	f.mirror = page.State
	if page.Done && page.State.Anew {
		f.mirror.Anew = false
		for i := len(f.docs) - 1; i >= 0; i-- {
			if d := f.docs[i]; d.Mirrored && !f.seen[d.Collection.String()+d.ID] {
				f.remove(i)
				sum.Removed++
			}
		}
		clear(f.seen)
	}
	f.commit()
	return sum, nil
}

func (f *fake) put(d pkgmeter.Document, sum *pkgmeter.MirrorSum) {
	old, other := f.byID(d.Collection, d.ID), f.byKey(d.Collection, d.Key)
	switch {
	case old >= 0 && !f.docs[old].Mirrored, other >= 0 && !f.docs[other].Mirrored:
		sum.Refused++
		return
	case old >= 0 && bytes.Equal(f.docs[old].Body, d.Body):
		sum.Same++
		return
	}
	if other >= 0 && other != old {
		f.remove(other)
		sum.Removed++
	}
	if old = f.byID(d.Collection, d.ID); old >= 0 {
		f.docs = slices.Delete(f.docs, old, old+1)
	}
	f.insert(d)
	sum.Written++
}
