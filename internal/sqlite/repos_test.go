package sqlite_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

func setPublic(t *testing.T, s *sqlite.Store, name string, public bool) (known bool) {
	t.Helper()
	known, err := s.SetPublic(t.Context(), name, public)
	if err != nil {
		t.Fatal(err)
	}
	return known
}

func isPublic(t *testing.T, s *sqlite.Store, names ...string) bool {
	t.Helper()
	public, err := s.AllPublic(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

func repositories(t *testing.T, s *sqlite.Store) string {
	t.Helper()
	repos, err := s.Repositories(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(repos)
}

// fromPath is an event whose repository is said by its path alone.
func fromPath(path string) pkgmeter.Entry {
	return rule.Default().Apply(pkgmeter.Event{Source: "cloudrepo", Path: path, Time: noon, Status: 200})
}

func TestARepositoryIsPrivateUntilItIsSetPublic(t *testing.T) {
	t.Parallel()
	c := &clock{noon}
	dir := t.TempDir()
	s := open(t, dir, c)
	write(t, s, noon, entry("a.jar", noon), fromPath("/repositories/by-path/b.jar"), fromPath("c.jar"))
	if got, want := repositories(t, s), "[{(unknown) false} {by-path false} {r false}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !setPublic(t, s, "r", true) || !setPublic(t, s, "by-path", true) || setPublic(t, s, "ahead", true) {
		t.Error("r and by-path are of events, ahead is not")
	}
	for range 2 {
		for want, questions := range map[bool][][]string{
			true:  {{"r"}, {"by-path"}, {"ahead"}, {"r", "by-path", "r", "ahead"}},
			false: {nil, {}, {""}, {"(unknown)"}, {"R"}, {"r "}, {"r\x00"}, {"nowhere"}, {"r", "nowhere"}, {"r", ""}, {"(unknown)", "r"}},
		} {
			for _, names := range questions {
				if got := isPublic(t, s, names...); got != want {
					t.Errorf("%q is public: %v", names, got)
				}
			}
		}
		if got, want := repositories(t, s), "[{(unknown) false} {ahead true} {by-path true} {r true}]"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		s.Close()
		s = open(t, dir, c)
	}
	// The first event of a repository that was public ahead, and a recount.
	ahead := entry("a.jar", noon)
	ahead.Event.Repository = "ahead"
	write(t, s, noon, rule.Default().Apply(ahead.Event))
	if err := s.Rebuild(t.Context(), rule.Default(), func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	if !isPublic(t, s, "ahead", "r", "by-path") || !setPublic(t, s, "ahead", false) || isPublic(t, s, "ahead") {
		t.Error("after its first event ahead is not what it was set to")
	}
	if r, err := s.Doctor(t.Context(), rule.Default(), func(int64, int64) {}); err != nil || len(r.Problems) > 0 {
		t.Errorf("doctor: %v, %+v", err, r)
	}
}

func TestNamesOfRepositoriesAreAnything(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	for _, name := range []string{"\x1b[31m", "a\nb", "日本", "'; DROP TABLE repo_said; --", "%", strings.Repeat("x", pkgmeter.MaxName)} {
		setPublic(t, s, name, true)
		if !isPublic(t, s, name) {
			t.Errorf("%q is not public", name)
		}
		setPublic(t, s, name, false)
		if isPublic(t, s, name) {
			t.Errorf("%q is public", name)
		}
	}
	for _, name := range []string{"", "\xff", strings.Repeat("x", pkgmeter.MaxName+1)} {
		if _, err := s.SetPublic(t.Context(), name, true); pkgmeter.CodeOf(err) != pkgmeter.Invalid {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Who mistypes a name must not think that it is private now.
func TestOnlyARepositoryThatThereIsBecomesPrivate(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	write(t, s, noon, entry("a.jar", noon))
	if _, err := s.SetPublic(t.Context(), "R", false); pkgmeter.CodeOf(err) != pkgmeter.NotFound {
		t.Errorf("R: %v", err)
	}
	if known, err := s.SetPublic(t.Context(), "r", false); !known || err != nil {
		t.Errorf("r: %v, %v", known, err)
	}
}

func TestAPackageIsKnownOnceAnEventHasNamedIt(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	const app = "pkg:maven/com.acme/app"
	known := func(f pkgmeter.Filter) bool {
		t.Helper()
		k, err := s.Known(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	of := func(repositories ...string) pkgmeter.Filter {
		return pkgmeter.Filter{Packages: []string{app}, Repositories: repositories}
	}
	if known(of()) {
		t.Error("known to an empty store")
	}
	upload := entry("com/acme/app/1.0/app-1.0.jar", noon)
	upload.Event.Op = pkgmeter.Upload
	write(t, s, noon, rule.Default().Apply(upload.Event))
	for name, tt := range map[string]struct {
		filter pkgmeter.Filter
		want   bool
	}{
		"anywhere":              {of(), true},
		"where it is":           {of("r"), true},
		"in one of two":         {of("x", "r"), true},
		"elsewhere":             {of("x"), false},
		"another package":       {pkgmeter.Filter{Packages: []string{"pkg:npm/x"}}, false},
		"another version of it": {pkgmeter.Filter{Packages: []string{app}, Versions: []string{"2"}}, false},
	} {
		if got := known(tt.filter); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
