// Package settings renders the pages by which an installation is looked after:
// users, tokens, sessions, links to shared views, the audit log, and what
// everybody has of their own. One file a page, with its view model, and a
// template beside it.
//
// It does not know how any of that is kept, nor who may see which page.
package settings

import (
	"context"
	"embed"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

//go:embed templates
var files embed.FS

// Limits of the pages: of the body of a form, in bytes, and of the rows of a
// list. The command line lists all.
const (
	maxForm = 16 << 10
	maxRows = 500
)

// Store keeps accounts, links and the audit log. Every change is written down in
// the name of the user that its context says.
type Store interface {
	Users(ctx context.Context) ([]pkgmeter.User, error)
	AddUser(ctx context.Context, u pkgmeter.User) error
	SetRole(ctx context.Context, name string, role pkgmeter.Role) error
	SetDisabled(ctx context.Context, name string, disabled bool) error
	SetPassword(ctx context.Context, name, hash string) error
	RemoveUser(ctx context.Context, name string) error

	Tokens(ctx context.Context) ([]pkgmeter.Token, error)
	AddToken(ctx context.Context, t pkgmeter.Token) (id int64, err error)
	RevokeToken(ctx context.Context, id int64) error

	// Sessions lists those of a user, of all where none is named.
	Sessions(ctx context.Context, user string) ([]pkgmeter.Session, error)
	EndSessionOf(ctx context.Context, user string, sum [32]byte) error

	// Links lists those of a user, of all where none is named.
	Links(ctx context.Context, user string) ([]pkgmeter.ShareLink, error)
	AddLink(ctx context.Context, l pkgmeter.ShareLink) (id int64, err error)
	// EndLink ends a link; of a user's own, where one is named.
	EndLink(ctx context.Context, id int64, user string) error

	// Changes calls f with lines of the audit log, the newest first.
	Changes(ctx context.Context, filter pkgmeter.ChangeFilter, limit int, f func(pkgmeter.Change) error) error
}

// Pages are the pages of settings. Who may see which is decided before.
type Pages struct {
	Web       *web.Web
	Auth      *auth.Auth
	Store     Store
	Now       func() time.Time
	PublicURL string // by which others reach the server; "" if it is not known
}

// Init parses the templates. A broken one is a mistake of the program.
func (s *Pages) Init() error {
	return s.Web.Parse(files, "account", "users", "tokens", "sessions", "links", "audit")
}

// view is what every page of settings has.
type view struct {
	web.Page
	form
	Tabs []web.Tab
	Me   string // who looks
}

// A form is what a page has of one of its forms that was sent: before, and taken,
// or just now, and in vain.
type form struct {
	Notice string     // what was done
	Which  string     // the form that could not be taken, "" for none
	Alert  string     // why
	typed  url.Values // passwords are never shown again
	status int
}

// Value returns what was typed into a field of a form that was not taken.
func (f form) Value(which, field string) string {
	if f.Which != which {
		return ""
	}
	return f.typed.Get(field)
}

// notices are what a page says was done, by the word in its address.
var notices = map[string]string{
	"password": "The password was changed. All other sessions have ended.",
	"added":    "The user was added.",
	"role":     "The role was changed.",
	"disabled": "The user is disabled.",
	"enabled":  "The user may log in again.",
	"set":      "The password was set, and the user may log in. All sessions before have ended.",
	"removed":  "The user was removed, with tokens, sessions and links.",
	"revoked":  "The token was revoked.",
	"ended":    "The session has ended.",
	"closed":   "The link was ended.",
}

func (s *Pages) view(r *http.Request, title, path string, p pkgmeter.Principal, f form) view {
	if f.Which == "" && f.Notice == "" {
		f.Notice = notices[r.URL.Query().Get("done")]
	}
	return view{Page: s.Web.NewPage(r, title, p), form: f, Tabs: s.Web.Tabs(p, path), Me: p.User}
}

func (s *Pages) render(rw http.ResponseWriter, name string, f form, v any) error {
	rw.Header().Set("Cache-Control", "no-store")
	status := http.StatusOK
	if f.status != 0 {
		status = f.status
	}
	return s.Web.Render(rw, status, name, v)
}

// An action does what a form asks for, and returns the word for what was done.
type action func(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) (done string, err error)

// errAnswered is of an action that has written the answer itself.
var errAnswered = errors.New("answered")

// take reads a form and does what it asks for. Where that cannot be, show says
// why beside the form.
func (s *Pages) take(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal, path string, actions map[string]action,
	show func(http.ResponseWriter, *http.Request, pkgmeter.Principal, form) error,
) error {
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return pkgmeter.Errorf(pkgmeter.TooLarge, "the body is larger than %d bytes", maxForm)
		}
		return &pkgmeter.Error{Code: pkgmeter.Invalid, Msg: "the form cannot be read", Err: err}
	}
	which := r.PostForm.Get("do")
	do := actions[which]
	if do == nil {
		return pkgmeter.Errorf(pkgmeter.Invalid, "there is no such form")
	}
	done, err := do(rw, r, p)
	switch code := pkgmeter.CodeOf(err); {
	case err == nil:
		http.Redirect(rw, r, s.Web.Base+path+"?done="+done, http.StatusSeeOther)
		return nil
	case errors.Is(err, errAnswered):
		return nil
	case code == pkgmeter.Invalid, code == pkgmeter.Conflict, code == pkgmeter.NotFound, code == pkgmeter.RateLimited:
		if limited, ok := errors.AsType[*auth.Limited](err); ok {
			rw.Header().Set("Retry-After", strconv.Itoa(limited.RetryAfter()))
		}
		return show(rw, r, p, form{Which: which, Alert: sentence(pkgmeter.PublicMessage(err)), typed: r.PostForm, status: httpx.Status(code)})
	default:
		return err
	}
}

// sentence begins with a capital letter, where there is one, and ends in a stop.
func sentence(s string) string {
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		s = string(s[0]-'a'+'A') + s[1:]
	}
	return s + "."
}

// when is a time as pages have it.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04")
}
