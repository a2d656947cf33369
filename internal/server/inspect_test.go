package server_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWhatCouldNotBeReadIsShownMappedAndTriedAgain(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	bad := `{"asset-ref":"com/acme/app/1.0/app-1.0.jar","bucket":"mine","user":"ann@example.com","<script>":1}`
	for range 3 {
		if got := s.ask(t, "POST", "/callback", bad); got.status != 400 {
			t.Fatalf("%d", got.status)
		}
	}
	page := s.ask(t, "GET", "/stats/quarantine", "", as("admin"))
	if page.status != 200 || !strings.Contains(page.body, "no file is named") || !strings.Contains(page.body, "com/acme/app/1.0/app-1.0.jar") ||
		strings.Contains(page.body, "ann@example.com") || strings.Contains(page.body, "<script>") || !strings.Contains(page.body, "3 items") {
		t.Fatalf("%d %s", page.status, page.body)
	}
	ids := regexp.MustCompile(`name="id" value="(\d+)"`).FindAllStringSubmatch(page.body, -1)
	if len(ids) != 3 {
		t.Fatalf("ids %v", ids)
	}
	retry := func(id string) answer {
		return s.ask(t, "POST", "/stats/quarantine", "id="+id, as("admin"), form)
	}
	if got := retry(ids[0][1]); got.status != 409 || !strings.Contains(got.body, "still unreadable: no file is named") {
		t.Errorf("before the mapping: %d", got.status)
	}

	payloads := s.ask(t, "GET", "/stats/payloads", "", as("admin"))
	if payloads.status != 200 || !strings.Contains(payloads.body, "asset-ref") || strings.Contains(payloads.body, "ann@example.com") {
		t.Errorf("payloads: %d %s", payloads.status, payloads.body)
	}
	wrong := url.Values{"file": {"x"}, "repository": {"x"}}
	if got := s.ask(t, "POST", "/stats/payloads", wrong.Encode(), as("admin"), form); got.status != 400 || !strings.Contains(got.body, "given for two fields") {
		t.Errorf("a wrong mapping: %d", got.status)
	}
	right := url.Values{"file": {"assetRef"}, "repository": {"bucket"}}
	if got := s.ask(t, "POST", "/stats/payloads", right.Encode(), as("admin"), form); got.status != 303 {
		t.Errorf("a mapping: %d %s", got.status, got.body)
	}
	if got := s.ask(t, "GET", "/stats/payloads?saved", "", as("admin")); !strings.Contains(got.body, `value="assetRef"`) || !strings.Contains(got.body, "applies to events from now on") {
		t.Errorf("the mapping is not shown: %s", got.body)
	}

	// New events are read under it, and old ones when they are tried again.
	if got := s.ask(t, "POST", "/callback", bad); got.status != 200 {
		t.Errorf("a new event: %d %s", got.status, got.body)
	}
	if got := retry(ids[0][1]); got.status != 303 {
		t.Errorf("after the mapping: %d %s", got.status, got.body)
	}
	if got := retry(ids[0][1]); got.status != 409 {
		t.Errorf("the same one again: %d", got.status)
	}
	if hits, quarantined := s.counts(t); hits != 2 || quarantined != 2 {
		t.Errorf("%d hits, %d in quarantine", hits, quarantined)
	}
	if got := s.ask(t, "GET", "/api/v1/top?by=repository", "", as("admin")); !strings.Contains(got.body, `"key":"mine","downloads":2`) {
		t.Errorf("%s", got.body)
	}
}

func TestPayloadsAndSettingsAreForAdministrators(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	crossSite := header("Sec-Fetch-Site", "cross-site")
	for _, path := range []string{"/stats/quarantine", "/stats/payloads", "/stats/settings"} {
		for _, method := range []string{"GET", "POST"} {
			if got := s.ask(t, method, path, "", form); got.status != 401 {
				t.Errorf("%s %s by nobody: %d", method, path, got.status)
			}
			if got := s.ask(t, method, path, "", as("vera"), form); got.status != 403 {
				t.Errorf("%s %s by a viewer: %d", method, path, got.status)
			}
		}
		if got := s.ask(t, "POST", path, "id=1", as("admin"), form, crossSite); got.status != 403 {
			t.Errorf("POST %s from another site: %d", path, got.status)
		}
		if got := s.ask(t, "GET", path, "", as("admin")); got.status != 200 {
			t.Errorf("GET %s by an admin: %d", path, got.status)
		}
	}
}

func TestAHiddenPanelStaysHiddenAndCanBeShown(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.ask(t, "POST", "/callback", `{"file-name":"app-1.0.jar","repository-id":"releases"}`)
	const panel = "Top files"
	shown := func() bool {
		return strings.Contains(s.ask(t, "GET", "/stats", "", as("vera")).body, panel)
	}
	if !shown() {
		t.Fatal("the panel is not there")
	}
	if got := s.ask(t, "POST", "/stats/settings", "show=repositories&show=types", as("admin"), form); got.status != 303 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if shown() {
		t.Error("the panel is still shown")
	}
	if got := s.ask(t, "POST", "/stats/settings", "show=repositories&show=types&show=files", as("admin"), form); got.status != 303 || !shown() {
		t.Errorf("%d, shown %t", got.status, shown())
	}
}

func TestPagesAreUTF8WhateverSendersWrite(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	if got := s.ask(t, "POST", "/callback", "{\"file-name\":\"a.jar\"}\n{\"x\":\"\xff\"}"); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	for _, path := range []string{"/stats/payloads", "/stats/quarantine"} {
		if got := s.ask(t, "GET", path, "", as("admin")); got.status != 200 || !utf8.ValidString(got.body) || !strings.Contains(got.body, "\uFFFD") {
			t.Errorf("%s: %d, is UTF-8: %t", path, got.status, utf8.ValidString(got.body))
		}
	}
}
