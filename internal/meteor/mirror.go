package meteor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
)

// A MirrorStore is where a mirror puts what it copies.
type MirrorStore interface {
	// Mirror returns how far the mirror has come, with an empty URL if there is
	// none.
	Mirror(ctx context.Context) (pkgmeter.MirrorState, error)

	// PutMirrored takes in a page, with the state after it, in one transaction.
	// An empty page of a state that is anew begins that anew.
	PutMirrored(ctx context.Context, page pkgmeter.MirrorPage) (pkgmeter.MirrorSum, error)
}

// MirrorOptions tunes a Mirror. The zero value is ready for use.
type MirrorOptions struct {
	// Poll is the longest time without a question while following: a server that
	// tells of no changes is asked all the same, and a connection that was lost
	// is noticed. Default 1 min.
	Poll time.Duration

	// Retry is the wait after a failure. It doubles with each one, up to 1 min.
	// Default 1 s.
	Retry time.Duration

	// Patience is how long the other server may take to connect or to answer.
	// Default 2 min.
	Patience time.Duration

	// MaxPage is the most bytes of one page. Default 64 MiB.
	MaxPage int64

	// HTTPClient makes the handshake. Default http.DefaultClient.
	HTTPClient *http.Client

	// Logger receives what goes wrong without ending the mirror. Default
	// slog.Default().
	Logger *slog.Logger
}

const longestRetry = time.Minute

// ErrOtherMirror means that the catalog is a mirror of another server already.
var ErrOtherMirror = errors.New("the catalog mirrors another server")

// A Mirror copies another server's catalog into a store. Run it once at a time.
type Mirror struct {
	store MirrorStore
	url   string
	opts  MirrorOptions
	log   *slog.Logger

	progress Progress
	report   func(Progress)
}

// Progress is how far a mirror has come since it was started.
type Progress struct {
	Records  [pkgmeter.Collections]int // that came, of each collection
	Bytes    int64                     // of these
	Skipped  int                       // of these, those that could not be read
	Pages    int
	Sum      pkgmeter.MirrorSum // what became of the others
	UpToDate bool               // nothing is left at this moment
	Err      error              // why it is about to connect again; nil if it is not
}

// NewMirror returns a mirror of the server at address, a URL with scheme http,
// https, ws or wss.
func NewMirror(store MirrorStore, address string, opts MirrorOptions) (*Mirror, error) {
	canonical, err := upstream(address)
	if err != nil {
		return nil, err
	}
	opts.Poll = cmp.Or(opts.Poll, time.Minute)
	opts.Retry = cmp.Or(opts.Retry, time.Second)
	opts.Patience = cmp.Or(opts.Patience, 2*time.Minute)
	opts.MaxPage = cmp.Or(opts.MaxPage, 64<<20)
	return &Mirror{store: store, url: canonical, opts: opts, log: cmp.Or(opts.Logger, slog.Default())}, nil
}

// upstream checks a server's address and returns the one spelling of it that is
// stored.
func upstream(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil { // the error repeats the address, which may hold a password
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "the address of the other server is not a URL")
	}
	switch u.Scheme {
	case "http", "https":
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	default:
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "the address of the other server must begin with https, http, wss or ws")
	}
	if u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "the address of the other server must be a host and a path, and nothing else")
	}
	u.Host = strings.ToLower(u.Host)
	path := strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/websocket")
	u.Path, u.RawPath = strings.TrimRight(path, "/"), ""
	return u.String(), nil
}

// Run copies what is new. With once it returns when nothing is left, or with
// what prevents that; what was copied until then is kept, and the next run goes
// on from there. Otherwise it follows the other server until ctx ends, and
// connects again whenever something fails, but for an [ErrOtherMirror]. report
// is called after each page and each failure; it may be nil.
func (m *Mirror) Run(ctx context.Context, once bool, report func(Progress)) error {
	m.progress, m.report = Progress{}, report
	for failures := 0; ; failures++ {
		m.progress.UpToDate = false
		err := m.session(ctx, once)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil || once || errors.Is(err, ErrOtherMirror):
			return err
		case m.progress.UpToDate: // it has worked meanwhile
			failures = 0
		}
		wait := retryAfter(m.opts.Retry, failures)
		m.log.Warn("meteor: mirror interrupted", "url", m.url, "err", err, "again_in", wait)
		m.progress.UpToDate, m.progress.Err = false, err
		m.tell()
		m.progress.Err = nil
		if !pause(ctx, wait) {
			return ctx.Err()
		}
	}
}

// retryAfter returns the wait after so many failures before this one: doubled
// each time, and up to a quarter less, so that mirrors of one server that
// restarts do not come back together.
func retryAfter(first time.Duration, failures int) time.Duration {
	wait := min(first<<min(failures, 16), longestRetry)
	return wait - rand.N(wait/4+1)
}

func (m *Mirror) tell() {
	if m.report != nil {
		m.report(m.progress)
	}
}

// session copies over one connection.
func (m *Mirror) session(ctx context.Context, once bool) error {
	state, err := m.store.Mirror(ctx)
	if err != nil {
		return err
	}
	if state.URL != "" && state.URL != m.url {
		return &pkgmeter.Error{
			Code: pkgmeter.Conflict, Err: ErrOtherMirror,
			Msg: fmt.Sprintf("the catalog is a mirror of %s and cannot become one of %s", state.URL, m.url),
		}
	}
	state.URL = m.url
	if len(state.Token) == 0 {
		state.Token = []byte(`{"format":"` + pkgmeter.SyncFormat + `"}`)
	}
	changed := make(chan struct{}, 1)
	client, err := m.dial(ctx, changed)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }() // its failure changes nothing
	if !once {
		if err := m.subscribe(ctx, client); err != nil {
			return err
		}
	}
	for {
		select { // what was told before the question is part of the answer
		case <-changed:
		default:
		}
		if err := m.catchUp(ctx, client, &state); err != nil || once {
			return err
		}
		poll := time.NewTimer(m.opts.Poll)
		select {
		case <-changed:
		case <-poll.C:
		case <-ctx.Done():
		}
		poll.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func (m *Mirror) dial(ctx context.Context, changed chan<- struct{}) (*ddp.Client, error) {
	var client *ddp.Client
	err := m.within(ctx, func(ctx context.Context) (err error) {
		client, err = ddp.Dial(ctx, m.url, ddp.DialOptions{
			HTTPClient: m.opts.HTTPClient,
			MaxMessage: m.opts.MaxPage,
			OnData: func(d ddp.Data) {
				if d.Collection != "changes" {
					return
				}
				select {
				case changed <- struct{}{}:
				default: // there will be a question anyway
				}
			},
		})
		return err
	})
	return client, err
}

// subscribe asks to be told of changes. A server that does not tell of them is
// polled.
func (m *Mirror) subscribe(ctx context.Context, client *ddp.Client) error {
	err := m.within(ctx, func(ctx context.Context) error {
		_, err := client.Subscribe(ctx, "changes")
		return err
	})
	if refusal, ok := errors.AsType[*ddp.Error](err); ok {
		m.log.Info("meteor: the other server does not tell of changes", "url", m.url, "err", refusal, "poll", m.opts.Poll)
		return nil
	}
	return err
}

// within calls f with a limit on its time, and words what comes of that.
func (m *Mirror) within(ctx context.Context, f func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, m.opts.Patience)
	defer cancel()
	err := f(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%s gave no answer that can be read within %s: %w", m.url, m.opts.Patience, err)
	}
	return err
}
