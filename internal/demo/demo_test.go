package demo_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/demo"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

var noon = time.Date(2026, 3, 10, 12, 0, 30, 0, time.UTC)

// each calls visit for every entry of a year, with the receipt of its delivery.
func each(events int, now time.Time, visit func(received time.Time, e *pkgmeter.Entry)) {
	for batch := range demo.New(events, now).Batches(1000) {
		for _, d := range batch {
			for i := range d.Entries {
				visit(d.Received, &d.Entries[i])
			}
		}
	}
}

func digest(t *testing.T, now time.Time) string {
	t.Helper()
	h := sha256.New()
	for batch := range demo.New(5_000, now).Batches(1000) {
		for _, d := range batch {
			if err := json.NewEncoder(h).Encode(d.Entries); err != nil {
				t.Fatal(err)
			}
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func TestTheSameYearComesAgain(t *testing.T) {
	t.Parallel()
	year := demo.New(20_000, noon)
	count := func() (n int, last pkgmeter.Event) {
		for batch := range year.Batches(777) {
			for _, d := range batch {
				n += len(d.Entries)
				last = d.Entries[len(d.Entries)-1].Event
			}
		}
		return n, last
	}
	n, last := count()
	if m, again := count(); n != m || last != again {
		t.Errorf("the second pass ends with %+v, want %+v", again, last)
	}
	want := digest(t, noon)
	if got := digest(t, noon.Add(29*time.Second)); got != want {
		t.Error("another second of the same minute gives another year")
	}
	if got := digest(t, noon.In(time.FixedZone("", 5*60*60))); got != want {
		t.Error("another time zone gives another year")
	}
	if got := digest(t, noon.AddDate(0, 0, 1)); got == want {
		t.Error("another day gives the same year")
	}
}

func TestThereAreAsManyEventsAsAskedFor(t *testing.T) {
	t.Parallel()
	for _, events := range []int{1, 2, 3, 17, 365, 1_000, 12_345, 60_000} {
		for _, now := range []time.Time{noon, noon.Truncate(24 * time.Hour), noon.Truncate(24 * time.Hour).Add(-time.Millisecond)} {
			n := 0
			each(events, now, func(time.Time, *pkgmeter.Entry) { n++ })
			if n != events {
				t.Errorf("%d events until %s, want %d", n, now, events)
			}
		}
	}
}

func TestBatchesAreOfTheSizeAskedFor(t *testing.T) {
	t.Parallel()
	var sizes []int
	for batch := range demo.New(1_050, noon).Batches(500) {
		n := 0
		for _, d := range batch {
			n += len(d.Entries)
		}
		sizes = append(sizes, n)
	}
	if !slices.Equal(sizes, []int{500, 500, 50}) {
		t.Errorf("batches of %d", sizes)
	}
	for range demo.New(1_050, noon).Batches(500) {
		break // must not go on
	}
}

func TestEventsAreFitToStoreAndInOrder(t *testing.T) {
	t.Parallel()
	var last, lastReceived time.Time
	each(40_000, noon, func(received time.Time, e *pkgmeter.Entry) {
		settled := e.Event
		if err := settled.Settle(received); err != nil || settled != e.Event {
			t.Fatalf("settled as %+v, %v, want %+v", settled, err, e.Event)
		}
		if e.Event.Time.Before(last) || received.Before(lastReceived) || received.After(noon) {
			t.Fatalf("%s, received %s, comes after %s, received %s", e.Event.Time, received, last, lastReceived)
		}
		if want := rule.Default().Apply(e.Event); want != *e {
			t.Fatalf("derived %+v, want %+v", *e, want)
		}
		if lag := received.Sub(e.Event.Time); lag > time.Second {
			t.Fatalf("received %s late", lag)
		}
		last, lastReceived = e.Event.Time, received
	})
}

func TestWhatIsUnderWayWhenTheDayEndsIsDoneByThen(t *testing.T) {
	t.Parallel()
	for _, until := range []time.Duration{0, time.Second, time.Hour, 24*time.Hour - time.Millisecond} {
		if last := demo.LastRequest(50_000, until); last > until || until-last > time.Minute {
			t.Errorf("the last request is at %s, want it just before %s", last, until)
		}
	}
}

func TestTheYearHasAllDaysButTheOutage(t *testing.T) {
	t.Parallel()
	const events = 20_000
	days := map[pkgmeter.Day]int{}
	each(events, noon, func(_ time.Time, e *pkgmeter.Entry) { days[pkgmeter.DayOf(e.Event.Time)]++ })
	today := pkgmeter.DayOf(noon)
	var gaps []pkgmeter.Day
	for day := today - demo.Days + 1; day <= today; day++ {
		if days[day] == 0 {
			gaps = append(gaps, day)
		}
	}
	if len(days) != demo.Days-2 || len(gaps) != 2 || gaps[1] != gaps[0]+1 {
		t.Errorf("%d days with events, and without: %v", len(days), gaps)
	}
	busiest := slices.MaxFunc(slices.Collect(maps.Keys(days)), func(a, b pkgmeter.Day) int { return days[a] - days[b] })
	if want := 3 * events / demo.Days; days[busiest] < want {
		t.Errorf("the busiest day is %s with %d events, want a burst of at least %d", busiest, days[busiest], want)
	}
	weekend, work := 0, 0
	for day, n := range days {
		switch day.Start().Weekday() {
		case time.Saturday:
			weekend += n
		case time.Wednesday:
			work += n
		default:
		}
	}
	if weekend*2 > work {
		t.Errorf("%d events on Saturdays, %d on Wednesdays", weekend, work)
	}
	first, second := 0, 0
	for day, n := range days {
		if today-day > demo.Days/2 {
			first += n
		} else {
			second += n
		}
	}
	if first*4 > second*3 {
		t.Errorf("%d events in the first half, %d in the second: no growth", first, second)
	}
}

func TestTheDemoHasSomethingOfEverything(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	agents := map[string]int{}
	each(200_000, noon, func(_ time.Time, e *pkgmeter.Entry) {
		for _, key := range []string{
			"type " + e.File.Type, "kind " + e.File.Kind.String(), "legacy type " + e.File.Legacy.String(), "repository " + e.File.Repository,
			"op " + e.Event.Op.String(), fmt.Sprint("status ", e.Event.Status), fmt.Sprint("flags ", e.Event.Flags), "confidence " + e.File.Confidence.String(),
			"package " + e.File.Package, "version " + e.File.Package + "@" + e.File.Version,
		} {
			seen[key]++
		}
		agents[e.Event.Agent]++
		if e.Event.Country == "" || e.Event.Agent == "" || !strings.HasPrefix(e.Event.Source, demo.Source) {
			t.Fatalf("event without country, agent or source: %+v", e.Event)
		}
	})
	for _, key := range []string{
		"type maven", "type pypi", "type generic", "kind primary", "kind sources", "kind metadata", "kind index", "kind checksum", "kind signature",
		"kind attestation", "legacy type jar", "legacy type pom", "legacy type crypto", "legacy type other",
		"repository releases", "repository snapshots", "repository pypi", "repository downloads", "op get", "op head", "op upload",
		"status 200", "status 201", "status 206", "status 304", "status 403", "status 503", "flags 4",
	} {
		if seen[key] < 10 {
			t.Errorf("%s: %d events", key, seen[key])
		}
	}
	for _, part := range []string{"pip/", `"ci":true`, "uv/", "Apache-Maven/", "-azure", "Gradle/", "curl/", "Firefox/", "Artifactory/", "bandersnatch/", "Googlebot/", "twine/"} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(agents)), func(a string) bool { return strings.Contains(a, part) }) {
			t.Errorf("no agent has %s", part)
		}
	}
	counts := map[string]int{}
	for key := range seen {
		word, _, _ := strings.Cut(key, " ")
		counts[word]++
	}
	if n := counts["package"]; n < 25 || n > 40 {
		t.Errorf("%d packages", n)
	}
	if n := counts["version"]; n < 200 {
		t.Errorf("%d versions", n)
	}
	if seen["confidence low"]+seen["confidence medium"]+seen["confidence high"] != seen["type maven"]+seen["type pypi"]+seen["type generic"] {
		t.Error("confidence and type do not add up")
	}
	if seen["package pkg:maven/com.acme/acme-core"] < 10*seen["package pkg:maven/com.acme.scheduler/acme-scheduler"] {
		t.Error("popularity is flat")
	}
}

func TestNothingIsFetchedBeforeItIsReleased(t *testing.T) {
	t.Parallel()
	type key struct{ repository, path string }
	fetched, uploads := map[key]bool{}, 0
	each(100_000, noon, func(_ time.Time, e *pkgmeter.Entry) {
		k := key{e.Event.Repository, e.Event.Path}
		if e.Event.Op != pkgmeter.Upload {
			fetched[k] = true
			return
		}
		uploads++
		listing := e.File.Kind == pkgmeter.Index || strings.Contains(k.path, "maven-metadata")
		if !listing && fetched[k] {
			t.Fatalf("%s of %s was fetched before its upload", e.Event.Path, e.Event.Repository)
		}
		if e.Counts != (pkgmeter.Measures{}) {
			t.Errorf("an upload counts: %+v", e)
		}
	})
	if uploads < 500 {
		t.Errorf("%d uploads", uploads)
	}
}

func TestUsersMoveToNewReleases(t *testing.T) {
	t.Parallel()
	first, last := map[string]int{}, map[string]int{}
	each(100_000, noon, func(_ time.Time, e *pkgmeter.Entry) {
		if e.File.Package != "pkg:maven/com.acme/acme-core" || e.File.Repository != "releases" || e.Counts.Downloads == 0 {
			return
		}
		const month = 30 * 24 * time.Hour
		switch age := noon.Sub(e.Event.Time); {
		case age < month:
			last[e.File.Version]++
		case age > 11*month:
			first[e.File.Version]++
		}
	})
	total, favourites, kept := 0, 0, 0
	for _, version := range slices.SortedFunc(maps.Keys(last), func(a, b string) int { return last[b] - last[a] }) {
		if total += last[version]; first[version] > 0 {
			kept += last[version]
		}
	}
	for _, n := range slices.SortedFunc(maps.Values(last), func(a, b int) int { return b - a })[:4] {
		favourites += n
	}
	if total < 100 || favourites*3 < total*2 || kept == 0 || kept*5 > total {
		t.Errorf("of %d downloads in the last month %d are of the four favourites, %d of releases of a year ago", total, favourites, kept)
	}
}

func TestFilesGrowWithEvents(t *testing.T) {
	t.Parallel()
	files := func(events int) int {
		seen := map[string]bool{}
		var last time.Time
		each(events, noon, func(_ time.Time, e *pkgmeter.Entry) {
			seen[e.Event.Repository+"\n"+e.Event.Path] = true
			if e.Event.Time.Before(last) {
				t.Fatalf("%s comes after %s", e.Event.Time, last)
			}
			last = e.Event.Time
		})
		return len(seen)
	}
	small, large := files(10_000), files(200_000)
	if small < 200 || small > 800 || large < 2_000 || large > 4_000 {
		t.Errorf("%d files for 10,000 events, %d for 200,000", small, large)
	}
	if testing.Short() {
		return
	}
	if n := files(5_000_000); n < 18_000 || n > 22_000 {
		t.Errorf("%d files for 5,000,000 events, want about 20,000", n)
	}
}

func BenchmarkYear(b *testing.B) {
	for b.Loop() {
		each(200_000, noon, func(time.Time, *pkgmeter.Entry) {})
	}
}
