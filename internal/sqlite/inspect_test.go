package sqlite_test

import (
	"fmt"
	"testing"

	"github.com/pkgmeter/pkgmeter"
)

func TestAnItemLeavesQuarantineOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := &clock{noon}
	s := open(t, dir, c)
	d := &pkgmeter.Delivery{Received: noon}
	for i := range 3 {
		d.Rejects = append(d.Rejects, pkgmeter.Reject{Source: "cloudrepo", Kind: "callback", Reason: fmt.Sprintf("reason %d", i), Body: fmt.Append(nil, "body ", i)})
	}
	if err := s.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
		t.Fatal(err)
	}
	items, err := s.Held(t.Context(), 0, 2)
	if err != nil || len(items) != 2 || items[0].Reason != "reason 2" || string(items[1].Body) != "body 1" || !items[0].At.Equal(noon) || items[0].Source != "cloudrepo" {
		t.Fatalf("%+v, %v", items, err)
	}
	older, err := s.Held(t.Context(), items[1].ID, 2)
	if err != nil || len(older) != 1 || older[0].Reason != "reason 0" {
		t.Fatalf("%+v, %v", older, err)
	}
	again := &pkgmeter.Delivery{Received: items[0].At, Held: items[0].ID, Entries: []pkgmeter.Entry{entry("a.jar", items[0].At)}}
	for i, want := range []int{1, 0} { // the second press of a button
		if err := s.Write(t.Context(), []*pkgmeter.Delivery{again}); err != nil || again.New != want {
			t.Errorf("try %d: %d new, %v", i, again.New, err)
		}
	}
	if got := hits(t, s, noon); got != 1 {
		t.Errorf("%d hits", got)
	}
	if _, err := s.HeldItem(t.Context(), items[0].ID); pkgmeter.CodeOf(err) != pkgmeter.NotFound {
		t.Errorf("the item is still there: %v", err)
	}
	if h, err := s.HeldItem(t.Context(), items[1].ID); err != nil || string(h.Body) != "body 1" {
		t.Errorf("another item: %+v, %v", h, err)
	}
	if n, err := s.Quarantined(t.Context()); err != nil || n != 2 {
		t.Errorf("%d in quarantine, %v", n, err)
	}
}

func TestTheFirstPayloadsOfASourceAreKept(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), &clock{noon})
	for i := range 15 {
		d := &pkgmeter.Delivery{Received: noon, Sample: &pkgmeter.Sample{Source: "cloudrepo", Kind: "callback", At: noon, Body: fmt.Append(nil, i)}}
		if err := s.Write(t.Context(), []*pkgmeter.Delivery{d}); err != nil {
			t.Fatal(err)
		}
	}
	samples, err := s.Samples(t.Context())
	if err != nil || len(samples) != pkgmeter.MaxSamples || string(samples[0].Body) != "0" || string(samples[9].Body) != "9" {
		t.Errorf("%+v, %v", samples, err)
	}
}

func TestAMappingIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := &clock{noon}
	s := open(t, dir, c)
	if m, err := s.Mapping(t.Context(), "cloudrepo"); err != nil || len(m) != 0 {
		t.Errorf("%v, %v", m, err)
	}
	if err := s.SetMapping(t.Context(), "cloudrepo", map[string]string{"file": "asset"}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = open(t, dir, c)
	if m, err := s.Mapping(t.Context(), "cloudrepo"); err != nil || m["file"] != "asset" {
		t.Errorf("%v, %v", m, err)
	}
}
