package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/savejson"
)

type importCmd struct {
	Files  []string `arg:"" name:"file" help:"The old program's save.json; - is standard input."`
	Format string   `placeholder:"FORMAT" default:"auto" help:"auto or savejson (default ${default})."`
	Source string   `placeholder:"NAME" default:"savejson" help:"Under which name the counts are kept (default ${default}). A newer file of the same source counts its increase."`
}

// forbidden is the password that every installation of the old program began
// with. Who never changed it has no password.
const forbidden = "admin123"

// moveArgs is the call that takes in what a save.json holds. Passwords are
// hashed before they leave the process that read the file.
type moveArgs struct {
	Source   string            `json:"source"`
	SHA256   []byte            `json:"sha256"`
	Ledger   string            `json:"ledger,omitempty"`
	Counters pkgmeter.Counters `json:"counters"`
	Users    []pkgmeter.User   `json:"users,omitempty"`
	Extra    string            `json:"extra,omitempty"`
	Hidden   map[string]bool   `json:"hidden,omitempty"`
}

// Run imports the files one after another.
func (c *importCmd) Run(a *app) error {
	if c.Format != "auto" && c.Format != "savejson" {
		return usage("--format %q: this version reads savejson only", c.Format)
	}
	if c.Source == "" || len(c.Source) > pkgmeter.MaxName {
		return usage("--source: want 1 to %d bytes", pkgmeter.MaxName)
	}
	if err := a.makeData(); err != nil {
		return err
	}
	// The process ends soon: memory is cheaper than collecting it.
	debug.SetGCPercent(400)
	var total pkgmeter.MoveIn
	for _, name := range c.Files {
		text, err := a.readFile(name)
		if err != nil {
			return err
		}
		done, err := c.one(a, text)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		total.New += done.New
		total.Known += done.Known
	}
	_, err := fmt.Fprintf(a.out, "%d new, %d known, 0 rejected\n", total.New, total.Known)
	return err
}

func (a *app) readFile(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(a.in)
	}
	return os.ReadFile(name)
}

func (c *importCmd) one(a *app, text []byte) (pkgmeter.MoveIn, error) {
	var done pkgmeter.MoveIn
	f, err := savejson.Decode(text)
	if err != nil {
		return done, err
	}
	for _, note := range f.Notes {
		fmt.Fprintf(a.err, "note: %s\n", printable(note))
	}
	sum := sha256.Sum256(text)
	args := moveArgs{Source: c.Source, SHA256: sum[:], Ledger: f.Ledger, Counters: countersOf(f), Users: a.usersOf(f)}
	if len(f.Extra) > 0 {
		extra, err := json.Marshal(f.Extra)
		if err != nil {
			return done, err
		}
		args.Extra = string(extra)
	}
	if f.Display != nil {
		args.Hidden = map[string]bool{}
		for section, panel := range api.Panels() {
			if shown, said := f.Display[section]; said {
				args.Hidden[panel] = !shown
			}
		}
	}
	if err := a.call("move-in", args, &done); err != nil {
		return done, err
	}
	for _, name := range done.Users {
		role := ""
		if name == done.Admin {
			role = ", as administrator"
		}
		fmt.Fprintf(a.err, "user %s was made%s\n", printable(name), role)
	}
	return done, nil
}

func countersOf(f *savejson.File) pkgmeter.Counters {
	c := pkgmeter.Counters{All: f.All, Files: f.Downloads, Repositories: f.Repos}
	c.Types[pkgmeter.LegacyJar], c.Types[pkgmeter.LegacyPom] = f.Types.Jar, f.Types.Pom
	c.Types[pkgmeter.LegacyCrypto], c.Types[pkgmeter.LegacyOther] = f.Types.Crypto, f.Types.Other
	return c
}

// usersOf hashes the passwords. Who has none, or the one that every
// installation began with, has to be given one.
func (a *app) usersOf(f *savejson.File) []pkgmeter.User {
	var users []pkgmeter.User
	for _, old := range f.Users {
		u := pkgmeter.User{Name: old.Name, Role: pkgmeter.Viewer}
		if err := u.Validate(); err != nil {
			fmt.Fprintf(a.err, "note: user %s is left out: %s\n", printable(old.Name), pkgmeter.PublicMessage(err))
			continue
		}
		if u.Disabled = old.Password == "" || old.Password == forbidden; !u.Disabled {
			u.Hash = auth.Hash(old.Password)
		} else {
			fmt.Fprintf(a.err, "note: user %s cannot log in before: pkgmeter user passwd %s\n", printable(old.Name), printable(old.Name))
		}
		users = append(users, u)
	}
	return users
}

// hasSaveJSON reports whether the working directory has what was made for the
// old program: the first start says how to take it along.
func hasSaveJSON() bool {
	info, err := os.Stat("save.json")
	return !errors.Is(err, os.ErrNotExist) && err == nil && info.Mode().IsRegular()
}
