package main

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pkgmeter": func() { os.Exit(run()) }, "draw": draw})
}

// The scripts are the command line's specification. Each has ADDR and ADMIN,
// two free addresses, and the commands
//
//	http [-u USER:PASSWORD] [-t TOKENFILE] [-H NAME:VALUE] METHOD URL [BODY|@FILE]
//	mode FILE MODE
//	ready URL
//	exitcode CODE COMMAND [ARG...]
//	newer DIR
//	save URL USER:PASSWORD FILE
//	pack gzip|zstd FILE NEWFILE
//
// and the program
//
//	draw COLUMNS COMMAND [ARG...]
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"ADDR", "ADMIN"} {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					return err
				}
				env.Setenv(name, ln.Addr().String())
				if err := ln.Close(); err != nil {
					return err
				}
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"http": httpCmd, "ready": readyCmd, "exitcode": exitcodeCmd, "newer": newerCmd, "save": saveCmd, "mode": modeCmd, "pack": packCmd,
			"countries": countriesCmd,
		},
	})
}

func httpCmd(ts *testscript.TestScript, neg bool, args []string) {
	header := http.Header{}
	for len(args) > 1 && strings.HasPrefix(args[0], "-") {
		name, value, _ := strings.Cut(args[1], ":")
		switch args[0] {
		case "-u":
			r := http.Request{Header: header}
			r.SetBasicAuth(name, value)
		case "-t":
			header.Set("Authorization", "Bearer "+strings.TrimSpace(ts.ReadFile(args[1])))
		default:
			header.Set(name, value)
		}
		args = args[2:]
	}
	if len(args) < 2 {
		ts.Fatalf("usage: http [-u USER:PASSWORD] [-t TOKENFILE] [-H NAME:VALUE] METHOD URL [BODY|@FILE]")
	}
	body := strings.Join(args[2:], " ")
	if file, ok := strings.CutPrefix(body, "@"); ok {
		body = ts.ReadFile(file)
	}
	req, err := http.NewRequest(args[0], args[1], strings.NewReader(body))
	ts.Check(err)
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d %s\n", res.StatusCode, answer)
	if neg == (res.StatusCode < 400) {
		ts.Fatalf("%s %s: %d %s", args[0], args[1], res.StatusCode, answer)
	}
}

// countriesCmd makes a file that knows the countries of two networks.
func countriesCmd(ts *testscript.TestScript, _ bool, args []string) {
	w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test", IncludeReservedNetworks: true})
	ts.Check(err)
	for network, code := range map[string]string{"192.0.2.0/24": "DE", "198.51.100.0/24": "JP"} {
		_, n, err := net.ParseCIDR(network)
		ts.Check(err)
		ts.Check(w.Insert(n, mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(code)}}))
	}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = w.WriteTo(f)
	ts.Check(errors.Join(err, f.Close()))
}

// modeCmd checks who may read and write a file.
func modeCmd(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if (info.Mode().String() == args[1]) == neg {
		ts.Fatalf("%s has mode %s", args[0], info.Mode())
	}
}

// readyCmd waits until a server answers.
func readyCmd(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		res, err := http.Get(args[0] + "/readyz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("%s is not ready", args[0])
}

// exitcodeCmd runs a command and compares its exit code.
func exitcodeCmd(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// saveCmd keeps what a server answers.
func saveCmd(ts *testscript.TestScript, _ bool, args []string) {
	req, err := http.NewRequest(http.MethodGet, args[0], nil)
	ts.Check(err)
	name, password, _ := strings.Cut(args[1], ":")
	req.SetBasicAuth(name, password)
	res, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), body, 0o600))
}

// newerCmd gives a data folder a schema from the future.
func newerCmd(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", "file:"+ts.MkAbs(args[0])+"/pkgmeter.db")
	ts.Check(err)
	_, err = db.Exec(`PRAGMA user_version = 999`)
	ts.Check(err)
	ts.Check(db.Close())
}
