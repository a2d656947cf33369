// Package browsertest drives a real browser in tests, and gathers what must
// never happen on a page: dialogs, lines of the console, violations of the
// policy, requests to other hosts.
//
// It does not know any page.
package browsertest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// New starts a browser. It is not there on every developer's machine, but
// the CI has to have it.
func New(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no chromium: make test installs it")
		}
		t.Skip("no chromium: make test installs it")
	}
	ctx, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true))...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // it lives as long as the context of its first call
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// Complaints gathers what must never happen on a page.
type Complaints struct {
	mu   sync.Mutex
	host string
	all  []string
}

func (c *Complaints) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, fmt.Sprintf(format, args...))
}

// Take returns what was gathered, and begins anew.
func (c *Complaints) Take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.all
	c.all = nil
	return all
}

// Listen watches a browser that may talk to one host only.
func Listen(ctx context.Context, t *testing.T, base string) *Complaints {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	c := &Complaints{host: u.Host}
	err = chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *page.EventJavascriptDialogOpening:
			c.add("a dialog opened: %s", ev.Message)
			go chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{}) //nolint:errcheck // the dialog is the failure
		case *log.EventEntryAdded:
			c.add("log, %s: %s %s", ev.Entry.Source, ev.Entry.Text, ev.Entry.URL)
		case *runtime.EventConsoleAPICalled:
			for _, arg := range ev.Args {
				c.add("console.%s: %s", ev.Type, arg.Value)
			}
		case *runtime.EventExceptionThrown:
			c.add("exception: %s", exception(ev.ExceptionDetails))
		case *network.EventRequestWillBeSent:
			to, err := url.Parse(ev.Request.URL)
			if err != nil || to.Host != c.host && to.Scheme != "data" {
				c.add("request to %s", ev.Request.URL)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	Call(ctx, t, network.Enable, network.EnableParams{})
	Call(ctx, t, log.Enable, cdp.Empty{})
	Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `document.addEventListener("securitypolicyviolation", e => console.error("policy: " + e.violatedDirective + " " + e.blockedURI + " " + e.sample))`,
	})
	return c
}

func exception(d *runtime.ExceptionDetails) string {
	if d.Exception != nil {
		return d.Exception.Description
	}
	return d.Text
}

// Call sends a command of the protocol.
func Call[P, R any](ctx context.Context, t *testing.T, cmd cdp.Command[P, R], params P) {
	t.Helper()
	if _, err := chromedp.Call(ctx, cmd, params); err != nil {
		t.Fatal(err)
	}
}

// Visit opens a page and waits until it is at rest.
func Visit(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(address), chromedp.WaitReady(chromedp.CSS("main"))); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](`document.readyState === "complete"`)); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
}
