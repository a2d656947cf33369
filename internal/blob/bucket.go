package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file:///folder
	_ "gocloud.dev/blob/memblob"  // mem://
	_ "gocloud.dev/blob/s3blob"   // s3://bucket?region=…
	"gocloud.dev/gcerrors"
)

// leftAfter is how old a temporary object is that nobody is writing any more. A
// bucket has no lock that would keep others out.
const leftAfter = 24 * time.Hour

// bucket keeps bytes in objects. An object appears when it is complete; its
// digest is known only then, so that it is copied, within the bucket, into its
// place.
type bucket struct{ b *blob.Bucket }

// Bucket returns a store in a bucket, or, with the parameter prefix, in a part
// of one:
//
//	s3://bucket?region=eu-central-1&prefix=packages/
//	file:///srv/bytes
//	mem://
//
// Credentials come from the environment, as the bucket's vendor has it. Files of
// file: survive the program, but not every power cut: see [Folder].
func Bucket(ctx context.Context, rawURL string) (*Store, error) {
	b, err := openBucket(ctx, rawURL, true)
	if err != nil {
		return nil, err
	}
	p := bucket{b}
	if err := p.tidy(ctx, time.Now().Add(-leftAfter)); err != nil {
		return nil, fmt.Errorf("tidy the bucket: %w", errors.Join(err, b.Close()))
	}
	return &Store{Reader: Reader{p}}, nil
}

// bucketURL sets what files need: temporary ones on the same disk, none that
// only describe others, and nothing for other users of the machine.
func bucketURL(rawURL string, makeIt bool) (string, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme == "" {
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "this is no URL of a bucket, such as s3://name")
	}
	if u.Scheme == "file" {
		q := u.Query()
		settings := [][2]string{{"no_tmp_dir", "true"}, {"metadata", "skip"}, {"dir_file_mode", "0700"}}
		if makeIt {
			settings = append(settings, [2]string{"create_dir", "true"})
		}
		for _, setting := range settings {
			if !q.Has(setting[0]) {
				q.Set(setting[0], setting[1])
			}
		}
		u.RawQuery = q.Encode()
	}
	return u.String(), nil
}

// tidy removes temporary objects that were left behind.
func (p bucket) tidy(ctx context.Context, before time.Time) error {
	return p.list(ctx, temporaries+"/", func(o *blob.ListObject) error {
		if o.ModTime.After(before) {
			return nil
		}
		return p.delete(ctx, o.Key)
	})
}

func (p bucket) list(ctx context.Context, prefix string, visit func(*blob.ListObject) error) error {
	for objects := p.b.List(&blob.ListOptions{Prefix: prefix}); ; {
		o, err := objects.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = visit(o)
		}
		if err != nil {
			return err
		}
	}
}

func (p bucket) close() error { return p.b.Close() }

func (p bucket) temporary(ctx context.Context) (temporary, error) {
	ctx, cancel := context.WithCancel(ctx)
	key := path.Join(temporaries, rand.Text())
	w, err := p.b.NewWriter(ctx, key, &blob.WriterOptions{ContentType: "application/octet-stream"})
	if err != nil {
		cancel()
		return nil, err
	}
	return &temporaryObject{bucket: p, w: w, key: key, ctx: ctx, cancel: cancel}, nil
}

func (p bucket) size(ctx context.Context, sum [32]byte) (int64, error) {
	a, err := p.b.Attributes(ctx, pathOf(sum))
	if err != nil {
		return 0, gone(err)
	}
	return a.Size, nil
}

// settle has nothing to do: an object that is seen is durable.
func (p bucket) settle([32]byte) error { return nil }

func (p bucket) open(ctx context.Context, sum [32]byte) (io.ReadSeekCloser, int64, error) {
	size, err := p.size(ctx, sum)
	if err != nil {
		return nil, 0, err
	}
	return &object{bucket: p, ctx: ctx, key: pathOf(sum), size: size}, size, nil
}

func (p bucket) remove(ctx context.Context, sum [32]byte) error { return p.delete(ctx, pathOf(sum)) }

func (p bucket) delete(ctx context.Context, key string) error {
	if err := gone(p.b.Delete(ctx, key)); !errors.Is(err, errNotFound) {
		return err
	}
	return nil
}

func gone(err error) error {
	if gcerrors.Code(err) == gcerrors.NotFound {
		return errNotFound
	}
	return err
}

func (p bucket) each(ctx context.Context, visit func(pkgmeter.Blob, time.Time) error) error {
	return p.list(ctx, "", func(o *blob.ListObject) error {
		sum, ok := sumOf(o.Key)
		if !ok {
			return nil
		}
		return visit(pkgmeter.Blob{SHA256: sum, Size: o.Size}, o.ModTime)
	})
}

// temporaryObject is an object that nobody looks for.
type temporaryObject struct {
	bucket   bucket
	w        *blob.Writer
	key      string
	finished bool
	ctx      context.Context //nolint:containedctx // of the writer, which has it too
	cancel   context.CancelFunc
}

// Write implements [io.Writer].
func (t *temporaryObject) Write(p []byte) (int, error) { return t.w.Write(p) }

func (t *temporaryObject) finish() error {
	t.finished = true
	return t.w.Close()
}

func (t *temporaryObject) keep(ctx context.Context, sum [32]byte) error {
	if err := t.bucket.b.Copy(ctx, pathOf(sum), t.key, nil); err != nil {
		return err
	}
	return t.discard()
}

// discard removes the object even if its publisher has left.
func (t *temporaryObject) discard() error {
	if !t.finished {
		t.cancel() // this is how a writer is told that there is to be no object
		if t.w.Close() != nil {
			return nil
		}
	}
	t.cancel()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), time.Minute)
	defer cancel()
	return t.bucket.delete(ctx, t.key)
}

// object reads an object from where it is told to, and asks for nothing before.
type object struct {
	bucket bucket
	ctx    context.Context //nolint:containedctx // ends what is read, as a request ends
	key    string
	size   int64
	at     int64
	r      *blob.Reader // from at on; nil if nothing was read there
}

// Read implements [io.Reader].
func (o *object) Read(p []byte) (int, error) {
	if o.at >= o.size {
		return 0, io.EOF
	}
	if o.r == nil {
		r, err := o.bucket.b.NewRangeReader(o.ctx, o.key, o.at, -1, nil)
		if err != nil {
			return 0, gone(err)
		}
		o.r = r
	}
	n, err := o.r.Read(p)
	o.at += int64(n)
	if errors.Is(err, io.EOF) && o.at < o.size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Seek implements [io.Seeker].
func (o *object) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.at
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 {
		return o.at, errors.New("seek before the first byte")
	}
	if offset == o.at {
		return o.at, nil
	}
	o.at = offset
	return o.at, o.Close()
}

// Close implements [io.Closer].
func (o *object) Close() error {
	r := o.r
	o.r = nil
	if r == nil {
		return nil
	}
	return r.Close()
}
