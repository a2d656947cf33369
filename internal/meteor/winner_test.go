package meteor_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
)

// TestRacingPublishersHaveOneWinner lets 32 clients of four maintainers publish
// the same version with different bytes. ROUNDS says how often.
func TestRacingPublishersHaveOneWinner(t *testing.T) {
	t.Parallel()
	rounds := 50
	if testing.Short() || raceDetector {
		rounds = 5
	}
	if n, err := strconv.Atoi(os.Getenv("ROUNDS")); err == nil {
		rounds = n
	}
	r := openRegistry(t)
	root := r.root()
	root.must("createPackage", obj{"name": "raced"})
	var racers []*caller
	for i := range 4 {
		name := fmt.Sprint("racer", i)
		token := r.user(name, pkgmeter.Publisher)
		root.must("addMaintainer", "raced", name)
		for range 8 {
			racers = append(racers, r.as(name, token))
		}
	}
	refusals := map[string]int{}
	for round := range rounds {
		version := fmt.Sprintf("1.0.%d", round)
		// Few at a time come after somebody has published, many before.
		winners, lost := raceFor(racers, version, []int{len(racers), 2, 4, 1}[round%4])
		if len(winners) != 1 || len(lost) != len(racers)-1 {
			t.Fatalf("%s: %d winners, %d losers", version, len(winners), len(lost))
		}
		for _, err := range lost {
			e, _ := errors.AsType[*ddp.Error](err)
			if problem := misbehaved(err); problem != "" || e.Code != 409 && e.Code != 404 {
				t.Errorf("%s: a loser was told %v: %s", version, err, problem)
				continue
			}
			refusals[fmt.Sprint(e.Code)]++
		}
		checkWinner(t, r, version, winners[0])
		if n := r.changes(pkgmeter.Versions); n != int64(round+1) || len(r.told) != round+1 {
			t.Fatalf("%s: %d changes, %d told", version, n, len(r.told))
		}
	}
	if n := r.changes(pkgmeter.Packages); n != 5 {
		t.Errorf("%d changes of packages", n)
	}
	t.Logf("refusals by code: %v", refusals)
}

// raceFor returns the sources of those who published the version, and the errors
// of the others. At most so many race at once.
func raceFor(racers []*caller, version string, atOnce int) (winners []string, lost []error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	turns := make(chan struct{}, atOnce)
	for i, c := range racers {
		wg.Go(func() {
			source := fmt.Sprintf("source %d of %s", i, version)
			turns <- struct{}{}
			defer func() { <-turns }()
			err := c.race(version, source)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				winners = append(winners, source)
				return
			}
			lost = append(lost, err)
		})
	}
	wg.Wait()
	return winners, lost
}

// race publishes a version, and goes on as the tool would not when an upload is
// refused.
func (c *caller) race(version, source string) error {
	var up struct {
		Token string `json:"uploadToken"`
		URL   string `json:"uploadUrl"`
	}
	if err := c.call("createPackageVersion", &up, draft("raced", version, nil)); err != nil {
		return err
	}
	switch s := c.upload(up.URL, source); s {
	case http.StatusOK, http.StatusNotFound:
	default:
		return fmt.Errorf("the upload was answered %d", s)
	}
	return c.call("publishPackageVersion", nil, up.Token, obj{"tarballHash": hashOf(source), "treeHash": emptyHash})
}

func checkWinner(t *testing.T, r *registry, version, source string) {
	t.Helper()
	docs, err := r.store.Documents(t.Context(), pkgmeter.Versions, "raced\x00"+version, 10)
	n := 0
	for _, d := range docs {
		if d.Key != "raced\x00"+version {
			continue // a longer one
		}
		n++
		got := members(t, d.Body)["source"].(obj)
		if got["tarballHash"] != hashOf(source) || r.fetch(got["url"].(string)) != source {
			t.Errorf("%s: the record has %v, not the bytes of the winner", version, got)
		}
	}
	if n != 1 || err != nil {
		t.Errorf("%s: %d records, %v", version, n, err)
	}
}

// TestRepetitionsAtOnceAreOnePublication lets a client say the same thing over
// several connections.
func TestRepetitionsAtOnceAreOnePublication(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	token := r.user("alice", pkgmeter.Publisher)
	var all []*caller
	for range 8 {
		all = append(all, r.as("alice", token))
	}
	atOnce := func(method string, args ...any) {
		t.Helper()
		var wg sync.WaitGroup
		for _, c := range all {
			wg.Go(func() {
				if err := c.call(method, nil, args...); err != nil {
					t.Errorf("%s: %v", method, err)
				}
			})
		}
		wg.Wait()
	}
	for i := range 10 {
		name := fmt.Sprint("alice:p", i)
		this := of(name, "1.0.0", nil)
		r.bumps(pkgmeter.Packages, 1, func() { atOnce("createPackage", obj{"name": name}) })
		up := all[0].beginVersion(name, "1.0.0", nil)
		r.upload(up.UploadURL, "source")
		r.bumps(pkgmeter.Versions, 1, func() {
			atOnce("publishPackageVersion", up.UploadToken, obj{"tarballHash": hashOf("source"), "treeHash": emptyHash})
		})
		build := members(t, all[0].must("createPackageBuild", of(name, "1.0.0", obj{"buildArchitectures": "os"})))
		r.upload(build["uploadUrl"].(string), "build")
		r.bumps(pkgmeter.Builds, 1, func() { atOnce("publishPackageBuild", build["uploadToken"], hashOf("build"), emptyHash) })
		readme := members(t, all[0].must("createReadme", this))
		r.upload(readme["url"].(string), "readme")
		r.bumps(pkgmeter.Versions, 2, func() {
			atOnce("publishReadme", readme["uploadToken"], obj{"hash": hashOf("readme")})
			atOnce("changeVersionMetadata", this, obj{"git": "x"})
		})
		if len(r.told) != 2*(i+1) {
			t.Fatalf("told %d times", len(r.told))
		}
	}
}

// TestNoChangeIsLost lets many change one record at the same time.
func TestNoChangeIsLost(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	const many = 24
	root := r.root()
	root.must("createPackage", obj{"name": "shared"})
	want := "root"
	var wg sync.WaitGroup
	for i := range many {
		name := fmt.Sprintf("user%02d", i)
		r.user(name, pkgmeter.Publisher)
		want += " " + name
		c := r.as("root", r.token("root", pkgmeter.ScopePublish))
		wg.Go(func() {
			if err := c.call("addMaintainer", nil, "shared", name); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := strings.Fields(names(r.catalog(pkgmeter.Packages)["shared"]["maintainers"]))
	slices.Sort(got)
	if strings.Join(got, " ") != want {
		t.Errorf("maintainers %s", got)
	}
}
