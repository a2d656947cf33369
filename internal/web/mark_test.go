package web_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

var today = pkgmeter.DayOf(noon)

// marked is a store in which the rules changed on some days.
type marked struct {
	pkgmeter.Stats
	markers []pkgmeter.Marker
}

func (m marked) Series(ctx context.Context, q pkgmeter.Query, grain pkgmeter.Grain) (pkgmeter.Series, error) {
	s, err := m.Stats.Series(ctx, q, grain)
	return m.mark(s), err
}

func (m marked) Split(ctx context.Context, q pkgmeter.Query, grain pkgmeter.Grain, by pkgmeter.Key) (pkgmeter.Series, error) {
	s, err := m.Stats.Split(ctx, q, grain, by)
	return m.mark(s), err
}

func (m marked) mark(s pkgmeter.Series) pkgmeter.Series {
	s.Markers = slices.DeleteFunc(slices.Clone(m.markers), func(m pkgmeter.Marker) bool { return m.Day < s.Span.From || m.Day > s.Span.To })
	return s
}

func TestAChangeOfRulesIsDrawnAndToldUntilARecount(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	rules, err := rule.New([]rule.ClientRule{{Agent: "curl/*", Class: "ci"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetRules(t.Context(), rules, rule.Number, rules.Own()); err != nil {
		t.Fatal(err)
	}
	const told = "From 2026-03-10 on counted by rules 5; what came earlier by older ones, until pkgmeter recount."
	expect := func(query string, want int) {
		t.Helper()
		_, html, text := get(t, w, query)
		if lines, labels, sentences := strings.Count(html, `class="mark"`), strings.Count(html, ">rules 5</text>"), strings.Count(text, told); lines != want || labels != want || sentences != want {
			t.Errorf("%q: %d lines, %d labels, %d sentences, want %d", query, lines, labels, sentences, want)
		}
	}
	expect("", 1)
	expect("?days=all&measure=hits", 1)
	expect("?to=2026-03-09", 0)
	if err := s.Rebuild(t.Context(), rules, func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	expect("", 0)
}

func TestOfSeveralChangesOnADayTheLastIsTold(t *testing.T) {
	t.Parallel()
	w, s := open(t)
	fewDays(t, s)
	write(t, s, day(-300))
	w.Stats = marked{s, []pkgmeter.Marker{{Day: today - 20, Rules: 3}, {Day: today - 4, Rules: 4}, {Day: today - 4, Rules: 5}, {Day: today - 3, Rules: 6}}}
	for query, want := range map[string]struct {
		lines  int
		labels string
	}{
		"":          {3, "rules 3 rules 6"}, // the label of the day before has no room
		"?days=7":   {2, "rules 5 rules 6"},
		"?days=365": {2, "rules 6"}, // weeks: the last of each
	} {
		_, html, text := get(t, w, query)
		var labels []string
		for _, l := range []string{"rules 3", "rules 4", "rules 5", "rules 6"} {
			if strings.Contains(html, ">"+l+"</text>") {
				labels = append(labels, l)
			}
		}
		told := "from 2026-03-06 on by rules 5, from 2026-03-07 on by rules 6; what came earlier"
		if query == "?days=7" {
			told = "From 2026-03-06 on counted by rules 5, from 2026-03-07 on by rules 6; what came earlier"
		}
		if n := strings.Count(html, `class="mark"`); n != want.lines || strings.Join(labels, " ") != want.labels || !strings.Contains(text, told) {
			t.Errorf("%q: %d lines, labels %s", query, n, labels)
		}
	}
}
