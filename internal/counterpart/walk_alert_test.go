package counterpart_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
)

// An administrator makes a watch, asks what it would have told, saves it, has a test
// sent, and removes it, with a browser.
func TestAnAdministratorWalksThroughAlerts(t *testing.T) {
	t.Parallel()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	m := &meter{bin: bin, data: t.TempDir(), addr: freeAddress(t)}
	run(t, "", nil, bin, "demo", "--data", m.data, "--events", "20000")
	m.start(t)
	hooks, r := newInbox(t), newVisitor(t, m)
	fill := func(selector, text string) {
		t.Helper()
		browsertest.Do(r.ctx, t, chromedp.SetValue(chromedp.CSS(selector), text))
	}
	r.logIn()
	browsertest.Visit(r.ctx, t, m.url("/stats/alerts"))
	r.sound("alerts, none yet")
	r.click(`a[href$="what=spike"]`, "/stats/alerts/edit?what=spike")
	r.sound("a new watch")
	fill("#w-factor", "1.3")
	fill("#w-least", "1")
	r.click(`button[value="preview"]`, "/stats/alerts/edit")
	if text := r.text("main"); !strings.Contains(text, "What it would have told\n") {
		t.Errorf("the preview: %s", text)
	}
	if n := r.count(".preview li"); n == 0 {
		t.Error("in a year with spikes it would have told nothing")
	}
	r.sound("a preview")
	fill("#w-name", "all that jumps")
	fill("#w-webhook", hooks.URL+"/in")
	fill("#w-secret", webhookSecret)
	r.click(`button[value="save"]`, "/stats/alerts?saved")
	if text := r.text("main"); !strings.Contains(text, "all that jumps") || !strings.Contains(text, "a webhook at http://127.0.0.1") {
		t.Errorf("the list says %s", text)
	}
	r.sound("alerts")
	r.click(`button[value="test"]`, "/stats/alerts/told?watch=1")
	eventually(t, "the test", func() bool { calls, _ := hooks.got("alert.test"); return len(calls) == 1 })
	eventually(t, "what was told", func() bool { return strings.Contains(m.adminPage(t, "/stats/alerts/told"), ">Sent at ") })
	r.sound("what was told")
	browsertest.Visit(r.ctx, t, m.url("/stats/alerts"))
	r.press(`.watch summary`)
	r.click(`button[value="remove"]`, "/stats/alerts?removed")
	if n := r.count(".watch"); n != 0 {
		t.Errorf("%d watches", n)
	}
}
