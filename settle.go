package pkgmeter

import (
	"context"
	"time"
)

// CommandLine is who acts where no user does: whoever may read the data folder.
const CommandLine = "command line"

type actorKey struct{}

// WithActor returns a context of what a user does.
func WithActor(ctx context.Context, user string) context.Context {
	return context.WithValue(ctx, actorKey{}, user)
}

// ActorOf returns who does what ctx is of, [CommandLine] where that is no user.
func ActorOf(ctx context.Context) string {
	if user, ok := ctx.Value(actorKey{}).(string); ok && user != "" {
		return user
	}
	return CommandLine
}

// A Change is a line of the audit log: somebody changed who may do what, or what
// is shown. It has no secrets.
type Change struct {
	ID     int64
	At     time.Time
	Actor  string // a user, or [CommandLine]
	Action string // what it is about and what was done, as user.add
	Target string // its name, "" where there is one only
	Detail string // what it was and became, "" for none
}

// A ChangeFilter narrows the audit log. Empty fields let all pass.
type ChangeFilter struct {
	Actor  string
	Action string // a whole one, or what it is about, as user
	Before int64  // the id of the last line of the page before; 0 for the first page
}

// A Session is a login in a browser.
type Session struct {
	SHA256  [32]byte // of the cookie
	User    string
	Created time.Time
	Used    time.Time
}

// A ShareLink lets whoever has it see one view until it expires. The link itself
// is never stored.
type ShareLink struct {
	ID      int64
	SHA256  [32]byte // of the secret in it
	Path    string   // of the view, below the base path
	Query   string   // what may be asked, as a canonical query string
	User    string   // who answers for it
	Created time.Time
	Expires time.Time
}
