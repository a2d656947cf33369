package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/blob"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
	"github.com/pkgmeter/pkgmeter/internal/ingest"
	"github.com/pkgmeter/pkgmeter/internal/meteor"
	"github.com/pkgmeter/pkgmeter/internal/purl"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

// Under which names the server's own files are counted.
const (
	ownSource     = "server"
	ownRepository = "meteor"
)

const (
	maxUncounted = 10_000 // downloads that wait to be counted
	maxReported  = 32_768 // packages of apps in one commit
	sweepEvery   = time.Hour
	maxReadme    = 256 << 10 // bytes of a readme that a page shows
)

// packageServer makes the parts that answer Meteor's clients. reports is nil
// where nobody is asked what apps contain.
func (s *Server) packageServer(reports *ingest.Queue[*pkgmeter.AppReport]) {
	options := meteor.Options{Store: s.Store, Days: useDays{s.Store}, PageFile: s.PageFile}
	if reports != nil {
		options.Reports = reportQueue{reports}
	}
	s.own = make(chan pkgmeter.Event, maxUncounted)
	if s.Blobs != nil {
		options.Publishing = &meteor.Publishing{
			Store: s.Store, Accounts: s.Auth, PublicURL: s.PublicURL, Now: s.Now,
			Published: func(f pkgmeter.PublishedFile, agent string) {
				s.count(s.event(f, agent, pkgmeter.Upload, http.StatusCreated, f.Blob.Size))
			},
		}
		s.uploads = &meteor.Uploads{Store: s.Store, Blobs: s.Blobs}
		s.downloads = &meteor.Downloads{Store: s.Store, Blobs: s.Blobs, Served: s.served}
	}
	s.packages = meteor.New(options)
}

// event is what happened to a published file.
func (s *Server) event(f pkgmeter.PublishedFile, agent string, op pkgmeter.Op, status int, bytes int64) pkgmeter.Event {
	return pkgmeter.Event{
		Source: ownSource, Repository: ownRepository, Path: f.Name, Hint: purl.WithVersion(f.Package, f.Version),
		Op: op, Time: s.Now(), Agent: pkgmeter.Cut(agent, pkgmeter.MaxAgent), Status: status, Bytes: bytes,
	}
}

// served counts a download that came to its end.
func (s *Server) served(r *http.Request, f pkgmeter.PublishedFile, status int, sent int64, fromStart bool) {
	op := pkgmeter.Get
	if r.Method == http.MethodHead {
		op = pkgmeter.Head
	} else if status == http.StatusOK && sent < f.Blob.Size {
		return // the client went away
	}
	e := s.event(f, r.UserAgent(), op, status, sent)
	if s.People.Country != nil {
		e.Country = s.People.Country(auth.Client(r))
	}
	if status == http.StatusPartialContent && fromStart {
		e.Flags |= pkgmeter.FromZero
	}
	s.count(e)
}

// count hands an event over to be stored. Nobody waits for it: where too many
// do, the newest are lost and said so.
func (s *Server) count(e pkgmeter.Event) {
	select {
	case s.own <- e:
	default:
		slog.Warn("a download of this server's own packages is not counted: too many wait", "file", e.Path)
	}
}

// countOwn stores the events of the server's own files until ctx ends, and then
// those that wait.
func (s *Server) countOwn(ctx context.Context) {
	for {
		select {
		case e := <-s.own:
			s.store(ctx, e)
		case <-ctx.Done():
			for {
				select {
				case e := <-s.own:
					s.store(ctx, e)
				default:
					return
				}
			}
		}
	}
}

// store makes an event durable, with those that came meanwhile.
func (s *Server) store(ctx context.Context, first pkgmeter.Event) {
	const together = 500
	events := []pkgmeter.Event{first}
	for len(events) < together {
		select {
		case e := <-s.own:
			events = append(events, e)
			continue
		default:
		}
		break
	}
	d := &pkgmeter.Delivery{Received: s.Now(), Entries: s.Ruled.Entries(events)}
	if err := s.queue.Add(context.WithoutCancel(ctx), d, len(events), int64(1024*len(events))); err != nil {
		slog.Error("downloads of this server's own packages are not counted", "events", len(events), "err", err)
	}
}

// sweep removes uploads that were never published, until ctx ends.
func (s *Server) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := blob.Sweep(ctx, s.Store, s.Blobs, s.Now()); err != nil && ctx.Err() == nil {
			slog.Error("uploads that were never published", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// files answers uploads and downloads of packages itself, as a ServeMux
// redirects paths that are not clean, which the Meteor tool takes for success.
func (s *Server) files(next http.Handler, observed func(route) http.Handler) http.Handler {
	for _, route := range s.fileRoutes() {
		other, own := next, observed(route)
		next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, route.path) {
				own.ServeHTTP(w, r)
				return
			}
			other.ServeHTTP(w, r)
		})
	}
	return next
}

// catalog is what the pages show of packages. The link to them appears with the
// first one.
func (s *Server) catalog() web.Catalog {
	return web.Catalog{
		Directory: catalog.NewDirectory(s.Store), Records: s.Store, Readme: s.readme, Adds: s.Store,
		Shown: func() bool {
			state, _ := s.Store.CatalogState()
			return state.At[pkgmeter.Packages] > 0
		},
	}
}

// readme returns the readme of a version that was published here, nil for others.
func (s *Server) readme(ctx context.Context, v catalog.Version) ([]byte, error) {
	if s.Blobs == nil || v.Readme == nil {
		return nil, nil
	}
	path, ours := strings.CutPrefix(v.Readme.URL, s.PublicURL+"/files/")
	if !ours {
		return nil, nil
	}
	f, err := s.Store.PublishedFile(ctx, path)
	if err != nil {
		return nil, err
	}
	content, size, err := s.Blobs.Open(ctx, f.Blob.SHA256)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(io.LimitReader(content, min(size, maxReadme+1)))
}

// reportQueue makes reports of apps durable together.
type reportQueue struct {
	queue *ingest.Queue[*pkgmeter.AppReport]
}

// Add implements [meteor.Reports].
func (q reportQueue) Add(ctx context.Context, r *pkgmeter.AppReport) error {
	const entry = 128 // bytes, about
	return q.queue.Add(ctx, r, max(1, len(r.Packages)), int64(entry*(1+len(r.Packages))))
}

// useDays tells clients from which to which day there are statistics of use.
type useDays struct{ store Store }

// Days implements [meteor.Days].
func (d useDays) Days() (earliest, latest string, changed <-chan struct{}) {
	first, last, changed := d.store.UseDays()
	return first.String(), last.String(), changed
}
