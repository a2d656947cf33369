package ingest_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// BenchmarkFile is the bare group commit that other writers are compared with:
// append the batch, sync the data.
func BenchmarkFile(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	var buf []byte
	benchCallers(b, func(batch [][]byte) error {
		buf = buf[:0]
		for _, item := range batch {
			buf = append(buf, item...)
		}
		if _, err := f.Write(buf); err != nil {
			return err
		}
		return syscall.Fdatasync(int(f.Fd()))
	})
}
