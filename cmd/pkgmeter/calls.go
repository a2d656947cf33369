package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/intake"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// Arguments and results of the calls. They are JSON: a command and the server
// that it works through may be of different versions.
type (
	question struct {
		Name   string     `json:"name"`
		Params url.Values `json:"params"`
	}
	userArgs struct {
		Name     string        `json:"name"`
		Role     pkgmeter.Role `json:"role,omitempty"`
		Password string        `json:"password,omitempty"`
	}
	userRow struct {
		Name     string        `json:"name"`
		Role     pkgmeter.Role `json:"role"`
		Disabled bool          `json:"disabled"`
		Created  time.Time     `json:"created"`
	}
	tokenArgs struct {
		ID    int64          `json:"id,omitempty"`
		User  string         `json:"user,omitempty"`
		Scope pkgmeter.Scope `json:"scope,omitempty"`
	}
	ticketArgs struct {
		Source string `json:"source"`
		Head   []byte `json:"head"`
	}
	tokenRow struct {
		ID      int64          `json:"id"`
		User    string         `json:"user"`
		Scope   pkgmeter.Scope `json:"scope"`
		Prefix  string         `json:"prefix"`
		Created time.Time      `json:"created"`
	}
)

// calls lists what commands do on a store, in their own process or in the
// server's. The clock is that of the process that holds the store.
func calls(store *sqlite.Store, rules *rule.Set, in *intake.Intake, a *app) map[string]control.Handler {
	answers := &api.API{Stats: store, Searcher: store, Use: store, Packages: store, Now: a.now}
	all := map[string]control.Handler{
		"ping": func(context.Context, json.RawMessage) (any, error) { return version, nil },
		"question": call(func(ctx context.Context, q question) (any, error) {
			return answers.Answer(ctx, q.Name, q.Params)
		}),
		"packages-named": call(func(ctx context.Context, name string) (any, error) {
			return store.PackagesNamed(ctx, name, 20)
		}),
		"move-in": call(func(ctx context.Context, m moveArgs) (any, error) {
			return moveIn(ctx, store, rules, m)
		}),
		"import-tickets": call(func(ctx context.Context, t ticketArgs) (any, error) {
			return in.Tickets(ctx, t.Source, t.Head)
		}),
		"import-chunk": call(func(ctx context.Context, c intake.Chunk) (any, error) {
			return in.Take(ctx, &c)
		}),
		"user-add": call(func(ctx context.Context, u userArgs) (any, error) {
			return nil, store.AddUser(ctx, pkgmeter.User{Name: u.Name, Role: u.Role, Hash: auth.Hash(u.Password)})
		}),
		"user-passwd": call(func(ctx context.Context, u userArgs) (any, error) {
			return nil, store.SetPassword(ctx, u.Name, auth.Hash(u.Password))
		}),
		"user-remove": call(func(ctx context.Context, u userArgs) (any, error) {
			return nil, store.RemoveUser(ctx, u.Name)
		}),
		"user-list": call(func(ctx context.Context, _ struct{}) (any, error) {
			users, err := store.Users(ctx)
			rows := make([]userRow, len(users))
			for i, u := range users {
				rows[i] = userRow{u.Name, u.Role, u.Disabled, u.Created}
			}
			return rows, err
		}),
		"token-new": call(func(ctx context.Context, t tokenArgs) (any, error) {
			text, token := auth.NewToken(t.User, t.Scope)
			_, err := store.AddToken(ctx, token)
			return text, err
		}),
		"token-list": call(func(ctx context.Context, _ struct{}) (any, error) {
			tokens, err := store.Tokens(ctx)
			rows := make([]tokenRow, len(tokens))
			for i, t := range tokens {
				rows[i] = tokenRow{t.ID, t.User, t.Scope, t.Prefix, t.Created}
			}
			return rows, err
		}),
		"token-revoke": call(func(ctx context.Context, t tokenArgs) (any, error) {
			return nil, store.RevokeToken(ctx, t.ID)
		}),
		"snapshot": snapshotCall(store),
	}
	maps.Copy(all, longCalls(store, &a.work))
	maps.Copy(all, catalogCalls(store))
	maps.Copy(all, orgCalls(store))
	maps.Copy(all, repoCalls(store))
	maps.Copy(all, alertCalls(store, a))
	maps.Copy(all, badgeCalls(store, answers, a.public))
	maps.Copy(all, useCalls(store, a.now))
	maps.Copy(all, a.mirror.calls(store))
	return all
}

func moveIn(ctx context.Context, store *sqlite.Store, rules *rule.Set, m moveArgs) (pkgmeter.MoveIn, error) {
	if m.Ledger != "" && m.Ledger == store.LedgerID() {
		return pkgmeter.MoveIn{}, pkgmeter.Errorf(pkgmeter.Conflict, "this file was exported from this very data folder: its counts are here already")
	}
	if len(m.SHA256) != 32 {
		return pkgmeter.MoveIn{}, pkgmeter.Errorf(pkgmeter.Invalid, "the digest of the file has %d bytes", len(m.SHA256))
	}
	o := pkgmeter.Opening{
		Source: m.Source, SHA256: [32]byte(m.SHA256), Counters: m.Counters, Users: m.Users, UsersOnce: m.UsersOnce, Extra: m.Extra, Hidden: m.Hidden,
		Derive: func(name string) pkgmeter.File { return rules.File("", name, "") },
	}
	return store.MoveIn(ctx, o)
}

// call gives a function with typed arguments the form of a [control.Handler].
func call[T any](f func(context.Context, T) (any, error)) control.Handler {
	return func(ctx context.Context, raw json.RawMessage) (any, error) {
		var args T
		if err := json.Unmarshal(raw, &args); err != nil {
			return nil, errors.Join(pkgmeter.Errorf(pkgmeter.Invalid, "arguments of the command"), fmt.Errorf("decode: %w", err))
		}
		return f(ctx, args)
	}
}
