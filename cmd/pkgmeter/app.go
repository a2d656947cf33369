package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/geo"
	"github.com/pkgmeter/pkgmeter/internal/intake"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	exitRefused = 78 // the data folder is in doubt
)

// commands is the command line: one struct is flags, environment and help.
type commands struct {
	Data   string `placeholder:"DIR" default:"./pkgmeter-data" help:"Folder that holds everything (default ${default})."`
	Config string `placeholder:"FILE" help:"TOML file with flags as keys, e.g. public-url = \"https://stats.example.com\"."`

	Serve         serveCmd         `cmd:"" help:"Run the server."`
	Import        importCmd        `cmd:"" help:"Import files of events, or the counts and users of the old program's save.json."`
	Top           topCmd           `cmd:"" help:"List what was fetched most."`
	Series        seriesCmd        `cmd:"" help:"Show a package's downloads day by day."`
	Compare       compareCmd       `cmd:"" help:"Show up to eight packages beside each other."`
	Doctor        doctorCmd        `cmd:"" help:"Check the data folder: recompute every count from the ledger and compare."`
	Recount       recountCmd       `cmd:"" help:"Count all events anew under the present rules."`
	Backup        backupCmd        `cmd:"" help:"Write a backup to a file, while the server runs or not."`
	Restore       restoreCmd       `cmd:"" help:"Make a data folder of a backup."`
	Explain       explainCmd       `cmd:"" help:"Say what the rules make of a path or a User-Agent."`
	Mirror        mirrorCmd        `cmd:"" help:"Copy the catalog of another Meteor package server, and follow it."`
	Meteor        meteorCmd        `cmd:"" help:"Administer the catalog of Meteor packages."`
	Org           orgCmd           `cmd:"" help:"Organisations of publishers."`
	MeteorSession meteorSessionCmd `cmd:"" help:"Log the Meteor tool of this machine in at a server."`
	PublishStats  publishStatsCmd  `cmd:"" help:"Publish the use of finished days now, instead of soon after midnight UTC."`
	Demo          demoCmd          `cmd:"" help:"Fill an empty folder with an invented year of downloads."`
	User          userCmd          `cmd:"" help:"Add, list and remove users, set passwords."`
	Token         tokenCmd         `cmd:"" help:"Make, list and revoke tokens for programs."`
	Alert         alertCmd         `cmd:"" help:"List what is watched, and send tests."`
	Repo          repoCmd          `cmd:"" help:"Say who may read the numbers of which repository."`
	Badge         badgeCmd         `cmd:"" help:"Print the address of a package's badge, and what shows it in Markdown and HTML."`
	Version       versionCmd       `cmd:"" help:"Print version, commit, Go and schema."`
}

// app is what a command runs with.
type app struct {
	ctx    context.Context //nolint:containedctx // the life of one command
	in     *os.File
	out    io.Writer
	err    io.Writer
	getenv func(string) string

	now  func() time.Time
	data string
	own  []rule.ClientRule // the operator's, of the --config file
	work work              // how far a long call in this process is
	held *session          // the data folder, while a command holds it for several calls

	pulls intake.Pulls // a followed file is taken in by one session after the other

	public string // what others reach the server in this process by; "" for none

	mirror mirroring

	people    *peopleFlags   // nil: nothing is kept of people
	countries *geo.Countries // nil: none are asked for
}

// run parses and runs a command line, and returns the exit code.
func (a *app) run(args []string) int {
	var c commands
	exited := -1
	parser, err := kong.New(&c, kong.Name("pkgmeter"),
		kong.Description("Counts the downloads of your packages. Every flag is also an environment variable (--public-url is PKGMETER_PUBLIC_URL) and a key of the --config file."),
		kong.DefaultEnvars("PKGMETER"),
		kong.Writers(a.out, a.err),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Bind(a))
	if err != nil {
		return a.fail(exitFailure, err)
	}
	if err := a.configure(parser, args); err != nil {
		return a.fail(exitUsage, err)
	}
	cmd, err := parser.Parse(args)
	if exited >= 0 { // --help has printed
		return exited
	}
	if err != nil {
		return a.fail(exitUsage, err)
	}
	if a.now, err = clock(a.getenv("PKGMETER_NOW")); err != nil {
		return a.fail(exitUsage, err)
	}
	a.data = c.Data
	slog.SetDefault(logger(a.err))
	return a.outcome(cmd.Run(a))
}

func (a *app) outcome(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, syscall.EPIPE): // the reader of our output has seen enough
		return exitOK
	case errors.Is(err, errUsage):
		return a.fail(exitUsage, err)
	case errors.Is(err, sqlite.ErrRefused):
		return a.fail(exitRefused, err)
	default:
		return a.fail(exitFailure, err)
	}
}

// errUsage is in the tree of errors that say: the command was called wrongly.
var errUsage = errors.New("usage")

func usage(format string, args ...any) error {
	return &pkgmeter.Error{Code: pkgmeter.Invalid, Msg: fmt.Sprintf(format, args...), Err: errUsage}
}

// fail prints err as one line.
func (a *app) fail(code int, err error) int {
	text := err.Error()
	if e, ok := errors.AsType[*pkgmeter.Error](err); ok && (errors.Is(e.Err, errUsage) || errors.Is(e.Err, sqlite.ErrRefused)) {
		text = e.Msg
	}
	fmt.Fprintf(a.err, "pkgmeter: %s\n", strings.Join(strings.Fields(text), " "))
	return code
}

// clock returns the clock of a command: moved to the given moment, from where
// it runs on, or the real one.
func clock(moment string) (func() time.Time, error) {
	if moment == "" {
		return time.Now, nil
	}
	at, err := time.Parse(time.RFC3339, moment)
	if err != nil {
		return nil, fmt.Errorf("PKGMETER_NOW is %q: want a time such as 2026-01-31T12:00:00Z", moment)
	}
	began := time.Now()
	return func() time.Time { return at.Add(time.Since(began)) }, nil
}

// wait is how long a command waits for another one that has the data folder.
const wait = 10 * time.Second

// call does a named call on the data folder: through the server that runs on
// it, or on the store itself where none does. The result is decoded into
// result, if that is not nil.
func (a *app) call(name string, args, result any) error {
	raw, err := a.do(name, args)
	if err != nil || result == nil {
		return err
	}
	return json.Unmarshal(raw, result)
}

func (a *app) do(name string, args any) (raw json.RawMessage, err error) {
	if a.held != nil {
		return a.held.do(name, args)
	}
	err = a.reach(
		func(lock *control.Lock) error {
			s, err := a.hold(lock)
			if err != nil {
				return err
			}
			raw, err = s.do(name, args)
			return errors.Join(err, s.close())
		},
		func() (err error) {
			raw, err = control.Call(a.ctx, a.data, name, args)
			return err
		})
	return raw, err
}

// reach comes to the data folder: by alone, with the lock that this process has
// got, or by served, which calls the server that has it. Another command that
// has the lock is waited for.
func (a *app) reach(alone func(*control.Lock) error, served func() error) error {
	deadline := time.Now().Add(wait)
	for {
		lock, err := control.TryLock(a.data)
		if err == nil {
			return alone(lock)
		}
		if !errors.Is(err, control.ErrLocked) {
			return err
		}
		if err := served(); !notServing(err) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w, and does not answer", control.ErrLocked)
		}
		if err := a.pause(); err != nil {
			return err
		}
	}
}

// pause waits a moment before the lock is tried again.
func (a *app) pause() error {
	select {
	case <-a.ctx.Done():
		return a.ctx.Err()
	case <-time.After(50 * time.Millisecond):
		return nil
	}
}

// notServing reports whether a call failed since nobody listens: the lock is
// held by another command, or by a server that has just begun or ended.
func notServing(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// openStore opens the store and makes this program's rules the ones in force,
// with those of the operator that are in force already. Counts of an older
// program, of which no question about clients could be answered, are derived
// anew before.
func (a *app) openStore() (*sqlite.Store, error) {
	if err := a.tidy(); err != nil {
		return nil, err
	}
	store, err := sqlite.Open(a.ctx, a.data, sqlite.Options{Now: a.now, Rule: rule.Number})
	if err != nil {
		return nil, err
	}
	rules, err := rule.Parse(store.Own())
	if err == nil {
		_, err = store.SetRules(a.ctx, rules, rule.Number, rules.Own())
	}
	if err == nil && store.NeedsRebuild() {
		err = a.rebuild(store, rules)
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

// addDetails has runtimes, systems, sources and consumers counted of events from
// before they were, beside all else. Where the rules have changed since some
// events were counted, that would count these by other rules: then it is left to
// who runs the server.
func (a *app) addDetails(ctx context.Context, store *sqlite.Store, rules *rule.Set, end context.CancelCauseFunc) error {
	if !store.LacksDetails() {
		return nil
	}
	one, err := store.OneRuleSet(ctx)
	switch {
	case err != nil:
	case !one:
		fmt.Fprintln(a.err, "counts by runtime, system, source and consumer: the past gets them with pkgmeter recount, which counts it by the present rules")
	default:
		fmt.Fprintln(a.err, "this version also counts by runtime, system, source and consumer: all events are counted anew, once, while the server runs")
		err = store.Rebuild(ctx, rules, func(int64, int64) {})
	}
	if ctx.Err() != nil {
		return nil //nolint:nilerr // it goes on at the next start
	}
	if sqlite.Fatal(err) {
		end(err)
	}
	return err
}

func (a *app) rebuild(store *sqlite.Store, rules *rule.Set) error {
	fmt.Fprintln(a.err, "this version also counts by client: all events are counted anew, once")
	shown := time.Now()
	return store.Rebuild(a.ctx, rules, func(done, total int64) {
		if done == total || time.Since(shown) > 2*time.Second {
			shown = time.Now()
			fmt.Fprintf(a.err, "%d of %d events counted\n", done, total)
		}
	})
}

// rulesOf returns the rules in force, with what is known of the formats of
// repositories.
func (a *app) rulesOf(store *sqlite.Store) (*rule.Set, error) {
	rules, err := rule.Parse(store.Own())
	if err != nil {
		return nil, err
	}
	return rules, store.Formats(a.ctx, rules.Remember)
}

// makeData makes the data folder, for this user's eyes only.
func (a *app) makeData() error {
	if err := os.MkdirAll(a.data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	return nil
}

// needData fails where there is no data folder, instead of making one at a
// mistyped place.
func (a *app) needData() error {
	if _, err := os.Stat(filepath.Join(a.data, "lock")); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no data in %s: is --data right?", a.data)
	}
	return nil
}
