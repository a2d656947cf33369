package intake

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pkgmeter/pkgmeter"
)

// maxWindow is what a zstd file may ask of memory, bytes: as much as the zstd
// program allows by default.
const maxWindow = 128 << 20

// A File is open for an import, and unpacked as it is read.
type File struct {
	Format Format
	Size   int64 // packed bytes, -1 where that is not known before the end

	src    *os.File
	start  int64 // where it begins in src
	stream bool  // src can be read only once
	packed bool
	done   atomic.Int64 // packed bytes that are read

	head []byte
	rest io.Reader // unpacked, behind head
	zstd *zstd.Decoder
	tmp  *os.File // the beginning of a stream, for a second look
	left bool     // a read that cannot be broken off still works on all that
}

// Open begins to read src, packed or not, and finds its format unless one is
// named. The caller closes src after it has closed the file.
func Open(src *os.File, format string) (*File, error) {
	info, err := src.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("it is a directory")
	}
	f := &File{src: src, Size: -1}
	f.start, err = src.Seek(0, io.SeekCurrent)
	f.stream = err != nil || !info.Mode().IsRegular()
	if !f.stream {
		f.Size = info.Size() - f.start
	}
	if err := f.begin(format); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// grown takes into the head what was written to f since it was opened. Who has
// waited for the store in between would look for the ticket of a file that was
// shorter then, and not find the one that somebody else has made meanwhile.
func (f *File) grown() error {
	if f.stream || f.packed || len(f.head) == pkgmeter.MaxHead {
		return nil
	}
	more, err := io.ReadAll(io.LimitReader(f.rest, int64(pkgmeter.MaxHead-len(f.head))))
	f.head = append(f.head, more...)
	return err
}

func (f *File) begin(format string) (err error) {
	if f.rest, err = f.unpack(); err != nil {
		return err
	}
	// Where reading fails later than in the first line, what is before that is
	// imported, and it fails again then.
	var failed error
	f.head, failed = io.ReadAll(io.LimitReader(f.rest, pkgmeter.MaxHead))
	switch {
	case len(f.head) == 0 && failed != nil:
		return failed
	case format != "":
		f.Format, err = FormatNamed(format)
	case !f.Empty():
		if f.Format, err = detect(f.head); err != nil && failed != nil {
			return failed
		}
	}
	return err
}

// Close lets go of what Open has taken.
func (f *File) Close() error {
	if f.left {
		return nil
	}
	if f.zstd != nil {
		f.zstd.Close()
	}
	if f.tmp != nil {
		return f.tmp.Close()
	}
	return nil
}

// Empty reports whether there is nothing in f but white space.
func (f *File) Empty() bool { return len(f.head) < pkgmeter.MaxHead && len(trim(f.head)) == 0 }

// Done returns how many packed bytes were read. It may be called at any time.
func (f *File) Done() int64 { return f.done.Load() }

// All returns the whole unpacked file.
func (f *File) All() ([]byte, error) {
	rest, err := io.ReadAll(f.rest)
	return append(bytes.Clone(f.head), rest...), err
}

// unpack reads src from where it stands. Whether it is packed is told by its
// first bytes, as names lie.
func (f *File) unpack() (io.Reader, error) {
	r := bufio.NewReaderSize(counted{f.src, &f.done}, 256<<10)
	magic, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, broken("gzip", err)
		}
		f.packed = true
		return packed{z, "gzip"}, nil
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		// Lines are prepared and stored beside: it needs no goroutines of its own.
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, broken("zstd", err)
		}
		f.zstd, f.packed = z, true
		return packed{z, "zstd"}, nil
	}
	return r, nil
}

func broken(kind string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the %s file is cut short", kind)
	}
	return fmt.Errorf("the %s file is broken: %w", kind, err)
}

// packed says of errors what is broken.
type packed struct {
	io.Reader
	kind string
}

func (p packed) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = broken(p.kind, err)
	}
	return n, err
}

type counted struct {
	io.Reader
	n *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n.Add(int64(n))
	return n, err
}

// place is where in a file the import goes on.
type place struct {
	r      io.Reader // from there on
	hash   hash.Hash // of what is before
	header *header   // of what is before
	ticket pkgmeter.Ticket
	longer bool // none of the tickets is this file's, and one that begins like it was read further than this file goes
}

// resume finds among the tickets of files that begin like f the one of f: that
// with the largest offset up to which f has the same content.
func (f *File) resume(ctx context.Context, tickets []pkgmeter.Ticket, progress func()) (place, error) {
	p := place{r: io.MultiReader(bytes.NewReader(f.head), f.rest), hash: sha256.New(), header: newHeader(f.Format.headed)}
	if len(tickets) == 0 {
		return p, nil
	}
	slices.SortFunc(tickets, func(a, b pkgmeter.Ticket) int { return int(max(-1, min(1, a.Offset-b.Offset))) })
	if f.stream {
		if err := f.keep(tickets[len(tickets)-1].Offset); err != nil {
			return p, err
		}
		p.r = io.MultiReader(f.tmp, f.rest)
	}
	at, found := int64(0), -1
	for i, t := range tickets {
		n, err := p.skip(ctx, t.Offset-at, progress)
		at += n
		if errors.Is(err, io.EOF) {
			p.longer = found < 0
			break
		}
		if err != nil {
			return p, err
		}
		if [32]byte(p.hash.Sum(nil)) == t.SHA256 {
			p.ticket, found = t, i
		}
	}
	if at == p.ticket.Offset {
		return p, nil
	}
	return p, f.again(ctx, &p, progress)
}

// skip reads n bytes into the hash.
func (p *place) skip(ctx context.Context, n int64, progress func()) (done int64, err error) {
	const step = 4 << 20 // bytes
	for done < n && err == nil {
		var some int64
		some, err = io.CopyN(io.MultiWriter(p.hash, p.header), p.r, min(step, n-done))
		done += some
		progress()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
	}
	return done, err
}

// again reads f from its beginning up to the offset of p's ticket.
func (f *File) again(ctx context.Context, p *place, progress func()) error {
	p.hash, p.header = sha256.New(), newHeader(f.Format.headed)
	if f.stream {
		if _, err := f.tmp.Seek(0, io.SeekStart); err != nil {
			return err
		}
		p.r = io.MultiReader(f.tmp, f.rest)
	} else {
		if _, err := f.src.Seek(f.start, io.SeekStart); err != nil {
			return err
		}
		f.done.Store(0)
		if f.zstd != nil {
			f.zstd.Close()
		}
		var err error
		if p.r, err = f.unpack(); err != nil {
			return err
		}
	}
	_, err := p.skip(ctx, p.ticket.Offset, progress)
	if errors.Is(err, io.EOF) {
		return errors.New("the file became shorter while it was read")
	}
	return err
}

// keep puts the first n unpacked bytes of a stream aside, as a stream cannot be
// read again and it may turn out that this has to be. The file has no name any
// more once it is open.
func (f *File) keep(n int64) (err error) {
	if f.tmp, err = os.CreateTemp("", "pkgmeter-import"); err != nil {
		return err
	}
	if err := os.Remove(f.tmp.Name()); err != nil {
		return err
	}
	_, err = io.CopyN(f.tmp, io.MultiReader(bytes.NewReader(f.head), f.rest), n)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	_, err = f.tmp.Seek(0, io.SeekStart)
	return err
}
