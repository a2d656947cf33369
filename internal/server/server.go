// Package server puts the parts together that a running program has: every
// route, the two listeners, the queue before the store, their start and their
// stop.
//
// It does not know which store it has, nor where the configuration comes from.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/alert"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/blob"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
	"github.com/pkgmeter/pkgmeter/internal/daily"
	"github.com/pkgmeter/pkgmeter/internal/hook"
	"github.com/pkgmeter/pkgmeter/internal/ingest"
	"github.com/pkgmeter/pkgmeter/internal/live"
	"github.com/pkgmeter/pkgmeter/internal/meteor"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/settings"
	"github.com/pkgmeter/pkgmeter/internal/source"
	"github.com/pkgmeter/pkgmeter/internal/web"
	"golang.org/x/sync/errgroup"
)

// Limits of every connection.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	readyTimeout      = time.Second
)

// Grace is how long requests that are being answered may take after the order
// to stop.
const Grace = 15 * time.Second

// Store is what the server needs of a store.
type Store interface {
	pkgmeter.Stats
	pkgmeter.Searcher
	pkgmeter.UseStats
	api.Exporter
	api.Packages
	Publicity
	settings.Store
	web.Panels
	web.Sources
	Inspection
	meteor.Store
	catalog.Source
	web.Records
	daily.Store
	daily.Files
	meteor.PublishStore
	meteor.PendingStore
	meteor.FileStore
	blob.References
	live.Ledger
	alert.Store
	// Write makes deliveries durable, as [ingest.Writer] has it.
	ingest.Writer[*pkgmeter.Delivery]
	// Maintain works beside the write path until ctx ends; it returns an error
	// only if the store cannot go on.
	Maintain(ctx context.Context, report func(error)) error
	// Ready returns nil if the store could take a delivery now.
	Ready(ctx context.Context) error
}

// A Server is configured by its fields, and then run once.
type Server struct {
	Store Store
	Rules *rule.Set
	Ruled *rule.Cache // of Rules; others may use it too
	Auth  *auth.Auth
	Now   func() time.Time

	// Fatal reports whether an error of the store means that the process has
	// to end. Optional.
	Fatal func(error) bool

	// TrustedProxies are whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix

	// People says what is kept of who fetched files.
	People source.People

	CallbackToken string
	PublicStats   bool
	Secure        bool   // the public URL is https
	Base          string // base path, "" or /path without a slash at its end
	Version       string

	// PublicURL is what others reach this server by, without a slash at its end:
	// the addresses in the catalog begin with it.
	PublicURL string

	// Blobs keeps the bytes of packages. Nil: nothing can be published.
	Blobs *blob.Store

	// Reports keeps what apps contain. Nil: nobody is asked.
	Reports ingest.Writer[*pkgmeter.AppReport]

	// Live tunes the live view of events.
	Live live.Options

	// PageFile is scratch space for what many clients of the catalog get.
	// Optional.
	PageFile *os.File

	// Mail is how alerts are mailed. Nil: not at all.
	Mail *alert.Mail

	queue   *ingest.Queue[*pkgmeter.Delivery]
	metrics *metrics
	live    *live.Hub

	callback  *hook.Callback
	events    *hook.Events
	packages  *meteor.Server
	uploads   *meteor.Uploads
	downloads *meteor.Downloads
	own       chan pkgmeter.Event // what happened to the server's own files
}

// parts are what a server is put together of, beside what its fields hold.
type parts struct {
	reports *ingest.Queue[*pkgmeter.AppReport] // nil: nobody is asked
	alerts  *alert.Alerts
	pages   *web.Web
	own     *settings.Pages
}

// prepare makes the parts; nothing runs yet.
func (s *Server) prepare(ctx context.Context) (p parts, err error) {
	s.Auth.Secure = s.Secure
	s.queue = ingest.New(s.Store, ingest.Options{Fatal: s.Fatal})
	s.metrics = newMetrics(s.queue, s.Version)
	large := hook.NewLarge()
	s.callback = &hook.Callback{Queue: s.queue, Rules: s.Ruled, Token: s.CallbackToken, Now: s.Now, Done: s.metrics.delivered, Large: large, People: s.People}
	s.events = &hook.Events{Queue: s.queue, Rules: s.Ruled, Now: s.Now, Done: s.metrics.delivered, Refused: s.metrics.refusedItems, Large: large, People: s.People}
	if s.Reports != nil {
		p.reports = ingest.New(s.Reports, ingest.Options{MaxBatch: maxReported, Fatal: s.Fatal})
	}
	s.packageServer(p.reports)
	secret, err := s.Store.Secret(ctx)
	if err != nil {
		return p, fmt.Errorf("secret of the installation: %w", err)
	}
	s.live = live.New(s.Store, s.Rules, secret, s.Live)
	s.metrics.watch(s.live)
	inspect := inspector{s.Store, s.callback}
	if err := inspect.load(ctx); err != nil {
		return p, fmt.Errorf("mapping of the webhook: %w", err)
	}
	p.alerts = alert.New(s.Store, s.Store, alert.Options{PublicURL: s.PublicURL, Mail: s.Mail, Now: s.Now})
	p.pages = &web.Web{
		Stats: s.Store, Searcher: s.Store, Public: s.PublicStats, Now: s.Now, Base: s.Base, Version: s.Version, Panels: s.Store, Sources: s.Store, Inspector: inspect,
		Catalog: s.catalog(), Badges: badges{s, s.answers()}, Publicity: s.Store, Live: s.live, Alerts: p.alerts, Settings: true, Own: s.Rules.OwnRules(),
	}
	if err := p.pages.Init(); err != nil {
		return p, err
	}
	p.own = &settings.Pages{Web: p.pages, Auth: s.Auth, Store: s.Store, Now: s.Now, PublicURL: s.PublicURL}
	return p, p.own.Init()
}

// Run serves on main, and on admin where there is one, until ctx ends or a
// part fails. It stops in the order that loses nothing: requests first, then
// the queue that they feed, then the work beside it. The caller closes the
// store after Run has returned.
func (s *Server) Run(ctx context.Context, main, admin net.Listener) error {
	p, err := s.prepare(ctx)
	if err != nil {
		return err
	}
	// Parts outlive ctx, and end in order.
	g, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	inner, stopInner := context.WithCancel(failed)
	g.Go(func() error {
		defer stopInner()
		return s.queue.Run(inner)
	})
	if p.reports != nil {
		g.Go(func() error {
			defer stopInner()
			return p.reports.Run(inner)
		})
	}
	g.Go(func() error {
		return s.Store.Maintain(inner, func(err error) { slog.Error("maintenance", "err", err) })
	})
	for _, run := range s.beside(p) {
		g.Go(func() error {
			run(inner)
			return nil
		})
	}
	counting, stopCounting := context.WithCancel(context.WithoutCancel(ctx))
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		s.countOwn(counting)
	}()
	servers := []*http.Server{s.listen(g, main, s.handler(p.pages, p.own), writeTimeout)}
	if admin != nil {
		servers = append(servers, s.listen(g, admin, s.adminHandler(), 0)) // a profile takes as long as it is asked to
	}
	g.Go(func() error {
		defer stopInner() // not before the last handler has its answer
		select {
		case <-ctx.Done():
		case <-failed.Done():
		}
		err := s.shutdown(context.WithoutCancel(ctx), servers)
		stopCounting()
		<-counted // while there is a queue to take them
		return err
	})
	return g.Wait()
}

// beside lists the work beside requests that cannot fail and ends with its
// context.
func (s *Server) beside(p parts) []func(context.Context) {
	all := []func(context.Context){
		func(ctx context.Context) { s.Auth.LogFailures(ctx, slog.Default()) },
		s.live.Run,
		s.packages.Run,
		func(ctx context.Context) {
			daily.Run(ctx, s.Store, s.Now, func(err error) { slog.Error("statistics of a day", "err", err) })
		},
		p.alerts.Run,
	}
	if s.Blobs != nil {
		all = append(all, s.sweep)
	}
	return all
}

func (s *Server) listen(g *errgroup.Group, ln net.Listener, h http.Handler, write time.Duration) *http.Server {
	hs := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      write,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}
	g.Go(func() error {
		if err := hs.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("listen on %s: %w", ln.Addr(), err)
		}
		return nil
	})
	return hs
}

func (s *Server) shutdown(ctx context.Context, servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, Grace)
	defer cancel()
	s.live.Close() // its streams would be waited for
	// Sessions go first: their connections are no longer the listener's, and
	// what they poll would be waited for.
	if err := s.packages.Shutdown(ctx); err != nil {
		slog.Warn("sessions were cut at the stop", "err", err)
	}
	for _, hs := range servers {
		if err := hs.Shutdown(ctx); err != nil {
			// Who is still connected has had its time; what was acknowledged
			// is on disk.
			slog.Warn("connections were cut at the stop", "err", err)
			hs.Close() // the listener is closed already
		}
	}
	return nil
}

func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := s.Store.Ready(ctx); err != nil {
		return fmt.Errorf("the store is not ready: %w", err)
	}
	return nil
}
