package sqlite_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

func moverNames(all []pkgmeter.Mover) string {
	var names []string
	for _, m := range all {
		names = append(names, fmt.Sprintf("%s %d/%d", strings.TrimPrefix(m.Key, "pkg:npm/"), m.Now.Downloads, m.Before.Downloads))
	}
	return strings.Join(names, ", ")
}

func TestMoversAreRisingNewAndStale(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	s := open(t, t.TempDir(), c)
	fetch := func(name, version string, daysAgo, n int) {
		t.Helper()
		var all []pkgmeter.Entry
		for range n {
			all = append(all, entry(fmt.Sprintf("%s/-/%s-%s.tgz", name, name, version), noon.AddDate(0, 0, -daysAgo)))
		}
		write(t, s, noon, all...)
	}
	// Nothing of it moves: as much as before, and a release within half a year.
	fetch("even", "1.0.0", 400, 5)
	fetch("even", "2.0.0", 100, 5)
	fetch("even", "2.0.0", 40, 50)
	fetch("even", "2.0.0", 3, 50)
	fetch("rising", "1.0.0", 200, 1)
	fetch("rising", "1.1.0", 40, 20)
	fetch("rising", "1.1.0", 5, 60)
	fetch("rising-more", "1.1.0", 100, 1)
	fetch("rising-more", "1.1.0", 40, 5)
	fetch("rising-more", "1.1.0", 5, 30)
	fetch("small", "1.0.0", 100, 1)
	fetch("small", "1.0.0", 40, 1)
	fetch("small", "1.0.0", 5, 19) // too few
	fetch("new", "0.1.0", 89, 1)
	fetch("new", "0.1.0", 1, 7)
	fetch("newer", "0.1.0", 0, 7)
	fetch("not-new", "0.1.0", 90, 1)
	fetch("not-new", "0.1.0", 1, 1)
	fetch("stale", "1.0.0", 200, 9)
	fetch("stale", "1.0.0", 10, 9)
	fetch("released", "1.0.0", 200, 9)
	fetch("released", "1.0.0", 10, 9)
	fetch("released", "1.0.1", 179, 1)
	fetch("gone", "1.0.0", 200, 9) // nobody fetches it any more
	for _, when := range []string{"fresh", "packed", "kept"} {
		m, err := s.Movers(t.Context(), pkgmeter.Query{Now: noon}, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range []struct{ what, got, want string }{
			{"rising", moverNames(m.Rising), "rising-more 30/5, rising 60/20"},
			{"new", moverNames(m.New), "new 7/0, newer 7/0"},
			{"stale", moverNames(m.Stale), "stale 9/0"},
		} {
			if l.got != l.want {
				t.Errorf("%s, %s: %s, want %s", when, l.what, l.got, l.want)
			}
		}
		if err := s.Pack(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	one, err := s.Movers(t.Context(), pkgmeter.Query{Now: noon, Filter: pkgmeter.Filter{Packages: []string{"pkg:npm/rising"}}}, 1)
	if err != nil || moverNames(one.Rising) != "rising 60/20" || len(one.New)+len(one.Stale) > 0 {
		t.Errorf("%+v, %v", one, err)
	}
}

func TestUploadsAndDeletionsAreListedAndRecounted(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	s := open(t, t.TempDir(), c)
	op := pkgmeter.Upload
	upload := func(path string, daysAgo, status int) {
		t.Helper()
		write(t, s, noon, rule.Default().Apply(pkgmeter.Event{
			Source: "s", Repository: "r", Path: path, Time: noon.AddDate(0, 0, -daysAgo), Status: status, Op: op,
		}))
	}
	upload("com/acme/app/1.0/app-1.0.jar", 9, 201)
	upload("com/acme/app/1.0/app-1.0-sources.jar", 9, 201)
	upload("com/acme/app/1.0/app-1.0.jar.sha1", 9, 201) // no primary file
	upload("com/acme/app/1.1/app-1.1.jar", 2, 200)
	upload("com/acme/app/1.2/app-1.2.jar", 1, 409) // refused
	upload("com/acme/lib/3/lib-3.jar", 2, 201)
	op = pkgmeter.Delete
	upload("com/acme/app/1.0/app-1.0.jar", 1, 204)
	upload("com/acme/app/1.0/app-1.0-javadoc.jar", 1, 204) // no primary file
	upload("com/acme/app/1.1/app-1.1.jar", 1, 403)         // refused
	upload("com/acme/old/0.1/old-0.1.jar", 20, 200)        // whose upload nobody told
	write(t, s, noon, entry("com/acme/app/1.0/app-1.0.jar", noon.AddDate(0, 0, -9)))
	ask := func(f pkgmeter.Filter, limit int) string {
		t.Helper()
		all, err := s.Uploads(t.Context(), pkgmeter.Query{Now: noon, Filter: f}, limit)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(all)
	}
	for _, when := range []string{"written", "recounted"} {
		for _, q := range []struct {
			f     pkgmeter.Filter
			limit int
			want  string
		}{
			{pkgmeter.Filter{}, 10, "{[{2026-03-01 pkg:maven/com.acme/app 1.0 1} {2026-03-08 pkg:maven/com.acme/lib 3 1} {2026-03-08 pkg:maven/com.acme/app 1.1 1}] [{2026-02-18 pkg:maven/com.acme/old 0.1 1} {2026-03-09 pkg:maven/com.acme/app 1.0 1}]}"},
			{pkgmeter.Filter{}, 1, "{[{2026-03-08 pkg:maven/com.acme/app 1.1 1}] [{2026-03-09 pkg:maven/com.acme/app 1.0 1}]}"},
			{pkgmeter.Filter{Packages: []string{"pkg:maven/com.acme/lib", "none"}}, 10, "{[{2026-03-08 pkg:maven/com.acme/lib 3 1}] []}"},
			{pkgmeter.Filter{Packages: []string{"none"}}, 10, "{[] []}"},
		} {
			if got := ask(q.f, q.limit); got != q.want {
				t.Errorf("%s: %s, want %s", when, got, q.want)
			}
		}
		r, err := s.Doctor(t.Context(), rule.Default(), func(int64, int64) {})
		if err != nil || len(r.Problems) > 0 {
			t.Errorf("%s: %v, %+v", when, err, r)
		}
		if err := s.Rebuild(t.Context(), rule.Default(), func(int64, int64) {}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClientsBeyondTheLimitAreToldApartByNameOnly(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	s := open(t, t.TempDir(), c)
	const most, all = 2_000, 2_100
	var entries []pkgmeter.Entry
	for i := range all {
		entries = append(entries, rule.Default().Apply(pkgmeter.Event{
			Source: "s", Path: "left_pad-1.0-py3-none-any.whl", Time: noon, Status: 200, Agent: fmt.Sprintf(`pip/24.0 {"python":"%d.%d"}`, 3+i/100, i%100),
		}))
	}
	write(t, s, noon, entries...)
	for _, when := range []string{"written", "recounted"} {
		list, err := s.Top(t.Context(), pkgmeter.Query{Now: noon}, pkgmeter.ByRuntime, pkgmeter.Page{Limit: 1000})
		if err != nil || len(list.Items) != 1000 || list.Items[0].Key != "" || list.Items[0].Downloads != all-most || list.Total.Downloads != all {
			t.Errorf("%s: %d items, the first one %+v, %+v, %v", when, len(list.Items), list.Items[0], list.Total, err)
		}
		r, err := s.Doctor(t.Context(), rule.Default(), func(int64, int64) {})
		if err != nil || len(r.Problems) > 0 {
			t.Errorf("%s: %v, %+v", when, err, r)
		}
		if err := s.Rebuild(t.Context(), rule.Default(), func(int64, int64) {}); err != nil {
			t.Fatal(err)
		}
	}
}
