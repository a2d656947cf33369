package server_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/server"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// atlas knows three networks, and that one is asked for no other reason than
// an address.
func atlas(a netip.Addr) string {
	for network, country := range map[string]string{"192.0.2.0/24": "DE", "198.51.100.0/24": "JP", "2001:db8::/32": "NZ"} {
		if netip.MustParsePrefix(network).Contains(a) {
			return country
		}
	}
	return ""
}

func TestCountriesAndConsumersAreKeptAndAddressesAreNot(t *testing.T) {
	t.Parallel()
	s := start(t, func(srv *server.Server) {
		srv.People = source.People{Country: atlas, Consumer: func(name string) string { return "key of " + name }}
		srv.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	token := s.token(t, "vera", pkgmeter.ScopeIngest)
	for path, body := range map[string]string{
		"/callback": `[{"file-name":"a-1.0.jar","clientIp":"192.0.2.4","user":"ann@example.com"},
			{"file-name":"a-1.0.jar","ip":"[2001:db8::7]:4711"},{"file-name":"a-1.0.jar","remote_addr":"192.0.2.999"}]`,
		"/hook/distribution/" + token: `{"events":[{"id":"1","action":"pull","target":{"repository":"acme/app","tag":"1.0","mediaType":"application/vnd.oci.image.manifest.v1+json"},
			"request":{"addr":"198.51.100.7:51123","method":"GET","useragent":"containerd/1.7"},"actor":{"name":"carol"}}]}`,
		"/hook/harbor/" + token: `{"type":"PULL_ARTIFACT","occur_at":1773140000,"operator":"robot$ci",
			"event_data":{"resources":[{"tag":"1.0","resource_url":"hub/acme/tool:1.0"}],"repository":{"repo_full_name":"acme/tool"}}}`,
		"/hook/cloudevents/" + token:    `{"specversion":"1.0","id":"1","source":"/x","type":"y","data":{"path":"b-1.0.jar","consumer":"dave"}}`,
		"/api/v1/events?token=" + token: `[{"path":"c-1.0.jar","consumer":"erin"},{"path":"c-1.0.jar"}]`,
	} {
		got := s.ask(t, "POST", path, body, bearer(token))
		if got.status != 200 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	// Composer's client is the sender itself, seen through two proxies of ours.
	got := s.ask(t, "POST", "/hook/composer/"+token, `{"downloads":[{"name":"acme/lib","version":"1.0.0.0"}]}`,
		header("X-Forwarded-For", "198.51.100.66, 192.0.2.9, 10.1.1.1"))
	if got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	for path, want := range map[string]string{
		"/api/v1/top?by=country": `{"items":[{"key":"ZZ","downloads":5,"hits":5,"bytes":0},{"key":"DE","downloads":2,"hits":2,"bytes":0},` +
			`{"key":"JP","downloads":1,"hits":1,"bytes":0},{"key":"NZ","downloads":1,"hits":1,"bytes":0}],"total":{"downloads":9,`,
		"/api/v1/top?by=country&type=docker":                   `{"items":[{"key":"JP","downloads":1,"hits":1,"bytes":0},{"key":"ZZ","downloads":1,`,
		"/api/v1/top?by=country&package=pkg:maven/a":           `[{"key":"DE",`,
		"/api/v1/top?by=country&class=bot":                     `{"items":[{"key":"ZZ","downloads":1,"hits":1,"bytes":0}],"total":{"downloads":1,`,
		"/api/v1/series?split=country&repository=acme":         `{"series":[{"key":"JP","points":`,
		"/api/v1/top?by=country&package=pkg:composer/acme/lib": `{"items":[{"key":"DE",`,
	} {
		if got := s.ask(t, "GET", path, "", as("admin")); got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s, want %s in it", path, got.status, got.body, want)
		}
	}
	if got := s.ask(t, "GET", "/stats", "", as("admin")); !strings.Contains(got.body, ">Countries</h2>") {
		t.Error("the page has no countries")
	}
	consumers := map[string]int{}
	if err := s.store.Events(context.WithoutCancel(t.Context()), 0, func(_ int64, e pkgmeter.Event) error {
		consumers[e.Consumer]++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"key of ann@example.com", "key of carol", "key of robot$ci", "key of dave", "key of erin"} {
		if consumers[key] != 1 {
			t.Errorf("%q: %v", key, consumers)
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for name, content := range readAll(t, s.dir) {
		for _, secret := range []string{"192.0.2.4", "198.51.100.7", "51123", "192.0.2.9", "198.51.100.66", "2001:db8"} {
			if strings.Contains(content, secret) {
				t.Errorf("%s has the address %s", name, secret)
			}
		}
	}
}

func TestWithoutAskingNothingIsKeptOfPeople(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.ask(t, "POST", "/callback", `{"file-name":"a-1.0.jar","clientIp":"192.0.2.4","user":"ann@example.com"}`)
	if got := s.ask(t, "GET", "/api/v1/top?by=country", "", as("admin")); !strings.Contains(got.body, `"items":[{"key":"ZZ","downloads":1,`) {
		t.Error(got.body)
	}
	if got := s.ask(t, "GET", "/stats", "", as("admin")); strings.Contains(got.body, ">Countries</h2>") {
		t.Error("the page has countries of which none is known")
	}
	if err := s.store.Events(t.Context(), 0, func(_ int64, e pkgmeter.Event) error {
		if e.Consumer != "" || e.Country != "" {
			t.Errorf("kept %q, %q", e.Consumer, e.Country)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
