package settings

import (
	"net/http"
	"strconv"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
)

const accountPath = "/stats/settings/account"

// accountView is what everybody has of their own.
type accountView struct {
	view
	Role     pkgmeter.Role
	Least    int // characters of a password
	Sessions []sessionRow
	Tokens   []tokenRow
}

// ServeAccount shows who is logged in what is theirs.
func (s *Pages) ServeAccount(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	return s.account(rw, r, p, form{})
}

// TakeAccount changes the password, ends a session or revokes a token, of who is
// logged in and of nobody else.
func (s *Pages) TakeAccount(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	return s.take(rw, r, p, accountPath, map[string]action{
		"password": s.changePassword, "end": s.endOwn, "revoke": s.revokeOwn,
	}, s.account)
}

func (s *Pages) account(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal, f form) error {
	v := &accountView{view: s.view(r, "My account", accountPath, p, f), Role: p.Role, Least: auth.MinPassword}
	sessions, err := s.Store.Sessions(r.Context(), p.User)
	if err != nil {
		return err
	}
	v.Sessions = s.sessionRows(r, sessions)
	tokens, err := s.Store.Tokens(r.Context())
	if err != nil {
		return err
	}
	v.Tokens = s.tokenRows(tokens, p.User)
	return s.render(rw, "account", f, v)
}

func (s *Pages) changePassword(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) (string, error) {
	get := r.PostForm.Get
	return "password", s.Auth.ChangePassword(rw, r, p.User, get("present"), get("password"), get("again"))
}

func (s *Pages) endOwn(_ http.ResponseWriter, r *http.Request, p pkgmeter.Principal) (string, error) {
	return "ended", s.endSession(r, p.User)
}

func (s *Pages) revokeOwn(_ http.ResponseWriter, r *http.Request, p pkgmeter.Principal) (string, error) {
	tokens, err := s.Store.Tokens(r.Context())
	if err != nil {
		return "", err
	}
	for _, t := range tokens {
		if t.User == p.User && strconv.FormatInt(t.ID, 10) == r.PostForm.Get("id") {
			return "revoked", s.Store.RevokeToken(r.Context(), t.ID)
		}
	}
	return "", pkgmeter.Errorf(pkgmeter.NotFound, "this token of yours was revoked already")
}
