// Package browsertest drives a real browser in tests, and gathers what must
// never happen on a page: dialogs, lines of the console, violations of the
// policy, requests to other hosts.
//
// It does not know any page.
package browsertest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
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
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute)
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

// The time a page has to become what a test waits for, and between two looks.
const (
	patience = 60 * time.Second
	pause    = 20 * time.Millisecond
)

// Do acts in the page.
func Do(ctx context.Context, t *testing.T, acts ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, acts...); err != nil {
		t.Fatal(err)
	}
}

// Visit opens a page and waits until it is at rest.
func Visit(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(address), chromedp.WaitReady(chromedp.CSS("main"))); err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	Until(ctx, t, address+" is at rest", `document.readyState === "complete"`)
}

// Leave does what leads to another page, and waits until that one is at rest
// under an address whose path and query contain what is wanted. It takes no
// page for the next one that is still the old one, be the address the same.
func Leave(ctx context.Context, t *testing.T, want string, acts ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	Evaluate[bool](ctx, t, `window.left = true`)
	Do(ctx, t, acts...)
	Until(ctx, t, "another page, at "+want,
		fmt.Sprintf(`window.left === undefined && document.readyState === "complete" && (location.pathname + location.search).includes(%q)`, want))
}

// Evaluate returns what a script says of the page, or what its promise comes to.
// It is asked again where the page was just being replaced by another, so what
// changes a page and leaves it belongs to Leave.
func Evaluate[T any](ctx context.Context, t *testing.T, script string) T {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
		if err == nil {
			return v
		}
		if !replaced(err) || time.Now().After(end) {
			t.Fatalf("%.200s: %v", script, err)
		}
		time.Sleep(pause)
	}
}

// Until waits until a condition holds in the page, whichever page that is by
// then. A condition that throws does not hold.
func Until(ctx context.Context, t *testing.T, what, condition string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(pause) {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](condition))
		if ok && err == nil {
			return
		}
		if time.Now().After(end) || ctx.Err() != nil {
			at, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href`)) // the wait has failed: this is to help
			t.Fatalf("not within %v: %s, the page is %s: %v", patience, what, at, err)
		}
	}
}

// replaced tells that the page went away while it was asked.
func replaced(err error) bool {
	const serverError = -32000 // of JSON-RPC: the browser gives it with several texts
	var e *cdproto.Error
	return errors.As(err, &e) && e.Code == serverError
}
