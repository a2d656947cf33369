package meteor_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
)

func TestCase51ALoginGivesTheSameTokenBack(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	token := r.user("alice", pkgmeter.Publisher)
	c := r.anybody()
	got := members(t, c.must("login", obj{"resume": token}))
	want := obj{"id": "alice", "token": token, "tokenExpires": obj{"$date": 4102444800000.0}, "type": "resume"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	text, tok := auth.NewToken("alice", pkgmeter.ScopePublish)
	tok.Expires = time.Now().Add(time.Hour).Truncate(time.Millisecond)
	if _, err := r.store.AddToken(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	got = members(t, c.must("login", obj{"resume": text}))
	if want := (obj{"$date": float64(tok.Expires.UnixMilli())}); !reflect.DeepEqual(got["tokenExpires"], want) {
		t.Errorf("it expires %v, want %v", got["tokenExpires"], want)
	}
	c.must("createPackage", obj{"name": "alice:a"})
	c.must("logout")
	c.wrong(401, "logged in", "createPackage", obj{"name": "alice:b"})
}

func TestCase52WrongLoginsAreRefused(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	r.user("alice", pkgmeter.Publisher)
	c := r.anybody()
	for _, token := range []string{"", "nonsense", "pkgm_aaaaaaaa_" + strings.Repeat("b", 40), strings.Repeat("x", 5000)} {
		c.wrong(403, "logged out", "login", obj{"resume": token})
	}
	c.wrong(403, "not for publishing", "login", obj{"resume": r.token("alice", pkgmeter.ScopeRead)})
	c.wrong(403, "no Meteor developer accounts", "login", obj{"oauth": obj{"credentialToken": "x", "credentialSecret": "y"}})
	for _, arg := range []any{
		obj{},
		obj{"user": obj{"username": "alice"}},
		obj{"resume": nil},
		obj{"user": obj{}, "password": obj{"digest": "x", "algorithm": "sha-256"}},
		obj{"user": obj{"username": "alice"}, "password": obj{"digest": "x", "algorithm": "md5"}},
	} {
		c.wrong(400, "Unrecognized options for login request", "login", arg)
	}
	for _, args := range [][]any{{}, {nil}, {"x"}, {5}, {[]any{}}, {obj{"resume": 5}}, {obj{}, obj{}}, {obj{"user": "alice", "password": "x"}}} {
		c.wrong(400, "Match failed", "login", args...)
	}
	c.wrong(401, "logged in", "createPackage", obj{"name": "alice:a"})
}

func TestAPasswordLogsIn(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	r.user("alice", pkgmeter.Publisher)
	set := func(password string) {
		if err := r.store.SetPassword(t.Context(), "alice", auth.Hash(password)); err != nil {
			t.Fatal(err)
		}
	}
	set("first")
	c := r.anybody()
	login := func(password string) obj {
		return obj{"user": obj{"username": "alice"}, "password": obj{"digest": strings.ToUpper(auth.Digest(password)), "algorithm": "sha-256"}}
	}
	got := members(t, c.must("login", login("first")))
	if got["id"] != "alice" || got["token"] == "" {
		t.Errorf("got %v", got)
	}
	c.wrong(403, "logged out", "login", login("second"))
	c.must("createPackage", obj{"name": "alice:a"}) // a login that failed changes nothing
	set("second")
	c.wrong(401, "logged in", "createPackage", obj{"name": "alice:b"})
	set("first")
	c.wrong(401, "logged in", "createPackage", obj{"name": "alice:b"})
}

func TestGuessesAreLimited(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	c := r.anybody()
	for range 5 {
		c.wrong(403, "logged out", "login", obj{"resume": "pkgm_aaaaaaaa_x"})
	}
	err := c.call("login", nil, obj{"resume": "pkgm_aaaaaaaa_x"})
	if err == nil || !strings.Contains(err.Error(), "oo many failed logins") || !strings.HasSuffix(err.Error(), ". [too-many-requests]") {
		t.Errorf("got %v", err)
	}
	c.must("login", obj{"resume": r.user("alice", pkgmeter.Publisher)}) // the right one is never refused
}

// TestARevokedTokenEndsTheSession calls often enough that each call could be
// taken for a guess.
func TestARevokedTokenEndsTheSession(t *testing.T) {
	t.Parallel()
	for what, revoke := range map[string]func(*registry) error{
		"the token":  func(r *registry) error { return r.store.RevokeToken(t.Context(), 1) },
		"the user":   func(r *registry) error { return r.store.RemoveUser(t.Context(), "alice") },
		"not others": func(r *registry) error { return r.store.RevokeToken(t.Context(), 2) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := openRegistry(t)
			c := r.publisher("alice")
			other := r.publisher("bob")
			c.must("createPackage", obj{"name": "alice:a"})
			if err := revoke(r); err != nil {
				t.Fatal(err)
			}
			if what == "not others" {
				c.must("amIAuthorizedPackage", "alice:a")
				other.wrong(401, "logged in", "createPackage", obj{"name": "bob:a"})
				return
			}
			for range 30 {
				c.wrong(401, "logged in", "amIAuthorizedPackage", "alice:a")
			}
			other.must("createPackage", obj{"name": "bob:a"})
		})
	}
}

func TestCase53CodesAreNumbers(t *testing.T) {
	t.Parallel()
	r := openRegistry(t)
	w := dial(t, r.url+"/websocket", nil)
	for _, method := range []string{
		"amIAuthorizedPackage", "amIAuthorizedRelease", "createPackage", "createPackageVersion", "publishPackageVersion", "createPackageBuild",
		"publishPackageBuild", "changeVersionMetadata", "createReadme", "publishReadme", "addMaintainer", "removeMaintainer", "addReleaseMaintainer",
		"removeReleaseMaintainer", "createReleaseTrack", "createReleaseVersion", "createPatchReleaseVersion", "recommendVersion", "unrecommendVersion",
		"setBannersOnReleases", "_changePackageHomepage", "_changeVersionMigrationStatus", "_setEarliestCompatibleVersion",
	} {
		w.send(`{"msg":"method","id":"1","method":"` + method + `","params":[{"name":"alice:foo"}]}`)
		w.want(`{"msg":"result","id":"1","error":{"isClientSafe":true,"error":401,"reason":"You must be logged in to do this.",`+
			`"message":"You must be logged in to do this. [401]","errorType":"Meteor.Error"}}`, `{"msg":"updated","methods":["1"]}`)
	}
}
