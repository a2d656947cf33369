package server

import (
	"errors"
	"mime"
	"net/http"
	"strconv"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

// maxForm bounds the body of a login, bytes.
const maxForm = 16 << 10

// login is the form, and what it is sent to.
type login struct {
	auth  *auth.Auth
	pages *web.Web
	base  string
}

func (l login) next(target string) string {
	return httpx.LocalTarget(l.base, target, l.base+"/stats")
}

// form shows the form.
func (l login) form(w http.ResponseWriter, r *http.Request) error {
	return l.pages.ServeLogin(w, http.StatusOK, l.next(r.URL.Query().Get("next")), "")
}

// demand answers a request for a page that needs a login with the form, which
// leads back to that page. There is no challenge: browsers would ask with a
// window of their own.
func (l login) demand(w http.ResponseWriter, r *http.Request) error {
	target := l.base + r.URL.EscapedPath() // the base path is off by now
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	return l.pages.ServeLogin(w, http.StatusUnauthorized, l.next(target), "")
}

// begin takes the form and begins a session.
func (l login) begin(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(w, r); err != nil {
		return err
	}
	// The query does not count: passwords do not belong into URLs.
	next := l.next(r.PostForm.Get("next"))
	err := l.auth.LogIn(w, r, r.PostForm.Get("username"), r.PostForm.Get("password"))
	switch code := pkgmeter.CodeOf(err); code {
	case "":
	case pkgmeter.Unauthenticated, pkgmeter.RateLimited:
		setRetryAfter(w, err)
		return l.pages.ServeLogin(w, httpx.Status(code), next, wrong(err))
	default:
		return err
	}
	seeOther(w, next)
	return nil
}

func wrong(err error) string {
	if pkgmeter.CodeOf(err) == pkgmeter.Unauthenticated {
		return "Wrong user name or password."
	}
	return "Too many failed logins. Try again later."
}

func readForm(w http.ResponseWriter, r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return pkgmeter.Errorf(pkgmeter.UnsupportedMediaType, "want application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return pkgmeter.Errorf(pkgmeter.TooLarge, "the body is larger than %d bytes", maxForm)
	}
	if err != nil {
		return &pkgmeter.Error{Code: pkgmeter.Invalid, Msg: "the form cannot be read", Err: err}
	}
	return nil
}

// end ends the session.
func (l login) end(w http.ResponseWriter, r *http.Request) error {
	if err := l.auth.LogOut(w, r); err != nil {
		return err
	}
	seeOther(w, l.base+"/")
	return nil
}

// seeOther redirects to a path that is sent as it is.
func seeOther(w http.ResponseWriter, target string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusSeeOther)
}

// setRetryAfter says when the next login is allowed, where err is that it came
// too early.
func setRetryAfter(w http.ResponseWriter, err error) {
	if limited, ok := errors.AsType[*auth.Limited](err); ok {
		w.Header().Set("Retry-After", strconv.Itoa(limited.RetryAfter()))
	}
}

// sameOrigin refuses what a page of another site makes a browser send. Programs
// that are no browsers send none of the headers, and pass.
func sameOrigin(next http.Handler) http.Handler {
	var guard http.CrossOriginProtection
	return httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if err := guard.Check(r); err != nil {
			return &pkgmeter.Error{Code: pkgmeter.Forbidden, Msg: "this request came from a page of another site", Err: err}
		}
		next.ServeHTTP(w, r)
		return nil
	})
}
