package meteor

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
)

// A Store is where the server finds the catalog.
type Store interface {
	// CatalogState returns how far the catalog has come, as committed, and a
	// channel that closes when it goes on from there. It does not wait for the
	// disk.
	CatalogState() (pkgmeter.CatalogState, <-chan struct{})

	// Sync returns what a client with the token gets next, of one snapshot.
	Sync(ctx context.Context, token pkgmeter.SyncToken, limit pkgmeter.SyncLimit) (pkgmeter.SyncPage, error)
}

// Days tells from which day to which there are files of package statistics, as
// YYYY-MM-DD; the channel closes when that has changed, after the file of a new
// day can be read.
type Days interface {
	Days() (earliest, latest string, changed <-chan struct{})
}

// Options tunes a Server. Store and Days are required, the rest is ready for
// use.
type Options struct {
	Store Store
	Days  Days

	// Publishing lets clients publish. Nil: the catalog is for reading.
	Publishing *Publishing

	// Reports takes in what apps contain. Nil: nobody is asked.
	Reports Reports

	// BasePath is what request paths begin with before /websocket. Default none.
	BasePath string

	// PageFile is where pages are kept that many clients get. Nil: nowhere.
	PageFile *os.File

	// Logger receives what clients are not told. Default slog.Default().
	Logger *slog.Logger
}

// maxFrame is the most bytes of a message to a client: the largest page, or a
// single record that is larger.
const maxFrame = 16 << 20

// A Server answers the clients of a package catalog.
type Server struct {
	ddp    *ddp.Server
	store  Store
	log    *slog.Logger
	live   []*live
	memory memory
	turns  chan struct{} // holds a token for every page that is being made
	pages  *pageFile
}

// New returns a Server. It answers at once, and tells of changes while Run
// runs.
func New(opts Options) *Server {
	s := &Server{
		store: opts.Store,
		log:   cmp.Or(opts.Logger, slog.Default()),
		turns: make(chan struct{}, makers),
		pages: newPageFile(opts.PageFile),
	}
	s.ddp = ddp.NewServer(ddp.Options{BasePath: opts.BasePath, MaxFrame: maxFrame, OnOpen: opened, Logger: s.log})
	s.ddp.Method("syncNewPackageData", s.sync)
	s.ddp.Method("syncNewData", s.sync)
	s.publish(opts.Days)
	if opts.Reports != nil {
		s.ddp.Method("recordAppPackages", recordAppPackages(opts.Reports))
		s.ddp.Method("getClientAddress", getClientAddress)
	}
	if o := opts.Publishing; o != nil {
		p := &publisher{store: o.Store, accounts: o.Accounts, url: o.PublicURL, published: o.Published, settle: s.settle, now: o.Now, log: s.log}
		p.register(s.ddp)
	}
	return s
}

// Handler returns what serves /websocket and /sockjs below the base path.
func (s *Server) Handler() http.Handler { return s.ddp }

// Run tells subscribers of changes until ctx ends.
func (s *Server) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, l := range s.live {
		wg.Go(func() { l.watch(ctx) })
	}
	wg.Wait()
}

// Shutdown ends all sessions, as [ddp.Server.Shutdown] does.
func (s *Server) Shutdown(ctx context.Context) error { return s.ddp.Shutdown(ctx) }

// Stats are a server's figures.
type Stats struct {
	ddp.Stats
	PageBytes int64 // of pages that are being made, or wait to be read
}

// Stats returns the server's figures.
func (s *Server) Stats() Stats { return Stats{s.ddp.Stats(), s.memory.used.Load()} }

// pause waits, and reports false if ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
