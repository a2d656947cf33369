package meteor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// clients returns the directory of the clients that package ddp is tested with.
// Whoever comes first installs them; the lock is the one that package takes, so
// that tests of both may run at once. Without npm the test fails.
func clients(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../ddp/testdata/clients")
	if err != nil {
		t.Fatal(err)
	}
	h := fnv.New64a()
	h.Write([]byte(dir))
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "ddp-clients-"+strconv.FormatUint(h.Sum64(), 36)+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	if have, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err == nil && !have.ModTime().Before(want.ModTime()) {
		return dir
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	ci := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund")
	ci.Dir = dir
	if out, err := ci.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return dir
}

func TestNPMClientsCopyTheCatalog(t *testing.T) {
	t.Parallel()
	dir := clients(t)
	script, err := os.ReadFile("testdata/sync.mjs")
	if err != nil {
		t.Fatal(err)
	}
	store := openSQLite(t)
	for i := range 10 {
		key := fmt.Sprintf("pack%05d\x001.0.%d", i, i)
		put(t, store, packages(i, i+1)...)
		put(t, store, record(pkgmeter.Versions, fmt.Sprint("v", i), key, `,"text":"é😀 {\"$date\":5}","list":[1,null,{"a":true}]`),
			record(pkgmeter.Builds, fmt.Sprint("b", i), fmt.Sprintf("v%d\x00os+web.browser", i), ""))
	}
	put(t, store, record(pkgmeter.ReleaseTracks, "t1", "METEOR", ""), record(pkgmeter.ReleaseVersions, "r1", "METEOR\x003.0", `,"packages":{"pack00000":"1.0.0"}`))
	f := serve(t, store)
	u, err := url.Parse(f.url)
	if err != nil {
		t.Fatal(err)
	}
	want := inMilliseconds(t, contents(t, store))
	for _, library := range []string{"ddp", "simpleddp"} {
		for manner, calls := range map[string]int{"tool": 4, "peer": 2} {
			t.Run(library+" like "+manner, func(t *testing.T) {
				t.Parallel()
				cmd := exec.CommandContext(t.Context(), "node", "--input-type=module", "-", u.Port(), library, manner)
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
				var got struct {
					Calls, Resets int
					Collections   map[string][]map[string]any
				}
				if err := json.Unmarshal(out, &got); err != nil {
					t.Fatal(err)
				}
				have := map[string]map[string]any{}
				for name, list := range got.Collections {
					for _, r := range list {
						have[name+" "+r["_id"].(string)] = r
					}
				}
				if !reflect.DeepEqual(have, want) {
					t.Errorf("it has %v\nwant %v", have, want)
				}
				if got.Calls != calls || got.Resets != 0 {
					t.Errorf("%d calls, %d resets", got.Calls, got.Resets)
				}
			})
		}
	}
}

// inMilliseconds decodes records, with the time of their last change as a
// number.
func inMilliseconds(t *testing.T, docs map[string]string) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for key, body := range docs {
		var r map[string]any
		if err := json.Unmarshal([]byte(body), &r); err != nil {
			t.Fatal(err)
		}
		r["lastUpdated"] = r["lastUpdated"].(map[string]any)["$date"]
		all[key] = r
	}
	return all
}
