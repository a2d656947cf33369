package httpx_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

func TestOnlyTrustedProxiesSayWhoTheClientIs(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("fd00::/8")}
	const own = "peer"
	for _, c := range []struct {
		peer string
		said []string
		want string
	}{
		{"203.0.113.9:5000", nil, own},
		{"203.0.113.9:5000", []string{"198.51.100.1"}, own}, // a stranger says so
		{"203.0.113.9:5000", []string{"10.0.0.1"}, own},
		{"203.0.113.9:5000", []string{"127.0.0.1, 10.0.0.1"}, own},
		{"[2001:db8::1]:5000", []string{"10.0.0.1"}, own},
		{"10.0.0.1:5000", nil, own},
		{"10.0.0.1:5000", []string{""}, own},
		{"10.0.0.1:5000", []string{"unknown"}, own},
		{"10.0.0.1:5000", []string{"_hidden"}, own},
		{"10.0.0.1:5000", []string{"198.51.100.1 , nonsense"}, own},
		{"10.0.0.1:5000", []string{"198.51.100.1,"}, own},
		{"10.0.0.1:5000", []string{"<script>"}, own},
		{"10.0.0.1:5000", []string{"198.51.100.1:x"}, own},
		{"10.0.0.1:5000", []string{"999.1.1.1"}, own},
		{"not an address", []string{"198.51.100.1"}, own},
		{"@", []string{"198.51.100.1"}, own}, // a socket of the machine
		{"10.0.0.1:5000", []string{"198.51.100.1"}, "198.51.100.1:0"},
		{"10.0.0.1:5000", []string{" 198.51.100.1\t"}, "198.51.100.1:0"},
		{"10.0.0.1:5000", []string{"198.51.100.1:4711"}, "198.51.100.1:0"},
		{"10.0.0.1:5000", []string{"2001:db8::1"}, "[2001:db8::1]:0"},
		{"10.0.0.1:5000", []string{"[2001:db8::1]"}, "[2001:db8::1]:0"},
		{"10.0.0.1:5000", []string{"[2001:db8::1]:4711"}, "[2001:db8::1]:0"},
		{"10.0.0.1:5000", []string{"fe80::1%eth0"}, "[fe80::1]:0"},
		{"10.0.0.1:5000", []string{"::ffff:198.51.100.1"}, "198.51.100.1:0"},
		{"[::ffff:10.0.0.1]:5000", []string{"198.51.100.1"}, "198.51.100.1:0"},
		{"[fd00::1]:5000", []string{"198.51.100.1"}, "198.51.100.1:0"},
		// The client wrote the first ones itself.
		{"10.0.0.1:5000", []string{"127.0.0.1, 198.51.100.1"}, "198.51.100.1:0"},
		{"10.0.0.1:5000", []string{"10.9.9.9, 198.51.100.1"}, "198.51.100.1:0"},
		{"10.0.0.1:5000", []string{"1.1.1.1, 198.51.100.1, 10.0.0.2"}, "198.51.100.1:0"},
		{"10.0.0.1:5000", []string{"1.1.1.1", "198.51.100.1, 10.0.0.2"}, "198.51.100.1:0"},
		{"10.0.0.1:5000", []string{"198.51.100.1", "10.0.0.2", "10.0.0.3"}, "198.51.100.1:0"},
		{"10.0.0.1:5000", []string{"nonsense, 198.51.100.1"}, "198.51.100.1:0"},
		// Nobody but proxies: the farthest of them.
		{"10.0.0.1:5000", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3:0"},
		{"10.0.0.1:5000", []string{"nonsense, 10.0.0.2"}, "10.0.0.2:0"},
	} {
		want := c.want
		if want == own {
			want = c.peer
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = c.peer, c.said
		before, got := r.RemoteAddr, ""
		httpx.Forwarded(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr })).ServeHTTP(nil, r)
		if got != want || r.RemoteAddr != before {
			t.Errorf("%s says %q: %s, want %s", c.peer, c.said, got, want)
		}
		got = ""
		httpx.Forwarded(nil, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr })).ServeHTTP(nil, r)
		if got != c.peer {
			t.Errorf("without proxies %s says %q: %s", c.peer, c.said, got)
		}
	}
}
