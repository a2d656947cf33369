package settings

import (
	"net/http"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
)

const usersPath = "/stats/settings/users"

// usersView lists the users.
type usersView struct {
	view
	Chosen *userRow // whose forms are shown; nil for nobody's
	Rows   []userRow
	More   bool // than are listed
	Roles  []string
	Least  int // characters of a password
}

type userRow struct {
	Name, Role, Created string
	Disabled            bool
	NoPassword          bool // one has to be set before the user can log in
	Self                bool
}

// ServeUsers lists the users, and what can be changed of the one that the address
// names.
func (s *Pages) ServeUsers(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	return s.users(rw, r, p, form{})
}

// TakeUsers adds a user, or changes one.
func (s *Pages) TakeUsers(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	return s.take(rw, r, p, usersPath, map[string]action{
		"add": s.addUser, "role": s.setRole, "disable": s.disable, "enable": s.enable, "set": s.setPassword, "remove": s.removeUser,
	}, s.users)
}

func (s *Pages) users(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal, f form) error {
	users, err := s.Store.Users(r.Context())
	if err != nil {
		return err
	}
	v := &usersView{view: s.view(r, "Users", usersPath, p, f), Roles: []string{"viewer", "publisher", "admin"}, Least: auth.MinPassword}
	chosen := r.URL.Query().Get("user")
	if f.Which != "" && f.Which != "add" {
		chosen = f.Value(f.Which, "name")
	}
	v.More = len(users) > maxRows
	for i, u := range users {
		row := userRow{u.Name, string(u.Role), when(u.Created), u.Disabled, u.Hash == "", u.Name == p.User}
		if u.Name == chosen && !row.Self {
			v.Chosen = &row
		}
		if i < maxRows {
			v.Rows = append(v.Rows, row)
		}
	}
	return s.render(rw, "users", f, v)
}

func (s *Pages) addUser(_ http.ResponseWriter, r *http.Request, _ pkgmeter.Principal) (string, error) {
	u := pkgmeter.User{Name: r.PostForm.Get("name"), Role: pkgmeter.Role(r.PostForm.Get("role"))}
	if err := u.Validate(); err != nil {
		return "", err
	}
	var err error
	if u.Hash, err = auth.NewPassword(r.PostForm.Get("password"), r.PostForm.Get("again")); err != nil {
		return "", err
	}
	return "added", s.Store.AddUser(r.Context(), u)
}

func (s *Pages) setRole(_ http.ResponseWriter, r *http.Request, _ pkgmeter.Principal) (string, error) {
	return "role", s.Store.SetRole(r.Context(), r.PostForm.Get("name"), pkgmeter.Role(r.PostForm.Get("role")))
}

func (s *Pages) disable(_ http.ResponseWriter, r *http.Request, _ pkgmeter.Principal) (string, error) {
	return "disabled", s.Store.SetDisabled(r.Context(), r.PostForm.Get("name"), true)
}

func (s *Pages) enable(_ http.ResponseWriter, r *http.Request, _ pkgmeter.Principal) (string, error) {
	return "enabled", s.Store.SetDisabled(r.Context(), r.PostForm.Get("name"), false)
}

// setPassword is for others: one's own wants the present one.
func (s *Pages) setPassword(_ http.ResponseWriter, r *http.Request, p pkgmeter.Principal) (string, error) {
	name := r.PostForm.Get("name")
	if name == p.User {
		return "", pkgmeter.Errorf(pkgmeter.Conflict, "change your own password in your account")
	}
	hash, err := auth.NewPassword(r.PostForm.Get("password"), r.PostForm.Get("again"))
	if err != nil {
		return "", err
	}
	return "set", s.Store.SetPassword(r.Context(), name, hash)
}

func (s *Pages) removeUser(_ http.ResponseWriter, r *http.Request, _ pkgmeter.Principal) (string, error) {
	if r.PostForm.Get("sure") == "" {
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "tick that you are sure: tokens, sessions and links of the user go as well")
	}
	return "removed", s.Store.RemoveUser(r.Context(), r.PostForm.Get("name"))
}
