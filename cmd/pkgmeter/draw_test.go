package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// draw is a program for scripts:
//
//	exec draw COLUMNS COMMAND [ARG...]
//
// runs a command on a terminal of its own that is some columns wide, and prints
// what it draws there. Escape characters are printed as ␛.
func draw() {
	code, err := drawn(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "draw:", err)
		code = 125
	}
	os.Exit(code)
}

func drawn(args []string) (code int, err error) {
	if len(args) < 2 {
		return 0, errors.New("usage: draw COLUMNS COMMAND [ARG...]")
	}
	columns, err := strconv.ParseUint(args[0], 10, 16)
	if err != nil {
		return 0, err
	}
	ours, theirs, err := openTerminal(uint16(columns))
	if err != nil {
		return 0, fmt.Errorf("open a terminal: %w", err)
	}
	defer ours.Close()
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, theirs, os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	theirs.Close()
	text, err := io.ReadAll(ours)
	if err != nil && !errors.Is(err, syscall.EIO) { // nobody has the terminal open any more
		return 0, err
	}
	fmt.Print(strings.NewReplacer("\r\n", "\n", "\x1b", "␛").Replace(string(text)))
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// openTerminal opens a pseudo-terminal: our end of it, and that of a program.
func openTerminal(columns uint16) (ours, theirs *os.File, err error) {
	ours, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(ours.Fd())
	err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	n := 0
	if err == nil {
		n, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: columns})
	}
	if err == nil {
		theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		ours.Close()
	}
	return ours, theirs, err
}
