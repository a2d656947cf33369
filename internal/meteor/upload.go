package meteor

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/blob"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

const (
	defaultMaxTarball = 1 << 30
	defaultMaxReadme  = 1 << 20
	defaultStall      = time.Minute

	// maxTarget is the most bytes of a path that is looked up. Ours are shorter.
	maxTarget = 1024
)

// A PendingStore knows what is being published.
type PendingStore interface {
	// Pending returns what a token is for, by its SHA-256; [pkgmeter.NotFound]
	// for one that is unknown, replaced or expired.
	Pending(ctx context.Context, token [32]byte) (pkgmeter.Pending, error)

	// SetUpload notes that a part was uploaded, in place of what was uploaded
	// before; [pkgmeter.Conflict] once all of it is published.
	SetUpload(ctx context.Context, token [32]byte, part pkgmeter.PublishedPart, b pkgmeter.Blob) error
}

// Uploads takes the bytes of what is being published, at
// PUT /upload/{source,build,readme}/TOKEN. The token is all that a publisher has
// to show: it was given to somebody who may publish this.
//
// It reads the path by itself, and should not stand behind a [http.ServeMux],
// which redirects unclean paths: Meteor's tool takes a redirect for success.
// Store and Blobs are required.
type Uploads struct {
	Store PendingStore
	Blobs *blob.Store

	// MaxTarball is the most bytes of a source or a build. Default 1 GiB: a
	// build of the tool itself has hundreds of MB.
	MaxTarball int64

	// MaxReadme is the most bytes of a readme. Default 1 MiB.
	MaxReadme int64

	// Stall is how long an upload may bring nothing; it may take hours if it
	// goes on. Default one minute.
	Stall time.Duration
}

// ServeHTTP implements [http.Handler]. Whatever goes wrong is one line of text,
// as the tool shows it to its user.
func (u *Uploads) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := u.take(w, r)
	// The server's own limit began with the upload, and may be over.
	limitWrite(http.NewResponseController(w), cmp.Or(u.Stall, defaultStall))
	if err != nil {
		plainError(w, r, err)
		return
	}
	httpx.Write(w, http.StatusOK, plainText, []byte("ok\n"))
}

const plainText = "text/plain; charset=utf-8"

func plainError(w http.ResponseWriter, r *http.Request, err error) {
	code := httpx.Fail(w, r, err)
	httpx.Write(w, httpx.Status(code), plainText, []byte(pkgmeter.PublicMessage(err)+"\n"))
}

func (u *Uploads) take(w http.ResponseWriter, r *http.Request) (err error) {
	if r.Method != http.MethodPut {
		return wrongMethod(w, r, http.MethodPut)
	}
	part, token, err := u.target(r)
	if err != nil {
		return err
	}
	in, err := u.receive(w, r, part)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Discard()) }()
	// No sweep may come between the bytes and what refers to them.
	defer u.Blobs.Uploading()()
	if err := in.Keep(r.Context()); err != nil {
		return err
	}
	return u.Store.SetUpload(r.Context(), token, part, in.Blob)
}

func wrongMethod(w http.ResponseWriter, r *http.Request, allowed string) error {
	w.Header().Set("Allow", allowed)
	return pkgmeter.Errorf(pkgmeter.MethodNotAllowed, "the method is %.20s, want %s", r.Method, allowed)
}

var errNoUpload = pkgmeter.Errorf(pkgmeter.NotFound, "there is nothing to upload here: begin to publish again")

// parts are the names of parts in paths.
var parts = map[string]pkgmeter.PublishedPart{"source": pkgmeter.SourcePart, "build": pkgmeter.BuildPart, "readme": pkgmeter.ReadmePart}

// target returns what a request is about to upload, if that is wanted.
func (u *Uploads) target(r *http.Request) (part pkgmeter.PublishedPart, token [32]byte, err error) {
	path, ok := strings.CutPrefix(r.URL.Path, "/upload/")
	name, secret, _ := strings.Cut(path, "/")
	part, known := parts[name]
	if !ok || !known || len(secret) > maxTarget {
		return 0, token, errNoUpload
	}
	token = sha256.Sum256([]byte(secret))
	p, err := u.Store.Pending(r.Context(), token)
	switch {
	case err != nil:
	case !fits(part, p.Part):
		err = errNoUpload
	case p.Published:
		err = pkgmeter.Errorf(pkgmeter.Conflict, "this is published already and cannot be replaced")
	}
	return part, token, err
}

// fits reports whether a part belongs to what is pending: versions have a readme
// beside their source.
func fits(part, pending pkgmeter.PublishedPart) bool {
	return part == pending || part == pkgmeter.ReadmePart && pending == pkgmeter.SourcePart
}

// receive reads the body, which nobody sees before it is kept.
func (u *Uploads) receive(w http.ResponseWriter, r *http.Request, part pkgmeter.PublishedPart) (*blob.Received, error) {
	limit, what := cmp.Or(u.MaxTarball, defaultMaxTarball), "tarball"
	if part == pkgmeter.ReadmePart {
		limit, what = cmp.Or(u.MaxReadme, defaultMaxReadme), "readme"
	}
	tooLarge := pkgmeter.Errorf(pkgmeter.TooLarge, "the %s is larger than %d bytes, which is the most that this server takes", what, limit)
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	rc := http.NewResponseController(w)
	body := &body{r: r.Body, deadline: deadline{set: rc.SetReadDeadline, stall: cmp.Or(u.Stall, defaultStall)}}
	in, err := u.Blobs.Receive(r.Context(), body, limit)
	switch {
	case err == nil:
		return in, nil
	case pkgmeter.CodeOf(err) == pkgmeter.TooLarge:
		return nil, tooLarge
	case body.err != nil:
		return nil, &pkgmeter.Error{Code: pkgmeter.Invalid, Msg: cutShort(body.n, r.ContentLength), Err: body.err}
	}
	return nil, err
}

func cutShort(n, of int64) string {
	if of < 0 {
		return fmt.Sprintf("the upload was cut short after %d bytes", n)
	}
	return fmt.Sprintf("the upload was cut short: %d of %d bytes came", n, of)
}

// A body is what a client sends. It has to go on, and remembers what was wrong
// with it, which is not this server's fault.
type body struct {
	r        io.Reader
	deadline deadline
	n        int64 // bytes that came
	err      error
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	b.deadline.extend()
	n, err := b.r.Read(p)
	b.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// A deadline moves on as long as there is progress.
type deadline struct {
	set   func(time.Time) error
	stall time.Duration
	next  time.Time // when it is worth to be moved again
}

// extend gives the next read or write its time.
func (d *deadline) extend() {
	now := time.Now()
	if now.Before(d.next) {
		return
	}
	d.next = now.Add(d.stall / 50)
	_ = d.set(now.Add(d.stall)) // connections of tests have none
}

func limitWrite(rc *http.ResponseController, d time.Duration) {
	_ = rc.SetWriteDeadline(time.Now().Add(d)) // as above
}
