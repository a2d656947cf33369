package meteor

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
)

// Accounts says who a client is.
type Accounts interface {
	// Token returns for whom a token acts; from limits guesses.
	Token(ctx context.Context, from netip.Addr, text string) (pkgmeter.Principal, error)

	// Digest returns the user whose password has the given hex SHA-256.
	Digest(ctx context.Context, from netip.Addr, name, digest string) (pkgmeter.User, error)
}

// neverExpires is what clients are told of a token that does not.
var neverExpires = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// maxCredential is the longest token, name or digest that is looked at, bytes.
const maxCredential = 512

// A login is how a session proved who it is. A token is asked about again at
// each call, so that a revoked one ends at once.
type login struct {
	user   string
	resume string // "": by password
}

type (
	loginKey struct{}
	agentKey struct{}
)

// opened remembers what the handshake said.
func opened(s *ddp.Session, r *http.Request) { s.SetValue(agentKey{}, r.UserAgent()) }

func agentOf(s *ddp.Session) string {
	ua, _ := s.Value(agentKey{}).(string)
	return ua
}

// addressOf returns the address of a session's peer, the zero Addr for one that
// has none.
func addressOf(s *ddp.Session) netip.Addr {
	a, err := netip.ParseAddrPort(s.RemoteAddr())
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

type loginArgument struct {
	Resume *string `json:"resume"`
	User   *struct {
		Username *string `json:"username"`
		Email    *string `json:"email"`
	} `json:"user"`
	Password *struct {
		Digest    string `json:"digest"`
		Algorithm string `json:"algorithm"`
	} `json:"password"`
	OAuth ddp.Raw `json:"oauth"`
}

// loginResult is what clients keep. The token is the one that they sent: the
// tool stores no other.
type loginResult struct {
	ID           string    `json:"id"`
	Token        string    `json:"token"`
	TokenExpires time.Time `json:"tokenExpires"`
	Type         string    `json:"type"`
}

// login says who a session acts for, by a token that was issued for publishing
// or by a user's password.
func (p *publisher) login(ctx context.Context, call *ddp.Call) (any, error) {
	var arg *loginArgument
	if err := call.Bind(&arg); err != nil {
		return nil, err
	}
	switch {
	case arg == nil:
		return nil, ddp.ErrMatchFailed
	case len(arg.OAuth) > 0:
		return nil, &ddp.Error{Code: 403, Reason: "This server knows no Meteor developer accounts: ask its operator for a session (pkgmeter meteor-session)."}
	case arg.Resume != nil:
		return p.resume(ctx, call.Session, *arg.Resume)
	case arg.User != nil && arg.Password != nil:
		return p.password(ctx, call.Session, arg)
	}
	return nil, &ddp.Error{Code: 400, Reason: "Unrecognized options for login request"}
}

func (p *publisher) resume(ctx context.Context, s *ddp.Session, token string) (any, error) {
	who, err := pkgmeter.Principal{}, error(pkgmeter.Errorf(pkgmeter.Unauthenticated, "wrong token"))
	if len(token) <= maxCredential {
		who, err = p.accounts.Token(ctx, addressOf(s), token)
	}
	if err == nil && who.Scope != pkgmeter.ScopePublish {
		err = pkgmeter.Errorf(pkgmeter.Unauthenticated, "this token is not for publishing")
	}
	if err != nil {
		return nil, refusedLogin(err)
	}
	expires := who.Expires
	if expires.IsZero() {
		expires = neverExpires
	}
	p.begin(s, login{who.User, token})
	return loginResult{who.User, token, expires, "resume"}, nil
}

func (p *publisher) password(ctx context.Context, s *ddp.Session, arg *loginArgument) (any, error) {
	name := arg.User.Username
	if name == nil {
		name = arg.User.Email
	}
	if name == nil || len(*name) > maxCredential || len(arg.Password.Digest) > maxCredential || arg.Password.Algorithm != "sha-256" {
		return nil, &ddp.Error{Code: 400, Reason: "Unrecognized options for login request"}
	}
	u, err := p.accounts.Digest(ctx, addressOf(s), *name, strings.ToLower(arg.Password.Digest))
	if err != nil {
		return nil, refusedLogin(err)
	}
	p.begin(s, login{user: u.Name})
	// There is nothing to resume later: the token is of this session only.
	return loginResult{u.Name, s.ID(), neverExpires, "password"}, nil
}

func (p *publisher) begin(s *ddp.Session, l login) {
	s.SetValue(loginKey{}, l)
	s.SetUserID(l.user)
}

// logout forgets who a session acts for.
func (p *publisher) logout(_ context.Context, call *ddp.Call) (any, error) {
	if err := call.Bind(); err != nil {
		return nil, err
	}
	p.begin(call.Session, login{})
	return nil, nil //nolint:nilnil // it returns nothing
}

// refusedLogin is the answer to a login that failed. The tool takes any error
// for a token that is no good, and says so to its user.
func refusedLogin(err error) error {
	switch pkgmeter.CodeOf(err) {
	case pkgmeter.RateLimited:
		return &ddp.Error{Code: "too-many-requests", Reason: "Too many failed logins: try again later."}
	case pkgmeter.Unauthenticated:
		return &ddp.Error{Code: 403, Reason: "You have been logged out by the server: the token or password is wrong, has expired, or was revoked."}
	}
	return err
}

var errNotLoggedIn = &ddp.Error{Code: 401, Reason: "You must be logged in to do this."}

// An actor is who a call acts for.
type actor struct {
	name  string
	admin bool
}

// actor returns who a call acts for, as things are now: users and tokens may be
// gone since the login.
func (p *publisher) actor(ctx context.Context, s *ddp.Session) (actor, error) {
	l, _ := s.Value(loginKey{}).(login)
	if l.user == "" {
		return actor{}, errNotLoggedIn
	}
	if l.resume != "" {
		who, err := p.accounts.Token(ctx, addressOf(s), l.resume)
		if err != nil && pkgmeter.CodeOf(err) == pkgmeter.Unauthenticated {
			return actor{}, errNotLoggedIn
		}
		if err != nil {
			return actor{}, err
		}
		return publisherAs(who.User, who.Role)
	}
	u, err := p.store.User(ctx, l.user)
	if pkgmeter.CodeOf(err) == pkgmeter.NotFound || err == nil && u.Disabled {
		return actor{}, errNotLoggedIn
	}
	if err != nil {
		return actor{}, err
	}
	return publisherAs(u.Name, u.Role)
}

func publisherAs(name string, role pkgmeter.Role) (actor, error) {
	if role != pkgmeter.Admin && role != pkgmeter.Publisher {
		return actor{}, &ddp.Error{Code: 401, Reason: "Your account is not one of a publisher."}
	}
	return actor{name, role == pkgmeter.Admin}, nil
}
