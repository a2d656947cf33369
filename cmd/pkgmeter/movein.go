package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/savejson"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
)

// forbidden is the password that every installation of the old program began
// with. Who never changed it has no password.
const forbidden = "admin123"

// moveArgs is the call that takes in what a save.json holds. Passwords are
// hashed before they leave the process that read the file.
type moveArgs struct {
	Source    string            `json:"source"`
	SHA256    []byte            `json:"sha256"`
	Ledger    string            `json:"ledger,omitempty"`
	Counters  pkgmeter.Counters `json:"counters"`
	Users     []pkgmeter.User   `json:"users,omitempty"`
	UsersOnce bool              `json:"usersOnce,omitempty"`
	Extra     string            `json:"extra,omitempty"`
	Hidden    map[string]bool   `json:"hidden,omitempty"`
}

// saveJSON takes in one save.json.
func (im *importer) saveJSON(text []byte) (done pkgmeter.MoveIn, err error) {
	f, err := savejson.Decode(text)
	if err != nil {
		return done, err
	}
	for _, note := range f.Notes {
		im.note(note)
	}
	sum := sha256.Sum256(text)
	args := moveArgs{
		Source: cmp.Or(im.c.Source, "savejson"), SHA256: sum[:], Ledger: f.Ledger,
		Counters: countersOf(f), Users: im.usersOf(f), Hidden: hiddenBy(f),
		UsersOnce: im.unattended,
	}
	if len(f.Extra) > 0 {
		extra, err := json.Marshal(f.Extra)
		if err != nil {
			return done, err
		}
		args.Extra = string(extra)
	}
	s, err := im.open()
	if err != nil {
		return done, err
	}
	if err := s.call("move-in", args, &done); err != nil {
		return done, err
	}
	im.noteLockedOut(args.Users, done)
	for _, name := range done.Users {
		role := ""
		if name == done.Admin {
			role = ", as administrator"
		}
		fmt.Fprintf(im.a.err, "user %s was made%s\n", terminal.Clean(name), role)
	}
	return done, nil
}

// noteLockedOut says which of the users that were made have no password yet. Who
// was there before stays as it was, and may have one.
func (im *importer) noteLockedOut(users []pkgmeter.User, done pkgmeter.MoveIn) {
	for _, u := range users {
		if im.unattended && u.Name == "admin" && done.Admin == "" {
			continue // the server gives it a password where there is no other
		}
		if u.Disabled && slices.Contains(done.Users, u.Name) {
			im.note(fmt.Sprintf("user %s cannot log in before: pkgmeter user passwd %s", u.Name, u.Name))
		}
	}
}

// hiddenBy returns which panels the file says to show or hide; nil if it says
// nothing.
func hiddenBy(f *savejson.File) map[string]bool {
	if f.Display == nil {
		return nil
	}
	hidden := map[string]bool{}
	for section, panel := range api.Panels() {
		if shown, said := f.Display[section]; said {
			hidden[panel] = !shown
		}
	}
	return hidden
}

func countersOf(f *savejson.File) pkgmeter.Counters {
	c := pkgmeter.Counters{All: f.All, Files: f.Downloads, Repositories: f.Repos}
	c.Types[pkgmeter.LegacyJar], c.Types[pkgmeter.LegacyPom] = f.Types.Jar, f.Types.Pom
	c.Types[pkgmeter.LegacyCrypto], c.Types[pkgmeter.LegacyOther] = f.Types.Crypto, f.Types.Other
	return c
}

// usersOf hashes the passwords. Who has none, or the one that every
// installation began with, has to be given one.
func (im *importer) usersOf(f *savejson.File) []pkgmeter.User {
	var users []pkgmeter.User
	for _, old := range f.Users {
		u := pkgmeter.User{Name: old.Name, Role: pkgmeter.Viewer}
		if err := u.Validate(); err != nil {
			im.note(fmt.Sprintf("user %s is left out: %s", old.Name, pkgmeter.PublicMessage(err)))
			continue
		}
		if u.Disabled = old.Password == "" || old.Password == forbidden; !u.Disabled {
			u.Hash = auth.Hash(old.Password)
		}
		users = append(users, u)
	}
	return users
}

// saveJSONDigest returns the digest of what was made for the old program in the
// working directory.
func saveJSONDigest() (sum [32]byte, err error) {
	const name = "save.json"
	info, err := os.Stat(name)
	if err != nil {
		return sum, err
	}
	if !info.Mode().IsRegular() {
		return sum, os.ErrNotExist
	}
	f, err := os.Open(name)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	h.Sum(sum[:0])
	return sum, err
}
