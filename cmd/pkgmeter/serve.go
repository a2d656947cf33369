package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/alert"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/blob"
	"github.com/pkgmeter/pkgmeter/internal/control"
	"github.com/pkgmeter/pkgmeter/internal/intake"
	"github.com/pkgmeter/pkgmeter/internal/meteor"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/server"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

type serveCmd struct {
	Listen        string   `placeholder:"HOST:PORT" default:"127.0.0.1:8080" help:"Where senders and browsers connect (default ${default}; port 0 picks one)."`
	AdminListen   string   `placeholder:"HOST:PORT" default:"127.0.0.1:8081" help:"Where /metrics and /debug/pprof are (default ${default}); off for none."`
	PublicURL     string   `name:"public-url" placeholder:"URL" help:"The address under which others reach this server; its path is the base path (default http://<listen>)."`
	CallbackToken string   `placeholder:"SECRET" help:"What the webhook has to present, e.g. as /callback/SECRET. Without it anyone who reaches the server can count."`
	PublicStats   bool     `help:"Let everyone read the numbers."`
	Blobs         string   `placeholder:"URL" help:"Keep the bytes of packages in a bucket, such as s3://bucket?region=eu-central-1 (default: a folder in the data folder)."`
	CountUpgrades bool     `help:"Count a package of an app once in each of its versions, instead of once. Fixed at the first report."`
	TrustedProxy  []string `placeholder:"CIDR" help:"Networks of proxies whose X-Forwarded-For is believed."`
	SMTPURL       string   `name:"smtp-url" placeholder:"URL" help:"The mail server by which alerts go out: smtp://user:password@host:587, or smtps:// for TLS from the beginning."`
	MailFrom      string   `placeholder:"ADDRESS" help:"The sender of those mails."`
	Mirror        string   `placeholder:"URL" help:"Copy the catalog of another Meteor package server, and follow it."`
	SaveJSON      string   `name:"save-json" placeholder:"FILE" help:"Import the old program's save.json before serving, as the command import does: at each start what is new in it."`

	peopleFlags `embed:""`
}

// Run serves until the process is told to stop.
func (c *serveCmd) Run(a *app) error {
	if a.getenv("GOGC") == "" {
		// Pages of the catalog are large and short-lived: a third less memory for
		// a few percent of the processor while many clients fetch it.
		debug.SetGCPercent(60)
	}
	base, err := c.base()
	if err == nil {
		err = c.addresses()
	}
	if err != nil {
		return err
	}
	if c.Mirror != "" {
		if _, err := meteor.NewMirror(nil, c.Mirror, meteor.MirrorOptions{}); err != nil {
			return usage("--mirror: %s", pkgmeter.PublicMessage(err))
		}
	}
	trusted, err := proxies(c.TrustedProxy)
	if err != nil {
		return err
	}
	mail, err := c.mail()
	if err != nil {
		return err
	}
	if err := c.use(a); err != nil {
		return err
	}
	if err := a.makeData(); err != nil {
		return err
	}
	lock, err := a.lockToServe()
	if err != nil {
		return err
	}
	store, err := a.openStore()
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	err = c.serve(a, store, base, trusted, mail)
	return errors.Join(err, store.Close(), lock.Close())
}

// base returns the path of the public URL.
func (c *serveCmd) base() (string, error) {
	if c.PublicURL == "" {
		return "", nil
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", usage("--public-url %q: want http://host or https://host, with a path if you like", c.PublicURL)
	}
	base := strings.TrimRight(u.Path, "/")
	if base != "" && (path.Clean(base) != base || strings.ContainsAny(base, " \\")) {
		return "", usage("--public-url %q: the path has to be a plain one, such as /pkgmeter", c.PublicURL)
	}
	return base, nil
}

// mail returns by which server alerts are mailed, nil for none.
func (c *serveCmd) mail() (*alert.Mail, error) {
	if c.SMTPURL == "" {
		return nil, nil //nolint:nilnil // nothing is mailed then
	}
	m, err := alert.NewMail(c.SMTPURL, c.MailFrom)
	if err != nil {
		return nil, usage("--smtp-url, --mail-from: %s", pkgmeter.PublicMessage(err))
	}
	return m, nil
}

// secure reports whether others reach this server by https.
func (c *serveCmd) secure() bool {
	u, err := url.Parse(c.PublicURL)
	return err == nil && u.Scheme == "https"
}

// lockToServe takes the lock of the data folder. A command that has it for a
// moment is waited for, another server is not.
func (a *app) lockToServe() (*control.Lock, error) {
	deadline := time.Now().Add(wait)
	for {
		lock, err := control.TryLock(a.data)
		if !errors.Is(err, control.ErrLocked) {
			return lock, err
		}
		_, err = control.Call(a.ctx, a.data, "ping", nil)
		if !notServing(err) || time.Now().After(deadline) {
			return nil, &pkgmeter.Error{
				Code: pkgmeter.Conflict, Err: sqlite.ErrRefused,
				Msg: fmt.Sprintf("another pkgmeter works on %s: one server a data folder", a.data),
			}
		}
		if err := a.pause(); err != nil {
			return nil, err
		}
	}
}

// addresses reports what cannot be listened on whatever the machine is.
func (c *serveCmd) addresses() error {
	for flag, address := range map[string]string{"--listen": c.Listen, "--admin-listen": c.AdminListen} {
		if flag == "--admin-listen" && address == "off" {
			continue
		}
		_, port, err := net.SplitHostPort(address)
		if err == nil {
			_, err = net.LookupPort("tcp", port)
		}
		if err != nil {
			return usage("%s %q: want host:port, such as 127.0.0.1:8080", flag, address)
		}
	}
	return nil
}

func (c *serveCmd) serve(a *app, store *sqlite.Store, base string, trusted []netip.Prefix, mail *alert.Mail) error {
	main, admin, err := c.listen()
	if err != nil {
		return err
	}
	rules, err := a.adopt(store)
	if err != nil {
		return err
	}
	// The file may bring an administrator along, unless one is asked for.
	first := []func() error{func() error { return c.saveJSON(a, store, rules) }, func() error { return a.firstAdmin(store) }}
	if a.getenv("PKGMETER_ADMIN_PASSWORD") != "" {
		slices.Reverse(first)
	}
	for _, do := range first {
		if err := do(); err != nil {
			return err
		}
	}
	upgrades, err := c.upgrades(a, store)
	if err != nil {
		return err
	}
	blobs, err := a.openBlobs(c.Blobs)
	if err != nil {
		return err
	}
	defer blobs.Close()
	pages, err := a.pageFile()
	if err != nil {
		return err
	}
	defer pages.Close()
	people, err := a.peopleOf(store)
	if err != nil {
		return err
	}
	a.public = c.public(main, base)
	ruled := rule.NewCache(rules, rule.ServerCache)
	handlers := calls(store, rules, &intake.Intake{Store: store, Rules: ruled, People: people, Now: a.now}, a)
	for _, long := range []string{"snapshot", "doctor", "recount", "mirror"} {
		handlers[long] = until(a.ctx, handlers[long])
	}
	ctx, end := context.WithCancelCause(a.ctx)
	defer end(nil)
	socket, err := control.Listen(a.data, ending(handlers, end))
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- socket.Serve() }()

	fmt.Fprintf(a.err, "listening http://%s\n", main.Addr())
	if base != "" {
		fmt.Fprintf(a.err, "base path %s: the page is http://%s%s/stats\n", base, main.Addr(), base)
	}
	if admin != nil {
		fmt.Fprintf(a.err, "admin http://%s/metrics\n", admin.Addr())
	}
	s := &server.Server{
		Mail: mail, PublicURL: a.public, Blobs: blobs, PageFile: pages, Reports: sqlite.UseWriter{Store: store, Upgrades: upgrades},
		Store: store, Rules: rules, Ruled: ruled, Auth: auth.New(store, a.now), Now: a.now, Fatal: sqlite.Fatal,
		TrustedProxies: trusted, People: people, CallbackToken: c.CallbackToken, PublicStats: c.PublicStats, Secure: c.secure(), Base: base, Version: version,
	}
	mirrored := make(chan error, 1)
	go func() {
		if c.Mirror == "" {
			mirrored <- nil
			return
		}
		err := a.mirror.follow(ctx, store, c.Mirror)
		if err != nil {
			end(err)
		}
		mirrored <- err
	}()
	detailed := make(chan error, 1)
	go func() { detailed <- a.addDetails(ctx, store, rules, end) }()
	err = s.Run(ctx, main, admin)
	end(nil)
	err = errors.Join(err, <-mirrored, <-detailed)
	if cause := context.Cause(ctx); sqlite.Fatal(cause) {
		err = errors.Join(cause, err)
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), server.Grace)
	defer cancel()
	return errors.Join(err, socket.Close(grace), <-served)
}

// upgrades reports whether upgrades of packages are counted, as was fixed at the
// first report.
func (c *serveCmd) upgrades(a *app, store *sqlite.Store) (bool, error) {
	upgrades, err := store.CountUpgrades(a.ctx, c.CountUpgrades)
	switch {
	case err != nil || upgrades == c.CountUpgrades:
		return upgrades, err
	case c.CountUpgrades:
		return false, fmt.Errorf("--count-upgrades: apps have reported without it, and what was published would mean something else")
	}
	fmt.Fprintln(a.err, "upgrades count as they did at the first report (--count-upgrades)")
	return upgrades, nil
}

// public is the address that records of the catalog begin with.
func (c *serveCmd) public(main net.Listener, base string) string {
	if c.PublicURL != "" {
		return strings.TrimRight(c.PublicURL, "/")
	}
	return "http://" + main.Addr().String() + base
}

// openBlobs opens where the bytes of packages are. The caller serves the data
// folder.
func (a *app) openBlobs(bucket string) (*blob.Store, error) {
	if bucket != "" {
		blobs, err := blob.Bucket(a.ctx, bucket)
		if err != nil {
			return nil, fmt.Errorf("--blobs: %w", err)
		}
		return blobs, nil
	}
	return blob.Folder(filepath.Join(a.data, "blobs"))
}

// pageFile makes a file without a name: what it takes up is free again when the
// process ends, however it does.
func (a *app) pageFile() (*os.File, error) {
	f, err := os.CreateTemp(a.data, "pages-*")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// ending makes the server end where a call of a command finds that the file can
// no longer be trusted, as it does where a sender's delivery finds it.
func ending(calls map[string]control.Handler, end context.CancelCauseFunc) map[string]control.Handler {
	for name, h := range calls {
		calls[name] = func(ctx context.Context, args json.RawMessage) (any, error) {
			v, err := h(ctx, args)
			if sqlite.Fatal(err) {
				end(err)
			}
			return v, err
		}
	}
	return calls
}

// adopt puts the operator's rules of the --config file into force.
func (a *app) adopt(store *sqlite.Store) (*rule.Set, error) {
	rules, err := rule.New(a.own)
	if err != nil {
		return nil, err
	}
	before := store.Rule()
	number, err := store.SetRules(a.ctx, rules, rule.Number, rules.Own())
	if err != nil {
		return nil, err
	}
	if number != before {
		fmt.Fprintf(a.err, "counting rules %d from here on; what was counted before is as it was\n", number)
	}
	return a.rulesOf(store)
}

// listen takes both addresses, before anything is made that only the first
// start makes. The process ends soon where one is taken.
func (c *serveCmd) listen() (main, admin net.Listener, err error) {
	if main, err = net.Listen("tcp", c.Listen); err != nil {
		return nil, nil, fmt.Errorf("--listen: %w", err)
	}
	if c.AdminListen == "off" {
		return main, nil, nil
	}
	if admin, err = net.Listen("tcp", c.AdminListen); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("--admin-listen: %w", err), main.Close())
	}
	return main, admin, nil
}

// saveJSON takes in the old program's file, as the command import does on a
// store that it holds; without one it proposes to.
func (c *serveCmd) saveJSON(a *app, store *sqlite.Store, rules *rule.Set) error {
	if c.SaveJSON == "" {
		return a.proposeImport(store)
	}
	im := &importer{
		a: a, c: &importCmd{Files: []string{c.SaveJSON}, Format: "savejson"}, unattended: true,
		s: &session{a: a, store: store, calls: calls(store, rules, nil, a)},
	}
	if err := im.files(); err != nil {
		return fmt.Errorf("--save-json: %w", err)
	}
	fmt.Fprintln(a.err, im.outcome())
	return nil
}

// proposeImport tells who comes from the old program, and starts where it ran,
// how to take the counts along. Of the file it reads the digest only: one that is
// broken is no reason not to start.
func (a *app) proposeImport(store *sqlite.Store) error {
	sum, err := saveJSONDigest()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		fmt.Fprintf(a.err, "there is a save.json here, and it cannot be read: %s\n", err)
		return nil
	}
	done, err := store.Imported(a.ctx, sum)
	if err != nil || done {
		return err
	}
	fmt.Fprintln(a.err, "there is a save.json here: to take its counts and users along, run: pkgmeter import save.json")
	return nil
}

// firstAdmin makes the user admin where no administrator can log in. There is
// no default password: it comes from the environment, or is random and
// printed once.
func (a *app) firstAdmin(store *sqlite.Store) error {
	users, err := store.Users(a.ctx)
	if err != nil {
		return err
	}
	for _, u := range users {
		if u.Role == pkgmeter.Admin && !u.Disabled {
			return nil
		}
	}
	password := a.getenv("PKGMETER_ADMIN_PASSWORD")
	random := password == ""
	if random {
		password = strings.ToLower(rand.Text())
	}
	needed, err := store.EnsureAdmin(a.ctx, "admin", auth.Hash(password))
	if err != nil || !needed {
		return err
	}
	if random {
		fmt.Fprintf(a.err, "user admin was made, password %s (shown this once; change it with: pkgmeter user passwd admin)\n", password)
	} else {
		fmt.Fprintln(a.err, "user admin was made, with the password in PKGMETER_ADMIN_PASSWORD")
	}
	return nil
}
