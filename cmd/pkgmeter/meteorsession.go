package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"golang.org/x/net/idna"
)

type meteorSessionCmd struct {
	User string `required:"" placeholder:"NAME" help:"Publisher who logs in with it."`
	URL  string `name:"url" required:"" placeholder:"URL" help:"The server, as METEOR_PACKAGE_SERVER_URL has it."`
	File string `placeholder:"FILE" help:"Session file of the Meteor tool; - prints it (default: METEOR_SESSION_FILE, else ~/.meteorsession)."`
}

// accounts is the host under which the tool keeps who its user is. As long as a
// name stands there, it asks nobody.
const accounts = "www.meteor.com"

// Run makes a token for publishing and puts it where the Meteor tool looks for
// one.
func (c *meteorSessionCmd) Run(a *app) error {
	host, err := sessionHost(c.URL)
	if err != nil {
		return err
	}
	file, err := c.path(a)
	if err != nil {
		return err
	}
	if err := a.needData(); err != nil {
		return err
	}
	// What is there has to be understood before a token is made.
	before, err := readSession(file)
	if err != nil {
		return err
	}
	var token string
	if err := a.call("token-new", tokenArgs{User: c.User, Scope: pkgmeter.ScopePublish}, &token); err != nil {
		return err
	}
	text, err := mergeSession(before, c.User, host, token)
	if err != nil {
		return err
	}
	if file == "-" {
		_, err := a.out.Write(text)
		return err
	}
	if err := writeSession(file, text); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.err, "%s logs in at %s as %s; meteor login and logout undo that\n", file, host, c.User)
	return err
}

func (c *meteorSessionCmd) path(a *app) (string, error) {
	if c.File != "" {
		return c.File, nil
	}
	if file := a.getenv("METEOR_SESSION_FILE"); file != "" {
		return file, nil
	}
	home := a.getenv("HOME")
	if home == "" {
		return "", usage("--file is missing, and there is no home folder")
	}
	return filepath.Join(home, ".meteorsession"), nil
}

// sessionHost is what the tool makes of the server's address: in lower case and
// ASCII, with the port where one is written.
func sessionHost(address string) (string, error) {
	u, err := url.Parse(address)
	var name string
	if err == nil {
		name, err = idna.ToASCII(strings.ToLower(u.Hostname()))
	}
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || name == "" {
		return "", usage("--url %q: want the address as in METEOR_PACKAGE_SERVER_URL, such as https://packages.example.com", address)
	}
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if port := u.Port(); port != "" {
		name += ":" + port
	}
	return name, nil
}

func readSession(file string) (map[string]any, error) {
	session := map[string]any{}
	if file == "-" {
		return session, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(bytes.TrimSpace(text)) == 0 {
		return session, nil
	}
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // what is not ours goes back as it came
	if err := d.Decode(&session); err != nil || session == nil {
		return nil, fmt.Errorf("%s is no session file of the Meteor tool: it is not a JSON object", file)
	}
	return session, nil
}

// mergeSession adds the token of a host. Who has a real account keeps it.
func mergeSession(session map[string]any, user, host, token string) ([]byte, error) {
	entry := func(in map[string]any, name string) map[string]any {
		m, ok := in[name].(map[string]any)
		if !ok {
			m = map[string]any{}
			in[name] = m
		}
		return m
	}
	sessions := entry(session, "sessions")
	me := entry(sessions, accounts)
	if id, _ := me["userId"].(string); id == "" {
		me["type"], me["username"], me["userId"] = "meteor-account", user, user
	} else if name, _ := me["username"].(string); name == "" {
		me["username"] = user // without one the tool asks the accounts' server
	}
	server := entry(sessions, host)
	delete(server, "tokenId") // the tool would try to revoke it for ever
	server["type"], server["token"] = "package-server", token
	text, err := json.MarshalIndent(session, "", "  ")
	return append(text, '\n'), err
}

// writeSession replaces the file, which is for its owner's eyes only.
func writeSession(file string, text []byte) (err error) {
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".meteorsession-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
