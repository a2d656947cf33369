package meteor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/internal/meteor"
)

// quick are options under which no test waits for long.
func quick(log *logBuffer) meteor.MirrorOptions {
	return meteor.MirrorOptions{
		Poll: time.Hour, Retry: 10 * time.Millisecond, Patience: patience, Logger: slog.New(slog.NewTextHandler(log, nil)),
	}
}

func newMirror(t testing.TB, store meteor.MirrorStore, url string) *meteor.Mirror {
	t.Helper()
	m, err := meteor.NewMirror(store, url, quick(&logBuffer{}))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// copyOnce mirrors until nothing is left, and returns the progress.
func copyOnce(t testing.TB, store meteor.MirrorStore, url string) (last meteor.Progress) {
	t.Helper()
	if err := newMirror(t, store, url).Run(t.Context(), true, func(p meteor.Progress) { last = p }); err != nil {
		t.Fatal(err)
	}
	return last
}

func wantSame(t testing.TB, copied, original catalogStore) {
	t.Helper()
	have, want := contents(t, copied), contents(t, original)
	if !maps.Equal(have, want) {
		t.Errorf("the copy has %s", difference(have, want))
	}
}

// forStores runs a test with an upstream of the one kind and a copy of the
// other, and the other way round.
func forStores(t *testing.T, test func(t *testing.T, up, down catalogStore)) {
	t.Parallel()
	for name, open := range stores {
		t.Run("into "+name, func(t *testing.T) {
			t.Parallel()
			up := stores["fake"]
			if name == "fake" {
				up = stores["sqlite"]
			}
			test(t, up(t), open(t))
		})
	}
}

// small serves pages of few records.
type small struct {
	catalogStore
	rows int
}

func (s small) Sync(ctx context.Context, token pkgmeter.SyncToken, limit pkgmeter.SyncLimit) (pkgmeter.SyncPage, error) {
	limit.Rows = s.rows
	return s.catalogStore.Sync(ctx, token, limit)
}

func TestAMirrorIsEqualByteForByte(t *testing.T) {
	forStores(t, func(t *testing.T, up, down catalogStore) {
		put(t, up, packages(0, 700)...)
		put(t, up, record(pkgmeter.Versions, "v1", "pack00000\x001.0.0", ` , "odd" : [ {"$date": 5}, 1.50e1, "\u00e9é\/" ]  `))
		random := rand.New(rand.NewPCG(1, 1))
		for range 100 {
			randomEdit(t, up, random, "x", true)
		}
		f := serve(t, up)
		p := copyOnce(t, down, f.url)
		wantSame(t, down, up)
		n := len(contents(t, up))
		if !p.UpToDate || p.Pages != 2 || p.Records[pkgmeter.Packages] < 700 || p.Sum.Written != n || p.Skipped != 0 || p.Bytes < int64(30*n) {
			t.Errorf("%d records, but %+v", n, p)
		}
		state, _ := down.CatalogState()
		if p = copyOnce(t, down, f.url); p.Pages != 1 || p.Sum != (pkgmeter.MirrorSum{}) {
			t.Errorf("again: %+v", p)
		}
		if again, _ := down.CatalogState(); again != state {
			t.Errorf("from %+v to %+v for nothing", state, again)
		}
		third := newFake()
		copyOnce(t, third, serve(t, down).url)
		wantSame(t, third, up)
	})
}

func TestADeletionUpstreamIsOneHere(t *testing.T) {
	forStores(t, func(t *testing.T, up, down catalogStore) {
		put(t, up, packages(0, 10)...)
		put(t, down, record(pkgmeter.Packages, "own", "own", ""), record(pkgmeter.Packages, "mine", "pack00003", ""))
		f := serveOver(t, small{up, 4}, up)
		if p := copyOnce(t, down, f.url); p.Sum.Refused != 1 || p.Sum.Written != 9 {
			t.Errorf("%+v", p)
		}
		token := ask(t, serve(t, down).client(t)).RawToken
		remove(t, up, pkgmeter.Packages, "pack00005")
		if p := copyOnce(t, down, f.url); p.Sum.Removed != 1 || p.Sum.Written != 0 {
			t.Errorf("%+v", p)
		}
		want := contents(t, up)
		delete(want, "packages p00003")
		own, err := down.Document(t.Context(), pkgmeter.Packages, "own")
		if err != nil {
			t.Fatal(err)
		}
		mine, err := down.Document(t.Context(), pkgmeter.Packages, "pack00003")
		if err != nil {
			t.Fatal(err)
		}
		want["packages own"], want["packages mine"] = string(own.Body), string(mine.Body)
		if have := contents(t, down); !maps.Equal(have, want) {
			t.Errorf("the copy has %s", difference(have, want))
		}
		if state, err := down.Mirror(t.Context()); err != nil || state.Anew {
			t.Errorf("%+v, %v", state, err)
		}
		if p := ask(t, serve(t, down).client(t), token); !*p.Reset {
			t.Error("clients of the copy do not hear of it")
		}
	})
}

// A cut store ends the mirror's context at some put, before or after it.
type cut struct {
	catalogStore
	at     int
	after  bool
	cancel func()
}

func (c *cut) PutMirrored(ctx context.Context, page pkgmeter.MirrorPage) (pkgmeter.MirrorSum, error) {
	if c.at--; c.at == 0 && !c.after {
		c.cancel()
	}
	if err := ctx.Err(); err != nil {
		return pkgmeter.MirrorSum{}, err // a store may finish what it has begun
	}
	sum, err := c.catalogStore.PutMirrored(ctx, page)
	if c.at == 0 {
		c.cancel()
	}
	return sum, err
}

func TestAMirrorThatIsKilledGoesOnWhereItWas(t *testing.T) {
	forStores(t, func(t *testing.T, up, down catalogStore) {
		f := serveOver(t, small{up, 5}, up)
		random := rand.New(rand.NewPCG(7, 7))
		put(t, up, packages(0, 30)...)
		kills := 0
		for round := range 25 {
			for range random.IntN(8) {
				randomEdit(t, up, random, "x", round%2 == 0)
			}
			for range random.IntN(4) {
				ctx, cancel := context.WithCancel(t.Context())
				store := &cut{down, 1 + random.IntN(4), random.IntN(2) == 0, cancel}
				err := newMirror(t, store, f.url).Run(ctx, true, nil)
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				if err != nil {
					kills++
				}
				cancel()
				randomEdit(t, up, random, "x", random.IntN(3) == 0)
			}
			copyOnce(t, down, f.url)
			wantSame(t, down, up)
		}
		if kills < 10 {
			t.Errorf("it was killed only %d times", kills)
		}
	})
}

// follow runs a mirror until the end of the test and returns its log.
func follow(t testing.TB, store meteor.MirrorStore, url string, opts meteor.MirrorOptions) (failures func() int) {
	t.Helper()
	m, err := meteor.NewMirror(store, url, opts)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	n := 0
	stop := start(func(ctx context.Context) {
		err := m.Run(ctx, false, func(p meteor.Progress) {
			mu.Lock()
			defer mu.Unlock()
			if p.Err != nil {
				n++
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

func eventuallySame(t testing.TB, copied, original catalogStore) {
	t.Helper()
	eventually(t, "the copy is the same", func() bool { return maps.Equal(contents(t, copied), contents(t, original)) })
}

func TestAMirrorFollowsChanges(t *testing.T) {
	forStores(t, func(t *testing.T, up, down catalogStore) {
		f := serve(t, up)
		failures := follow(t, down, f.url, quick(&logBuffer{}))
		for i := range 10 {
			put(t, up, packages(i, i+1)...)
			if i%4 == 3 {
				remove(t, up, pkgmeter.Packages, fmt.Sprintf("pack%05d", i-1))
			}
			eventuallySame(t, down, up) // the poll is an hour away
		}
		if n := failures(); n != 0 {
			t.Errorf("%d failures", n)
		}
	})
}

func TestAMirrorThatIsNotToldOfChangesPolls(t *testing.T) {
	t.Parallel()
	up, down := newFake(), newFake()
	whole := serve(t, up)
	c := whole.client(t)
	srv := ddp.NewServer(ddp.Options{Logger: slog.New(slog.DiscardHandler)}) // has the method only
	srv.Method("syncNewPackageData", func(ctx context.Context, call *ddp.Call) (any, error) {
		var result ddp.Raw
		err := c.Call(ctx, call.Name, &result, call.Params[0])
		return result, err
	})
	url := serveDDP(t, srv)
	opts := quick(&logBuffer{})
	opts.Poll = 20 * time.Millisecond
	follow(t, down, url, opts)
	for i := range 3 {
		put(t, up, packages(i, i+1)...)
		eventuallySame(t, down, up)
	}
}

func serveDDP(t testing.TB, srv *ddp.Server) (url string) {
	t.Helper()
	hs := httptest.NewServer(srv)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		hs.Close()
	})
	return hs.URL
}

func TestAMirrorOutlivesARestartUpstream(t *testing.T) {
	t.Parallel()
	up, down := newFake(), newFake()
	put(t, up, packages(0, 3)...)
	address := "127.0.0.1:0"
	serveAgain := func() (stop func()) {
		ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		address = ln.Addr().String()
		s, _ := newServer(up)
		hs := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: time.Minute}
		var wg sync.WaitGroup
		wg.Go(func() { _ = hs.Serve(ln) })
		running := start(s.Run)
		return func() {
			running()
			_ = hs.Close()
			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
			wg.Wait()
		}
	}
	stop := serveAgain()
	opts := quick(&logBuffer{})
	opts.Poll = 20 * time.Millisecond // by which the loss is noticed
	failures := follow(t, down, "ws://"+address+"/websocket/", opts)
	eventuallySame(t, down, up)
	for i := range 3 {
		stop()
		put(t, up, packages(10+i, 11+i)...)
		eventually(t, "the loss is noticed", func() bool { return failures() > i })
		stop = serveAgain()
		eventuallySame(t, down, up)
		put(t, up, packages(20+i, 21+i)...)
		eventuallySame(t, down, up)
	}
	stop()
}

// scripted serves prepared answers to the sync method, the last one again and
// again, and notes what was asked.
func scripted(t testing.TB, answers ...string) (url string, asked func() []string) {
	t.Helper()
	srv := ddp.NewServer(ddp.Options{MaxFrame: 64 << 20, MaxUnread: 128 << 20, Logger: slog.New(slog.DiscardHandler)})
	var mu sync.Mutex
	var tokens []string
	srv.Method("syncNewPackageData", func(ctx context.Context, call *ddp.Call) (any, error) {
		mu.Lock()
		defer mu.Unlock()
		tokens = append(tokens, string(call.Params[0]))
		answer := answers[min(len(tokens), len(answers))-1]
		switch answer {
		case "error":
			return nil, &ddp.Error{Code: 404, Reason: "no such thing"}
		case "nothing":
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return ddp.Raw(strings.ReplaceAll(answer, "COUNT", fmt.Sprint(len(tokens)))), nil
	})
	return serveDDP(t, srv), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(tokens)
	}
}

// answer writes an answer; packs are ids of packages.
func answer(token string, upToDate, reset bool, packs ...string) string {
	var bodies []string
	for _, id := range packs {
		bodies = append(bodies, string(record(pkgmeter.Packages, id, "pack"+id, "").Body))
	}
	return fmt.Sprintf(`{"collections":{"packages":[%s],"versions":[],"builds":[],"releaseTracks":[],"releaseVersions":[]},"syncToken":{"t":%q},"upToDate":%v,"resetData":%v}`,
		strings.Join(bodies, ","), token, upToDate, reset)
}

func TestAnUpstreamThatIsHostileEndsWithAClearError(t *testing.T) {
	t.Parallel()
	good := answer("1", true, false, "a")
	for name, tt := range map[string]struct {
		answers []string
		want    string
	}{
		"the same token":       {[]string{answer("1", false, false, "a")}, "the same token again"},
		"the first token":      {[]string{strings.Replace(answer("1", false, false), `{"t":"1"}`, `{"format":"1.1"}`, 1)}, "the same token again"},
		"tokens in a circle":   {[]string{answer("1", false, false, "a"), answer("2", false, false, "b"), answer("1", false, false, "c")}, "the same token again"},
		"endless resets":       {[]string{answer("COUNT", false, true)}, "for the 4th time to begin anew"},
		"resets with the same": {[]string{answer("COUNT", false, true, "a")}, "for the 4th time to begin anew"},
		"resets up to date":    {[]string{answer("COUNT", false, true), answer("COUNT", false, true), answer("COUNT", true, true)}, ""},
		"no object":            {[]string{`5`}, "type mismatch"},
		"null":                 {[]string{`null`}, "null into"},
		"no token":             {[]string{strings.Replace(good, "syncToken", "x", 1)}, "no usable token"},
		"token a text":         {[]string{strings.Replace(good, `{"t":"1"}`, `"x"`, 1)}, "no usable token"},
		"token too long":       {[]string{strings.Replace(good, `"1"`, `"`+strings.Repeat("x", 5000)+`"`, 1)}, "no usable token"},
		"no collections":       {[]string{strings.Replace(good, "collections", "x", 1)}, "no collections"},
		"collections an array": {[]string{`{"collections":[],"syncToken":{},"upToDate":true,"resetData":false}`}, "no collections"},
		"a list an object":     {[]string{strings.Replace(good, `"builds":[]`, `"builds":{}`, 1)}, "builds that are no list"},
		"upToDate a text":      {[]string{strings.Replace(good, `"upToDate":true`, `"upToDate":"yes"`, 1)}, "upToDate"},
		"too many records":     {[]string{strings.Replace(good, `"builds":[]`, `"builds":[`+strings.Repeat("0,", 20000)+`0]`, 1)}, "more than 20000 records"},
		"too many bytes":       {[]string{strings.Replace(good, `"builds":[]`, `"builds":["`+strings.Repeat("x", 2<<20)+`"]`, 1)}, "more than 1048576 bytes"},
		"an error":             {[]string{"error"}, "no such thing [404]"},
		"no answer":            {[]string{"nothing"}, "no answer that can be read within 300ms"},
		"no EJSON":             {[]string{strings.Replace(good, `"t":"1"`, `"t":{"$type":"x","$value":1}`, 1)}, "no answer that can be read within 300ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, asked := scripted(t, tt.answers...)
			opts := quick(&logBuffer{})
			opts.MaxPage = 1 << 20
			if strings.Contains(tt.want, "300ms") {
				opts.Patience = 300 * time.Millisecond
			}
			m, err := meteor.NewMirror(newFake(), url, opts)
			if err != nil {
				t.Fatal(err)
			}
			err = m.Run(t.Context(), true, nil)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if n := len(asked()); n > 6 {
				t.Errorf("it was asked %d times", n)
			}
		})
	}
}

func TestWhatCannotBeReadIsSkippedAndNothingElse(t *testing.T) {
	forStores(t, func(t *testing.T, _, down catalogStore) {
		page := strings.Replace(answer("1", true, false, "a"), `"packages":[`,
			`"packages":[5,null,"x",[],{},{"_id":5,"name":"x"},{"_id":"x"},{"_id":"big","name":"big","x":"`+strings.Repeat("x", 1<<20)+`"},`, 1)
		page = strings.Replace(page, `"versions":[]`, `"versions":[{"_id":"v","packageName":"a"}],"others":5`, 1)
		page = strings.Replace(page, `"releaseTracks":[],`, ``, 1)
		url, _ := scripted(t, page)
		log := &logBuffer{}
		m, err := meteor.NewMirror(down, url, quick(log))
		if err != nil {
			t.Fatal(err)
		}
		var last meteor.Progress
		if err := m.Run(t.Context(), true, func(p meteor.Progress) { last = p }); err != nil {
			t.Fatal(err)
		}
		if last.Skipped != 9 || last.Sum.Written != 1 || last.Records[pkgmeter.Packages] != 9 || last.Records[pkgmeter.Versions] != 1 {
			t.Errorf("%+v", last)
		}
		if n := strings.Count(log.String(), "was skipped"); n != 9 || len(log.String()) > 9*600 {
			t.Errorf("%d lines, %d bytes in the log", n, len(log.String()))
		}
		if got := contents(t, down); len(got) != 1 {
			t.Errorf("%v", got)
		}
	})
}

// TestOtherWaysToBeginAnew are those of other servers: the words are the ids of
// the packages that are left.
func TestOtherWaysToBeginAnew(t *testing.T) {
	for name, tt := range map[string]struct {
		answers []string
		left    string
		asked   []string
	}{
		"records come with the reset": {[]string{
			answer("1", true, false, "a", "b"),
			answer("2", false, true, "b", "c"), answer("3", true, false, "d"),
		}, "b c d", []string{`{"format":"1.1"}`, `{"t":"1"}`, `{"t":"2"}`}},
		"a reset at the first question": {[]string{answer("1", false, true, "a"), answer("2", true, false, "b")}, "a b", nil},
		"a second reset on the way": {[]string{
			answer("1", true, false, "a"),
			answer("2", false, true), answer("3", false, false, "a", "b"),
			answer("4", false, true), answer("5", true, false, "c"),
		}, "c", nil},
		"an empty page on the way": {[]string{
			answer("1", true, false, "a", "b"),
			answer("2", false, true), answer("3", false, false, "a"), answer("4", false, false), answer("5", true, false, "c"),
		}, "a c", nil},
		"a page without readable records on the way": {[]string{
			answer("1", true, false, "a", "b"),
			answer("2", false, true), answer("3", false, false, "a"),
			strings.Replace(answer("4", false, false), `"packages":[]`, `"packages":[{}]`, 1), answer("5", true, false, "c"),
		}, "a c", nil},
		"nothing is left": {[]string{answer("1", true, false, "a"), answer("2", true, true)}, "", nil},
		"an id has another name, and a name another id": {[]string{
			answer("1", true, false, "a", "b"),
			strings.NewReplacer(`"_id":"c"`, `"_id":"b"`, `"_id":"d","name":"packd"`, `"_id":"d","name":"packa"`).Replace(answer("2", true, false, "c", "d")),
		}, "b d", nil},
		"a name twice in a page": {[]string{
			strings.ReplaceAll(answer("1", true, false, "a", "b", "c"), `"name":"packb"`, `"name":"packa"`),
		}, "b c", nil},
		"an id twice in a page": {[]string{answer("1", true, false, "a", "a", "b")}, "a b", nil},
	} {
		t.Run(name, func(t *testing.T) {
			forStores(t, func(t *testing.T, _, down catalogStore) {
				url, asked := scripted(t, tt.answers...)
				for len(asked()) < len(tt.answers) {
					copyOnce(t, down, url)
				}
				var left []string
				for key := range contents(t, down) {
					left = append(left, strings.TrimPrefix(key, "packages "))
				}
				slices.Sort(left)
				if got := strings.Join(left, " "); got != tt.left {
					t.Errorf("left are %q, want %q", got, tt.left)
				}
				if got := asked(); tt.asked != nil && !slices.Equal(got, tt.asked) {
					t.Errorf("asked with %q", got)
				}
			})
		})
	}
}

// TestRecordsOfAResetSurviveACrash kills the mirror between the note that it
// begins anew and the records of the same page: it has to ask for them again.
func TestRecordsOfAResetSurviveACrash(t *testing.T) {
	forStores(t, func(t *testing.T, _, down catalogStore) {
		url, asked := scripted(t, answer("1", true, false, "a"), answer("2", false, true, "b"), answer("3", false, true, "b"), answer("4", true, false, "c"))
		copyOnce(t, down, url)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := newMirror(t, &cut{down, 1, true, cancel}, url).Run(ctx, true, nil); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		copyOnce(t, down, url)
		if got, want := asked(), []string{`{"format":"1.1"}`, `{"t":"1"}`, `{"t":"1"}`, `{"t":"3"}`}; !slices.Equal(got, want) {
			t.Errorf("asked with %q, want %q", got, want)
		}
		if got := contents(t, down); len(got) != 2 || got["packages b"] == "" || got["packages c"] == "" {
			t.Errorf("it has %v", got)
		}
	})
}

func TestOnlyTheServerThatIsMirroredMayBe(t *testing.T) {
	forStores(t, func(t *testing.T, up, down catalogStore) {
		put(t, up, packages(0, 2)...)
		f := serve(t, up)
		copyOnce(t, down, f.url)
		other := serve(t, newFake())
		for _, once := range []bool{true, false} {
			err := newMirror(t, down, other.url).Run(t.Context(), once, nil)
			if !errors.Is(err, meteor.ErrOtherMirror) || pkgmeter.CodeOf(err) != pkgmeter.Conflict ||
				!strings.Contains(err.Error(), f.url) || !strings.Contains(err.Error(), other.url) {
				t.Errorf("got %v", err)
			}
		}
		for _, same := range []string{f.url + "/", f.url + "/websocket", "ws" + strings.TrimPrefix(f.url, "http"), "WS" + strings.TrimPrefix(f.url, "http") + "/websocket/"} {
			copyOnce(t, down, same)
		}
		wantSame(t, down, up)
	})
}

func TestAddressesOfOtherKindsAreRefused(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", "packages.meteor.com", "ftp://x", "file:///etc/passwd", "//x", "http://", "http://:80", "http://u:secret@x", "http://x?a=secret", "http://x#a",
		"http://secret x", "http://[::1", "javascript:alert(1)", "http:x",
	} {
		_, err := meteor.NewMirror(newFake(), address, meteor.MirrorOptions{})
		if pkgmeter.CodeOf(err) != pkgmeter.Invalid || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", address, err)
		}
	}
	for _, address := range []string{"https://packages.meteor.com", "http://x/base/websocket", "wss://x:5/", "HTTP://[::1]:80"} {
		if _, err := meteor.NewMirror(newFake(), address, meteor.MirrorOptions{}); err != nil {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestWaitsGrowToAMinuteAndDiffer(t *testing.T) {
	t.Parallel()
	for failures, want := range map[int]time.Duration{0: 1, 1: 2, 2: 4, 5: 32, 6: 60, 7: 60, 1000: 60} {
		seen := map[time.Duration]bool{}
		for range 100 {
			wait := meteor.RetryAfter(time.Second, failures)
			if wait > want*time.Second || wait < want*time.Second*3/4 {
				t.Errorf("%s after %d failures", wait, failures)
			}
			seen[wait] = true
		}
		if len(seen) < 90 {
			t.Errorf("only %d different waits", len(seen))
		}
	}
}

func TestAMirrorTriesAgainUntilItIsTold(t *testing.T) {
	t.Parallel()
	url, asked := scripted(t, "error", "error", "error", answer("1", true, false, "a"))
	down := newFake()
	failures := follow(t, down, url, quick(&logBuffer{}))
	eventually(t, "it has come", func() bool { return len(contents(t, down)) == 1 })
	if failures() != 3 || len(asked()) != 4 {
		t.Errorf("%d failures, %d questions", failures(), len(asked()))
	}
}
