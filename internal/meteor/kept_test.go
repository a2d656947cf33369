package meteor_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/meteor"
)

// pageFile makes a file of kept pages; views says whether it is seen as memory.
func pageFile(t *testing.T, views bool) (meteor.KeepsPages, *os.File) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "pages"))
	if err == nil {
		err = os.Remove(f.Name())
	}
	if err != nil {
		t.Fatal(err)
	}
	k := meteor.NewPageFile(f)
	if !views {
		k.Blind()
	}
	return k, f
}

// A page is given in whole, also when the file has begun anew since, and to
// several clients at once.
func TestAPageUnderWayOutlivesItsFile(t *testing.T) {
	t.Parallel()
	for name, views := range map[string]bool{"seen": true, "copied": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, old := pageFile(t, views)
			first := strings.Repeat("first ", 500_000)
			k.Put(0, first)
			k.Put(0, "another page of the same name is not kept")
			one, releaseOne := k.Get()
			two, releaseTwo := k.Get()
			k.Put(100_000, "second") // so much has changed that the file begins anew
			now, release := k.Get()
			var got bytes.Buffer
			if n, err := now.WriteTo(&got); err != nil || n != 6 || got.String() != "second" {
				t.Errorf("the newest: %q, %v", got.String(), err)
			}
			release()
			if n, err := one.WriteTo(&got); err != nil || n != one.Size() || got.String() != "second"+first {
				t.Errorf("one from before: %d bytes, %v", n, err)
			}
			releaseOne()
			if _, err := old.Stat(); err != nil {
				t.Errorf("the file was closed while somebody had it: %v", err)
			}
			got.Reset()
			if n, err := two.WriteTo(&got); err != nil || n != two.Size() || got.String() != first {
				t.Errorf("the other from before: %d bytes, %v", n, err)
			}
			releaseTwo()
			if _, err := old.Stat(); err == nil {
				t.Error("the file that nobody has is still open")
			}
		})
	}
}

// A file that lost its end, as when a disk fails, gives an error and no zeros.
func TestAPageThatIsNotThereIsAnError(t *testing.T) {
	t.Parallel()
	for name, views := range map[string]bool{"seen": true, "copied": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, f := pageFile(t, views)
			k.Put(0, strings.Repeat("text ", 500_000))
			page, release := k.Get()
			defer release()
			if err := f.Truncate(1_000_000); err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if n, err := page.WriteTo(&got); err == nil || strings.Contains(got.String(), "\x00") {
				t.Errorf("%d bytes, %v", n, err)
			}
		})
	}
}
