package server

import (
	"net/http"
	"net/url"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/sharelink"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

// An access says who may use a method of a route. Each has a row in the test of
// doors, which tries every role on every route.
type access string

// Doors that are built from the table of routes.
const (
	// everyone may, whatever they bring.
	everyone access = "everyone"
	// ownForms are sent by everyone, but not from a page of another site.
	ownForms access = "own forms"
	// visitors are everyone too, but wrong credentials are refused.
	visitors access = "visitors"
	// readers of a page are who may read numbers: everyone with PublicStats.
	readers access = "readers"
	// askers are readers who get data; nobody in particular may ask about public
	// repositories.
	askers access = "askers"
	// linkedReaders are readers, and who has a link to the page.
	linkedReaders access = "readers or a link"
	// linkedAskers are askers, and who has a link to a page that asks this.
	linkedAskers access = "askers or a link"
	// people have a user of their own, and no token, whatever is public.
	people access = "people"
	// sharers are people who may share what they see.
	sharers access = "sharers"
	// admins are people who administer.
	admins access = "admins"
	// adminAskers are admins who get data, and no form where they are nobody.
	adminAskers access = "admins who ask"
	// ingesters bring a token for sending events.
	ingesters access = "ingesters"
)

// Doors that are kept by the handler behind them.
const (
	// pictures are badges: for askers, and for whoever has a signed address.
	pictures access = "pictures"
	// senders bring an ingest token somewhere in the request.
	senders access = "senders"
	// hooked is for whoever brings the callback's token, where it has one.
	hooked access = "hook"
	// tickets are addresses that nobody can guess, of one upload each.
	tickets access = "tickets"
	// operators are who can reach the other listener.
	operators access = "operators"
)

// pageFunc serves a request of somebody, or of nobody where everyone may.
type pageFunc func(w http.ResponseWriter, r *http.Request, reader pkgmeter.Principal) error

// endpoint is what serves a method of a route, and whom.
type endpoint struct {
	access access
	serve  pageFunc
}

// anyMethod is the only method of an endpoint that looks at methods itself.
const anyMethod = "*"

// plain is a handler to which it is all the same who asks.
func plain(h http.Handler) pageFunc {
	return func(w http.ResponseWriter, r *http.Request, _ pkgmeter.Principal) error {
		h.ServeHTTP(w, r)
		return nil
	}
}

func get(a access, h http.Handler) map[string]endpoint {
	return map[string]endpoint{http.MethodGet: {a, plain(h)}}
}

func post(a access, h http.Handler) map[string]endpoint {
	return map[string]endpoint{http.MethodPost: {a, plain(h)}}
}

func page(a access, show pageFunc) map[string]endpoint {
	return map[string]endpoint{http.MethodGet: {a, show}}
}

// form is a page with a form that is sent to its own address.
func form(a access, show, take pageFunc) map[string]endpoint {
	return map[string]endpoint{http.MethodGet: {a, show}, http.MethodPost: {a, take}}
}

// every leaves the methods to the handler.
func every(a access, h http.Handler) map[string]endpoint {
	return map[string]endpoint{anyMethod: {a, plain(h)}}
}

// handler puts the door of each method before it.
func (r route) handler(s *Server, l login) http.Handler {
	methods := httpx.Methods{}
	for method, e := range r.methods {
		methods[method] = s.door(e, l)
		if method == http.MethodPost && e.access.byBrowsers() {
			methods[method] = sameOrigin(methods[method])
		}
	}
	if h, all := methods[anyMethod]; all {
		return h
	}
	return methods
}

// byBrowsers reports whether a browser opens a door by what it sends of its own
// accord: a page of another site could make it send a form.
func (a access) byBrowsers() bool {
	return a == ownForms || a == visitors || a == readers || a == linkedReaders || a == people || a == sharers || a == admins
}

// door lets those pass whom an endpoint is for.
func (s *Server) door(e endpoint, l login) http.Handler {
	switch e.access {
	case everyone, ownForms, pictures, senders, hooked, tickets, operators:
		return httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			return e.serve(w, r, pkgmeter.Principal{})
		})
	case visitors:
		return s.shown(l, true, e.serve)
	case readers:
		return s.shown(l, s.PublicStats, e.serve)
	case linkedReaders:
		return s.linked(l, sharelink.Page, e.serve, s.shown(l, s.PublicStats, e.serve))
	case sharers:
		return s.shown(l, false, sharing(e.serve))
	case people:
		return s.shown(l, false, personal(e.serve))
	case admins:
		return s.shown(l, false, administrative(e.serve))
	case askers:
		return s.asked(e.serve)
	case linkedAskers:
		return s.linked(l, sharelink.Question, e.serve, s.asked(e.serve))
	case adminAskers:
		return s.known(s.Auth.Reader, administrative(e.serve))
	case ingesters:
		return s.known(s.Auth.Ingester, e.serve)
	}
	panic("there is no door " + string(e.access)) // a mistake of the program
}

// personal refuses tokens: each has one purpose, and this is none of them.
func personal(serve pageFunc) pageFunc {
	return func(w http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
		if p.User == "" || p.Scope != "" {
			return pkgmeter.Errorf(pkgmeter.Forbidden, "this is for people, not for tokens")
		}
		return serve(w, r, p)
	}
}

func sharing(serve pageFunc) pageFunc {
	return func(w http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
		if !web.MayShare(p) {
			return pkgmeter.Errorf(pkgmeter.Forbidden, "this is for viewers and administrators")
		}
		return serve(w, r, p)
	}
}

func administrative(serve pageFunc) pageFunc {
	return func(w http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
		if p.Role != pkgmeter.Admin || p.Scope != "" {
			return pkgmeter.Errorf(pkgmeter.Forbidden, "this is for administrators")
		}
		return serve(w, r, p)
	}
}

// asked lets those pass who may read numbers.
func (s *Server) asked(serve pageFunc) http.Handler {
	return httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Vary", varyByAsker)
		params, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			params = nil // who may ask is told what is wrong; it names no repository
		}
		everyone, err := s.mayRead(r, params)
		if err != nil {
			challenge(w, err)
			return err
		}
		if everyone {
			anyOrigin(w.Header())
		}
		return serve(w, r, pkgmeter.Principal{})
	})
}

// known lets those pass who are somebody, and says who that is.
func (s *Server) known(who func(*http.Request) (pkgmeter.Principal, error), serve pageFunc) http.Handler {
	return httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		p, err := who(r)
		if err != nil {
			challenge(w, err)
			return err
		}
		return serve(w, inNameOf(r, p), p)
	})
}

// inNameOf returns a request of which the audit log says who made it.
func inNameOf(r *http.Request, p pkgmeter.Principal) *http.Request {
	return r.WithContext(pkgmeter.WithActor(r.Context(), p.User))
}

// shown lets those see a page who may read, and everyone where it is public, and
// tells it who that is. Browsers without credentials get the login form instead.
func (s *Server) shown(l login, public bool, serve pageFunc) http.Handler {
	return httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		p, err := s.Auth.Reader(r)
		own := auth.HasCredentials(r)
		switch code := pkgmeter.CodeOf(err); {
		case err == nil:
			return serve(w, inNameOf(r, p), p)
		case public && !own && code == pkgmeter.Unauthenticated:
			return serve(w, r, pkgmeter.Principal{})
		case code == pkgmeter.Unauthenticated && !own && httpx.PrefersHTML(r):
			return l.demand(w, r)
		default:
			httpx.Fail(w, r, err)
			challenge(w, err)
			httpx.Write(w, httpx.Status(code), "text/plain; charset=utf-8", []byte(pkgmeter.PublicMessage(err)+"\n"))
			return nil
		}
	})
}

// challenge makes browsers ask for a name and a password, or wait.
func challenge(w http.ResponseWriter, err error) {
	w.Header().Set("Cache-Control", "no-store")
	if pkgmeter.CodeOf(err) == pkgmeter.Unauthenticated {
		w.Header().Set("WWW-Authenticate", `Basic realm="pkgmeter", charset="UTF-8"`)
	}
	setRetryAfter(w, err)
}
