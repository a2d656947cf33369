package meteor

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

const (
	// pendingLife is how long publishing may take from its first step: the tool
	// builds in between.
	pendingLife = 24 * time.Hour

	// maxTreeHash is the most bytes of a digest that is stored as it comes.
	maxTreeHash = 200
)

// begin remembers what somebody begins to publish, in place of an earlier try,
// and returns the token for its upload.
func (p *publisher) begin(ctx context.Context, who actor, part pkgmeter.PublishedPart, key string, record any) (token string, err error) {
	token, sum := newToken()
	text, err := json.Marshal(record)
	if err != nil {
		return "", err
	}
	return token, p.store.AddPending(ctx, pkgmeter.Pending{
		Token: sum, Part: part, Key: key, User: who.name, Record: text, Expires: p.now().Add(pendingLife),
	})
}

// newToken makes a token of 160 random bits, and the digest by which it is
// known.
func newToken() (text string, sum [32]byte) {
	random := make([]byte, 20)
	rand.Read(random) // it never fails
	text = base64.RawURLEncoding.EncodeToString(random)
	return text, sha256.Sum256([]byte(text))
}

func (p *publisher) uploadURL(part, token string) string {
	return p.url + "/upload/" + part + "/" + token
}

// pending returns what a token is for, if it is for such a thing.
func (p *publisher) pending(ctx context.Context, token string, part pkgmeter.PublishedPart, record any) (pkgmeter.Pending, error) {
	pending, err := p.store.Pending(ctx, sha256.Sum256([]byte(token)))
	if err == nil && pending.Part != part {
		err = pkgmeter.Errorf(pkgmeter.NotFound, "This upload is for something else.")
	}
	if err != nil {
		return pending, err
	}
	return pending, json.Unmarshal(pending.Record, record)
}

// unlessPublished returns err, unless it came of the same publication, by a call
// that was a moment earlier.
func (p *publisher) unlessPublished(ctx context.Context, pending pkgmeter.Pending, err error) error {
	now, readErr := p.store.Pending(ctx, pending.Token)
	if readErr == nil && now.Published {
		return nil
	}
	return err
}

// checkUpload compares what was uploaded with what the tool says that it has.
func checkUpload(what string, b pkgmeter.Blob, want string) error {
	if !b.Uploaded() {
		return pkgmeter.Errorf(pkgmeter.Conflict, "The %s was not uploaded.", what)
	}
	if got := hash(b); got != want {
		return pkgmeter.Errorf(pkgmeter.Invalid, "The %s was damaged on its way: %d bytes with the SHA-256 %s were received, and the client has %s. Try again.", what, b.Size, got, quote(want))
	}
	return nil
}

// hash writes a digest as records have it.
func hash(b pkgmeter.Blob) string { return base64.StdEncoding.EncodeToString(b.SHA256[:]) }

// checkTreeHash takes any text: what a tree's digest is, is the tool's business,
// and some tools send the same one for all trees.
func checkTreeHash(text string) error {
	if len(text) > maxTreeHash {
		return pkgmeter.Errorf(pkgmeter.Invalid, "The hash of a tree has at most %d bytes; this one has %d.", maxTreeHash, len(text))
	}
	return nil
}

// file returns where bytes of a package will be served. Paths say nothing and
// are never used again.
func (p *publisher) file(of packageVersion, suffix string, part pkgmeter.PublishedPart, b pkgmeter.Blob) pkgmeter.PublishedFile {
	folder, ending := "sources", ".tgz"
	switch part {
	case pkgmeter.BuildPart:
		folder = "builds"
	case pkgmeter.ReadmePart:
		folder, ending = "readmes", ".md"
	}
	return pkgmeter.PublishedFile{
		Path: folder + "/" + catalog.NewID() + ending, Name: of.PackageName + "-" + of.Version + "-" + suffix, Blob: b,
		Package: catalog.PackageURL(of.PackageName), Version: of.Version, Part: part,
	}
}

func (p *publisher) fileURL(f pkgmeter.PublishedFile) string { return p.url + "/files/" + f.Path }

// tell says that an upload became visible.
func (p *publisher) tell(call *ddp.Call, f *pkgmeter.PublishedFile) {
	if f != nil && p.published != nil {
		p.published(*f, agentOf(call.Session))
	}
}
