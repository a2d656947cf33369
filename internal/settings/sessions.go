package settings

import (
	"encoding/hex"
	"net/http"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
)

const sessionsPath = "/stats/settings/sessions"

// sessionsView lists who is logged in.
type sessionsView struct {
	view
	Rows []sessionRow
	More bool // than are listed
}

type sessionRow struct {
	ID, User, Begun, LastUse string
	Here                     bool // the page is seen by it
}

// ServeSessions lists the sessions of all users.
func (s *Pages) ServeSessions(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	return s.sessions(rw, r, p, form{})
}

// TakeSessions ends a session of anybody.
func (s *Pages) TakeSessions(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	return s.take(rw, r, p, sessionsPath, map[string]action{
		"end": func(_ http.ResponseWriter, r *http.Request, _ pkgmeter.Principal) (string, error) {
			return "ended", s.endSession(r, r.PostForm.Get("user"))
		},
	}, s.sessions)
}

func (s *Pages) sessions(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal, f form) error {
	all, err := s.Store.Sessions(r.Context(), "")
	if err != nil {
		return err
	}
	v := &sessionsView{view: s.view(r, "Sessions", sessionsPath, p, f), Rows: s.sessionRows(r, all), More: len(all) > maxRows}
	return s.render(rw, "sessions", f, v)
}

func (s *Pages) sessionRows(r *http.Request, all []pkgmeter.Session) (rows []sessionRow) {
	own, known := s.Auth.SessionOf(r)
	now := s.Now()
	for _, one := range all {
		if len(rows) == maxRows {
			break
		}
		if auth.Ended(one.Created, one.Used, now) {
			continue
		}
		rows = append(rows, sessionRow{hex.EncodeToString(one.SHA256[:]), one.User, when(one.Created), when(one.Used), known && own == one.SHA256})
	}
	return rows
}

// endSession ends the session of a user that a form names. Its name is a digest
// of the cookie, of which nobody can make the cookie.
func (s *Pages) endSession(r *http.Request, user string) error {
	sum, err := hex.DecodeString(r.PostForm.Get("id"))
	if err != nil || len(sum) != 32 {
		return pkgmeter.Errorf(pkgmeter.Invalid, "which session?")
	}
	return s.Store.EndSessionOf(r.Context(), user, [32]byte(sum))
}
