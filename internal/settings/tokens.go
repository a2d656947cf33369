package settings

import (
	"net/http"
	"strconv"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
)

const tokensPath = "/stats/settings/tokens"

// tokensView lists the tokens, without their secrets.
type tokensView struct {
	view
	Rows   []tokenRow
	More   bool // than are listed
	Scopes []scopeChoice
	Secret string // of the token that was made just now, "" for none
}

type scopeChoice struct{ Name, Title string }

type tokenRow struct {
	ID                                             int64
	User, Scope, Begins, Created, Expires, LastUse string
	Over                                           bool
}

// ServeTokens lists the tokens of all users.
func (s *Pages) ServeTokens(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	return s.tokens(rw, r, p, form{})
}

// TakeTokens makes a token, or revokes one.
func (s *Pages) TakeTokens(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	return s.take(rw, r, p, tokensPath, map[string]action{"new": s.newToken, "revoke": s.revoke}, s.tokens)
}

func (s *Pages) tokens(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal, f form) error {
	return s.tokensWith(rw, r, p, f, "")
}

func (s *Pages) tokensWith(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal, f form, secret string) error {
	tokens, err := s.Store.Tokens(r.Context())
	if err != nil {
		return err
	}
	v := &tokensView{view: s.view(r, "Tokens", tokensPath, p, f), Secret: secret, Scopes: []scopeChoice{
		{"ingest", "ingest: send events"}, {"read", "read: ask for numbers"}, {"publish", "publish packages"},
	}}
	v.Rows = s.tokenRows(tokens, "")
	v.More = len(tokens) > maxRows
	return s.render(rw, "tokens", f, v)
}

// tokenRows lists the tokens of a user, of all where none is named, the newest
// first.
func (s *Pages) tokenRows(tokens []pkgmeter.Token, user string) (rows []tokenRow) {
	for i := len(tokens) - 1; i >= 0 && len(rows) < maxRows; i-- {
		if t := tokens[i]; user == "" || t.User == user {
			rows = append(rows, tokenRow{
				t.ID, t.User, string(t.Scope), "pkgm_" + t.Prefix, when(t.Created), when(t.Expires), when(t.Used),
				!t.Expires.IsZero() && !s.Now().Before(t.Expires),
			})
		}
	}
	return rows
}

// newToken shows the token this once: there is nothing to go back to.
func (s *Pages) newToken(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) (string, error) {
	scope, err := pkgmeter.ParseScope(r.PostForm.Get("scope"))
	if err != nil {
		return "", err
	}
	text, token := auth.NewToken(r.PostForm.Get("user"), scope)
	if day := r.PostForm.Get("expires"); day != "" {
		last, err := time.Parse(time.DateOnly, day)
		if err != nil {
			return "", pkgmeter.Errorf(pkgmeter.Invalid, "the last day %.20q: want a day such as 2027-01-31", day)
		}
		if token.Expires = last.AddDate(0, 0, 1); !token.Expires.After(s.Now()) {
			return "", pkgmeter.Errorf(pkgmeter.Invalid, "the last day %s is over", day)
		}
	}
	if _, err := s.Store.AddToken(r.Context(), token); err != nil {
		return "", err
	}
	if err := s.tokensWith(rw, r, p, form{Notice: "The token was made. It is shown this once."}, text); err != nil {
		return "", err
	}
	return "", errAnswered
}

func (s *Pages) revoke(_ http.ResponseWriter, r *http.Request, _ pkgmeter.Principal) (string, error) {
	id, err := strconv.ParseInt(r.PostForm.Get("id"), 10, 64)
	if err != nil {
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "which token?")
	}
	return "revoked", s.Store.RevokeToken(r.Context(), id)
}
