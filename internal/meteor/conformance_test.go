package meteor_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
	"github.com/pkgmeter/pkgmeter/internal/meteor"
)

// TestConformance holds the server to the numbered cases of the protocol page,
// over the fake store and the real one.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("publications", func(t *testing.T) { testPublications(t, open) })
			t.Run("arguments", func(t *testing.T) { testArguments(t, open) })
			t.Run("pages", func(t *testing.T) { testPages(t, open) })
			t.Run("deletions", func(t *testing.T) { testDeletions(t, open) })
			t.Run("records", func(t *testing.T) { testRecords(t, open) })
		})
	}
}

func testPublications(t *testing.T, open func(testing.TB) catalogStore) {
	t.Parallel()
	t.Run("case 28 defaults is one constant token", func(t *testing.T) {
		w := serve(t, open(t)).wire(t)
		w.send(`{"msg":"sub","id":"a","name":"defaults"}`)
		w.want(`{"msg":"added","collection":"defaults","id":"syncToken","fields":{"syncToken":{"format":"1.1"}}}`, `{"msg":"ready","subs":["a"]}`)
	})
	added := func(changes ...int) (frames []string) {
		for i, name := range five {
			frames = append(frames, fmt.Sprintf(`{"msg":"added","collection":"changes","id":%q,"fields":{"collection":%q,"changes":%d}}`, name, name, changes[i]))
		}
		return frames
	}
	t.Run("case 29 changes is five counts", func(t *testing.T) {
		f := serve(t, open(t))
		f.put(t, packages(0, 3)...)
		f.put(t, record(pkgmeter.ReleaseTracks, "t1", "METEOR", ""))
		w := f.wire(t)
		w.send(`{"msg":"sub","id":"b","name":"changes","params":[1,"ignored"]}`)
		w.want(append(added(3, 0, 0, 1, 0), `{"msg":"ready","subs":["b"]}`)...)
	})
	t.Run("case 30 an id again is nothing, a second id only ready", func(t *testing.T) {
		w := serve(t, open(t)).wire(t)
		w.send(`{"msg":"sub","id":"b","name":"changes"}`, `{"msg":"sub","id":"b","name":"changes"}`, `{"msg":"sub","id":"c","name":"changes"}`)
		w.want(append(added(0, 0, 0, 0, 0), `{"msg":"ready","subs":["b"]}`, `{"msg":"ready","subs":["c"]}`)...)
		w.quiet()
	})
	t.Run("case 31 a sync on receipt of changed has the record", func(t *testing.T) { testReadYourWrite(t, open) })
	t.Run("case 32 the last unsub removes", func(t *testing.T) {
		w := serve(t, open(t)).wire(t)
		w.send(`{"msg":"sub","id":"b","name":"changes"}`, `{"msg":"sub","id":"c","name":"changes"}`)
		w.want(append(added(0, 0, 0, 0, 0), `{"msg":"ready","subs":["b"]}`, `{"msg":"ready","subs":["c"]}`)...)
		w.send(`{"msg":"unsub","id":"b"}`)
		w.want(`{"msg":"nosub","id":"b"}`)
		w.send(`{"msg":"unsub","id":"c"}`)
		for _, name := range slices.Sorted(slices.Values(five)) {
			w.want(fmt.Sprintf(`{"msg":"removed","collection":"changes","id":%q}`, name))
		}
		w.want(`{"msg":"nosub","id":"c"}`)
		w.send(`{"msg":"unsub","id":"d"}`)
		w.want(`{"msg":"nosub","id":"d"}`)
	})
	t.Run("stats are two dates", func(t *testing.T) {
		w := serve(t, open(t)).wire(t)
		w.send(`{"msg":"sub","id":"s","name":"stats"}`)
		w.want(`{"msg":"added","collection":"stats","id":"stats","fields":{"earliest":"2026-02-27","latest":"2026-02-27"}}`, `{"msg":"ready","subs":["s"]}`)
	})
	t.Run("case 34 one login service without a secret", func(t *testing.T) {
		w := serve(t, open(t)).wire(t)
		w.send(`{"msg":"sub","id":"l","name":"meteor.loginServiceConfiguration"}`)
		frame := w.next()
		if !sameJSON(t, frame, `{"msg":"added","collection":"meteor_accounts_loginServiceConfiguration","id":"…","fields":{"service":"meteor-developer","clientId":"self-hosted"}}`) {
			t.Errorf("got %s", frame)
		}
		if !regexp.MustCompile(`"id":"[2-9A-HJ-NP-TW-Za-kmnop-z]{17}"`).MatchString(frame) {
			t.Errorf("the id has not the form of Meteor's: %s", frame)
		}
		w.want(`{"msg":"ready","subs":["l"]}`)
	})
}

// testReadYourWrite commits one record after the other, and syncs whenever a
// subscriber hears of it.
func testReadYourWrite(t *testing.T, open func(testing.TB) catalogStore) {
	f := serve(t, open(t))
	heard := make(chan int, 1000)
	c, err := ddp.Dial(t.Context(), f.url, ddp.DialOptions{OnData: func(d ddp.Data) {
		if d.Msg == "changed" && d.ID == "packages" {
			var n int
			if err := json.Unmarshal(d.Fields["changes"], &n); err != nil {
				t.Error(err)
			}
			heard <- n
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Subscribe(t.Context(), "changes"); err != nil {
		t.Fatal(err)
	}
	const rounds = 20
	go func() {
		for i := range rounds {
			if err := f.store.EditCatalog(context.Background(), pkgmeter.CatalogEdit{Put: packages(i, i+1)}); err != nil {
				t.Error(err)
			}
		}
	}()
	for n := 0; n < rounds; {
		select {
		case n = <-heard:
		case <-time.After(patience):
			t.Fatal("nothing was heard")
		}
		if p := ask(t, c); len(p.Collections["packages"]) < n {
			t.Fatalf("told of %d changes, found %d records", n, len(p.Collections["packages"]))
		}
	}
}

func testArguments(t *testing.T, open func(testing.TB) catalogStore) {
	t.Parallel()
	empty := serve(t, open(t))
	full := serve(t, open(t))
	full.put(t, packages(0, 2)...)
	t.Run("case 36 an empty catalog", func(t *testing.T) {
		p := ask(t, empty.client(t), `{"format":"1.1"}`)
		if p.count() != 0 || !*p.UpToDate || *p.Reset {
			t.Errorf("%+v", p)
		}
		state, _ := empty.store.CatalogState()
		want := fmt.Sprintf(`{"format":"1.1","lastDeletion":%d,"packages":0,"versions":0,"builds":0,"releaseTracks":0,"releaseVersions":0}`, state.LastDeletion)
		if p.RawToken != want {
			t.Errorf("token %s, want %s", p.RawToken, want)
		}
	})
	for name, args := range map[string][]string{
		"none": {}, "null": {`null`}, "{}": {`{}`}, "{} null": {`{}`, `null`}, "null null": {`null`, `null`}, "options": {`{}`, `{"a":1}`},
		"_id and others": {`{"_id":"1","time":{"$date":5},"format":"1.1","more":{"a":[null]}}`},
		"all zero":       {`{"format":"1.0","lastDeletion":0,"packages":0,"versions":0,"builds":0,"releaseTracks":0,"releaseVersions":0}`},
		"false options":  {`{}`, `{"shortPagesForTest":false,"compressCollections":null,"useShortPages":0}`},
		"empty format":   {`{"format":""}`},
		"negative":       {`{"packages":-5,"versions":-1e300,"lastDeletion":-1}`},
		"a fraction":     {`{"packages":0.5}`},
	} {
		t.Run("case 37 accepted: "+name, func(t *testing.T) {
			for method := range map[string]bool{"syncNewPackageData": true, "syncNewData": true} {
				w := full.wire(t)
				w.send(`{"msg":"method","id":"1","method":"` + method + `","params":[` + strings.Join(args, ",") + `]}`)
				var m struct{ Result json.RawMessage }
				if err := json.Unmarshal([]byte(w.next()), &m); err != nil {
					t.Fatal(err)
				}
				p := readPage(t, m.Result)
				if len(p.Collections["packages"]) != 2 || !*p.UpToDate || *p.Reset {
					t.Errorf("%s", m.Result)
				}
				if want := "1.1"; name != "all zero" && p.Token["format"] != want {
					t.Errorf("format %v", p.Token["format"])
				}
				w.want(`{"msg":"updated","methods":["1"]}`)
			}
		})
	}
	t.Run("case 37 the format comes back", func(t *testing.T) {
		if p := ask(t, full.client(t), `{"format":"1.0"}`); p.Token["format"] != "1.0" {
			t.Errorf("token %s", p.RawToken)
		}
	})
	t.Run("case 38 nothing new is the same token", func(t *testing.T) {
		for name, f := range map[string]*fixture{"empty": empty, "full": full} {
			c := f.client(t)
			first := ask(t, c, `{"format":"1.1"}`)
			for range 3 {
				again := ask(t, c, first.RawToken)
				if again.RawToken != first.RawToken || !*again.UpToDate || *again.Reset || again.count() != 0 {
					t.Errorf("%s: %+v after %s", name, again, first.RawToken)
				}
			}
		}
	})
	for name, args := range map[string]string{
		"text": `"x"`, "number": `5`, "array": `[]`, "date": `{"$date":5}`, "bytes": `{"$binary":""}`, "three": `{},{},{}`,
		"position text": `{"packages":"x"}`, "position null": `{"versions":null}`, "position object": `{"builds":{}}`,
		"position date": `{"releaseTracks":{"$date":5}}`, "position boolean": `{"releaseVersions":true}`,
		"not a number": `{"packages":{"$InfNaN":0}}`, "no number": `{"versions":{"$InfNaN":-1}}`, "an infinite deletion": `{"lastDeletion":{"$InfNaN":1}}`,
		"deletion text": `{"lastDeletion":"0"}`, "format number": `{"format":1.1}`, "format null": `{"format":null}`,
		"format long": `{"format":"` + strings.Repeat("1", 65) + `"}`, "options text": `{},"x"`, "options array": `{},[]`, "options number": `{},1`,
	} {
		t.Run("case 47 refused: "+name, func(t *testing.T) {
			w := full.wire(t)
			w.send(`{"msg":"method","id":"1","method":"syncNewPackageData","params":[` + args + `]}`)
			w.want(`{"msg":"result","id":"1","error":{"isClientSafe":true,"error":400,"reason":"Match failed","message":"Match failed [400]","errorType":"Meteor.Error"}}`,
				`{"msg":"updated","methods":["1"]}`)
		})
	}
}

func testPages(t *testing.T, open func(testing.TB) catalogStore) {
	t.Parallel()
	// walk asks until nothing is left, and returns how many records each page had.
	t.Run("case 39 1201 packages come as 500 500 201", func(t *testing.T) {
		f := serve(t, open(t))
		f.put(t, packages(0, 1201)...)
		sizes, all := walk(t, f, `{}`, nil)
		if !slices.Equal(sizes, []int{500, 500, 201}) {
			t.Errorf("pages of %v", sizes)
		}
		slices.Sort(all)
		if all = slices.Compact(all); len(all) != 1201 {
			t.Errorf("%d records", len(all))
		}
	})
	t.Run("case 40 exactly 500 are one page", func(t *testing.T) {
		f := serve(t, open(t))
		f.put(t, packages(0, 500)...)
		if sizes, _ := walk(t, f, `{}`, nil); !slices.Equal(sizes, []int{500}) {
			t.Errorf("pages of %v", sizes)
		}
	})
	for _, option := range []string{"shortPagesForTest", "useShortPages"} {
		for _, value := range []string{`true`, `1`, `"yes"`, `{}`, `[]`, `{"$date":0}`} {
			t.Run("case 41 short pages by "+option+" "+value, func(t *testing.T) {
				f := serve(t, open(t))
				for i := range 8 {
					f.put(t, record(pkgmeter.Versions, fmt.Sprint("v", i), fmt.Sprintf("a\x001.0.%d", i), ""))
				}
				if sizes, _ := walk(t, f, `{"`+option+`":`+value+`}`, nil); !slices.Equal(sizes, []int{3, 3, 2}) {
					t.Errorf("pages of %v", sizes)
				}
			})
		}
	}
	t.Run("case 42 what changes meanwhile comes again, new", func(t *testing.T) {
		f := serve(t, open(t))
		f.put(t, packages(0, 8)...)
		var last page
		_, all := walk(t, f, `{"shortPagesForTest":true}`, func(i int, p page) {
			if i == 1 {
				change(t, f.store, pkgmeter.Packages, "pack00001", `,"homepage":"new"`)
			}
			last = p
		})
		want := []string{"p00000", "p00001", "p00002", "p00003", "p00004", "p00005", "p00006", "p00007", "p00001"}
		if !slices.Equal(all, want) {
			t.Errorf("got %v", all)
		}
		list := last.Collections["packages"]
		if got := string(list[len(list)-1]); !strings.Contains(got, `"homepage":"new"`) {
			t.Errorf("it is as it was: %s", got)
		}
	})
	t.Run("a page is cut by bytes and never empty for them", func(t *testing.T) {
		if raceDetector {
			t.Skip("much text, and nothing of it concurrent")
		}
		f := serve(t, open(t))
		for i := range 3 {
			f.put(t, record(pkgmeter.Versions, fmt.Sprint("v", i), fmt.Sprintf("a\x001.0.%d", i), `,"description":"`+strings.Repeat("x", 3<<19)+`"`))
		}
		f.put(t, record(pkgmeter.Builds, "b1", "v1\x00os", `,"x":"`+strings.Repeat("y", 7<<20)+`"`))
		if sizes, _ := walk(t, f, `{}`, nil); !slices.Equal(sizes, []int{2, 1, 1}) {
			t.Errorf("pages of %v", sizes)
		}
	})
}

func testDeletions(t *testing.T, open func(testing.TB) catalogStore) {
	t.Parallel()
	f := serve(t, open(t))
	f.put(t, packages(0, 3)...)
	f.put(t, record(pkgmeter.Versions, "v1", "pack00000\x001.0.0", ""))
	c := f.client(t)
	before := ask(t, c, `{"format":"1.1"}`)
	remove(t, f.store, pkgmeter.Versions, "pack00000\x001.0.0")
	t.Run("case 44 a deletion resets once", func(t *testing.T) {
		p := ask(t, c, before.RawToken)
		state, _ := f.store.CatalogState()
		want := fmt.Sprintf(`{"format":"1.1","lastDeletion":%d,"packages":0,"versions":0,"builds":0,"releaseTracks":0,"releaseVersions":0}`, state.LastDeletion)
		if !*p.Reset || *p.UpToDate || p.count() != 0 || p.RawToken != want {
			t.Errorf("%+v, want the token %s", p, want)
		}
		if p.Token["lastDeletion"].(float64) <= before.Token["lastDeletion"].(float64) {
			t.Errorf("last deletion %v after %v", p.Token["lastDeletion"], before.Token["lastDeletion"])
		}
		if p = ask(t, c, p.RawToken); *p.Reset || !*p.UpToDate || p.count() != 3 {
			t.Errorf("then %+v", p)
		}
		if p = ask(t, c, p.RawToken); *p.Reset || !*p.UpToDate || p.count() != 0 {
			t.Errorf("at last %+v", p)
		}
	})
	t.Run("case 45 who has nothing is not reset", func(t *testing.T) {
		for _, token := range []string{`{"format":"1.1"}`, `{}`, `{"lastDeletion":5}`, `{"lastDeletion":5,"packages":0,"builds":-1}`} {
			if p := ask(t, c, token); *p.Reset || p.count() != 3 {
				t.Errorf("%s: %+v", token, p)
			}
		}
	})
	now := ask(t, c)
	tamper := func(name string, value string) string {
		return regexp.MustCompile(`"`+name+`":\d+`).ReplaceAllLiteralString(now.RawToken, `"`+name+`":`+value)
	}
	for name, token := range map[string]string{
		"another deletion": tamper("lastDeletion", "5"), "no deletion": tamper("lastDeletion", "0"),
		"a fraction of a deletion": tamper("lastDeletion", fmt.Sprintf("%.1f", now.Token["lastDeletion"].(float64)+0.5)),
		"a huge deletion":          tamper("lastDeletion", `1e300`),
		"ahead":                    tamper("builds", "9007199254740991"), "far ahead": tamper("versions", "1e300"),
		"only positions": `{"packages":5}`,
	} {
		t.Run("case 46 foreign: "+name, func(t *testing.T) {
			p := ask(t, c, token)
			if !*p.Reset || *p.UpToDate || p.count() != 0 {
				t.Errorf("%s: %+v", token, p)
			}
			if p = ask(t, c, p.RawToken); *p.Reset || p.count() != 3 {
				t.Errorf("then %+v", p)
			}
		})
	}
}

func testRecords(t *testing.T, open func(testing.TB) catalogStore) {
	t.Parallel()
	f := serve(t, open(t))
	day := catalog.Date(1_419_604_567_187)
	any1 := "1.0.0"
	v := catalog.Version{
		ID: "vA", PackageName: "a:b", Version: "1.0.0", Description: `says {"$date":5} & <b>`,
		Source:       catalog.Tarball{URL: "http://x/a.tgz", TarballHash: "h", TreeHash: "t"},
		Dependencies: map[string]catalog.Dependency{"c": {Constraint: &any1, References: []catalog.Reference{{Arch: "os"}}}},
		PublishedBy:  catalog.User{Username: "alice", ID: "u1"}, Published: day,
	}
	d, err := v.Document()
	if err != nil {
		t.Fatal(err)
	}
	f.put(t, d)
	f.put(t, record(pkgmeter.Packages, "pA", "a:b", `,"text":"{\"$date\":7}","nested":[{"x":{"$date":-1}}]`))
	t.Run("case 48 compressed pages are plain JSON with ISO dates", func(t *testing.T) {
		c := f.client(t)
		p := ask(t, c, `{"format":"1.1"}`, `{"compressCollections":true}`)
		if p.Compressed == nil || p.Collections != nil || !*p.UpToDate {
			t.Fatalf("%+v", p)
		}
		collections := inflate(t, *p.Compressed)
		if strings.Contains(collections, `{"$date"`) && !strings.Contains(collections, `{\"$date\"`) {
			t.Errorf("a date is left in %s", collections)
		}
		var m map[string][]map[string]any
		if err := json.Unmarshal([]byte(collections), &m); err != nil || len(m) != 5 {
			t.Fatalf("%v: %s", err, collections)
		}
		if got := m["versions"][0]["published"]; got != "2014-12-26T14:36:07.187Z" {
			t.Errorf("published %v", got)
		}
		if got := m["versions"][0]["description"]; got != `says {"$date":5} & <b>` {
			t.Errorf("description %v", got)
		}
		if got := m["packages"][0]["text"]; got != `{"$date":7}` {
			t.Errorf("text %v", got)
		}
		if got, _ := json.Marshal(m["packages"][0]["nested"]); string(got) != `[{"x":"1969-12-31T23:59:59.999Z"}]` {
			t.Errorf("nested %s", got)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", m["packages"][0]["lastUpdated"].(string)); err != nil {
			t.Error(err)
		}
		p = ask(t, c, p.RawToken, `{"compressCollections":1}`)
		if got := inflate(t, *p.Compressed); got != `{"packages":[],"versions":[],"builds":[],"releaseTracks":[],"releaseVersions":[]}` {
			t.Errorf("nothing new is %s", got)
		}
	})
	t.Run("case 50 records are EJSON as they are stored", func(t *testing.T) {
		p := ask(t, f.client(t))
		stored, err := f.store.Document(t.Context(), pkgmeter.Versions, d.Key)
		if err != nil {
			t.Fatal(err)
		}
		got := string(p.Collections["versions"][0])
		if got != string(stored.Body) {
			t.Errorf("got  %s\nhave %s", got, stored.Body)
		}
		for _, part := range []string{
			`"published":{"$date":1419604567187}`, `"lastUpdated":{"$date":` + fmt.Sprint(stored.At) + `}`, `"dependencies":{"c":{`,
			`"references":[{"arch":"os"}]`, `"tarballHash":"h"`,
		} {
			if !strings.Contains(got, part) {
				t.Errorf("no %s in %s", part, got)
			}
		}
	})
}

func inflate(t *testing.T, text string) string {
	t.Helper()
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// A broken store fails in Sync, or waits there, and counts.
type broken struct {
	catalogStore
	syncs atomic.Int64
	fail  atomic.Pointer[error]
	wait  atomic.Bool // until the context ends
}

func (b *broken) Sync(ctx context.Context, token pkgmeter.SyncToken, limit pkgmeter.SyncLimit) (pkgmeter.SyncPage, error) {
	b.syncs.Add(1)
	if b.wait.Load() {
		<-ctx.Done()
		return pkgmeter.SyncPage{}, fmt.Errorf("sync: %w", ctx.Err())
	}
	if err := b.fail.Load(); err != nil {
		return pkgmeter.SyncPage{}, *err
	}
	return b.catalogStore.Sync(ctx, token, limit)
}

func TestCase49AStorageFailureClosesTheSocket(t *testing.T) {
	t.Parallel()
	store := &broken{catalogStore: newFake()}
	f := serveOver(t, store, store)
	f.put(t, packages(0, 2)...)
	failure := errors.New("the disk is on fire")
	store.fail.Store(&failure)
	w := f.wire(t)
	w.send(`{"msg":"method","id":"1","method":"syncNewPackageData","params":[]}`)
	if frame, err := w.read(); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Fatalf("got %s, %v", frame, err)
	}
	if !strings.Contains(f.log.String(), "the disk is on fire") || strings.Count(f.log.String(), "level=ERROR") != 1 {
		t.Errorf("the log says %s", f.log)
	}
	// The client may see the close before the call is over.
	eventually(t, "no byte of a page is counted", func() bool { return f.Stats().PageBytes == 0 })
	store.fail.Store(nil)
	if p := ask(t, f.client(t)); p.count() != 2 {
		t.Errorf("afterwards %+v", p)
	}
}

func TestAClientThatLeavesIsNoFailure(t *testing.T) {
	t.Parallel()
	store := &broken{catalogStore: newFake()}
	f := serveOver(t, store, store)
	f.put(t, packages(0, 2)...)
	store.wait.Store(true)
	for range 10 { // more than pages are made at a time
		w := f.wire(t)
		w.send(`{"msg":"method","id":"1","method":"syncNewPackageData","params":[]}`)
		eventually(t, "the method runs", func() bool { return store.syncs.Load() > 0 && f.Stats().Calls > 0 })
		w.conn.CloseNow()
	}
	eventually(t, "all are gone", func() bool { s := f.Stats(); return s.Sessions == 0 && s.PageBytes == 0 })
	if f.log.String() != "" {
		t.Errorf("the log says %s", f.log)
	}
}

func TestAnUpToDateClientCostsTheStoreNothing(t *testing.T) {
	t.Parallel()
	store := &broken{catalogStore: newFake()}
	f := serveOver(t, store, store)
	c := f.client(t)
	first := ask(t, c)
	f.put(t, packages(0, 2)...)
	token := ask(t, c, first.RawToken).RawToken
	before := store.syncs.Load()
	for range 10 {
		if p := ask(t, c, token); p.RawToken != token {
			t.Errorf("%+v", p)
		}
	}
	if n := store.syncs.Load() - before; n != 0 || before != 1 {
		t.Errorf("%d questions for nothing, after %d", n, before)
	}
}

func TestChangesAreToldAtOnceAndAtMostTwentyTimesASecond(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, _ *meteor.Server, store *fake, dialPipe func() *wire) {
		w := dialPipe()
		w.send(`{"msg":"sub","id":"a","name":"changes"}`)
		for range five {
			w.next()
		}
		w.want(`{"msg":"ready","subs":["a"]}`)
		time.Sleep(time.Second)
		start := time.Now()
		put(t, store, packages(0, 1)...)
		w.want(`{"msg":"changed","collection":"changes","id":"packages","fields":{"changes":1}}`)
		if took := time.Since(start); took != 0 {
			t.Errorf("the first change was told after %s", took)
		}
		go func() {
			for i := range 1000 {
				time.Sleep(time.Millisecond)
				_ = store.EditCatalog(context.Background(), pkgmeter.CatalogEdit{Put: packages(i+1, i+2)})
			}
		}()
		start = time.Now()
		n := 0
		for frame := ""; !strings.Contains(frame, `"changes":1001`); n++ {
			frame = w.next()
		}
		if took := time.Since(start); n > 21 || n < 19 || took > 1050*time.Millisecond {
			t.Errorf("1,000 changes in a second were told in %d messages, the last after %s", n, took)
		}
		synctest.Wait()
		late := dialPipe()
		late.send(`{"msg":"sub","id":"a","name":"changes"}`)
		if frame := late.next(); !strings.Contains(frame, `"changes":1001`) {
			t.Errorf("one who comes later hears %s", frame)
		}
		_, _ = w.conn.CloseNow(), late.conn.CloseNow()
	})
}

// walk syncs page by page until nothing is left, and returns the sizes of the
// pages and the ids of what came.
func walk(t *testing.T, f *fixture, options string, each func(i int, p page)) (sizes []int, all []string) {
	c := f.client(t)
	token := `{"format":"1.1"}`
	for range 100 {
		p := ask(t, c, token, options)
		if *p.Reset {
			t.Fatal("a reset")
		}
		sizes = append(sizes, p.count())
		for _, name := range five {
			all = append(all, p.ids(t, name)...)
		}
		token = p.RawToken
		if each != nil {
			each(len(sizes), p)
		}
		if *p.UpToDate {
			return sizes, all
		}
	}
	t.Fatal("it does not end")
	return nil, nil
}
