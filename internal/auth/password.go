package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Parameters of argon2id: OWASP's first choice.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	argonSalt    = 16 // bytes
	argonKey     = 32 // bytes
)

// Digest is what of a password is hashed: the hex SHA-256. DDP clients send
// that digest instead of the password, and can thus log in with the same one.
func Digest(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

// Hash returns the PHC string under which a password is stored.
func Hash(password string) string {
	salt := make([]byte, argonSalt)
	rand.Read(salt) // never fails: it would end the process first
	key := argon2.IDKey([]byte(Digest(password)), salt, argonTime, argonMemory, argonThreads, argonKey)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		b64.EncodeToString(salt), b64.EncodeToString(key))
}

// matches reports whether digest is the one that was hashed. A string that is
// no hash costs as much as a wrong password, so that the time of an answer
// does not tell which users exist.
func matches(phc, digest string) bool {
	var version int
	var memory, time uint32
	var threads uint8
	fields := strings.Split(phc, "$")
	ok := len(fields) == 6 && fields[1] == "argon2id"
	if ok {
		_, errV := fmt.Sscanf(fields[2], "v=%d", &version)
		_, errP := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &memory, &time, &threads)
		ok = errV == nil && errP == nil && version == argon2.Version && threads > 0 && time > 0 && memory <= 1<<20
	}
	var salt, want []byte
	if ok {
		var errS, errK error
		salt, errS = base64.RawStdEncoding.DecodeString(fields[4])
		want, errK = base64.RawStdEncoding.DecodeString(fields[5])
		ok = errS == nil && errK == nil && len(want) > 0
	}
	if !ok {
		argon2.IDKey([]byte(digest), make([]byte, argonSalt), argonTime, argonMemory, argonThreads, argonKey)
		return false
	}
	got := argon2.IDKey([]byte(digest), salt, time, memory, threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1
}
