package server

import (
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/daily"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/settings"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

// route is one path of a listener.
type route struct {
	path    string
	methods map[string]endpoint
}

// routes lists every path of the main listener, below the base path. Nothing
// else is served.
func (s *Server) routes(pages *web.Web, own *settings.Pages, account login) []route {
	answers := s.answers()
	fromSenders := s.senders()
	return []route{
		{"/{$}", get(everyone, httpx.HandlerFunc(pages.Landing))},
		{"/callback", post(hooked, s.callback)},
		{"/callback/{token}", post(hooked, s.callback)},
		{"/hook/{kind}", post(senders, fromSenders)},
		{"/hook/{kind}/{token}", post(senders, fromSenders)},
		{"/api/v1/events", map[string]endpoint{http.MethodPost: {ingesters, s.events.Serve}}},
		{"/api/v1/totals", get(linkedAskers, answers.Handler("totals"))},
		{"/api/v1/top", get(linkedAskers, answers.Handler("top"))},
		{"/api/v1/series", get(linkedAskers, answers.Handler("series"))},
		{"/api/v1/movers", get(linkedAskers, answers.Handler("movers"))},
		{"/api/v1/uploads", get(linkedAskers, answers.Handler("uploads"))},
		{"/api/v1/compare", get(askers, answers.Handler("compare"))},
		{"/api/v1/search", get(askers, answers.Handler("search"))},
		{"/api/v1/live", get(askers, httpx.HandlerFunc(s.stream))},
		{"/badge/{type}/{name...}", get(pictures, s.badge(answers))},
		{"/stats", page(linkedReaders, pages.ServeStats)},
		{"/stats/{$}", page(readers, pages.ServeStats)},
		{"/stats/rules", page(readers, pages.ServeRules(s.Rules))},
		{"/stats/package", page(linkedReaders, pages.ServeUse)},
		{"/stats/live", page(readers, pages.ServeLive)},
		{"/stats/compare", page(readers, pages.ServeCompare)},
		{"/stats/search", page(readers, pages.ServeSearch)},
		{"/stats/badges", page(readers, pages.ServeBadges)},
		{"/stats/sources", page(people, pages.ServeSources)},
		{"/stats/alerts", map[string]endpoint{
			http.MethodGet:  {people, pages.ServeAlerts},
			http.MethodPost: {admins, pages.ChangeAlerts},
		}},
		{"/stats/alerts/edit", form(admins, pages.ServeWatch, pages.SaveWatch)},
		{"/stats/alerts/told", page(people, pages.ServeTold)},
		{"/stats/settings", form(admins, pages.ServeSettings, pages.SaveSettings)},
		{"/stats/settings/account", form(people, own.ServeAccount, own.TakeAccount)},
		{"/stats/settings/links", form(sharers, own.ServeLinks, own.TakeLinks)},
		{"/stats/settings/users", form(admins, own.ServeUsers, own.TakeUsers)},
		{"/stats/settings/tokens", form(admins, own.ServeTokens, own.TakeTokens)},
		{"/stats/settings/sessions", form(admins, own.ServeSessions, own.TakeSessions)},
		{"/stats/settings/audit", page(admins, own.ServeAudit)},
		{"/stats/quarantine", form(admins, pages.ServeQuarantine, pages.Retry)},
		{"/stats/payloads", form(admins, pages.ServePayloads, pages.SaveMapping)},
		{"/catalog", page(visitors, pages.ServeCatalog)},
		{"/catalog/{$}", page(visitors, pages.ServeCatalog)},
		{"/catalog/{package}", page(visitors, pages.ServePackage)},
		{"/catalog/tracks", page(visitors, pages.ServeTracks)},
		{"/catalog/tracks/{track}", page(visitors, pages.ServeTrack)},
		{"/stats/v1/{day}", get(everyone, daily.ServeDay(s.Store))},
		{"/stats/v1/{day}/{$}", get(everyone, daily.ServeDay(s.Store))},
		{"/stats/v1", get(everyone, daily.ServeIndex(s.Store))},
		{"/stats/v1/{$}", get(everyone, daily.ServeIndex(s.Store))},
		{"/login", map[string]endpoint{
			http.MethodGet:  {everyone, plain(httpx.HandlerFunc(account.form))},
			http.MethodPost: {ownForms, plain(httpx.HandlerFunc(account.begin))},
		}},
		{"/logout", post(ownForms, httpx.HandlerFunc(account.end))},
		{"/save.json", get(adminAskers, api.SaveJSON(s.Store))},
		{"/static/", get(everyone, http.StripPrefix("/static/", pages.Static()))},
		{"/healthz", get(everyone, httpx.HandlerFunc(healthz))},
		{"/readyz", get(everyone, httpx.HandlerFunc(s.readyz))},
		{"/websocket", every(everyone, s.packages.Handler())},
		{"/websocket/", every(everyone, s.packages.Handler())},
		{"/sockjs", every(everyone, s.packages.Handler())},
		{"/sockjs/", every(everyone, s.packages.Handler())},
		{"/", every(everyone, httpx.HandlerFunc(notFound))},
	}
}

// fileRoutes are the paths of the main listener below which nothing is cleaned:
// see [Server.files].
func (s *Server) fileRoutes() []route {
	if s.Blobs == nil {
		return nil
	}
	return []route{
		{"/upload/", every(tickets, s.uploads)},
		{"/files/", every(everyone, s.downloads)},
	}
}

// operatorRoutes lists every path of the listener for operators.
func (s *Server) operatorRoutes() []route {
	return []route{
		{"/metrics", get(operators, s.metrics.handler())},
		{"/debug/pprof/", get(operators, http.HandlerFunc(pprof.Index))},
		{"/debug/pprof/cmdline", get(operators, http.HandlerFunc(pprof.Cmdline))},
		{"/debug/pprof/profile", get(operators, http.HandlerFunc(pprof.Profile))},
		{"/debug/pprof/symbol", get(operators, http.HandlerFunc(pprof.Symbol))},
		{"/debug/pprof/trace", get(operators, http.HandlerFunc(pprof.Trace))},
		{"/healthz", get(operators, httpx.HandlerFunc(healthz))},
		{"/readyz", get(operators, httpx.HandlerFunc(s.readyz))},
	}
}

// answers answers the questions of the API.
func (s *Server) answers() *api.API {
	return &api.API{Stats: s.Store, Searcher: s.Store, Use: s.Store, Packages: s.Store, Now: s.Now}
}

// handler routes the main listener. Every path answers below the base path of
// the public URL, and without it too, for proxies that take it off.
func (s *Server) handler(pages *web.Web, own *settings.Pages) http.Handler {
	l := login{s.Auth, pages, s.Base}
	observed := func(r route) http.Handler {
		label := r.path
		if label == "/" {
			label = "other"
		}
		return s.metrics.observe(label, r.handler(s, l))
	}
	mux := mount(s.routes(pages, own, l), observed)
	return httpx.Forwarded(s.TrustedProxies, httpx.Secure(s.below(s.files(mux, observed))))
}

// adminHandler routes the listener for operators.
func (s *Server) adminHandler() http.Handler {
	return mount(s.operatorRoutes(), func(r route) http.Handler { return r.handler(s, login{}) })
}

// mount is the only place where paths are given to a mux, so that each is in a
// table.
func mount(routes []route, serve func(route) http.Handler) *http.ServeMux {
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.Handle(r.path, serve(r))
	}
	return mux
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
