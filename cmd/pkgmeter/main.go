// Command pkgmeter counts what happens to packages. It is a server and the
// commands to work with it; `pkgmeter --help` lists them.
package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	os.Exit(run())
}

// run is main for tests: they call it as a command of their own.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks for an orderly stop; after it the default holds
	// again, and a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	// A variable that is set to nothing, as compose files do, is not set.
	for _, v := range os.Environ() {
		if name, ok := strings.CutSuffix(v, "="); ok && strings.HasPrefix(name, "PKGMETER_") {
			os.Unsetenv(name)
		}
	}
	a := &app{ctx: ctx, in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv}
	return a.run(os.Args[1:])
}
