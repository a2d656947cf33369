//go:build unix

package blob_test

import (
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter/internal/blob"
)

const victimDir = "BLOB_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimDir); dir != "" {
		victim(dir)
	}
	os.Setenv("AWS_ACCESS_KEY_ID", "nobody") // or the library looks for some
	os.Setenv("AWS_SECRET_ACCESS_KEY", "nothing")
	os.Exit(m.Run())
}

// victim stores bytes until it is killed.
func victim(dir string) {
	s, err := blob.Folder(dir)
	if err != nil {
		panic(err)
	}
	// Two of them must never store the same bytes, which are stored once.
	var seed [32]byte
	if _, err := cryptorand.Read(seed[:]); err != nil {
		panic(err)
	}
	random := rand.NewChaCha8(seed)
	for {
		content := make([]byte, random.Uint64()%(1<<20))
		random.Read(content)
		if _, err := s.Put(context.Background(), bytes.NewReader(content), 1<<30); err != nil {
			panic(err)
		}
		os.Stdout.WriteString(".")
	}
}

func TestAKillLeavesNoHalfOfAnything(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it kills 20 programs")
	}
	dir := t.TempDir()
	before := 0
	for range 20 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), victimDir+"="+dir)
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50*time.Millisecond + rand.N(100*time.Millisecond)) // to be killed anywhere
		cmd.Process.Kill()
		cmd.Wait()

		s := folder(t, dir)
		if left, err := os.ReadDir(dir + "/tmp"); err != nil || len(left) != 0 {
			t.Fatalf("left: %v, %v", left, err)
		}
		now := len(list(t, s)) // which reads everything
		if now < before+out.Len() || now > before+out.Len()+1 {
			t.Fatalf("%d were stored, %d are there of it", out.Len(), now-before)
		}
		before = now
	}
	if before == 0 {
		t.Error("nothing was ever stored")
	}
}
