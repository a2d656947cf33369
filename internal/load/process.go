package load

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// Env is the variable by which [Command] hands a Config to another process.
const Env = "PKGMETER_LOAD"

// Main runs the load that the environment asks for, prints its [Result] as JSON
// on stdout, and returns the process's exit code; asked is false where there is
// nothing to do. A program that gives its own path to [Command] has to call it
// before anything else. SIGTERM and SIGINT end the load in good order.
func Main() (code int, asked bool) {
	text := os.Getenv(Env)
	if text == "" {
		return 0, false
	}
	if err := runHere(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	return 0, true
}

func runHere(text string) error {
	var c Config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return fmt.Errorf("load: read %s: %w", Env, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	result, err := Run(ctx, c)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// Command returns a command that runs the load in another process, for which
// program has to call [Main]. When ctx ends the load is told to stop; its
// stdout is then a [Result] all the same.
func Command(ctx context.Context, program string, c Config) (*exec.Cmd, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), Env+"="+string(text))
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = requestTimeout + c.withDefaults().GiveUpIn + 5*time.Second
	return cmd, nil
}
