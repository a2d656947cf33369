package ddp

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// A PublishFunc starts one subscription: it sends the first documents, calls
// Ready, and returns; later changes may come from any goroutine until the
// context ends, which it does with the subscription. The session's next message
// waits until it returns or calls Unblock. An error stops the subscription and
// reaches the client as that of a method does.
type PublishFunc func(ctx context.Context, sub *Subscription) error

// A Subscription is a client's standing request for documents. Its methods may
// be called from any goroutine, and keep the order of their calls.
//
// Document ids go to the wire as they are. Meteor's clients take 24 hex digits
// for an ObjectID, and an id that begins with "-" or "~" for an escaped one:
// use others.
type Subscription struct {
	Session *Session
	Name    string
	Params  []Raw // the arguments as they came, checked to be EJSON

	turn   *turn
	id     Raw
	key    string
	cancel context.CancelFunc

	mu     sync.Mutex
	over   bool
	onStop []func()

	ready bool              // guarded by Session.view
	docs  map[docID]*docRow // likewise
}

// Bind decodes the arguments as [Call.Bind] does.
func (sub *Subscription) Bind(targets ...any) error { return bind(sub.Params, targets) }

// Unblock lets the session's next message begin before the PublishFunc has
// returned.
func (sub *Subscription) Unblock() { sub.turn.pass() }

// Ready tells the client that it has the first documents. Only the first call
// counts.
func (sub *Subscription) Ready() error {
	return sub.publish(func() ([]byte, error) {
		if sub.ready {
			return nil, nil
		}
		sub.ready = true
		return readyFrame(sub.id), nil
	})
}

// Added publishes a document. fields is what package ejson encodes as an
// object; a member "_id" is left out. The client hears of it unless another
// subscription of its session has told it the same.
func (sub *Subscription) Added(collection, id string, fields any) error {
	members, err := membersOf(fields, sub.Session.srv.opts.MaxFrame)
	if err != nil {
		return err
	}
	return sub.publish(func() ([]byte, error) {
		return sub.Session.view.added(sub, docID{collection, id}, members)
	})
}

// Changed changes members of a document that this subscription has added, and
// takes away those in cleared. fields may be nil.
func (sub *Subscription) Changed(collection, id string, fields any, cleared ...string) error {
	members, err := membersOf(fields, sub.Session.srv.opts.MaxFrame)
	if err != nil {
		return err
	}
	return sub.publish(func() ([]byte, error) {
		return sub.Session.view.changed(sub, docID{collection, id}, members, cleared)
	})
}

// Removed takes back a document that this subscription has added.
func (sub *Subscription) Removed(collection, id string) error {
	return sub.publish(func() ([]byte, error) {
		return sub.Session.view.removed(sub, docID{collection, id})
	})
}

// OnStop has f called once when the subscription is over, at once if it is.
func (sub *Subscription) OnStop(f func()) {
	sub.mu.Lock()
	if !sub.over {
		sub.onStop = append(sub.onStop, f)
		sub.mu.Unlock()
		return
	}
	sub.mu.Unlock()
	f()
}

// Stop ends the subscription: its documents are taken back, and the client is
// told err, or nothing if that is nil.
func (sub *Subscription) Stop(err error) {
	var e *Error
	if err != nil {
		e = sub.Session.hide("publication", sub.Name, err)
	}
	if !sub.retire() {
		return
	}
	s := sub.Session
	s.mu.Lock()
	delete(s.subs, sub.key)
	s.mu.Unlock()
	s.view.mu.Lock()
	for _, id := range slices.SortedFunc(maps.Keys(sub.docs), docID.compare) {
		if frame, err := s.view.removed(sub, id); err == nil && frame != nil {
			s.send(frame)
		}
	}
	s.send(nosubFrame(sub.id, e))
	s.view.mu.Unlock()
	sub.stopped()
}

// abandon ends the subscription of a session that is ending: nobody is told.
func (sub *Subscription) abandon() {
	if sub.retire() {
		sub.stopped()
	}
}

// retire marks the end, and says whether it was not marked already.
func (sub *Subscription) retire() bool {
	sub.Session.view.mu.Lock() // so that no publish is half-way
	defer sub.Session.view.mu.Unlock()
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.over {
		return false
	}
	sub.over = true
	return true
}

func (sub *Subscription) stopped() {
	sub.Session.srv.stats.subscriptions.Add(-1)
	sub.cancel()
	sub.mu.Lock()
	callbacks := sub.onStop
	sub.onStop = nil
	sub.mu.Unlock()
	for _, f := range callbacks {
		f()
	}
}

// publish changes the session's view and sends what that means to the client,
// as one step.
func (sub *Subscription) publish(change func() ([]byte, error)) error {
	v := &sub.Session.view
	v.mu.Lock()
	defer v.mu.Unlock()
	sub.mu.Lock()
	over := sub.over
	sub.mu.Unlock()
	if over {
		return ErrStopped
	}
	frame, err := change()
	if err != nil {
		return err
	}
	if frame != nil {
		sub.Session.send(frame)
	}
	return nil
}

func (s *Session) subscribe(m *message, t *turn) {
	key, idOK := nameOf(m.id)
	name, nameOK := nameOf(m.name)
	params, paramsOK := m.paramsOf()
	if !idOK || !nameOK || !paramsOK {
		s.refuse(malformedSub, m)
		return
	}
	f, ok := s.srv.publicationNamed(name)
	if !ok {
		s.send(nosubFrame(m.id, &Error{Code: 404, Reason: "Subscription '" + name + "' not found"}))
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	sub := &Subscription{Session: s, Name: name, Params: params, turn: t, id: m.id, key: key, cancel: cancel}
	if known, full := s.add(sub); known || full {
		cancel()
		if full {
			s.send(nosubFrame(m.id, &Error{Code: "too-many-requests", Reason: "Too many subscriptions"}))
		}
		return
	}
	err := s.protect("publication", name, func() error { return f(ctx, sub) })
	if err != nil {
		sub.Stop(err)
	}
}

// add registers sub. It fails if the id is taken, which is no error, if there
// are too many, or silently if the session is ending.
func (s *Session) add(sub *Subscription) (known, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.phase != open || s.subs[sub.key] != nil:
		return true, false
	case len(s.subs) >= s.srv.opts.MaxSubscriptions:
		return false, true
	case s.subs == nil:
		s.subs = map[string]*Subscription{}
	}
	s.subs[sub.key] = sub
	s.srv.stats.subscriptions.Add(1)
	return false, false
}

func (s *Session) unsubscribe(m *message) {
	key, ok := stringOf(m.id)
	s.mu.Lock()
	sub := s.subs[key]
	s.mu.Unlock()
	switch {
	case ok && sub != nil:
		sub.Stop(nil)
	case len(m.id) > maxEcho:
		s.refuse(badRequest, m)
	default:
		s.send(nosubFrame(m.id, nil))
	}
}
