package server

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/daily"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

// route is one path of the main listener.
type route struct {
	path    string
	methods httpx.Methods
}

// routes lists every path of the main listener, below the base path.
func (s *Server) routes(pages *web.Web) []route {
	answers := s.answers()
	callback, senders := s.callback, s.senders()
	account := login{s.Auth, pages, s.Base}
	get := func(h http.Handler) httpx.Methods { return httpx.Methods{http.MethodGet: h} }
	post := func(h http.Handler) httpx.Methods { return httpx.Methods{http.MethodPost: h} }
	return []route{
		{"/{$}", get(httpx.HandlerFunc(pages.Landing))},
		{"/callback", post(callback)},
		{"/callback/{token}", post(callback)},
		{"/hook/{kind}", post(senders)},
		{"/hook/{kind}/{token}", post(senders)},
		{"/api/v1/events", post(s.ingester(s.events.Serve))},
		{"/api/v1/totals", get(s.reader(answers.Handler("totals")))},
		{"/api/v1/top", get(s.reader(answers.Handler("top")))},
		{"/api/v1/series", get(s.reader(answers.Handler("series")))},
		{"/api/v1/movers", get(s.reader(answers.Handler("movers")))},
		{"/api/v1/uploads", get(s.reader(answers.Handler("uploads")))},
		{"/badge/{type}/{name...}", get(s.badge(answers))},
		{"/stats", get(s.page(account, pages.ServeStats))},
		{"/stats/rules", get(s.page(account, pages.ServeRules(s.Rules)))},
		{"/stats/package", get(s.page(account, pages.ServeUse))},
		{"/stats/badges", get(s.page(account, pages.ServeBadges))},
		{"/stats/sources", get(s.shown(account, false, pages.ServeSources))},
		{"/stats/alerts", s.adminForm(account, pages.ServeAlerts, pages.ChangeAlerts)}, // everybody who is somebody sees them
		{"/stats/alerts/edit", s.adminForm(account, pages.ServeWatch, pages.SaveWatch)},
		{"/stats/alerts/told", get(s.shown(account, false, pages.ServeTold))},
		{"/stats/settings", s.adminForm(account, pages.ServeSettings, pages.SaveSettings)},
		{"/stats/quarantine", s.adminForm(account, pages.ServeQuarantine, pages.Retry)},
		{"/stats/payloads", s.adminForm(account, pages.ServePayloads, pages.SaveMapping)},
		{"/catalog", get(s.shown(account, true, pages.ServeCatalog))},
		{"/catalog/{package}", get(s.shown(account, true, pages.ServePackage))},
		{"/catalog/tracks", get(s.shown(account, true, pages.ServeTracks))},
		{"/catalog/tracks/{track}", get(s.shown(account, true, pages.ServeTrack))},
		{"/stats/v1/{day}", get(daily.ServeDay(s.Store))},
		{"/stats/v1/{day}/{$}", get(daily.ServeDay(s.Store))},
		{"/stats/v1", get(daily.ServeIndex(s.Store))},
		{"/stats/v1/{$}", get(daily.ServeIndex(s.Store))},
		{"/login", httpx.Methods{
			http.MethodGet:  httpx.HandlerFunc(account.form),
			http.MethodPost: sameOrigin(httpx.HandlerFunc(account.begin)),
		}},
		{"/logout", post(sameOrigin(httpx.HandlerFunc(account.end)))},
		{"/save.json", get(s.admin(api.SaveJSON(s.Store)))},
		{"/static/", get(http.StripPrefix("/static/", pages.Static()))},
		{"/healthz", get(httpx.HandlerFunc(healthz))},
		{"/readyz", get(httpx.HandlerFunc(s.readyz))},
	}
}

// answers answers the questions of the API.
func (s *Server) answers() *api.API {
	return &api.API{Stats: s.Store, Use: s.Store, Packages: s.Store, Now: s.Now}
}

// handler routes the main listener. Every path answers below the base path of
// the public URL, and without it too, for proxies that take it off.
func (s *Server) handler(pages *web.Web) http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes(pages) {
		mux.Handle(r.path, s.metrics.observe(r.path, r.methods))
	}
	for _, path := range []string{"/websocket", "/websocket/", "/sockjs", "/sockjs/"} {
		mux.Handle(path, s.metrics.observe(path, s.packages.Handler()))
	}
	mux.Handle("/", s.metrics.observe("other", httpx.HandlerFunc(notFound)))
	return httpx.Forwarded(s.TrustedProxies, httpx.Secure(s.below(s.files(mux))))
}

// below takes the base path off a request.
func (s *Server) below(next http.Handler) http.Handler {
	if s.Base == "" {
		return next
	}
	strip := http.StripPrefix(s.Base, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == s.Base:
			http.Redirect(w, r, s.Base+"/", http.StatusPermanentRedirect)
		case strings.HasPrefix(r.URL.Path, s.Base+"/"):
			strip.ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func notFound(http.ResponseWriter, *http.Request) error {
	return pkgmeter.Errorf(pkgmeter.NotFound, "there is no such page")
}

// reader lets those pass who may read numbers.
func (s *Server) reader(next http.Handler) http.Handler {
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
		next.ServeHTTP(w, r)
		return nil
	})
}

// ingester lets those pass who may send events, and says who that is.
func (s *Server) ingester(take pageFunc) http.Handler {
	return httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		p, err := s.Auth.Ingester(r)
		if err != nil {
			challenge(w, err)
			return err
		}
		return take(w, r, p)
	})
}

// admin lets administrators pass, as people: a token has one purpose, and this
// is none of them.
func (s *Server) admin(next http.Handler) http.Handler {
	return httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		p, err := s.Auth.Reader(r)
		if err == nil && (p.Role != pkgmeter.Admin || p.Scope != "") {
			err = pkgmeter.Errorf(pkgmeter.Forbidden, "this is for administrators")
		}
		if err != nil {
			challenge(w, err)
			return err
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// page lets those see a page who may read numbers, and tells it who that is.
// Browsers without credentials get the login form instead.
func (s *Server) page(l login, serve pageFunc) http.Handler { return s.shown(l, s.PublicStats, serve) }

// pageFunc serves a request of somebody who is known.
type pageFunc func(w http.ResponseWriter, r *http.Request, reader pkgmeter.Principal) error

// adminForm shows a form and takes it. The pages let administrators pass only;
// here everybody has to be somebody.
func (s *Server) adminForm(l login, show, take pageFunc) httpx.Methods {
	return httpx.Methods{http.MethodGet: s.shown(l, false, show), http.MethodPost: s.shown(l, false, take)}
}

func (s *Server) shown(l login, public bool, serve pageFunc) http.Handler {
	return httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		p, err := s.Auth.Reader(r)
		own := auth.HasCredentials(r)
		switch code := pkgmeter.CodeOf(err); {
		case err == nil:
			return serve(w, r, p)
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

func healthz(w http.ResponseWriter, _ *http.Request) error {
	httpx.Write(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
	return nil
}

// readyz answers 503 with a reason where events could not be stored now.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) error {
	if err := s.ready(r.Context()); err != nil {
		w.Header().Set("Retry-After", httpx.RetryAfter)
		httpx.Write(w, http.StatusServiceUnavailable, "text/plain; charset=utf-8", []byte(strings.TrimSpace(err.Error())+"\n"))
		return nil
	}
	return healthz(w, r)
}
