//go:build race

package sqlite_test

import (
	"flag"
	"os"
	"testing"
)

// raced says that the race detector is on: what is only long is left to the run
// without it, as `make test` does both.
const raced = true

// TestMain draws fewer histories: the detector makes each some ten times longer.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("rapid.checks", "10"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
