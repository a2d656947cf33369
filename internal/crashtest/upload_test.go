//go:build linux

package crashtest_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/internal/blob"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

const publishedPackage = "some:package"

// publisherToken makes a token with which packages can be published.
func publisherToken(t *testing.T, bin, data string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), bin, "--data", data, "token", "new", "--user", "admin", "--scope", "publish").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// publishVersion publishes a version of a package, as Meteor's tool does. After
// nil the server has said that it is published.
func publishVersion(ctx context.Context, addr, token, version string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	c, err := ddp.Dial(ctx, "http://"+addr, ddp.DialOptions{})
	if err != nil {
		return err
	}
	defer c.Close()
	type obj = map[string]any
	if err := c.Call(ctx, "login", nil, obj{"resume": token}); err != nil {
		return err
	}
	if err := c.Call(ctx, "createPackage", nil, obj{"name": publishedPackage}); err != nil && !strings.Contains(err.Error(), "already") {
		return err
	}
	var up struct {
		Token string `json:"uploadToken"`
		URL   string `json:"uploadUrl"`
	}
	if err := c.Call(ctx, "createPackageVersion", &up, obj{
		"packageName": publishedPackage, "version": version, "description": "d", "exports": []any{}, "dependencies": obj{}, "releaseName": nil,
	}); err != nil {
		return err
	}
	source := strings.Repeat("source of "+version+"\n", 5000)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, up.URL, strings.NewReader(source))
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the upload was answered %s", resp.Status)
	}
	sum := sha256.Sum256([]byte(source))
	return c.Call(ctx, "publishPackageVersion", nil, up.Token, obj{"tarballHash": base64.StdEncoding.EncodeToString(sum[:]), "treeHash": "t"})
}

// The id of an event that is sent once a version is published begins like this:
// who has its acknowledgement has that of the version.
const publishedKey = "published-"

// catalogWhole looks whether the versions are there that were acknowledged
// before such events were sent, and the bytes of all that is.
func catalogWhole(ctx context.Context, store *sqlite.Store, data string, acked map[string]bool, complain func(string, ...any)) {
	for key := range acked {
		version, ok := strings.CutPrefix(key, publishedKey)
		if !ok {
			continue
		}
		docs, err := store.Documents(ctx, pkgmeter.Versions, publishedPackage+"\x00"+version, 1)
		if err != nil || len(docs) != 1 {
			complain("version %s was published, and is not there: %v", version, err)
		}
	}
	blobs, err := blob.ReadFolder(filepath.Join(data, "blobs"))
	if err != nil {
		complain("bytes: %v", err)
		return
	}
	defer blobs.Close()
	needed, err := store.Needed(ctx, nil, 10_000)
	if err != nil {
		complain("bytes: %v", err)
	}
	for _, n := range needed {
		if err := blobs.Check(ctx, [32]byte(n.SHA256)); err != nil {
			complain("bytes of %q: %v", n.Path, err)
		}
	}
}
