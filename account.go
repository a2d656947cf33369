package pkgmeter

import (
	"regexp"
	"strings"
	"time"
	"unicode"
)

// A Role says what a user may do.
type Role string

// The roles. A publisher owns the package names below its own name.
const (
	Admin     Role = "admin"
	Viewer    Role = "viewer"
	Publisher Role = "publisher"
)

// A User is a person, or a program that logs in as one.
type User struct {
	ID       int64
	Name     string
	Role     Role
	Hash     string // argon2id of the hex SHA-256 of the password, as a PHC string; "" never matches
	Disabled bool
	Created  time.Time
}

var publisherName = regexp.MustCompile(`^[a-z0-9.-]{1,64}$`)

// Validate reports the first thing that makes u unfit to store.
func (u User) Validate() error {
	switch u.Role {
	case Admin, Viewer, Publisher:
	default:
		return Errorf(Invalid, "role %q: want admin, viewer or publisher", u.Role)
	}
	switch {
	case u.Name == "" || len(u.Name) > MaxName:
		return Errorf(Invalid, "a user name has 1 to %d bytes", MaxName)
	case strings.ContainsFunc(u.Name, unicode.IsControl) || strings.ToValidUTF8(u.Name, "") != u.Name:
		return Errorf(Invalid, "a user name is UTF-8 text without control characters")
	case strings.Contains(u.Name, ":"):
		return Errorf(Invalid, "a user name cannot contain a colon, as HTTP Basic could not carry it")
	case u.Name == CommandLine:
		return Errorf(Invalid, "%q is no name of a user: the audit log calls commands so", CommandLine)
	case u.Role == Publisher && !publisherName.MatchString(u.Name):
		return Errorf(Invalid, "a publisher's name has 1 to 64 characters of a-z 0-9 . -")
	}
	return nil
}

// A Scope says what a token may be used for.
type Scope string

// The scopes.
const (
	ScopeIngest  Scope = "ingest"  // send events
	ScopeRead    Scope = "read"    // ask for numbers
	ScopePublish Scope = "publish" // publish packages
)

// ParseScope returns the scope of a name.
func ParseScope(name string) (Scope, error) {
	switch s := Scope(name); s {
	case ScopeIngest, ScopeRead, ScopePublish:
		return s, nil
	}
	return "", Errorf(Invalid, "scope %q: want ingest, read or publish", name)
}

// A Token lets a program act for a user within one scope. The secret itself is
// never stored.
type Token struct {
	ID      int64
	UserID  int64
	User    string
	Scope   Scope
	Prefix  string    // public part, by which the token is found
	SHA256  [32]byte  // of the whole token
	Expires time.Time // zero: never
	Created time.Time
	Used    time.Time // at the hour; zero: never, or before that was kept
}

// A Principal is who a request acts for.
type Principal struct {
	User    string
	Role    Role
	Scope   Scope     // "" for a person, who may do all that the role allows
	Expires time.Time // when the token does; zero: never

	// Shared is the view that is all that the request may see; nil for none such.
	Shared *SharedView
}

// A SharedView is what somebody sees who has a link to it.
type SharedView struct {
	ShareLink
	Secret string // which every address of the view carries
}
