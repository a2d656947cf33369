// Package backup writes a data folder's files into one archive, and makes a
// data folder of such an archive again, or nothing at all.
//
// An archive is a tar in zstd: first manifest.json, which lists all files with
// their sizes and SHA-256, then those files in that order: the database, and
// bytes of packages, each as blobs/ and its SHA-256. It is not signed: a manifest
// finds damage, and not a hand that changes both.
//
// It does not know what is in the files, which bytes a database needs, nor how a
// consistent copy of one is made.
package backup

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"path"
	"regexp"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

const (
	// Format is the number of the archive's format.
	Format = 1

	// Database is the name of the data file, in the archive and in the folder.
	Database = "pkgmeter.db"

	blobs        = "blobs" // the folder of all other files, in the archive and in the data folder
	manifestName = "manifest.json"
	maxManifest  = 128 << 20 // bytes; 220 for each of 600,000 blobs
	maxWindow    = 64 << 20  // bytes that unpacking may have to look back
)

// A Manifest says what an archive holds.
type Manifest struct {
	Format   int       `json:"format"`
	MadeAt   time.Time `json:"made_at"`
	Program  string    `json:"program"` // version
	Schema   int       `json:"schema"`
	LedgerID string    `json:"ledger_id"`
	Epoch    int64     `json:"epoch"`
	Position int64     `json:"position"` // of the ledger's last row
	Events   int64     `json:"events"`
	Files    []File    `json:"files"`
}

// A File is one file of an archive.
type File struct {
	Name   string `json:"name"` // that of the data file, or blobs/ and the digest
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// Blobs is how many files are bytes of packages.
func (m *Manifest) Blobs() int { return max(0, len(m.Files)-1) }

// Bytes is the size of all files together.
func (m *Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// decodeManifest reads a manifest from outside. Members that it does not know
// are left alone: a format that cannot do without them has another number.
func decodeManifest(r io.Reader, size int64, schema int) (m Manifest, err error) {
	if size > maxManifest {
		return m, refuse("its manifest has %d bytes, at most %d are read", size, maxManifest)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, refuse("its manifest cannot be read: %v", err)
	}
	switch {
	case m.Format > Format:
		return m, refuse("it has format %d, and this program reads up to %d: use the newer program", m.Format, Format)
	case m.Format < 1:
		return m, refuse("its manifest names no format")
	case m.Schema > schema:
		return m, refuse("it has schema %d, and this program knows up to %d: use the newer program", m.Schema, schema)
	case m.Schema < 1:
		return m, refuse("its manifest names no schema")
	}
	return m, m.check()
}

// blobName is what names of bytes look like.
var blobName = regexp.MustCompile(`^` + blobs + `/[0-9a-f]{64}$`)

func nameOf(digest string) string { return path.Join(blobs, digest) }

// sum is the digest as it is computed.
func (f File) sum() (sum [32]byte, err error) {
	raw, err := hex.DecodeString(f.SHA256)
	if err == nil && len(raw) != len(sum) {
		err = hex.ErrLength
	}
	copy(sum[:], raw)
	return sum, err
}

// check looks at the list of files.
func (m *Manifest) check() error {
	seen := map[string]bool{}
	left := int64(1) << 62 // so that sizes can be added
	for i, f := range m.Files {
		if ours := f.Name == Database && i == 0 || i > 0 && blobName.MatchString(f.Name); !ours {
			return refuse("its manifest lists %.100q, which is no file of a data folder", f.Name)
		}
		if seen[f.Name] {
			return refuse("its manifest lists %s twice", f.Name)
		}
		seen[f.Name] = true
		_, err := f.sum()
		if err != nil || i > 0 && f.Name != nameOf(f.SHA256) || f.Size < 0 || f.Size > left {
			return refuse("its manifest has no proper size and digest of %s", f.Name)
		}
		left -= f.Size
	}
	if len(m.Files) == 0 {
		return refuse("its manifest lists no files")
	}
	return nil
}

// refuse says why an archive is not taken.
func refuse(format string, args ...any) error {
	return pkgmeter.Errorf(pkgmeter.Invalid, "the backup is refused: "+format, args...)
}

// A Step is called for each bytes that were copied. It may wait, and end the
// work by an error.
type Step func(bytes int) error

// reader ends with its context, and counts what is read.
type reader struct {
	ctx  context.Context //nolint:containedctx // that of the one copy it is for
	from io.Reader
	step Step
}

// Read implements [io.Reader].
func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.from.Read(p)
	if r.step != nil && n > 0 {
		if bad := r.step(n); bad != nil {
			return n, bad
		}
	}
	return n, err
}
