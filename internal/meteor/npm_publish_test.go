package meteor_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
)

// TestNPMClientsPublish has clients that other people wrote publish a package in
// the steps of Meteor's tool, and fetch it as another one.
func TestNPMClientsPublish(t *testing.T) {
	t.Parallel()
	dir := clients(t)
	script, err := os.ReadFile("testdata/publish.mjs")
	if err != nil {
		t.Fatal(err)
	}
	for _, library := range []string{"ddp", "simpleddp", "ddpjs"} {
		t.Run(library, func(t *testing.T) {
			t.Parallel()
			r := openRegistry(t)
			token := r.user("alice", pkgmeter.Publisher)
			r.as("alice", token).must("createPackage", obj{"name": "alice:foo"})
			r.root().must("createPackage", obj{"name": "foreign"})
			u, err := url.Parse(r.url)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "node", "--input-type=module", "-", u.Port(), library, "alice:foo", token)
			cmd.Dir, cmd.Stdin = dir, bytes.NewReader(script)
			for _, v := range os.Environ() {
				if !strings.HasPrefix(strings.ToLower(v), "http_proxy") {
					cmd.Env = append(cmd.Env, v)
				}
			}
			var complaints bytes.Buffer
			cmd.Stderr = &complaints
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, complaints.String())
			}
			var hashes map[string]string
			if err := json.Unmarshal(out, &hashes); err != nil {
				t.Fatal(err)
			}
			v := r.catalog(pkgmeter.Versions)["alice:foo@1.2.3-rc.1"]
			for part, record := range map[string]any{"source": v["source"], "readme": v["readme"]} {
				if got := hashOf(r.fetch(record.(obj)["url"].(string))); got != hashes[part] {
					t.Errorf("%s: %s here, %s there", part, got, hashes[part])
				}
			}
			if len(r.told) != 2 || hashes["build"] == "" {
				t.Errorf("told %v, fetched %v", r.told, hashes)
			}
		})
	}
}
