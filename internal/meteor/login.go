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

// A login is how a session proved who it is. Token and password are looked at
// again at each call, so that a revoked or changed one ends it at once.
type login struct {
	user   string
	resume string // token; "": by password
	hash   string // stored one of the password
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
		return nil, pkgmeter.Errorf(pkgmeter.Forbidden, "This server knows no Meteor developer accounts: ask its operator for a session (pkgmeter meteor-session).")
	case arg.Resume != nil:
		return p.resume(ctx, call.Session, *arg.Resume)
	case arg.User != nil && arg.Password != nil:
		return p.password(ctx, call.Session, arg)
	}
	return nil, errUnknownLogin
}

// errUnknownLogin has the words of Meteor's own servers.
var errUnknownLogin = &ddp.Error{Code: 400, Reason: "Unrecognized options for login request"}

func (p *publisher) resume(ctx context.Context, s *ddp.Session, token string) (any, error) {
	if len(token) > maxCredential {
		return nil, errWrongLogin
	}
	who, err := p.accounts.Token(ctx, addressOf(s), token)
	if err != nil {
		return nil, refusedLogin(err)
	}
	if who.Scope != pkgmeter.ScopePublish {
		return nil, pkgmeter.Errorf(pkgmeter.Forbidden, "This token is not for publishing: ask the operator of this server for one that is.")
	}
	expires := who.Expires
	if expires.IsZero() {
		expires = neverExpires
	}
	begin(s, login{user: who.User, resume: token})
	return loginResult{who.User, token, expires, "resume"}, nil
}

func (p *publisher) password(ctx context.Context, s *ddp.Session, arg *loginArgument) (any, error) {
	name := arg.User.Username
	if name == nil {
		name = arg.User.Email
	}
	if name == nil || len(*name) > maxCredential || len(arg.Password.Digest) > maxCredential || arg.Password.Algorithm != "sha-256" {
		return nil, errUnknownLogin
	}
	u, err := p.accounts.Digest(ctx, addressOf(s), *name, strings.ToLower(arg.Password.Digest))
	if err != nil {
		return nil, refusedLogin(err)
	}
	begin(s, login{user: u.Name, hash: u.Hash})
	// There is nothing to resume later: the token is of this session only.
	return loginResult{u.Name, s.ID(), neverExpires, "password"}, nil
}

// begin lets a session act for somebody, or for nobody.
func begin(s *ddp.Session, l login) {
	s.SetValue(loginKey{}, l)
	s.SetUserID(l.user)
}

// logout forgets who a session acts for.
func (p *publisher) logout(_ context.Context, call *ddp.Call) (any, error) {
	if err := call.Bind(); err != nil {
		return nil, err
	}
	begin(call.Session, login{})
	return nil, nil //nolint:nilnil // it returns nothing
}

var errWrongLogin = pkgmeter.Errorf(pkgmeter.Forbidden, "You have been logged out by the server: the token or password is wrong, has expired, or was revoked.")

// refusedLogin is the answer to a login that failed. The tool takes any error
// for a token that is no good, and says so to its user.
func refusedLogin(err error) error {
	if pkgmeter.CodeOf(err) == pkgmeter.Unauthenticated {
		return errWrongLogin
	}
	return err
}

var errNotLoggedIn = pkgmeter.Errorf(pkgmeter.Unauthenticated, "You must be logged in to do this.")

// An actor is who a call acts for.
type actor struct {
	name  string
	admin bool
}

// actor returns who a call acts for, as things are now: users and tokens may be
// gone since the login. That ends the login, or each further call would count
// as a guess.
func (p *publisher) actor(ctx context.Context, s *ddp.Session) (actor, error) {
	l, _ := s.Value(loginKey{}).(login)
	if l.user == "" {
		return actor{}, errNotLoggedIn
	}
	name, role, err := p.account(ctx, s, l)
	switch pkgmeter.CodeOf(err) {
	case "":
	case pkgmeter.Unauthenticated, pkgmeter.RateLimited:
		begin(s, login{})
		return actor{}, errNotLoggedIn
	default:
		return actor{}, err
	}
	if role != pkgmeter.Admin && role != pkgmeter.Publisher {
		return actor{}, pkgmeter.Errorf(pkgmeter.Unauthenticated, "Your account is not one of a publisher.")
	}
	return actor{name, role == pkgmeter.Admin}, nil
}

// account returns whose login it is, if it is still good.
func (p *publisher) account(ctx context.Context, s *ddp.Session, l login) (string, pkgmeter.Role, error) {
	if l.resume != "" {
		who, err := p.accounts.Token(ctx, addressOf(s), l.resume)
		return who.User, who.Role, err
	}
	u, err := p.store.User(ctx, l.user)
	if pkgmeter.CodeOf(err) == pkgmeter.NotFound || err == nil && (u.Disabled || u.Hash != l.hash) {
		err = errNotLoggedIn
	}
	return u.Name, u.Role, err
}
