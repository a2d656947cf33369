package meteor_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/internal/daily"
	"github.com/pkgmeter/pkgmeter/internal/ingest"
	"github.com/pkgmeter/pkgmeter/internal/meteor"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// A stats server is one whose clock stands still until it is moved.
type statsServer struct {
	t     *testing.T
	store *sqlite.Store
	url   string

	mu sync.Mutex
	at time.Time
}

var reportDay = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func (s *statsServer) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

// move moves the clock, and publishes what is over then.
func (s *statsServer) move(d time.Duration) {
	s.t.Helper()
	s.mu.Lock()
	s.at = s.at.Add(d)
	s.mu.Unlock()
	if _, err := daily.Publish(context.Background(), s.store, s.now()); err != nil {
		s.t.Fatal(err)
	}
}

type storeDays struct{ *sqlite.Store }

func (d storeDays) Days() (earliest, latest string, changed <-chan struct{}) {
	first, last, changed := d.UseDays()
	return first.String(), last.String(), changed
}

type reportQueue struct {
	*ingest.Queue[*pkgmeter.AppReport]
}

func (q reportQueue) Add(ctx context.Context, r *pkgmeter.AppReport) error {
	return q.Queue.Add(ctx, r, 1, 1)
}

func newStatsServer(t *testing.T) *statsServer {
	t.Helper()
	s := &statsServer{t: t, at: reportDay}
	s.open(t.TempDir())
	return s
}

// open opens the store in a folder and serves it.
func (s *statsServer) open(dir string) {
	s.t.Helper()
	store, err := sqlite.Open(context.Background(), dir, sqlite.Options{Now: s.now})
	if err != nil {
		s.t.Fatal(err)
	}
	s.store = store
	queue := ingest.New(sqlite.UseWriter{Store: store}, ingest.Options{})
	srv := meteor.New(meteor.Options{Store: store, Days: storeDays{store}, Reports: reportQueue{queue}})
	mux := http.NewServeMux()
	mux.Handle("/stats/v1/{day}", daily.ServeDay(store))
	mux.Handle("/stats/v1/{day}/{$}", daily.ServeDay(store))
	mux.Handle("/", srv.Handler())
	hs := httptest.NewServer(mux)
	s.url = hs.URL
	stopQueue := start(func(ctx context.Context) { _ = queue.Run(ctx) })
	stopServer := start(srv.Run)
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = srv.Shutdown(ctx)
		stopServer()
		stopQueue()
		hs.Close()
		store.Close()
	})
}

func (s *statsServer) client(data func(ddp.Data)) *ddp.Client {
	s.t.Helper()
	c, err := ddp.Dial(context.Background(), s.url, ddp.DialOptions{OnData: data})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

type used map[string]any

// pkg is an entry of a report.
func pkg(name, version string, direct bool) used {
	return used{"name": name, "version": version, "direct": direct, "local": false}
}

var anonymous = map[string]any{"what": "sdk.run", "userAgent": "Meteor/3.0.4 OS/linux", "sessionId": "abc"}

func (s *statsServer) report(app string, packages ...used) {
	s.t.Helper()
	var result any
	if err := s.client(nil).Call(s.t.Context(), "recordAppPackages", &result, app, append([]used{}, packages...), anonymous); err != nil {
		s.t.Fatal(err)
	}
	if result != nil {
		s.t.Errorf("a client that has a session got %v", result)
	}
}

// file fetches a day, -1 for today, and checks what every file has to be.
func (s *statsServer) file(day string) (status int, rows []string) {
	s.t.Helper()
	res, err := http.Get(s.url + "/stats/v1/" + day)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") {
		s.t.Errorf("%s: %v, %v", day, err, res.Header)
	}
	if res.StatusCode != http.StatusOK {
		if res.Header.Get("Cache-Control") != "no-store" {
			s.t.Errorf("%s: %d may be kept by caches", day, res.StatusCode)
		}
		return res.StatusCode, nil
	}
	if !strings.Contains(res.Header.Get("Cache-Control"), "immutable") || res.Header.Get("ETag") == "" || res.Header.Get("Access-Control-Allow-Origin") != "*" {
		s.t.Errorf("%s: %v", day, res.Header)
	}
	if len(body) > 0 && body[len(body)-1] != '\n' {
		s.t.Errorf("%s: the last line has no end", day)
	}
	for lines := bufio.NewScanner(strings.NewReader(string(body))); lines.Scan(); {
		var row struct {
			Name, Version         string
			DirectAdds, TotalAdds *int
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			s.t.Fatalf("%s: line %q: %v", day, lines.Text(), err)
		}
		rows = append(rows, fmt.Sprintf("%s %s %d %d", row.Name, row.Version, *row.DirectAdds, *row.TotalAdds))
	}
	return res.StatusCode, rows
}

func (s *statsServer) want(day string, rows ...string) {
	s.t.Helper()
	status, got := s.file(day)
	if status != http.StatusOK || strings.Join(got, "\n") != strings.Join(rows, "\n") {
		s.t.Errorf("%s: %d %q, want %q", day, status, got, rows)
	}
}

const oneDay = 24 * time.Hour

func TestReports(t *testing.T) {
	t.Parallel()
	t.Run("case 72 a session id for who has none", func(t *testing.T) {
		t.Parallel()
		s := newStatsServer(t)
		for _, details := range []any{nil, map[string]any{}, map[string]any{"what": "sdk.run", "sessionId": nil}} {
			var result struct {
				ID string `json:"newSessionId"`
			}
			if err := s.client(nil).Call(t.Context(), "recordAppPackages", &result, "app", []used{}, details); err != nil || len(result.ID) != 17 {
				t.Errorf("%v: %+v, %v", details, result, err)
			}
		}
		s.report("app")
	})
	t.Run("case 73 direct and indirect", func(t *testing.T) {
		t.Parallel()
		s := newStatsServer(t)
		s.report("A", pkg("foo", "1.0.0", true), pkg("alice:bar", "2.0.0", false))
		s.move(oneDay)
		s.want("2026-03-10", "alice:bar 2.0.0 0 1", "foo 1.0.0 1 1")
	})
	t.Run("case 74 a report again changes nothing", func(t *testing.T) {
		t.Parallel()
		s := newStatsServer(t)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { s.report("A", pkg("foo", "1.0.0", true)) })
		}
		wg.Wait()
		s.move(oneDay)
		s.want("2026-03-10", "foo 1.0.0 1 1")
	})
	t.Run("case 75 an upgrade does not count", func(t *testing.T) {
		t.Parallel()
		s := newStatsServer(t)
		s.report("A", pkg("foo", "1.0.0", true))
		s.move(oneDay)
		s.report("A", pkg("foo", "1.1.0", true))
		s.report("B", pkg("foo", "1.1.0", true))
		s.move(oneDay)
		s.want("2026-03-10", "foo 1.0.0 1 1")
		s.want("2026-03-11", "foo 1.1.0 1 1")
	})
	t.Run("case 76 local packages count once they are not", func(t *testing.T) {
		t.Parallel()
		s := newStatsServer(t)
		local := pkg("foo", "1.0.0", true)
		local["local"] = true
		s.report("A", local)
		s.move(oneDay)
		s.report("A", used{"name": "foo", "version": "1.0.0", "direct": true})
		s.move(oneDay)
		s.want("2026-03-10")
		s.want("2026-03-11", "foo 1.0.0 1 1")
	})
	t.Run("case 77 indirect and then direct is nothing", func(t *testing.T) {
		t.Parallel()
		s := newStatsServer(t)
		s.report("A", pkg("foo", "1.0.0", false))
		s.report("A", pkg("foo", "1.0.0", true))
		s.move(oneDay)
		s.report("A", pkg("foo", "1.0.0", true))
		s.move(oneDay)
		s.want("2026-03-10", "foo 1.0.0 0 1")
		s.want("2026-03-11")
	})
	t.Run("case 78 who opts out is not counted", func(t *testing.T) {
		t.Parallel()
		s := newStatsServer(t)
		var result any
		err := s.client(nil).Call(t.Context(), "recordAppPackages", &result, "A", []used{pkg("foo", "1.0.0", true), pkg("package-stats-opt-out", "1.0.0", true)}, map[string]any{"what": "sdk.run"})
		if err != nil || result != nil {
			t.Errorf("%v, %v", result, err)
		}
		s.move(oneDay)
		s.want("2026-03-10")
	})
	t.Run("case 79 the file of a day", func(t *testing.T) {
		t.Parallel()
		s := newStatsServer(t)
		s.report("A", pkg("z", "1.10.0", true), pkg("a", "1.0.0", true), pkg("a:b", "1.0.0", true), pkg("a-b", "1.0.0", true))
		s.report("B", pkg("z", "1.9.0", true))
		s.report("C", pkg("z", "1.9.0-rc.1", true))
		s.report("D", pkg("z", "1.9.0_1", true))
		s.move(oneDay)
		s.want("2026-03-10", "a 1.0.0 1 1", "a-b 1.0.0 1 1", "a:b 1.0.0 1 1", "z 1.9.0-rc.1 1 1", "z 1.9.0 1 1", "z 1.9.0_1 1 1", "z 1.10.0 1 1")
		s.want("2026-03-10/", "a 1.0.0 1 1", "a-b 1.0.0 1 1", "a:b 1.0.0 1 1", "z 1.9.0-rc.1 1 1", "z 1.9.0 1 1", "z 1.9.0_1 1 1", "z 1.10.0 1 1")
		s.want("2026-03-09?x=1")
		for _, day := range []string{"2026-03-11", "2026-03-12", "2026-03-08", "2026-02-30", "today", "2026-3-9", "x", "0000-00-00", "2026-03-10.txt"} {
			if status, _ := s.file(day); status != http.StatusNotFound {
				t.Errorf("%s: %d", day, status)
			}
		}
	})
	t.Run("case 80 a server that was down over two midnights", func(t *testing.T) {
		t.Parallel()
		s := newStatsServer(t)
		s.report("A", pkg("foo", "1.0.0", true))
		heard := make(chan string, 10)
		c := s.client(func(d ddp.Data) {
			if d.Collection == "stats" {
				heard <- d.Msg + " " + string(d.Fields["earliest"]) + " " + string(d.Fields["latest"])
			}
		})
		if _, err := c.Subscribe(t.Context(), "stats"); err != nil {
			t.Fatal(err)
		}
		if got := <-heard; got != `added "2026-03-09" "2026-03-09"` {
			t.Errorf("first %s", got)
		}
		s.move(2 * oneDay)
		for last := ""; last != `changed  "2026-03-11"`; {
			select {
			case last = <-heard:
				if day := strings.Trim(last[len("changed  "):], `"`); last != `changed  "2026-03-11"` && last != `changed  "2026-03-10"` {
					t.Fatalf("heard %s", last)
				} else if status, _ := s.file(day); status != http.StatusOK {
					t.Errorf("%s was told and cannot be read", day)
				}
			case <-time.After(patience):
				t.Fatal("nobody was told")
			}
		}
		s.want("2026-03-10", "foo 1.0.0 1 1")
		s.want("2026-03-11")
	})
	t.Run("case 81 a client that reads all days", testReader)
	t.Run("arguments", testReportArguments)
}

// testReader does what a site that lists packages does: it subscribes, fetches
// every day, and sums.
func testReader(t *testing.T) {
	t.Parallel()
	s := newStatsServer(t)
	distinct := map[string]map[string]bool{}
	direct := map[string]int{}
	for day := range 6 {
		for app := range 5 {
			var packages []used
			for p := range 7 {
				if (day+app*3+p*5)%4 != 0 {
					continue
				}
				name := fmt.Sprintf("user%d:p%d", p%2, p)
				isDirect := (app+p)%2 == 0
				packages = append(packages, pkg(name, fmt.Sprintf("1.%d.0", day), isDirect))
				if distinct[name] == nil {
					distinct[name] = map[string]bool{}
				}
				if key := fmt.Sprint(app); !distinct[name][key] {
					distinct[name][key] = true
					if isDirect {
						direct[name]++
					}
				}
			}
			s.report(fmt.Sprint("app", app), packages...)
		}
		s.move(oneDay)
	}
	var period struct{ Earliest, Latest string }
	ready := make(chan struct{})
	c := s.client(func(d ddp.Data) {
		if d.Collection == "stats" && d.Msg == "added" {
			_ = json.Unmarshal(d.Fields["earliest"], &period.Earliest)
			_ = json.Unmarshal(d.Fields["latest"], &period.Latest)
			close(ready)
		}
	})
	if _, err := c.Subscribe(t.Context(), "stats"); err != nil {
		t.Fatal(err)
	}
	<-ready
	total, sumDirect := map[string]int{}, map[string]int{}
	first, err1 := pkgmeter.ParseDay(period.Earliest)
	last, err2 := pkgmeter.ParseDay(period.Latest)
	if err1 != nil || err2 != nil || last-first != 6 {
		t.Fatalf("from %s to %s", period.Earliest, period.Latest)
	}
	for day := first; day <= last; day++ {
		_, rows := s.file(day.String())
		for _, row := range rows {
			var name, version string
			var d, n int
			if _, err := fmt.Sscan(row, &name, &version, &d, &n); err != nil || d > n || n < 1 {
				t.Fatalf("%s: %s, %v", day, row, err)
			}
			total[name] += n
			sumDirect[name] += d
		}
	}
	for name, apps := range distinct {
		if total[name] != len(apps) || sumDirect[name] != direct[name] {
			t.Errorf("%s: %d adds, %d direct; %d apps, %d direct", name, total[name], sumDirect[name], len(apps), direct[name])
		}
	}
	if len(total) != len(distinct) {
		t.Errorf("%d packages, want %d", len(total), len(distinct))
	}
}

func testReportArguments(t *testing.T) {
	t.Parallel()
	s := newStatsServer(t)
	ok := []used{pkg("foo", "1.0.0", true)}
	many := make([]used, pkgmeter.MaxAppPackages+1)
	for i := range many {
		many[i] = pkg("foo", "1.0.0", true)
	}
	for name, args := range map[string][]any{
		"no app":               {"", ok, anonymous},
		"a long app":           {strings.Repeat("x", 201), ok, anonymous},
		"an unprintable app":   {"a\nb", ok, anonymous},
		"an app that is none":  {5, ok, anonymous},
		"no packages":          {"A", nil, anonymous},
		"too many packages":    {"A", many, anonymous},
		"a version of a type":  {"A", []used{{"name": "foo", "version": 1, "direct": true}}, anonymous},
		"no name":              {"A", []used{{"version": "1.0.0", "direct": "yes"}}, anonymous},
		"no version":           {"A", []used{{"name": "foo", "direct": true}}, anonymous},
		"no direct":            {"A", []used{{"name": "foo", "version": "1.0.0"}}, anonymous},
		"an empty package":     {"A", []used{{}}, anonymous},
		"no details":           {"A", ok},
		"a long session":       {"A", ok, map[string]any{"sessionId": strings.Repeat("x", 201)}},
		"a session of a type":  {"A", ok, map[string]any{"sessionId": 5}},
		"one argument too few": {"A"},
		"one too many":         {"A", ok, anonymous, 1},
	} {
		err := s.client(nil).Call(t.Context(), "recordAppPackages", nil, args...)
		if e, isError := errors.AsType[*ddp.Error](err); !isError || fmt.Sprint(e.Code) != "400" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What cannot be right is left out; the rest counts. A name that comes twice
	// counts once, direct if one of them is.
	s.report("A", pkg("isobuild:isopack-2", "1.0.0", true), pkg("No Name", "1.0.0", true), pkg("x", "no version", true), pkg("y", "1.0.0+local", true),
		pkg("foo", "1.0.0", false), pkg("foo", "2.0.0", true), used{"name": "bar", "version": "1.0.0", "direct": false, "more": 1})
	s.report(strings.Repeat("é", 200), pkg("foo", "1.0.0", true))
	s.move(oneDay)
	s.want("2026-03-10", "bar 1.0.0 0 1", "foo 1.0.0 2 2")
	var address string
	if err := s.client(nil).Call(t.Context(), "getClientAddress", &address); err != nil || address != "127.0.0.1" {
		t.Errorf("%s, %v", address, err)
	}
	for _, private := range []string{"getPackagesForAppId", "fetchAppPackageUsage"} {
		if err := s.client(nil).Call(t.Context(), private, nil, "A"); err == nil || !strings.Contains(err.Error(), "404") {
			t.Errorf("%s: %v", private, err)
		}
	}
}
