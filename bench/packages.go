package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter/ddp"
)

// The contest of package bytes.
const (
	packageBytes  = 1 << 30
	packageRounds = 3
	fileOnly      = "file" // http.ServeContent, of the same bytes
	packageFile   = "package"
)

// packages measures a large package up and down.
func (b *bench) packages(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp(b.dir, "packages")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	data := filepath.Join(dir, "data")
	p, err := b.serve(ctx, data, time.Time{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	most := watchMemory(p)
	began := time.Now()
	url, err := b.publish(ctx, p, data)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	b.print("upload_mb_per_s", packageBytes/1e6/time.Since(began).Seconds(), "-")
	blobs, err := filepath.Glob(filepath.Join(data, "blobs", "*", "*", "*"))
	if err != nil || len(blobs) == 0 {
		return fmt.Errorf("no bytes in %s: %w", data, err)
	}
	for _, name := range blobs {
		if info, err := os.Stat(name); err == nil && info.Size() == packageBytes {
			if err := os.Link(name, filepath.Join(dir, packageFile)); err != nil {
				return err
			}
		}
	}
	peer, err := launch(ctx, []string{peerEnv + "=" + fileOnly, peerDir + "=" + dir}, b.self)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, peer.stop()) }()
	var ours, bare []float64
	for range packageRounds {
		for url, rates := range map[string]*[]float64{url: &ours, "http://" + peer.addr + "/": &bare} {
			rate, err := download(ctx, url)
			if err != nil {
				return err
			}
			*rates = append(*rates, rate)
		}
	}
	b.print("download_mb_per_s", median(ours), "-")
	b.print("download_vs_file", median(ours)/median(bare), ">=0.8")
	b.print("package_rss_mb", most(), "<=100")
	return nil
}

// watchMemory samples the memory of a process until most is called, which
// returns the largest value, MB.
func watchMemory(p *process) (most func() float64) {
	stop, done := make(chan struct{}), make(chan float64)
	go func() {
		var largest float64
		for {
			select {
			case <-stop:
				done <- largest
				return
			case <-time.After(20 * time.Millisecond):
				largest = max(largest, p.memory())
			}
		}
	}()
	return func() float64 { close(stop); return <-done }
}

func download(ctx context.Context, url string) (mbPerS float64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	if err == nil && (n != packageBytes || res.StatusCode != http.StatusOK) {
		err = fmt.Errorf("%s: %s, %d bytes", url, res.Status, n)
	}
	return float64(n) / 1e6 / time.Since(began).Seconds(), err
}

// bytesOf are the same pseudo-random bytes each time.
func bytesOf(n int64) io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), n) }

// publish publishes a package with a large source, and returns its address.
func (b *bench) publish(ctx context.Context, p *process, data string) (url string, err error) {
	token, err := exec.CommandContext(ctx, b.bin, "--data", data, "token", "new", "--user", "admin", "--scope", "publish").Output()
	if err != nil {
		return "", err
	}
	c, err := ddp.Dial(ctx, "http://"+p.addr, ddp.DialOptions{})
	if err != nil {
		return "", err
	}
	defer c.Close()
	var up struct {
		UploadToken string `json:"uploadToken"`
		UploadURL   string `json:"uploadUrl"`
	}
	record := map[string]any{
		"packageName": "bench", "version": "1.0.0", "description": "large", "exports": []any{}, "dependencies": map[string]any{}, "releaseName": nil,
	}
	for _, call := range []struct {
		method string
		args   []any
		result any
	}{
		{"login", []any{map[string]any{"resume": strings.TrimSpace(string(token))}}, nil},
		{"createPackage", []any{map[string]any{"name": "bench"}}, nil},
		{"createPackageVersion", []any{record}, &up},
	} {
		if err := c.Call(ctx, call.method, call.result, call.args...); err != nil {
			return "", err
		}
	}
	sum := sha256.New()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, up.UploadURL, io.TeeReader(bytesOf(packageBytes), sum))
	if err != nil {
		return "", err
	}
	req.ContentLength = packageBytes
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("upload: %s: %s: %w", res.Status, answer, err)
	}
	hashes := map[string]any{"tarballHash": base64.StdEncoding.EncodeToString(sum.Sum(nil)), "treeHash": ""}
	if err := c.Call(ctx, "publishPackageVersion", nil, up.UploadToken, hashes); err != nil {
		return "", err
	}
	var page struct {
		Collections struct {
			Versions []struct {
				Source struct {
					URL string `json:"url"`
				} `json:"source"`
			} `json:"versions"`
		} `json:"collections"`
	}
	if err := c.Call(ctx, "syncNewPackageData", &page, map[string]any{"format": "1.1"}); err != nil || len(page.Collections.Versions) != 1 {
		return "", fmt.Errorf("%d versions: %w", len(page.Collections.Versions), err)
	}
	return page.Collections.Versions[0].Source.URL, nil
}

// serveFile is the peer: one file, by the standard library alone.
func serveFile(ctx context.Context, ln net.Listener) error {
	name := filepath.Join(os.Getenv(peerDir), packageFile)
	s := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(name)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer f.Close()
		http.ServeContent(w, r, "", time.Time{}, f)
	})}
	context.AfterFunc(ctx, func() { s.Close() })
	if err := s.Serve(ln); ctx.Err() == nil {
		return err
	}
	return nil
}
