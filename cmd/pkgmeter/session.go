package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/intake"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// A session is the data folder for many calls in a row: through the server
// that runs on it, or on the store itself, which then stays open and locked.
// What comes or goes in between is not followed: a server that wants to start
// waits for the lock, and after one that has stopped calls fail.
type session struct {
	a     *app
	calls map[string]control.Handler // nil: through the server

	lock    *control.Lock
	store   *sqlite.Store
	intake  *intake.Intake
	commits int // since the start
}

// session opens one. The caller closes it.
func (a *app) session() (s *session, err error) {
	err = a.reach(
		func(lock *control.Lock) (err error) {
			s, err = a.hold(lock)
			return err
		},
		func() error {
			s = &session{a: a}
			_, err := control.Call(a.ctx, a.data, "ping", nil)
			return gone(err)
		})
	return s, err
}

// holding has f ask several questions and then prints what f has made of the
// answers. Where no server runs, the store is opened once for all of them, and let
// go before the first line is printed: a pager may keep us waiting for hours.
func (a *app) holding(f func() (printing, error)) error {
	if err := a.needData(); err != nil {
		return err
	}
	var show printing
	ask := func() (err error) {
		show, err = f()
		return err
	}
	err := a.reach(func(lock *control.Lock) error {
		s, err := a.hold(lock)
		if err != nil {
			return err
		}
		a.held = s
		err = ask()
		a.held = nil
		return errors.Join(err, s.close())
	}, ask)
	if err != nil {
		return err
	}
	return show()
}

// printing prints an answer.
type printing func() error

// hold opens the store for a session. The session has the lock from here on;
// after an error nobody has.
func (a *app) hold(lock *control.Lock) (*session, error) {
	store, err := a.openStore()
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	rules, err := a.rulesOf(store)
	people, err2 := a.peopleOf(store)
	if err := errors.Join(err, err2); err != nil {
		return nil, errors.Join(err, store.Close(), lock.Close())
	}
	in := &intake.Intake{Store: store, Rules: rule.NewCache(rules, rule.ImportCache), People: people, Now: a.now, Pulls: &a.pulls}
	return &session{a: a, lock: lock, store: store, calls: calls(store, rules, in, a), intake: in}, nil
}

// close ends the session. What it has brought is packed, as there is no server
// that would see to it.
func (s *session) close() error {
	if s.store == nil {
		return nil
	}
	var err error
	if s.commits > 0 {
		if err = s.store.Pack(s.a.ctx); errors.Is(err, context.Canceled) {
			err = nil // the next session or server does it
		}
	}
	return errors.Join(err, s.store.Close(), s.lock.Close())
}

// do does a named call.
func (s *session) do(name string, args any) (json.RawMessage, error) {
	if s.calls == nil {
		raw, err := control.Call(context.WithoutCancel(s.a.ctx), s.a.data, name, args)
		return raw, gone(err)
	}
	raw, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	v, err := s.calls[name](s.a.ctx, raw)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// gone says what to do where the server did not answer a call.
func gone(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("the server has stopped: run the same command again, and it goes on from here (%w)", e.Err)
	}
	return err
}

// call is do with the result decoded.
func (s *session) call(name string, args, result any) error {
	raw, err := s.do(name, args)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, result)
}

// Tickets implements [intake.Taker].
func (s *session) Tickets(ctx context.Context, source string, head []byte) (tickets []pkgmeter.Ticket, err error) {
	if s.intake != nil {
		return s.intake.Tickets(ctx, source, head)
	}
	err = s.call("import-tickets", ticketArgs{source, head}, &tickets)
	return tickets, err
}

// Prepare implements [intake.Taker]. The server does what it takes by itself.
func (s *session) Prepare(c *intake.Chunk) error {
	if s.intake != nil {
		return s.intake.Prepare(c)
	}
	return nil
}

// Take implements [intake.Taker].
func (s *session) Take(ctx context.Context, c *intake.Chunk) (out intake.Outcome, err error) {
	if s.intake == nil {
		err = s.call("import-chunk", c, &out)
		return out, err
	}
	const inWAL = 8 // commits
	if out, err = s.intake.Take(ctx, c); err != nil {
		return out, err
	}
	if s.commits++; s.commits%inWAL == 0 {
		err = s.store.Tend(ctx)
	}
	return out, err
}
