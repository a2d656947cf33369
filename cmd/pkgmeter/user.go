package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
	"golang.org/x/term"
)

type userCmd struct {
	Add    userAddCmd    `cmd:"" help:"Add a user; the password is asked for."`
	List   userListCmd   `cmd:"" help:"List the users."`
	Passwd userPasswdCmd `cmd:"" help:"Set a user's password, and enable the user."`
	Remove userRemoveCmd `cmd:"" help:"Remove a user and its tokens."`
}

type userAddCmd struct {
	Name          string `arg:"" help:"Name to log in with."`
	Role          string `placeholder:"ROLE" default:"viewer" help:"admin, viewer or publisher (default ${default})."`
	PasswordStdin bool   `help:"Read the password from standard input."`
}

// Run adds the user.
func (c *userAddCmd) Run(a *app) error {
	u := pkgmeter.User{Name: c.Name, Role: pkgmeter.Role(c.Role)}
	if err := u.Validate(); err != nil {
		return usage("%s", pkgmeter.PublicMessage(err))
	}
	password, err := a.password(c.PasswordStdin)
	if err != nil {
		return err
	}
	if err := a.makeData(); err != nil {
		return err
	}
	return a.call("user-add", userArgs{u.Name, u.Role, password}, nil)
}

type userPasswdCmd struct {
	Name          string `arg:"" help:"Name of the user."`
	PasswordStdin bool   `help:"Read the password from standard input."`
}

// Run sets the password.
func (c *userPasswdCmd) Run(a *app) error {
	if err := a.needData(); err != nil {
		return err
	}
	password, err := a.password(c.PasswordStdin)
	if err != nil {
		return err
	}
	return a.call("user-passwd", userArgs{Name: c.Name, Password: password}, nil)
}

type userRemoveCmd struct {
	Name string `arg:"" help:"Name of the user."`
}

// Run removes the user.
func (c *userRemoveCmd) Run(a *app) error {
	if err := a.needData(); err != nil {
		return err
	}
	return a.call("user-remove", userArgs{Name: c.Name}, nil)
}

type userListCmd struct{}

// Run lists the users.
func (c *userListCmd) Run(a *app) error {
	if err := a.needData(); err != nil {
		return err
	}
	var rows []userRow
	if err := a.call("user-list", struct{}{}, &rows); err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE\tCREATED\tSTATE")
	for _, r := range rows {
		state := "enabled"
		if r.Disabled {
			state = "disabled: set a password"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", terminal.Clean(r.Name), r.Role, r.Created.UTC().Format("2006-01-02"), state)
	}
	return w.Flush()
}

// password reads a password: a line of standard input, or typed twice.
func (a *app) password(stdin bool) (string, error) {
	if stdin {
		line, err := bufio.NewReader(a.in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return notEmpty(strings.TrimRight(line, "\r\n"))
	}
	fd := int(a.in.Fd())
	if !term.IsTerminal(fd) {
		return "", usage("there is no terminal to ask for a password: use --password-stdin")
	}
	var typed [2]string
	for i, prompt := range []string{"Password: ", "The same again: "} {
		fmt.Fprint(a.err, prompt)
		b, err := term.ReadPassword(fd)
		fmt.Fprintln(a.err)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		typed[i] = string(b)
	}
	if typed[0] != typed[1] {
		return "", usage("the two passwords differ")
	}
	return notEmpty(typed[0])
}

func notEmpty(password string) (string, error) {
	if password == "" {
		return "", usage("the password is empty")
	}
	return password, nil
}
