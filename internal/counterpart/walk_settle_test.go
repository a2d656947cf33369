package counterpart_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
)

func TestAnAdministratorSettlesEverythingInTheBrowser(t *testing.T) {
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	m := &meter{bin: bin, data: t.TempDir(), addr: freeAddress(t)}
	run(t, "", nil, bin, "demo", "--data", m.data, "--events", "5000")
	m.start(t)
	r := newVisitor(t, m)
	r.logIn()
	r.addsAUser()
	token := r.makesAToken()
	shared := r.sharesAView()
	for _, page := range []string{"/stats/settings/account", "/stats/settings/sessions", "/stats/settings"} {
		browsertest.Visit(r.ctx, t, m.url(page))
		r.sound(page)
	}
	m.command(t, "repo", "set", "releases", "--public")
	r.readsTheAuditLog([]string{
		"admin user.add carol viewer", "admin user.role carol viewer → publisher", "admin token.new admin read, begins " + token[:13],
		"command line repository.public releases ",
	}, token, shared)
	r.seesBy(shared)
}

func (r *visitor) addsAUser() {
	r.click("a.user", "/stats/settings/account")
	r.click(`.tabs a[href$="/users"]`, "/stats/settings/users")
	r.fill("#name", "carol")
	r.fill("#password", "short")
	r.fill("#again", "short")
	if ok := evaluate[bool](r, `document.querySelector("form.fields").checkValidity()`); ok {
		r.t.Error("the browser takes a short password")
	}
	for _, field := range []string{"#password", "#again"} {
		evaluate[bool](r, `document.querySelector("`+field+`").value = "", true`)
		r.fill(field, "long enough")
	}
	r.click("form.fields button", "done=added")
	r.click(`a[href*="user=carol"]`, "user=carol")
	r.sound("a user")
	evaluate[bool](r, `document.querySelector(".change select").value = "publisher", true`)
	r.click(".change button", "done=role")
	if got := r.text("main"); !strings.Contains(got, "publisher") || !strings.Contains(got, "The role was changed.") {
		r.t.Errorf("the role: %s", got)
	}
}

// makesAToken returns the token, which is shown once.
func (r *visitor) makesAToken() string {
	r.click(`.tabs a[href$="/tokens"]`, "/stats/settings/tokens")
	evaluate[bool](r, `document.querySelector("#scope").value = "read", true`)
	r.click("form.fields button", "/stats/settings/tokens")
	r.sound("the tokens")
	return evaluate[string](r, `document.querySelector(".secret input").value`)
}

// sharesAView makes a link to the view of one repository, and returns it.
func (r *visitor) sharesAView() string {
	browsertest.Visit(r.ctx, r.t, r.meter.url("/stats?days=90"))
	r.click(`[data-panel=repositories] tbody a`, "repository=")
	r.click(`a[href*="/settings/links"]`, "/stats/settings/links")
	r.sound("a link that is wanted")
	r.click("form button.button", "/stats/settings/links")
	return evaluate[string](r, `document.querySelector(".secret input").value`)
}

func (r *visitor) readsTheAuditLog(want []string, secrets ...string) {
	browsertest.Visit(r.ctx, r.t, r.meter.url("/stats/settings/audit"))
	r.sound("the audit log")
	table := r.content(evaluate[string](r, `document.querySelector('a[href*="csv"]').href`))
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		r.t.Fatalf("%v: %s", err, table)
	}
	lines := map[string]bool{}
	for _, row := range rows {
		lines[strings.Join(row[2:], " ")] = true
	}
	for _, line := range want {
		if !lines[line] {
			r.t.Errorf("the audit log lacks %q:\n%s", line, table)
		}
	}
	for _, secret := range secrets {
		if strings.Contains(table, secret[strings.LastIndexAny(secret, "_=")+1:]) {
			r.t.Error("the audit log has a secret")
		}
	}
	r.fill("#actor", "nobody")
	r.enters(kb.Enter, "actor=nobody")
	if got := r.text("main"); !strings.Contains(got, "Nothing that fits") {
		r.t.Errorf("changes of nobody: %s", got)
	}
}

// seesBy follows a shared link in a browser of somebody else.
func (r *visitor) seesBy(shared string) {
	other := newVisitor(r.t, r.meter)
	browsertest.Visit(other.ctx, r.t, shared)
	if got := other.text("header"); !strings.Contains(got, "A shared view, until") {
		r.t.Fatalf("the link shows %s", got)
	}
	other.sound("a shared view")
	other.calls("a shared view")
	other.click(`[data-panel=clients] tbody a`, "client=")
	if n := other.count(".chip:not(.held)"); n != 1 || other.count(".chip.held") != 1 {
		r.t.Errorf("%d filters can be removed", n)
	}
	other.Take()
	browsertest.Visit(other.ctx, r.t, r.meter.url("/stats"))
	if other.count("#password") != 1 {
		r.t.Error("who has a link sees the page without it")
	}
	browsertest.Visit(r.ctx, r.t, r.meter.url("/stats/settings/links"))
	r.click(`table.rows form button`, "done=closed")
	browsertest.Visit(other.ctx, r.t, shared)
	if got := other.text("main"); !strings.Contains(got, "This link has expired, or was ended.") {
		r.t.Errorf("an ended link shows %s", got)
	}
}
