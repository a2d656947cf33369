package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/backup"
	"github.com/pkgmeter/pkgmeter/internal/blob"
	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
	"golang.org/x/term"
)

const megabyte = 1_000_000 // bytes

// snapshotArgs is the call that copies the data file.
type snapshotArgs struct {
	Rate int64 `json:"rate"` // bytes a second; 0 for no limit
}

// snapshotCall returns the call for a store; one at a time is done.
func snapshotCall(store *sqlite.Store) control.Handler {
	var one sync.Mutex
	return call(func(ctx context.Context, s snapshotArgs) (any, error) {
		if !one.TryLock() {
			return nil, pkgmeter.Errorf(pkgmeter.Conflict, "another backup is being made: wait for it, then try again")
		}
		defer one.Unlock()
		pace := backup.Pace{Rate: s.Rate}
		return store.Snapshot(ctx, pace.Wait)
	})
}

// until makes a call end when ctx does, and not only when its command does: a
// server that is to stop does not wait for long ones.
func until(ctx context.Context, h control.Handler) control.Handler {
	return func(of context.Context, args json.RawMessage) (any, error) {
		of, cancel := context.WithCancelCause(of)
		defer cancel(nil)
		defer context.AfterFunc(ctx, func() { cancel(errors.New("the server stops")) })()
		v, err := h(of, args)
		if err != nil && ctx.Err() != nil {
			err = context.Cause(of)
		}
		return v, err
	}
}

// blobsFlag says where the bytes of packages are, as the flag of serve does.
type blobsFlag struct {
	Blobs string `placeholder:"URL" help:"The bucket of serve --blobs (default: a folder in the data folder)."`
}

// reader reads the bytes of packages in this process, beside a server that may
// be storing some: nothing is changed there.
func (f *blobsFlag) reader(a *app) (*blob.Reader, error) {
	if f.Blobs == "" {
		return blob.ReadFolder(a.blobsFolder())
	}
	blobs, err := blob.ReadBucket(a.ctx, f.Blobs)
	if err != nil {
		return nil, fmt.Errorf("--blobs: %w", err)
	}
	return blobs, nil
}

func (a *app) blobsFolder() string { return filepath.Join(a.data, "blobs") }

type backupCmd struct {
	blobsFlag
	File  string `arg:"" help:"File to write, e.g. pkgmeter.tar.zst; - is standard output."`
	Force bool   `help:"Overwrite the file if it is there already."`
	Rate  int64  `placeholder:"MB" default:"50" help:"Copy at most so many MB a second, to leave the disk to the server (default ${default}; 0 for no limit)."`
}

// Run writes the backup. The server, if one runs, makes a copy of the data
// file; all else is done here.
func (c *backupCmd) Run(a *app) error {
	if c.Rate < 0 || c.Rate > 1_000_000 {
		return usage("--rate %d: want 0 to 1000000", c.Rate)
	}
	if err := a.needData(); err != nil {
		return err
	}
	if c.File == "-" {
		if isTerminal(a.out) {
			return usage("a backup is not for a terminal: give a file, or a pipe")
		}
		// A reader that leaves has not got a backup, whatever it wanted.
		m, err := c.write(a, a.out)
		if err != nil {
			return fmt.Errorf("standard output has no backup: %v", err) //nolint:errorlint // see above
		}
		fmt.Fprintln(a.err, backupSaid(m, "standard output"))
		return nil
	}
	out, err := backup.Create(c.File, c.Force)
	if err != nil {
		return err
	}
	m, err := c.write(a, out)
	if err != nil {
		return errors.Join(err, out.Abort())
	}
	if err := out.Commit(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, backupSaid(m, c.File))
	return err
}

func backupSaid(m *backup.Manifest, to string) string {
	return fmt.Sprintf("%d events, schema %d%s, in %s", m.Events, m.Schema, filesSaid(m.Blobs()), terminal.Clean(to))
}

// filesSaid goes into a list; it is empty where nothing was ever published.
func filesSaid(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return ", 1 file of packages"
	default:
		return fmt.Sprintf(", %d files of packages", n)
	}
}

func (c *backupCmd) write(a *app, to io.Writer) (*backup.Manifest, error) {
	show := newShare(a.err, "backup")
	defer show.end()
	if err := a.needRoom(); err != nil {
		return nil, err
	}
	show.say("copying the database")
	db, err := a.snapshot(c.Rate * megabyte)
	if err != nil {
		return nil, interrupted(a.ctx, err)
	}
	defer db.Close()
	blobs, err := c.reader(a)
	if err != nil {
		return nil, err
	}
	defer blobs.Close()
	m := &backup.Manifest{
		MadeAt: a.now().UTC().Truncate(time.Second), Program: version, Schema: db.Schema, LedgerID: db.LedgerID,
		Epoch: db.Epoch, Position: db.Position, Events: db.Events,
	}
	sources := []backup.Source{{Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(db.file, 0, db.Size)), nil
	}}}
	// What the copy refers to was stored before it was made, and stays: only
	// what nothing refers to is swept, a day after it was uploaded. Uploads that
	// come later are not in the copy, and not in the backup.
	for _, b := range db.needs {
		sources = append(sources, backup.Bytes(a.ctx, blobs, b))
	}
	if err := backup.Seal(a.ctx, m, sources); err != nil {
		return nil, interrupted(a.ctx, err)
	}
	pace, size := backup.Pace{Rate: c.Rate * megabyte}, m.Bytes()
	err = backup.Write(a.ctx, to, m, sources, func(n int) error {
		show.add(int64(n), size)
		return pace.Wait(a.ctx, n)
	})
	return m, interrupted(a.ctx, ofFiles(err))
}

// ofFiles says what to do about a file of a package that is not as it should be.
func ofFiles(err error) error {
	switch {
	case err != nil && pkgmeter.CodeOf(err) == pkgmeter.NotFound:
		return fmt.Errorf("%w; is --blobs that of the server? doctor lists all that are missing", err)
	case errors.Is(err, blob.ErrDamaged):
		return fmt.Errorf("%w; doctor lists all that are damaged", err)
	default:
		return err
	}
}

// interrupted names the error that a signal makes.
func interrupted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errors.New("interrupted: nothing is left of it")
	}
	return err
}

// taken is a copy of the data file, whose name is gone.
type taken struct {
	sqlite.Snapshot
	file  *os.File
	needs []pkgmeter.Blob // that it refers to, in the order of their digests
}

// Close frees the room of the copy.
func (t *taken) Close() error { return t.file.Close() }

// snapshot has the data file copied and opens the copy. The store is not opened
// where no server runs: an older schema stays as it is, so that a backup can be
// made before an upgrade.
func (a *app) snapshot(rate int64) (db *taken, err error) {
	var snap sqlite.Snapshot
	err = a.reach(
		func(lock *control.Lock) (err error) {
			pace := backup.Pace{Rate: rate}
			if snap, err = sqlite.SnapshotOf(a.ctx, a.data, pace.Wait); err == nil {
				db, err = a.take(snap)
			}
			return errors.Join(err, lock.Close())
		},
		func() error {
			raw, err := control.Call(a.ctx, a.data, "snapshot", snapshotArgs{rate})
			if err != nil {
				return err
			}
			return json.Unmarshal(raw, &snap)
		})
	if err == nil && db == nil {
		db, err = a.take(snap)
	}
	return db, err
}

// take checks a copy, looks what it refers to, and opens it. Its name is removed
// before it is used, so that nothing is left of it however this process ends.
func (a *app) take(snap sqlite.Snapshot) (*taken, error) {
	path := filepath.Join(a.data, filepath.Base(snap.Name))
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	db := &taken{Snapshot: snap, file: file}
	seen, err := sqlite.Verify(a.ctx, path)
	if err == nil && seen != snap {
		err = fmt.Errorf("the copy in %s is not the one that was made: is --data the folder of the running server?", a.data)
	}
	if err == nil {
		db.needs, err = sqlite.NeededBy(a.ctx, path, a.now())
	}
	if err = errors.Join(err, os.Remove(path)); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// needRoom fails where the copy would take the room that commits need.
func (a *app) needRoom() error {
	need := int64(0)
	for _, name := range []string{sqlite.FileName, sqlite.FileName + "-wal"} {
		if info, err := os.Stat(filepath.Join(a.data, name)); err == nil {
			need += info.Size()
		}
	}
	free, err := backup.Free(a.data)
	if err == nil && free < need+need/10 {
		err = fmt.Errorf("the disk of %s has %d MB left, and the copy of the database would take %d MB of them", a.data, free/megabyte, need/megabyte)
	}
	return err
}

type restoreCmd struct {
	File  string `arg:"" help:"The backup; - is standard input."`
	Blobs string `placeholder:"URL" help:"Put the bytes of packages into a bucket, that of serve --blobs (default: a folder in the data folder)."`
}

// Run makes a data folder of a backup.
func (c *restoreCmd) Run(a *app) error {
	in, size := a.in, int64(0)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			size = info.Size()
		}
		in = f
	}
	var blobs *blob.Store
	if c.Blobs != "" {
		var err error
		if blobs, err = a.openBlobs(c.Blobs); err != nil {
			return err
		}
		defer blobs.Close()
	}
	show := newShare(a.err, "restore")
	defer show.end()
	m, err := backup.Restore(a.ctx, in, a.data, backup.Options{
		Schema: sqlite.Schema(), Check: a.renew, Blobs: blobs,
		Step: func(n int) error {
			show.add(int64(n), size)
			return nil
		},
	})
	if err != nil {
		return interrupted(a.ctx, err)
	}
	show.end()
	_, err = fmt.Fprintf(a.out, "restored %d events, schema %d%s, as they were at %s\n", m.Events, m.Schema, filesSaid(m.Blobs()), m.MadeAt.UTC().Format(time.RFC3339))
	return err
}

// renew compares an extracted data file with its manifest, and makes it one of
// its own.
func (a *app) renew(path string, m backup.Manifest) error {
	snap, err := sqlite.Look(a.ctx, path)
	if err != nil {
		return fmt.Errorf("the backup is refused: its database cannot be read: %w", err)
	}
	if snap.Schema != m.Schema || snap.LedgerID != m.LedgerID || snap.Epoch != m.Epoch || snap.Position != m.Position || snap.Events != m.Events {
		return pkgmeter.Errorf(pkgmeter.Invalid, "the backup is refused: its manifest is not that of its database")
	}
	return sqlite.Renew(a.ctx, path, a.now())
}

// tidy looks after what a crash left in the data folder, whose lock this
// process has.
func (a *app) tidy() error {
	unfinished, err := backup.Settle(a.data)
	if err != nil {
		return err
	}
	if unfinished {
		return &pkgmeter.Error{
			Code: pkgmeter.Conflict, Err: sqlite.ErrRefused,
			Msg: fmt.Sprintf("a restore to %s did not end: run it again, or remove the folder", a.data),
		}
	}
	return sqlite.RemoveSnapshots(a.data)
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// A share is a line on a terminal that says how much of a file is done.
type share struct {
	to    io.Writer // nil where there is no terminal
	name  string
	done  int64
	shown time.Time
}

func newShare(to io.Writer, name string) *share {
	if !isTerminal(to) {
		to = nil
	}
	return &share{to: to, name: name}
}

func (s *share) say(text string) {
	if s.to != nil {
		fmt.Fprintf(s.to, "\r\x1b[K%s: %s", s.name, text)
	}
}

// add counts bytes; size is 0 where it is not known.
func (s *share) add(n, size int64) {
	s.done += n
	if time.Since(s.shown) < redraw {
		return
	}
	s.shown = time.Now()
	if size > 0 {
		s.say(fmt.Sprintf("%d of %d MB, %d %%", s.done/megabyte, size/megabyte, 100*s.done/size))
	} else {
		s.say(fmt.Sprintf("%d MB", s.done/megabyte))
	}
}

// end takes the line away.
func (s *share) end() {
	if s.to != nil {
		fmt.Fprint(s.to, "\r\x1b[K")
	}
}
