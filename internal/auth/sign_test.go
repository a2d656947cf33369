package auth_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/auth"
)

func signer(t *testing.T, secret, purpose string) *auth.Signer {
	t.Helper()
	s, err := auth.NewSigner([]byte(secret), purpose)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASignatureIsOfOnePathAndItsParameters(t *testing.T) {
	t.Parallel()
	s := signer(t, "secret", "badge")
	const path = "/badge/npm/@scope/x.svg"
	params := url.Values{"period": {"month"}, "repository": {"b", "a"}}
	sig := s.Sign(path, params)
	if len(sig) != 43 || strings.Trim(sig, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("signature %q", sig)
	}
	tests := map[string]struct {
		sig, path string
		params    url.Values
		want      bool
	}{
		"itself":                   {sig, path, params, true},
		"another order":            {sig, path, url.Values{"repository": {"a", "b"}, "period": {"month"}}, true},
		"another package":          {sig, "/badge/npm/@scope/y.svg", params, false},
		"another form":             {sig, "/badge/npm/@scope/x.json", params, false},
		"another period":           {sig, path, url.Values{"period": {"day"}, "repository": {"a", "b"}}, false},
		"a parameter less":         {sig, path, url.Values{"repository": {"a", "b"}}, false},
		"a parameter more":         {sig, path, url.Values{"period": {"month"}, "repository": {"a", "b"}, "x": {""}}, false},
		"a value twice":            {sig, path, url.Values{"period": {"month"}, "repository": {"a", "b", "b"}}, false},
		"values joined":            {sig, path, url.Values{"period": {"month"}, "repository": {"a&repository=b"}}, false},
		"parameters in the path":   {sig, path + "?period=month&repository=a&repository=b", nil, false},
		"no signature":             {"", path, params, false},
		"a part of it":             {sig[:42], path, params, false},
		"padded":                   {sig + "=", path, params, false},
		"a signature of no params": {s.Sign(path, nil), path, params, false},
	}
	for name, tt := range tests {
		if got := s.Verify(tt.sig, tt.path, tt.params); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	for name, other := range map[string]*auth.Signer{"secret": signer(t, "Secret", "badge"), "purpose": signer(t, "secret", "other")} {
		if other.Verify(sig, path, params) {
			t.Errorf("valid under another %s", name)
		}
	}
	if got := strings.Join(params["repository"], ""); got != "ba" {
		t.Errorf("the caller's parameters are %s now", got)
	}
}
