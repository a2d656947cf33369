//go:build linux

package crashtest_test

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// A disk is what a power cut would leave of a folder: of each file what was
// synced, and in an order of the disk's own choice some of what was written
// since; of names those whose folder was synced, and some of those since.
type disk struct {
	files  map[string]*file // by the names that programs see
	names  map[string]*file // by the names that are sure to be there
	unsure []rename         // since, in order
	began  map[int]mark     // what stood before a sync that is under way
}

// A file that is a folder has no content.
type file struct {
	folder bool
	sure   []byte
	loose  []change // written since
	first  int      // number of the first loose change
}

// A change is a write or, without data, a new size.
type change struct {
	off  int64
	data []byte
}

// A rename gives a file a name below a folder, or, without file, takes it away.
type rename struct {
	name string
	file *file
}

type mark struct {
	file  *file
	loose int // changes up to this number become sure
	names []rename
}

func newDisk() *disk {
	return &disk{files: map[string]*file{}, names: map[string]*file{}, began: map[int]mark{}}
}

func (d *disk) do(s *step) {
	f := d.files[s.path]
	switch s.kind {
	case opens:
		if f == nil {
			f = new(file)
			d.name(s.path, f)
		} else if s.status == 1 {
			f.loose = append(f.loose, change{off: 0})
		}
	case mkdirs:
		d.name(s.path, &file{folder: true})
	case renames:
		if f != nil {
			d.name(s.to, f)
		}
		d.name(s.path, nil)
	case unlinks:
		d.name(s.path, nil)
	case writes, truncates:
		if f != nil {
			f.loose = append(f.loose, change{s.off, s.data})
		}
	case syncs:
		m := mark{file: f}
		if f != nil {
			m.loose = f.first + len(f.loose)
		}
		for _, n := range d.unsure {
			if filepath.Dir(n.name) == s.path {
				m.names = append(m.names, n)
			}
		}
		d.began[s.call] = m
	case synced:
		d.sync(d.began[s.call])
		delete(d.began, s.call)
	}
}

// name gives a file a name, or takes a name away.
func (d *disk) name(name string, f *file) {
	d.unsure = append(d.unsure, rename{name, f})
	rename{name, f}.in(d.files)
}

func (r rename) in(names map[string]*file) {
	if r.file == nil {
		delete(names, r.name)
	} else {
		names[r.name] = r.file
	}
}

func (d *disk) sync(m mark) {
	if f := m.file; f != nil && m.loose > f.first {
		n := m.loose - f.first
		for _, c := range f.loose[:n] {
			f.sure = c.in(f.sure)
		}
		f.loose, f.first = slices.Clone(f.loose[n:]), m.loose
	}
	for _, n := range m.names {
		n.in(d.names)
		if i := slices.Index(d.unsure, n); i >= 0 {
			d.unsure = slices.Delete(d.unsure, i, i+1)
		}
	}
}

func (c change) in(b []byte) []byte {
	if c.data == nil {
		if n := int(c.off); n <= len(b) {
			return b[:n:n]
		}
		return append(b, make([]byte, int(c.off)-len(b))...)
	}
	if end := int(c.off) + len(c.data); end > len(b) {
		b = append(b, make([]byte, end-len(b))...)
	}
	copy(b[c.off:], c.data)
	return b
}

// A fate is what becomes of what was not synced.
type fate struct {
	name string

	// keep returns the parts of a change, which is number i of n, that reach the
	// disk.
	keep func(rng *rand.Rand, c change, i, n int) []change
}

// sectors splits a change where a disk may, and keeps some of the parts.
func sectors(rng *rand.Rand, c change, size int) (kept []change) {
	for at := 0; at < len(c.data); {
		end := min(len(c.data), (int(c.off)+at)/size*size+size-int(c.off))
		if rng.IntN(2) == 0 {
			kept = append(kept, change{c.off + int64(at), c.data[at:end]})
		}
		at = end
	}
	return kept
}

func some(rng *rand.Rand, c change) []change {
	if rng.IntN(2) == 0 {
		return nil
	}
	return []change{c}
}

var fates = []fate{
	{"nothing", func(*rand.Rand, change, int, int) []change { return nil }},
	{"all", func(_ *rand.Rand, c change, _, _ int) []change { return []change{c} }},
	{"the first half", func(_ *rand.Rand, c change, i, n int) []change {
		if i >= n/2 {
			return nil
		}
		return []change{c}
	}},
	{"the second half", func(_ *rand.Rand, c change, i, n int) []change {
		if i < n/2 {
			return nil
		}
		return []change{c}
	}},
	{"some writes", func(rng *rand.Rand, c change, _, _ int) []change { return some(rng, c) }},
	{"some sectors of 512 bytes", func(rng *rand.Rand, c change, _, _ int) []change {
		if c.data == nil {
			return some(rng, c)
		}
		return sectors(rng, c, 512)
	}},
	{"some sectors of 4096 bytes", func(rng *rand.Rand, c change, _, _ int) []change {
		if c.data == nil {
			return some(rng, c)
		}
		return sectors(rng, c, 4096)
	}},
	{"all but the end of the last one", func(rng *rand.Rand, c change, i, n int) []change {
		if i < n-1 || c.data == nil {
			return []change{c}
		}
		return []change{{c.off, c.data[:rng.IntN(len(c.data)+1)/512*512]}}
	}},
}

// image writes what a power cut leaves into a folder.
func (d *disk) image(rng *rand.Rand, how fate, from, to string) error {
	names := maps.Clone(d.names)
	// File systems keep the order of names, so what is lost of them is the end.
	kept := len(d.unsure)
	switch how.name {
	case "nothing":
		kept = 0
	case "all":
	default:
		kept = rng.IntN(kept + 1)
	}
	for _, n := range d.unsure[:kept] {
		n.in(names)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		path := filepath.Join(to, rel)
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			continue // the folder has no name
		}
		f := names[name]
		if f.folder {
			err = os.Mkdir(path, 0o700)
		} else {
			err = os.WriteFile(path, f.content(rng, how), 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *file) content(rng *rand.Rand, how fate) []byte {
	b := slices.Clone(f.sure)
	for i, c := range f.loose {
		for _, part := range how.keep(rng, c, i, len(f.loose)) {
			if part.data != nil && len(part.data) == 0 {
				continue
			}
			b = part.in(b)
		}
	}
	return b
}

// loose reports whether something would be lost.
func (d *disk) loose() bool {
	for _, f := range d.files {
		if len(f.loose) > 0 {
			return true
		}
	}
	return len(d.unsure) > 0
}
