package auth

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
)

// A Signer signs addresses, so that who has one may read what it names and
// nothing else. What it signed is good until the secret changes.
type Signer struct{ key []byte }

// NewSigner returns the signer of a purpose. Its key follows from the
// installation's secret: signatures of other purposes are of no use here.
func NewSigner(secret []byte, purpose string) (*Signer, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "pkgmeter "+purpose, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("key of the signatures: %w", err)
	}
	return &Signer{key}, nil
}

// Sign returns the signature of an unescaped path and the parameters behind it,
// whose order does not matter: HMAC-SHA-256 as unpadded base64url.
func (s *Signer) Sign(path string, params url.Values) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte((&url.URL{Path: path}).EscapedPath() + "?" + sorted(params).Encode()))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Verify reports whether sig is the signature of a path and parameters.
func (s *Signer) Verify(sig, path string, params url.Values) bool {
	return hmac.Equal([]byte(sig), []byte(s.Sign(path, params)))
}

// sorted returns params with the values of each in order.
func sorted(params url.Values) url.Values {
	out := make(url.Values, len(params))
	for name, values := range params {
		out[name] = slices.Sorted(slices.Values(values))
	}
	return out
}
