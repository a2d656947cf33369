package meteor

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

// tellPause is the least time between two messages about one document: what
// changes more often than 20 times a second is told together.
const tellPause = 50 * time.Millisecond

// configurationID is the id of the one login service, in the form of Meteor's
// own ids.
const configurationID = "sHsfYwG4tRkPd7nXa"

// publish registers the publications. None takes arguments; those that come are
// ignored, as Meteor does.
func (s *Server) publish(days Days) {
	// Some clients begin with this token. If it were that of an empty catalog
	// they would take it for the newest.
	s.constant("defaults", "defaults", "syncToken", `{"syncToken":{"format":"`+pkgmeter.SyncFormat+`"}}`)

	// The tool refuses to log in, and to report, where no service of this name
	// is configured; it does not use the client id of one that it does not ask.
	s.constant("meteor.loginServiceConfiguration", "meteor_accounts_loginServiceConfiguration", configurationID,
		`{"service":"meteor-developer","clientId":"self-hosted"}`)

	s.changing("changes", func() ([]document, <-chan struct{}) {
		state, changed := s.store.CatalogState()
		docs := make([]document, pkgmeter.Collections)
		for c := range pkgmeter.Collections {
			name := c.String()
			docs[c] = document{name, ddp.Raw(`{"collection":"` + name + `","changes":` + strconv.FormatInt(state.Changes[c], 10) + `}`)}
		}
		return docs, changed
	})
	s.changing("stats", func() ([]document, <-chan struct{}) {
		earliest, latest, changed := days.Days()
		fields := ejson.AppendString([]byte(`{"earliest":`), earliest)
		fields = append(ejson.AppendString(append(fields, `,"latest":`...), latest), '}')
		return []document{{"stats", fields}}, changed
	})
}

// constant publishes one document that never changes.
func (s *Server) constant(name, collection, id, fields string) {
	s.ddp.Publish(name, func(_ context.Context, sub *ddp.Subscription) error {
		return unlessStopped(errors.Join(sub.Added(collection, id, ddp.Raw(fields)), sub.Ready()))
	})
}

// changing publishes documents whose members change. The collection is named
// as the publication is.
func (s *Server) changing(name string, read func() ([]document, <-chan struct{})) {
	l := &live{collection: name, read: read, subs: map[*ddp.Subscription]struct{}{}, next: make(chan struct{})}
	s.live = append(s.live, l)
	s.ddp.Publish(name, l.publish)
}

// settle returns when a session has been told of all changes until now, those of
// its own call among them: only then may the call be answered. Sessions that
// subscribe to nothing that changes do not wait.
func (s *Server) settle(ctx context.Context, session *ddp.Session) {
	for _, l := range s.live {
		select {
		case <-l.settled(session):
		case <-ctx.Done():
		}
	}
}

// A document is what subscribers see.
type document struct {
	id     string
	fields ddp.Raw
}

func (d document) equal(o document) bool { return d.id == o.id && bytes.Equal(d.fields, o.fields) }

// live is a publication of documents, always the same ones, whose members
// change. One goroutine tells all subscribers.
type live struct {
	collection string
	// read returns the documents and a channel that closes when they change.
	read func() ([]document, <-chan struct{})

	// mu is held while reading and telling, so that nobody hears the older of
	// two readings last.
	mu       sync.Mutex
	subs     map[*ddp.Subscription]struct{}
	told     []document
	watching bool
	next     chan struct{} // closes when changes were told once more, or are no more
}

// publish gives a subscriber the documents as they are now.
func (l *live) publish(_ context.Context, sub *ddp.Subscription) error {
	err := l.join(sub)
	sub.OnStop(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.subs, sub)
	})
	return unlessStopped(errors.Join(err, sub.Ready()))
}

func (l *live) join(sub *ddp.Subscription) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	docs, _ := l.read()
	for _, d := range docs {
		if err := sub.Added(l.collection, d.id, d.fields); err != nil {
			return err
		}
	}
	l.subs[sub] = struct{}{}
	return nil
}

// watch tells subscribers of changes until ctx ends. The first change after a
// quiet time is told at once.
func (l *live) watch(ctx context.Context) {
	l.turn(true)
	defer l.turn(false)
	for {
		changed := l.tell()
		if !pause(ctx, tellPause) {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// turn says whether changes are told from now on.
func (l *live) turn(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watching = on
	l.awake()
}

// awake has those go on who wait for changes to be told.
func (l *live) awake() {
	close(l.next)
	l.next = make(chan struct{})
}

// nothing is what nobody has to wait for.
var nothing = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// settled returns what closes when a session has been told of the changes until
// now.
func (l *live) settled(session *ddp.Session) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.watching || !l.hears(session) {
		return nothing
	}
	docs, _ := l.read()
	if slices.EqualFunc(docs, l.told, document.equal) {
		return nothing
	}
	return l.next
}

func (l *live) hears(session *ddp.Session) bool {
	for sub := range l.subs {
		if sub.Session == session {
			return true
		}
	}
	return false
}

// tell sends what has changed since the last time, and returns what closes at
// the next change.
func (l *live) tell() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.awake()
	docs, changed := l.read()
	for i, d := range docs {
		if i < len(l.told) && d.equal(l.told[i]) {
			continue
		}
		for sub := range l.subs {
			// It fails if the subscription has just stopped.
			_ = sub.Changed(l.collection, d.id, d.fields)
		}
	}
	l.told = docs
	return changed
}

// unlessStopped hides that a client went away while it was being served.
func unlessStopped(err error) error {
	if errors.Is(err, ddp.ErrStopped) {
		return nil
	}
	return err
}
