//go:build race

package sqlite_test

// raced says that the race detector is on: what is only long is left to the run
// without it, as `make test` does both.
const raced = true
