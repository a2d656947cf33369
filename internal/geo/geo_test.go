package geo_test

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/pkgmeter/pkgmeter/internal/geo"
)

func iso(code string) mmdbtype.Map { return mmdbtype.Map{"iso_code": mmdbtype.String(code)} }

// file makes a file in which networks have those records.
func file(t testing.TB, records map[string]mmdbtype.Map) []byte {
	t.Helper()
	w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test", IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for network, record := range records {
		_, n, err := net.ParseCIDR(network)
		if err == nil {
			err = w.Insert(n, record)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func world(t testing.TB) []byte {
	return file(t, map[string]mmdbtype.Map{
		"192.0.2.0/24":    {"country": iso("DE"), "registered_country": iso("US")},
		"198.51.100.0/24": {"country_code": mmdbtype.String("JP")},
		"203.0.113.0/24":  {"country": mmdbtype.String("BR")},
		"192.88.99.0/24":  {"registered_country": iso("FR")},
		"198.18.0.0/16":   {"country": iso("zz"), "registered_country": mmdbtype.String("x")},
		"198.19.0.0/16":   {"asn": mmdbtype.Uint32(64500)},
		"2001:db8::/32":   {"country": iso("NZ")},
	})
}

func TestCountriesOfFilesOfSeveralMakers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "world.mmdb")
	if err := os.WriteFile(path, world(t), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := geo.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"192.0.2.7": "DE", "::ffff:192.0.2.7": "DE", "198.51.100.1": "JP", "203.0.113.255": "BR", "192.88.99.1": "FR",
		"198.18.0.1": "", "198.19.0.1": "", "127.0.0.1": "", "10.1.2.3": "", "2001:db8::1": "NZ", "2001:db8::1%eth0": "NZ", "::1": "", "2002:db8::": "",
	} {
		if got := c.Of(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	if got := c.Of(netip.Addr{}); got != "" {
		t.Errorf("no address is in %s", got)
	}
}

func TestFilesWithoutCountriesAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"nothing":   {nil, "no file of the MaxMind DB format"},
		"text":      {[]byte("192.0.2.0/24,DE\n"), "no file of the MaxMind DB format"},
		"cut short": {world(t)[len(world(t))/2:], ""},
		"networks":  {file(t, map[string]mmdbtype.Map{"198.19.0.0/16": {"asn": mmdbtype.Uint32(64500)}}), "no countries"},
	} {
		_, err := geo.Read(c.content)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := geo.Open(filepath.Join(t.TempDir(), "none.mmdb")); err == nil {
		t.Error("a file that is not there opens")
	}
}

// A damaged file may know less, and nothing else.
func FuzzCountry(f *testing.F) {
	f.Add(world(f), []byte{192, 0, 2, 7})
	f.Fuzz(func(t *testing.T, content, address []byte) {
		c, err := geo.Read(content)
		if err != nil {
			return
		}
		if a, ok := netip.AddrFromSlice(address); ok {
			if got := c.Of(a); got != "" && len(got) != 2 {
				t.Errorf("%q", got)
			}
		}
	})
}
