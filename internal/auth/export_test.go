package auth

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/crypto/argon2"
)

// Hashed returns how many passwords were hashed.
func (a *Auth) Hashed() int64 { return a.hashes.Load() }

// HoldHashing takes every place for hashing.
func (a *Auth) HoldHashing() (release func()) {
	for range cap(a.hashing) {
		a.hashing <- struct{}{}
	}
	return func() {
		for range cap(a.hashing) {
			<-a.hashing
		}
	}
}

// Limits counts failures of accounts.
type Limits struct{ *limits }

// NewLimits returns limits without an Auth.
func NewLimits(now func() time.Time) Limits { return Limits{newLimits(now)} }

// Check refuses a guess that comes too early.
func (l Limits) Check(from netip.Addr, name string) error { return l.check(from, account(name)) }

// Fail counts a wrong guess.
func (l Limits) Fail(from netip.Addr, name string) { l.fail(from, account(name)) }

// Unlogged returns how many networks wait for the log.
func (l Limits) Unlogged() int { return len(l.unlogged) }

// CheapHash is [Hash] with parameters that cost nothing.
func CheapHash(password string) string {
	salt, b64 := make([]byte, argonSalt), base64.RawStdEncoding
	key := argon2.IDKey([]byte(Digest(password)), salt, 1, 8, 1, argonKey)
	return fmt.Sprintf("$argon2id$v=%d$m=8,t=1,p=1$%s$%s", argon2.Version, b64.EncodeToString(salt), b64.EncodeToString(key))
}
