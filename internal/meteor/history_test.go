package meteor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/ddp/ejson"
	"github.com/pkgmeter/pkgmeter/internal/meteor"
)

// TestTheShortWayAnswersAsTheStoreDoes compares the answer that is given
// without the store with the store's own, for tokens around everything that
// could make a difference.
func TestTheShortWayAnswersAsTheStoreDoes(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			random := rand.New(rand.NewPCG(3, 4))
			short, rounds := 0, 40
			if raceDetector {
				rounds = 10
			}
			for range rounds {
				randomEdit(t, store, random, "x", true)
				state, _ := store.CatalogState()
				for range 50 {
					token := tokenAround(random, state)
					got, ok := meteor.NothingNew(token, state)
					want, err := store.Sync(t.Context(), token, pkgmeter.SyncLimit{Rows: 500, Bytes: 1 << 20})
					if err != nil {
						t.Fatal(err)
					}
					empty := want.UpToDate && !want.Reset
					for _, r := range want.Records {
						empty = empty && len(r) == 0
					}
					if ok != empty {
						t.Fatalf("%+v of %+v: the short way is %v, the store says %+v", token, state, ok, want)
					}
					if ok && (got.Token != want.Token || got.UpToDate != want.UpToDate || got.Reset) {
						t.Fatalf("%+v of %+v:\nthe short way says %+v\nthe store          %+v", token, state, got, want)
					}
					if ok {
						short++
					}
				}
			}
			if short < 2*rounds {
				t.Errorf("the short way was taken only %d times", short)
			}
		})
	}
}

func tokenAround(random *rand.Rand, s pkgmeter.CatalogState) pkgmeter.SyncToken {
	token := pkgmeter.SyncToken{Format: "1.1", LastDeletion: s.LastDeletion, At: s.At}
	if random.IntN(4) == 0 {
		token.LastDeletion += random.Int64N(3) - 1
	}
	for c := range token.At {
		switch random.IntN(12) {
		case 0:
			token.At[c] = 0
		case 1:
			token.At[c] = max(0, s.At[c]-1)
		case 2:
			token.At[c]++
		case 3:
			token.At[c] = s.Last
		case 4:
			token.At[c] = s.Last + 1
		}
	}
	if random.IntN(6) == 0 {
		token.At = pkgmeter.Positions{}
	}
	return token
}

// randomEdit adds, changes or removes one record. Writers use marks of their
// own, so that they conflict with nobody.
func randomEdit(t testing.TB, store catalogStore, random *rand.Rand, mark string, deletions bool) {
	c := pkgmeter.Collection(random.IntN(int(pkgmeter.Collections)))
	id := mark + strconv.Itoa(random.IntN(4))
	key := id
	if c != pkgmeter.Packages && c != pkgmeter.ReleaseTracks {
		key += "\x00" + "1.0.0"
	}
	d, err := store.Document(context.Background(), c, key)
	known := err == nil
	var edit pkgmeter.CatalogEdit
	if known && deletions && random.IntN(3) == 0 {
		edit.Remove = []pkgmeter.Document{d}
	} else {
		next := record(c, id, key, fmt.Sprintf(`,"n":%d`, random.Uint32()))
		next.At = d.At
		edit.Put = []pkgmeter.Document{next}
	}
	if err := store.EditCatalog(context.Background(), edit); err != nil {
		t.Errorf("edit: %v", err)
	}
}

// A copier is a client that keeps a copy of the catalog. It stores a page and
// its token together, or crashes before.
type copier struct {
	t      testing.TB
	client *ddp.Client
	random *rand.Rand

	token  string
	docs   map[string]string // bodies by collection and id
	resets int
}

func (c *copier) begin() {
	c.token, c.docs, c.resets = `{"format":"1.1"}`, map[string]string{}, 0
}

type copiedPage struct {
	Collections map[string]ejson.Raw `json:"collections"`
	Token       ejson.Raw            `json:"syncToken"`
	UpToDate    bool                 `json:"upToDate"`
	Reset       bool                 `json:"resetData"`
}

// step asks for a page and takes it in, unless it crashes with the chance.
func (c *copier) step(crash float64) (upToDate bool) {
	var p copiedPage
	options := ddp.Raw(`{"shortPagesForTest":true}`)
	if c.random.IntN(4) == 0 {
		options = ddp.Raw(`{}`)
	}
	if err := c.client.Call(context.Background(), "syncNewPackageData", &p, ddp.Raw(c.token), options); err != nil {
		c.t.Errorf("sync: %v", err)
		return true
	}
	if c.random.Float64() < crash {
		return false
	}
	c.token = string(p.Token)
	if p.Reset {
		c.resets++
		c.docs = map[string]string{}
	}
	for _, name := range five {
		for body := range ejson.Elements(p.Collections[name]) {
			key := name + " " + idIn(body)
			if c.docs[key] == string(body) {
				c.t.Errorf("%s came twice as it was", key)
			}
			c.docs[key] = string(body)
		}
	}
	return p.UpToDate
}

// idIn is idOf for many: the id is the first member of every record here.
func idIn(body []byte) string {
	_, rest, _ := bytes.Cut(body, []byte(`{"_id":"`))
	id, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(id)
}

func (c *copier) finish() {
	for range 10_000 {
		if c.step(0) {
			return
		}
	}
	c.t.Error("the sync does not end")
}

// TestCase43ClientsEndWithTheFinalState has writers race clients that page,
// crash and go on, many times over one catalog that lives on.
func TestCase43ClientsEndWithTheFinalState(t *testing.T) {
	t.Parallel()
	for name, histories := range map[string]int{"fake": 1500, "sqlite": 500} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() || raceDetector {
				histories /= 20
			}
			f := serve(t, stores[name](t))
			var clients []*copier
			for i := range 5 {
				c := &copier{t: t, client: f.client(t), random: rand.New(rand.NewPCG(uint64(i), 1))}
				c.begin()
				clients = append(clients, c)
			}
			resets, tampered := 0, 0
			for h := range histories {
				race(t, f.store, clients, uint64(h))
				want := contents(t, f.store)
				for i, c := range clients {
					c.finish()
					if !maps.Equal(c.docs, want) {
						t.Fatalf("history %d, client %d: it has %s", h, i, difference(c.docs, want))
					}
					resets += c.resets
					if i == h%5 {
						tampered += c.tamper(f.store, want)
					}
				}
				clients[(h+1)%5].begin() // one after the other starts from nothing
				if t.Failed() {
					t.Fatalf("in history %d", h)
				}
			}
			t.Logf("%d histories, %d resets, %d tampered tokens", histories, resets, tampered)
		})
	}
}

// race has three writers and the clients at work at once, until the writers are
// through. Every fourth history has deletions.
func race(t *testing.T, store catalogStore, clients []*copier, h uint64) {
	done := make(chan struct{})
	var writers, readers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(h, uint64(w)))
			for range 1 + random.IntN(6) {
				randomEdit(t, store, random, string(rune('a'+w)), h%4 == 0)
			}
		})
	}
	for _, c := range clients {
		c.resets = 0
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					c.step(0.3)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}

// tamper changes the token of a client that has everything, so that it is none
// of this catalog any more: it has to begin anew, once.
func (c *copier) tamper(store catalogStore, want map[string]string) int {
	state, _ := store.CatalogState()
	var token map[string]any
	if err := json.Unmarshal([]byte(c.token), &token); err != nil {
		c.t.Error(err)
	}
	for _, name := range five {
		if c.random.IntN(2) == 0 {
			token[name] = c.random.Int64N(state.Last) + 1
		}
	}
	token[five[c.random.IntN(5)]] = c.random.Int64N(state.Last) + 1 // not all are 0
	if c.random.IntN(2) == 0 {
		token["lastDeletion"] = state.LastDeletion + 1 - 2*c.random.Int64N(2)
	} else {
		token[five[c.random.IntN(5)]] = state.Last + 1 + c.random.Int64N(1<<40)
	}
	text, err := json.Marshal(token)
	if err != nil {
		c.t.Error(err)
	}
	c.token, c.resets = string(text), 0
	if c.step(0) || c.resets != 1 || len(c.docs) != 0 {
		c.t.Errorf("%s led to %d resets at once, and %d records stayed", text, c.resets, len(c.docs))
	}
	c.finish()
	if c.resets != 1 || !maps.Equal(c.docs, want) {
		c.t.Errorf("%s led to %d resets, and %s", text, c.resets, difference(c.docs, want))
	}
	return 1
}

// contents reads the whole catalog without the server.
func contents(t testing.TB, store catalogStore) map[string]string {
	t.Helper()
	docs := map[string]string{}
	page, err := store.Sync(t.Context(), pkgmeter.SyncToken{}, pkgmeter.SyncLimit{Rows: 1 << 30, Bytes: 1 << 30})
	if err != nil || !page.UpToDate {
		t.Fatalf("%v; all in one page: %v", err, page.UpToDate)
	}
	for i, records := range page.Records {
		for body := range ejson.Elements(fmt.Appendf(nil, "[%s]", records)) {
			docs[five[i]+" "+idIn(body)] = string(body)
		}
	}
	return docs
}

func difference(have, want map[string]string) string {
	var b strings.Builder
	for k, v := range want {
		if have[k] != v {
			fmt.Fprintf(&b, "\n%s: %q, want %q", k, have[k], v)
		}
	}
	for k := range have {
		if want[k] == "" {
			fmt.Fprintf(&b, "\n%s, which is gone", k)
		}
	}
	return b.String()
}
