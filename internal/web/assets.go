package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

// scriptFile is the page script. `make build` makes it where there is npm;
// without it the pages work, and are drawn by the server alone.
const scriptFile = "dist/stats.js"

// assets are the files that pages load, each under a name that changes with
// its content.
type assets struct {
	dir    fs.FS
	hashes map[string]string
	zipped func() map[string][]byte // gzip of the scripts, which are large
}

func newAssets(files fs.FS) (*assets, error) {
	dir, err := fs.Sub(files, "static")
	if err != nil {
		return nil, err
	}
	a := &assets{dir: dir, hashes: map[string]string{}}
	scripts := map[string][]byte{}
	err = fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(dir, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		a.hashes[name] = hex.EncodeToString(sum[:6])
		if path.Ext(name) == ".js" {
			scripts[name] = body
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the files of the pages: %w", err)
	}
	a.zipped = sync.OnceValue(func() map[string][]byte { return zipAll(scripts) })
	return a, nil
}

func zipAll(bodies map[string][]byte) map[string][]byte {
	zipped := map[string][]byte{}
	for name, body := range bodies {
		var buf bytes.Buffer
		z := gzip.NewWriter(&buf)
		if _, err := z.Write(body); err != nil {
			continue // memory does not fail; it would be served as it is
		}
		if z.Close() == nil {
			zipped[name] = buf.Bytes()
		}
	}
	return zipped
}

// assetURL returns the URL of a file that pages load, "" if there is none.
func (w *Web) assetURL(name string) string {
	hash, ok := w.assets.hashes[name]
	if !ok {
		return ""
	}
	return w.Base + "/static/" + name + "?v=" + hash
}

// Static serves the files that pages load. Who asks for one under its present
// hash may keep it for good.
func (w *Web) Static() http.Handler {
	server := http.FileServerFS(w.assets.dir)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		hash, ok := w.assets.hashes[r.URL.Path]
		if !ok {
			http.NotFound(rw, r) // no listing of folders
			return
		}
		if r.URL.Query().Get("v") == hash {
			rw.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		} else {
			rw.Header().Set("Cache-Control", "public, max-age=3600")
		}
		rw.Header().Set("Vary", "Accept-Encoding")
		body, ok := w.assets.zipped()[r.URL.Path]
		if !ok || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			server.ServeHTTP(rw, r)
			return
		}
		rw.Header().Set("Content-Encoding", "gzip")
		httpx.Write(rw, http.StatusOK, "text/javascript; charset=utf-8", body)
	})
}
