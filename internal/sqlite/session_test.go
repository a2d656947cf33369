package sqlite_test

import (
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

func sum(n int) (s [32]byte) {
	binary.BigEndian.PutUint64(s[:], uint64(n))
	return s
}

func addUser(t *testing.T, s *sqlite.Store, name string) pkgmeter.User {
	t.Helper()
	if err := s.AddUser(t.Context(), pkgmeter.User{Name: name, Role: pkgmeter.Viewer, Hash: "hash of " + name}); err != nil {
		t.Fatal(err)
	}
	u, err := s.User(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// alive lists which of the sessions 0 to n-1 there are.
func alive(t *testing.T, s *sqlite.Store, n int) (found []int) {
	t.Helper()
	for i := range n {
		_, _, _, err := s.Session(t.Context(), sum(i))
		switch pkgmeter.CodeOf(err) {
		case "":
			found = append(found, i)
		case pkgmeter.NotFound:
		default:
			t.Fatal(err)
		}
	}
	return found
}

func TestASessionIsFoundByItsDigest(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	ann, at := addUser(t, s, "ann"), noon.Add(time.Hour)
	addUser(t, s, "bob")
	if err := s.AddSession(t.Context(), ann, sum(0), at, 20); err != nil {
		t.Fatal(err)
	}
	u, created, used, err := s.Session(t.Context(), sum(0))
	if err != nil || u != ann || !created.Equal(at) || !used.Equal(at) {
		t.Errorf("%+v, begun %v, used %v, %v", u, created, used, err)
	}
	for _, step := range []struct {
		at, since, want time.Duration
	}{{time.Minute, 0, time.Minute}, {2 * time.Minute, 59 * time.Second, time.Minute}, {3 * time.Minute, time.Minute, 3 * time.Minute}} {
		if err := s.UseSession(t.Context(), sum(0), at.Add(step.at), at.Add(step.since)); err != nil {
			t.Fatal(err)
		}
		if _, created, used, _ = s.Session(t.Context(), sum(0)); !used.Equal(at.Add(step.want)) || !created.Equal(at) {
			t.Errorf("used at %v unless after %v: %v", step.at, step.since, used.Sub(at))
		}
	}
	for range 2 {
		if err := s.EndSession(t.Context(), sum(0)); err != nil {
			t.Error(err)
		}
	}
	if left := alive(t, s, 1); left != nil {
		t.Error("it did not end")
	}
}

func TestAUserHasAtMostTwentySessionsAndTheOldestEnds(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	ann, bob := addUser(t, s, "ann"), addUser(t, s, "bob")
	if err := s.AddSession(t.Context(), bob, sum(0), noon.Add(-time.Hour), 20); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 25; i++ {
		// 25 down to 1 in time, but for the last five
		at := noon.Add(-time.Duration(i) * time.Minute)
		if i > 20 {
			at = noon
		}
		if err := s.AddSession(t.Context(), ann, sum(i), at, 20); err != nil {
			t.Fatal(err)
		}
	}
	left := alive(t, s, 26)
	want := map[int]bool{0: true}
	for i := 1; i <= 15; i++ {
		want[i] = true
	}
	for i := 21; i <= 25; i++ {
		want[i] = true
	}
	if len(left) != len(want) {
		t.Errorf("left: %v", left)
	}
	for _, i := range left {
		if !want[i] {
			t.Errorf("%d is left: %v", i, left)
		}
	}
}

func TestSessionsEndWithWhatTheyRestOn(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, s *sqlite.Store) error{
		"the user is removed":     func(t *testing.T, s *sqlite.Store) error { return s.RemoveUser(t.Context(), "ann") },
		"the password is changed": func(t *testing.T, s *sqlite.Store) error { return s.SetPassword(t.Context(), "ann", "new") },
		"the user becomes admin": func(t *testing.T, s *sqlite.Store) error {
			_, err := s.EnsureAdmin(t.Context(), "ann", "new")
			return err
		},
		"they were begun long ago": func(t *testing.T, s *sqlite.Store) error { return s.DropSessions(t.Context(), noon, noon.Add(-1)) },
		"they are not used":        func(t *testing.T, s *sqlite.Store) error { return s.DropSessions(t.Context(), noon.Add(-1), noon) },
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, t.TempDir(), &clock{noon})
			ann, bob := addUser(t, s, "ann"), addUser(t, s, "bob")
			for i, u := range []pkgmeter.User{ann, ann, bob} {
				at := noon
				if u == bob {
					at = noon.Add(time.Hour)
				}
				if err := s.AddSession(t.Context(), u, sum(i), at, 20); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.DropSessions(t.Context(), noon.Add(-time.Millisecond), noon.Add(-time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if left := alive(t, s, 3); len(left) != 3 {
				t.Fatalf("dropped too early: %v", left)
			}
			if err := end(t, s); err != nil {
				t.Fatal(err)
			}
			if left := alive(t, s, 3); len(left) != 1 || left[0] != 2 {
				t.Errorf("left: %v, want bob's", left)
			}
			if err := s.AddSession(t.Context(), ann, sum(4), noon, 20); name[:8] != "they are" && name[:9] != "they were" && pkgmeter.CodeOf(err) != pkgmeter.NotFound {
				t.Errorf("a login with the old password that was on its way: %v", err)
			}
		})
	}
}

func TestAPasswordIsChangedForWhoStillHasItOnly(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]func(t *testing.T, s *sqlite.Store) error{
		"nothing happened": func(*testing.T, *sqlite.Store) error { return nil },
		"disabled":         func(t *testing.T, s *sqlite.Store) error { return s.SetDisabled(t.Context(), "ann", true) },
		"reset":            func(t *testing.T, s *sqlite.Store) error { return s.SetPassword(t.Context(), "ann", "reset") },
		"removed":          func(t *testing.T, s *sqlite.Store) error { return s.RemoveUser(t.Context(), "ann") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, t.TempDir(), &clock{noon})
			ann, bob := addUser(t, s, "ann"), addUser(t, s, "bob")
			for i, u := range []pkgmeter.User{ann, bob} {
				if err := s.AddSession(t.Context(), u, sum(i), noon, 20); err != nil {
					t.Fatal(err)
				}
			}
			if err := between(t, s); err != nil {
				t.Fatal(err)
			}
			before, _ := s.User(t.Context(), "ann")
			lines := len(changes(t, s, pkgmeter.ChangeFilter{}, 0))
			err := s.ChangePassword(t.Context(), ann, "new")
			after, _ := s.User(t.Context(), "ann")
			added := changes(t, s, pkgmeter.ChangeFilter{}, 0)[lines:]
			if name == "nothing happened" {
				if left := alive(t, s, 2); err != nil || after.Hash != "new" || len(left) != 1 || left[0] != 1 || len(added) != 1 || added[0] != "command line: user.password ann" {
					t.Errorf("%v, %+v, sessions %v, %q", err, after, left, added)
				}
				return
			}
			if pkgmeter.CodeOf(err) != pkgmeter.NotFound || after != before || len(added) > 0 {
				t.Errorf("%v, %+v became %+v, %q", err, before, after, added)
			}
		})
	}
}

func TestANewAdminWhereThereIsOneEndsNoSession(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	if _, err := s.EnsureAdmin(t.Context(), "admin", "x"); err != nil {
		t.Fatal(err)
	}
	admin, err := s.User(t.Context(), "admin")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddSession(t.Context(), admin, sum(0), noon, 20); err != nil {
		t.Fatal(err)
	}
	if needed, err := s.EnsureAdmin(t.Context(), "admin", "y"); needed || err != nil {
		t.Fatal(needed, err)
	}
	if len(alive(t, s, 1)) != 1 {
		t.Error("the session ended")
	}
}

func TestASessionOfADisabledUserDoesNotBegin(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	if err := s.AddUser(t.Context(), pkgmeter.User{Name: "off", Role: pkgmeter.Viewer, Hash: "x", Disabled: true}); err != nil {
		t.Fatal(err)
	}
	u, err := s.User(t.Context(), "off")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddSession(t.Context(), u, sum(0), noon, 20); pkgmeter.CodeOf(err) != pkgmeter.NotFound {
		t.Errorf("%v", err)
	}
}

func TestLoginsAtOnceLeaveTwentySessions(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	ann := addUser(t, s, "ann")
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			if err := s.AddSession(t.Context(), ann, sum(i), noon, 20); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if left := alive(t, s, 60); len(left) != 20 {
		t.Errorf("%d sessions", len(left))
	}
}
