package web_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/alert"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

var vera = pkgmeter.Principal{User: "vera", Role: pkgmeter.Viewer}

// watching are pages over a store with five weeks of ten downloads a day, and fifty
// a week ago.
func watching(t *testing.T) (*web.Web, *sqlite.Store) {
	t.Helper()
	w, s := open(t)
	w.Panels, w.Inspector, w.Sources = panels{}, struct{ web.Inspector }{}, s
	mail, err := alert.NewMail("smtp://127.0.0.1:1", "pkgmeter@example.com")
	if err != nil {
		t.Fatal(err)
	}
	w.Alerts = alert.New(s, s, alert.Options{PublicURL: "https://stats.example.com/base", Mail: mail, Now: func() time.Time { return noon }})
	for day := -49; day < 0; day++ {
		n := 10
		if day == -7 {
			n = 50
		}
		for range n {
			write(t, s, pkgmeter.Event{Path: "left-pad/-/left-pad-1.0.0.tgz", Repository: "npm", Time: noon.AddDate(0, 0, day), Consumer: "ann"})
		}
	}
	return w, s
}

type pageFunc = func(http.ResponseWriter, *http.Request, pkgmeter.Principal) error

// asks asks for a page, or sends a form where there is one.
func asks(f pageFunc, p pkgmeter.Principal, address string, form url.Values) (*httptest.ResponseRecorder, error) {
	r := httptest.NewRequest("GET", address, nil)
	if form != nil {
		r = httptest.NewRequest("POST", address, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	rec := httptest.NewRecorder()
	return rec, f(rec, r, p)
}

func spikeForm(more ...string) url.Values {
	form := url.Values{
		"what": {"spike"}, "name": {"left-pad jumps"}, "factor": {"3"}, "least": {"20"}, "measure": {"downloads"}, "package": {"pkg:npm/left-pad"}, "repository": {""},
		"webhook": {"https://hooks.example.com/in/TOPSECRET"}, "secret": {"whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))},
		"slack": {"https://hooks.slack.example/services/T0/B0/XXX"}, "mail": {"ann@example.com, bob@example.com"},
	}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

func TestAWatchIsMadeShownChangedAndRemoved(t *testing.T) {
	t.Parallel()
	w, _ := watching(t)
	send := func(f pageFunc, form url.Values, want int) {
		t.Helper()
		rec, err := asks(f, admin, "/stats/alerts", form)
		if err != nil || rec.Code != want {
			t.Fatalf("%d, %v: %s", rec.Code, err, rec.Body)
		}
	}
	send(w.SaveWatch, spikeForm(), 303)
	for _, p := range []pkgmeter.Principal{admin, vera} {
		rec, err := asks(w.ServeAlerts, p, "/stats/alerts", nil)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(textOf(t, rec.Body.String())), " ")
		for _, want := range []string{
			"left-pad jumps", "Spike · 3 times · at least 20 · looks every minute", "Only package pkg:npm/left-pad",
			"Tells ann@example.com, bob@example.com, a webhook at https://hooks.example.com/…, Slack.", "It has told nothing yet.",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in %s", p.User, want, text)
			}
		}
		if may := strings.Contains(text, "Send a test"); may != (p.Role == pkgmeter.Admin) {
			t.Errorf("%s may change: %v", p.User, may)
		}
	}
	// Neither page shows again what lets one write to a receiver.
	edit := string(mustVisit(t, w.ServeWatch, admin, "/stats/alerts/edit?id=1"))
	list := string(mustVisit(t, w.ServeAlerts, admin, "/stats/alerts"))
	for _, secret := range []string{"TOPSECRET", "whsec_a2tr", "B0/XXX"} {
		if strings.Contains(edit, secret) || strings.Contains(list, secret) {
			t.Errorf("%s is shown", secret)
		}
	}
	changed := spikeForm("id", "1", "name", "it jumps", "webhook", "", "secret", "", "slack", "", "no-slack", "1", "mail", "", "factor", "2,5")
	send(w.SaveWatch, changed, 303)
	got, err := w.Alerts.Watch(t.Context(), 1)
	if err != nil || got.Name != "it jumps" || got.Ask.Factor != 2.5 || len(got.Targets) != 1 || got.Targets[0].URL != "https://hooks.example.com/in/TOPSECRET" || !strings.HasPrefix(got.Targets[0].Secret, "whsec_a2tr") {
		t.Errorf("%+v, %v", got, err)
	}
	send(w.ChangeAlerts, url.Values{"id": {"1"}, "do": {"test"}}, 303)
	told := strings.Join(strings.Fields(textOf(t, string(mustVisit(t, w.ServeTold, vera, "/stats/alerts/told?watch=1")))), " ")
	for _, want := range []string{"History of alerts: it jumps", "this is a test", "it jumps · to webhook", "Waits to be sent."} {
		if !strings.Contains(told, want) {
			t.Errorf("no %q in %s", want, told)
		}
	}
	send(w.ChangeAlerts, url.Values{"id": {"1"}, "do": {"pause"}}, 303)
	if list := string(mustVisit(t, w.ServeAlerts, admin, "/stats/alerts?paused")); !strings.Contains(list, "<strong>paused</strong>") || !strings.Contains(list, "Paused. What happens meanwhile is not told.") || !strings.Contains(list, `value="resume"`) {
		t.Errorf("it is not paused: %s", list)
	}
	send(w.ChangeAlerts, url.Values{"id": {"1"}, "do": {"remove"}}, 303)
	if list := string(mustVisit(t, w.ServeAlerts, admin, "/stats/alerts?removed")); !strings.Contains(list, "Nothing is watched yet") {
		t.Errorf("it is not removed: %s", list)
	}
}

func mustVisit(t *testing.T, f pageFunc, p pkgmeter.Principal, address string) []byte {
	t.Helper()
	rec, err := asks(f, p, address, nil)
	if err != nil || rec.Code != 200 {
		t.Fatalf("%s: %d, %v", address, rec.Code, err)
	}
	return rec.Body.Bytes()
}

// sentBy is what a browser sends of the form of a page.
func sentBy(page []byte) url.Values {
	form := url.Values{}
	for _, field := range regexp.MustCompile(`<input[^>]*>`).FindAllString(string(page), -1) {
		name, value := regexp.MustCompile(` name="([^"]*)"`).FindStringSubmatch(field), regexp.MustCompile(` value="([^"]*)"`).FindStringSubmatch(field)
		if name != nil && value != nil && !strings.Contains(field, " disabled") && !strings.Contains(field, "checkbox") {
			form.Add(name[1], html.UnescapeString(value[1]))
		}
	}
	return form
}

func TestAServerThatCannotMailAnyMoreDropsNoAddressUnasked(t *testing.T) {
	t.Parallel()
	w, s := watching(t)
	if rec, err := asks(w.SaveWatch, admin, "/stats/alerts/edit", spikeForm()); err != nil || rec.Code != 303 {
		t.Fatal(rec.Code, err)
	}
	w.Alerts = alert.New(s, s, alert.Options{Now: func() time.Time { return noon }}) // without --smtp-url
	form := sentBy(mustVisit(t, w.ServeWatch, admin, "/stats/alerts/edit?id=1"))
	form.Set("name", "renamed")
	form.Set("do", "save")
	rec, err := asks(w.SaveWatch, admin, "/stats/alerts/edit", form)
	if err != nil || rec.Code != 400 || !strings.Contains(rec.Body.String(), "without --smtp-url") || sentBy(rec.Body.Bytes()).Get("mail") != "ann@example.com, bob@example.com" {
		t.Errorf("%d, %v: %s", rec.Code, err, rec.Body)
	}
	if watch, err := w.Alerts.Watch(t.Context(), 1); err != nil || watch.Name == "renamed" || len(watch.Targets) != 4 {
		t.Errorf("%+v, %v", watch, err)
	}
	form.Set("mail", "")
	if rec, err := asks(w.SaveWatch, admin, "/stats/alerts/edit", form); err != nil || rec.Code != 303 {
		t.Errorf("%d, %v", rec.Code, err)
	}
	if watch, err := w.Alerts.Watch(t.Context(), 1); err != nil || watch.Name != "renamed" || len(watch.Targets) != 2 {
		t.Errorf("%+v, %v", watch, err)
	}
	if !strings.Contains(string(mustVisit(t, w.ServeWatch, admin, "/stats/alerts/edit?id=1")), `value="" disabled`) {
		t.Error("a server that cannot mail takes addresses")
	}
}

func TestWhatIsSaidOfASavedWatchIsTrue(t *testing.T) {
	t.Parallel()
	w, s := watching(t)
	save := func(want string, form url.Values) {
		t.Helper()
		rec, err := asks(w.SaveWatch, admin, "/stats/alerts/edit", form)
		if err != nil || rec.Code != 303 {
			t.Fatalf("%d, %v", rec.Code, err)
		}
		if page := mustVisit(t, w.ServeAlerts, admin, rec.Header().Get("Location")); !strings.Contains(string(page), want) {
			t.Errorf("%s does not say %q", rec.Header().Get("Location"), want)
		}
	}
	save("Saved. It looks from now on.", spikeForm())
	if err := w.Alerts.Pause(t.Context(), 1, true); err != nil {
		t.Fatal(err)
	}
	save("Saved. It is paused still.", spikeForm("id", "1", "name", "renamed"))
	once := url.Values{"what": {"range"}, "name": {"first"}, "package": {"pkg:npm/left-pad"}, "range": {"vers:npm/>=2.0.0"}, "slack": {"http://127.0.0.1:1/x"}}
	save("Saved. It looks from now on.", once)
	write(t, s, pkgmeter.Event{Path: "left-pad/-/left-pad-2.0.0.tgz", Repository: "npm", Time: noon.Add(-time.Hour)})
	once.Set("id", "2")
	save("Saved. It is done: it tells once only.", once) // it looks at once
}

func TestAWebhookThatAWatchGetsLaterIsOfferedANewSecret(t *testing.T) {
	t.Parallel()
	w, _ := watching(t)
	if rec, err := asks(w.SaveWatch, admin, "/stats/alerts/edit", spikeForm("webhook", "", "secret", "")); err != nil || rec.Code != 303 {
		t.Fatal(rec.Code, err)
	}
	form := sentBy(mustVisit(t, w.ServeWatch, admin, "/stats/alerts/edit?id=1"))
	form.Set("webhook", "https://hooks.example.com/in")
	secret := form.Get("secret")
	if rec, err := asks(w.SaveWatch, admin, "/stats/alerts/edit", form); err != nil || rec.Code != 303 || !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("%d, %v: %s", rec.Code, err, rec.Body)
	}
	// Then it stays, and is not shown again.
	form = sentBy(mustVisit(t, w.ServeWatch, admin, "/stats/alerts/edit?id=1"))
	if rec, err := asks(w.SaveWatch, admin, "/stats/alerts/edit", form); err != nil || rec.Code != 303 || form.Get("secret") != "" {
		t.Errorf("%d, %v, %q", rec.Code, err, form.Get("secret"))
	}
	watch, err := w.Alerts.Watch(t.Context(), 1)
	if i := slices.IndexFunc(watch.Targets, func(t alert.Target) bool { return t.To == alert.ToWebhook }); err != nil || i < 0 || watch.Targets[i].Secret != secret {
		t.Errorf("%+v, %v", watch, err)
	}
}

func TestThePreviewSaysOnWhichDaysItWouldHaveTold(t *testing.T) {
	t.Parallel()
	w, _ := watching(t)
	for want, form := range map[string]url.Values{
		"From 2025-12-10 to 2026-03-09, 1 times: 2026-03-03 50 downloads on 2026-03-03, usually 10": spikeForm("do", "preview", "name", "", "mail", "", "slack", "", "webhook", ""),
		"From 2025-12-10 to 2026-03-09 : nothing.":                                                  spikeForm("do", "preview", "factor", "6"),
		"Versions in the range are downloaded since 2026-01-20 (1.0.0): the watch will tell of the next download.": {
			"do": {"preview"}, "what": {"range"}, "package": {"pkg:npm/left-pad"}, "range": {"vers:npm/<2.0.0"},
		},
		"No version in vers:npm/>=2.0.0 was downloaded yet.":                   {"do": {"preview"}, "what": {"range"}, "package": {"pkg:npm/left-pad"}, "range": {"vers:npm/ >=2.0.0"}},
		"2026-01-20 new: ann":                                                  {"do": {"preview"}, "what": {"consumer"}, "package": {"pkg:npm/left-pad"}},
		"2026-03-09 the week from 2026-03-02 to 2026-03-08":                    {"do": {"preview"}, "what": {"digest"}},
		"Of the past it is known on which days a source reported, not at what": {"do": {"preview"}, "what": {"silent"}, "hours": {"24"}},
	} {
		rec, err := asks(w.SaveWatch, admin, "/stats/alerts/edit", form)
		if err != nil || rec.Code != 200 {
			t.Errorf("%v: %d, %v", form, rec.Code, err)
			continue
		}
		if text := strings.Join(strings.Fields(textOf(t, rec.Body.String())), " "); !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if all, err := w.Alerts.Watches(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("a preview has saved %+v, %v", all, err)
	}
}

func TestAFormOfAWatchThatIsWrongSaysWhyAndKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	w, _ := watching(t)
	for want, form := range map[string]url.Values{
		`factor &#34;many&#34;: want a number`:           spikeForm("factor", "many"),
		`least &#34;&#34;: want a number`:                spikeForm("least", ""),
		`want a whole number of days or hours`:           {"what": {"zero"}, "days": {"x"}, "name": {"left-pad jumps"}},
		`name: want 1 to 100 bytes`:                      spikeForm("name", " ", "client", "left-pad jumps"),
		`package &#34;left-pad jumps&#34; is not a purl`: spikeForm("package", "left-pad jumps"),
		`give at least one receiver`:                     spikeForm("mail", "", "slack", "", "webhook", ""),
		`secret of the webhook: want whsec_`:             spikeForm("secret", "hush"),
		`&#34;ann&#34; is not an e-mail address`:         spikeForm("mail", "ann"),
		`of versions of &#34;rpm&#34; is not known`:      {"what": {"range"}, "range": {"vers:rpm/1"}, "package": {"pkg:rpm/x"}, "name": {"left-pad jumps"}},
		`address of the webhook: want http:// or htt`:    spikeForm("webhook", "file:///etc/passwd"),
	} {
		rec, err := asks(w.SaveWatch, admin, "/stats/alerts/edit", form)
		if err != nil || rec.Code != 400 || !strings.Contains(rec.Body.String(), want) || !strings.Contains(rec.Body.String(), `value="left-pad jumps"`) {
			t.Errorf("%v: %d, %v, want %q: %s", form, rec.Code, err, want, rec.Body)
		}
	}
	if rec, err := asks(w.SaveWatch, admin, "/stats/alerts/edit", spikeForm()); err != nil || rec.Code != 303 {
		t.Fatalf("%d, %v", rec.Code, err)
	}
	if rec, err := asks(w.SaveWatch, admin, "/stats/alerts/edit", spikeForm()); err != nil || rec.Code != 409 || !strings.Contains(rec.Body.String(), "give this one another name") {
		t.Errorf("%d, %v: %s", rec.Code, err, rec.Body)
	}
}

func TestThePageOfDownloadsLeadsToAWatchOfItsNumbers(t *testing.T) {
	t.Parallel()
	w, _ := watching(t)
	const address = "/stats?days=90&chart=bars&measure=hits&package=pkg:npm/left-pad&class=unknown"
	page := string(mustVisit(t, w.ServeStats, admin, address))
	const link = "/base/stats/alerts/edit?class=unknown&amp;measure=hits&amp;package=pkg%3Anpm%2Fleft-pad&amp;what=spike"
	if !strings.Contains(page, `<a href="`+link+`">`) {
		t.Errorf("there is no %s", link)
	}
	edit := string(mustVisit(t, w.ServeWatch, admin, strings.ReplaceAll(link, "&amp;", "&")))
	if !strings.Contains(edit, `name="class" value="unknown"`) || !strings.Contains(edit, `value="hits" selected`) || !strings.Contains(edit, `value="pkg:npm/left-pad"`) {
		t.Errorf("the form has not what the page had: %s", edit)
	}
	if page := string(mustVisit(t, w.ServeStats, vera, address)); strings.Contains(page, "alerts/edit") {
		t.Error("a viewer is led to it")
	}
}

func TestAlertsAreForPeopleAndChangesForAdmins(t *testing.T) {
	t.Parallel()
	w, _ := watching(t)
	token := pkgmeter.Principal{User: "ann", Role: pkgmeter.Admin, Scope: pkgmeter.ScopeRead}
	for name, f := range map[string]pageFunc{"list": w.ServeAlerts, "told": w.ServeTold, "form": w.ServeWatch} {
		for _, tt := range []struct {
			p    pkgmeter.Principal
			want pkgmeter.Code
		}{{pkgmeter.Principal{}, pkgmeter.Unauthenticated}, {token, pkgmeter.Forbidden}} {
			if _, err := asks(f, tt.p, "/stats/alerts?what=spike", nil); pkgmeter.CodeOf(err) != tt.want {
				t.Errorf("%s by %+v: %v", name, tt.p, err)
			}
		}
	}
	if _, err := asks(w.ServeWatch, vera, "/stats/alerts/edit?what=spike", nil); pkgmeter.CodeOf(err) != pkgmeter.Forbidden {
		t.Errorf("the form, by a viewer: %v", err)
	}
	for name, f := range map[string]pageFunc{"save": w.SaveWatch, "change": w.ChangeAlerts} {
		if _, err := asks(f, vera, "/stats/alerts", spikeForm()); pkgmeter.CodeOf(err) != pkgmeter.Forbidden {
			t.Errorf("%s by a viewer: %v", name, err)
		}
		r := httptest.NewRequest("POST", "/stats/alerts", strings.NewReader(spikeForm().Encode()))
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if err := f(httptest.NewRecorder(), r, admin); pkgmeter.CodeOf(err) != pkgmeter.Forbidden {
			t.Errorf("%s from another site: %v", name, err)
		}
	}
}

// toldAll has the pages' store look as though much had been told, in every state.
func toldAll(t *testing.T, w *web.Web, s *sqlite.Store, names []string) {
	t.Helper()
	for i, name := range names {
		form := spikeForm("name", pkgmeter.Cut(strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return -1
			}
			return r
		}, "w"+fmt.Sprint(i)+" "+name), 90), "client", pkgmeter.Cut(name, 200))
		rec, err := asks(w.SaveWatch, admin, "/stats/alerts/edit", form)
		if err != nil || rec.Code != 303 {
			continue // some names are none
		}
		all, err := w.Alerts.Watches(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		id := int64(0)
		for _, st := range all {
			id = max(id, st.ID)
		}
		news := alert.News{Watch: name, Kind: alert.Spike, Title: "50 downloads on 2026-03-03 of " + name + ", usually 10", Lines: []string{name}, URL: "javascript:alert(1)"}
		body, err := json.Marshal(map[string]any{"data": news})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.AddNotices(t.Context(), id, []pkgmeter.Notice{{Key: "k", Target: "mail:" + name, UID: fmt.Sprint("u", i), At: noon, Body: string(body)}}, 10); err != nil {
			t.Fatal(err)
		}
		n, err := s.Notices(t.Context(), id, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		n[0].State = []pkgmeter.NoticeState{pkgmeter.NoticeWaiting, pkgmeter.NoticeSent, pkgmeter.NoticeFailed}[i%3]
		n[0].Tries, n[0].Error, n[0].Next, n[0].Sent = 3, "answered 500: "+name, noon.Add(time.Hour), noon
		if err := s.Tried(t.Context(), n[0]); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNamesInAlertsDoNothingInABrowser(t *testing.T) {
	t.Parallel()
	w, s := watching(t)
	toldAll(t, w, s, browsertest.EvilNames(t))
	base := serve(t, w, admin)
	ctx := browsertest.New(t)
	c := browsertest.Listen(ctx, t, base)
	browsertest.Visit(ctx, t, base+"/stats/alerts")
	if n := number(ctx, t, `document.querySelectorAll("section.watch").length`); n < 20 {
		t.Errorf("only %d watches", n)
	}
	for _, path := range []string{"/stats/alerts", "/stats/alerts/told", "/stats/alerts/edit?id=1", "/stats/alerts/edit?id=5", "/stats/alerts/told?watch=7"} {
		browsertest.Visit(ctx, t, base+path)
		if n := number(ctx, t, `document.querySelectorAll('main script, main img, main svg, main iframe, main [href^="javascript"], main [onclick], main [onerror]').length`); n > 0 {
			t.Errorf("%s: %d names became elements", path, n)
		}
		for _, complaint := range c.Take() {
			t.Errorf("%s: %s", path, complaint)
		}
	}
}

// Pictures are for people: go test -run PicturesOfAlerts -shots DIR.
func TestPicturesOfAlerts(t *testing.T) {
	t.Parallel()
	if *shots == "" {
		t.Skip("no -shots DIR")
	}
	w, s := watching(t)
	toldAll(t, w, s, []string{"left-pad", "com.acme:billing", "a name that is quite a bit longer than most of them are"})
	base := serve(t, w, admin)
	takePictures(t, base, map[string]string{
		"alerts": "/stats/alerts?saved", "watch": "/stats/alerts/edit?id=1", "watch-new": "/stats/alerts/edit?what=range&package=pkg:npm/x", "told": "/stats/alerts/told",
	})
}
