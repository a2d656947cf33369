package pkgmeter_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func TestDays(t *testing.T) {
	t.Parallel()
	f := func(moment, day, week, month, next string) {
		t.Helper()
		at, err := time.Parse(time.RFC3339, moment)
		if err != nil {
			t.Fatal(err)
		}
		d := pkgmeter.DayOf(at)
		if got := fmt.Sprint(d, " ", d.Week(), " ", d.Month(), " ", d.NextMonth()); got != day+" "+week+" "+month+" "+next {
			t.Errorf("%s is %s", moment, got)
		}
		if back, err := pkgmeter.ParseDay(d.String()); err != nil || back != d {
			t.Errorf("%s comes back as %s, %v", d, back, err)
		}
		if at.Before(d.Start()) || !at.Before(d.End()) {
			t.Errorf("%s is not in its day", moment)
		}
	}
	f("2026-03-10T00:00:00Z", "2026-03-10", "2026-03-09", "2026-03-01", "2026-04-01")
	f("2026-03-10T23:59:59Z", "2026-03-10", "2026-03-09", "2026-03-01", "2026-04-01")
	f("2026-03-10T23:59:59-05:00", "2026-03-11", "2026-03-09", "2026-03-01", "2026-04-01")
	f("2026-03-01T12:00:00Z", "2026-03-01", "2026-02-23", "2026-03-01", "2026-04-01")
	f("2025-12-31T12:00:00Z", "2025-12-31", "2025-12-29", "2025-12-01", "2026-01-01")
	f("2024-02-29T12:00:00Z", "2024-02-29", "2024-02-26", "2024-02-01", "2024-03-01")
	f("1969-12-31T23:59:59Z", "1969-12-31", "1969-12-29", "1969-12-01", "1970-01-01")
	if pkgmeter.FirstDay.String() != "2000-01-01" {
		t.Errorf("the first day is %s", pkgmeter.FirstDay)
	}
	for _, bad := range []string{"", "2026-3-10", "2026-02-30", "10.03.2026", "2026-03-10T00:00:00Z", " 2026-03-10"} {
		if d, err := pkgmeter.ParseDay(bad); pkgmeter.CodeOf(err) != pkgmeter.Invalid {
			t.Errorf("%q is %s, %v", bad, d, err)
		}
	}
}

func TestSettleDatesAnEventOrRefusesIt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		at, want time.Time
		flags    pkgmeter.Flags
		refused  bool
	}{
		"without a time":   {time.Time{}, noon, 0, false},
		"in the past":      {noon.AddDate(-20, 0, 0), noon.AddDate(-20, 0, 0), 0, false},
		"a moment ahead":   {noon.Add(time.Second), noon, pkgmeter.Clamped, false},
		"24 hours ahead":   {noon.Add(24 * time.Hour), noon, pkgmeter.Clamped, false},
		"more than that":   {noon.Add(24*time.Hour + 1), time.Time{}, 0, true},
		"the first moment": {time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), 0, false},
		"before it":        {time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC), time.Time{}, 0, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := pkgmeter.Event{Source: "s", Path: "p", Time: tt.at}
			err := e.Settle(noon)
			if (err != nil) != tt.refused || err != nil && pkgmeter.CodeOf(err) != pkgmeter.Invalid {
				t.Fatalf("error %v", err)
			}
			if err == nil && (!e.Time.Equal(tt.want) || e.Flags != tt.flags) {
				t.Errorf("dated %s, flags %b", e.Time, e.Flags)
			}
		})
	}
}

func TestEveryLimitOfAnEventIsReached(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("x", n) }
	tests := map[string]struct {
		change func(*pkgmeter.Event, int)
		limit  int
	}{
		"path":       {func(e *pkgmeter.Event, n int) { e.Path = long(n) }, pkgmeter.MaxPath},
		"package":    {func(e *pkgmeter.Event, n int) { e.Hint = long(n) }, pkgmeter.MaxPath},
		"repository": {func(e *pkgmeter.Event, n int) { e.Repository = long(n) }, pkgmeter.MaxName},
		"source":     {func(e *pkgmeter.Event, n int) { e.Source = long(n) }, pkgmeter.MaxName},
		"id":         {func(e *pkgmeter.Event, n int) { e.ID = long(n) }, pkgmeter.MaxID},
		"consumer":   {func(e *pkgmeter.Event, n int) { e.Consumer = long(n) }, pkgmeter.MaxConsumer},
		"bytes":      {func(e *pkgmeter.Event, n int) { e.Bytes = int64(n) }, pkgmeter.MaxBytes},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := pkgmeter.Event{Source: "s", Path: "p"}
			tt.change(&e, tt.limit)
			if err := e.Settle(noon); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			tt.change(&e, tt.limit+1)
			if err := e.Settle(noon); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("beyond the limit: %v, want an error that names %s", err, name)
			}
		})
	}
	for name, e := range map[string]pkgmeter.Event{
		"no file": {Source: "s"}, "bytes below 0": {Source: "s", Path: "p", Bytes: -1}, "not UTF-8": {Source: "s", Path: "\xff"},
	} {
		if err := e.Settle(noon); pkgmeter.CodeOf(err) != pkgmeter.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCutKeepsWholeRunes(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "abc", "ééé", strings.Repeat("é", 300), "a\xffb", "日本語", "\xff\xff\xff\xff"} {
		for n := range 520 {
			got := pkgmeter.Cut(s, n)
			if len(got) > n || !utf8.ValidString(got) || pkgmeter.Cut(got, n) != got {
				t.Fatalf("Cut(%q, %d) = %q", s, n, got)
			}
			if valid := strings.ToValidUTF8(s, "\uFFFD"); len(valid) <= n && got != valid {
				t.Fatalf("Cut(%q, %d) = %q: cut without need", s, n, got)
			}
		}
	}
}

func TestOnlyAnErrorWithACodeIsShownToAClient(t *testing.T) {
	t.Parallel()
	secret := errors.New("disk /dev/sda is on fire")
	tests := map[string]struct {
		err  error
		code pkgmeter.Code
		msg  string
	}{
		"none":     {nil, "", "internal error"},
		"plain":    {secret, pkgmeter.Internal, "internal error"},
		"coded":    {&pkgmeter.Error{Code: pkgmeter.Unavailable, Msg: "busy", Err: secret}, pkgmeter.Unavailable, "busy"},
		"wrapped":  {fmt.Errorf("store: %w", pkgmeter.Errorf(pkgmeter.Conflict, "taken")), pkgmeter.Conflict, "taken"},
		"internal": {pkgmeter.Errorf(pkgmeter.Internal, "secret"), pkgmeter.Internal, "internal error"},
	}
	for name, tt := range tests {
		if pkgmeter.CodeOf(tt.err) != tt.code || pkgmeter.PublicMessage(tt.err) != tt.msg {
			t.Errorf("%s: %q, %q", name, pkgmeter.CodeOf(tt.err), pkgmeter.PublicMessage(tt.err))
		}
	}
}

func TestNamesOfEnumerationsComeBack(t *testing.T) {
	t.Parallel()
	for i, name := range pkgmeter.KindNames() {
		if k, ok := pkgmeter.ParseKind(name); !ok || int(k) != i || k.String() != name {
			t.Errorf("kind %s", name)
		}
	}
	for i, name := range pkgmeter.LegacyTypeNames() {
		if k, ok := pkgmeter.ParseLegacyType(name); !ok || int(k) != i || k.String() != name {
			t.Errorf("legacy type %s", name)
		}
	}
	for i, name := range pkgmeter.KeyNames() {
		if k, ok := pkgmeter.ParseKey(name); !ok || int(k) != i || k.String() != name {
			t.Errorf("key %s", name)
		}
	}
	if _, ok := pkgmeter.ParseKind("nothing"); ok || pkgmeter.Kind(99).String() != "(invalid)" {
		t.Error("what there is not has a name")
	}
}

func TestUsersAreChecked(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		user pkgmeter.User
		ok   bool
	}{
		"an admin":                    {pkgmeter.User{Name: "Ann O'Nym", Role: pkgmeter.Admin}, true},
		"an e-mail address":           {pkgmeter.User{Name: "ann@example.com", Role: pkgmeter.Viewer}, true},
		"a publisher":                 {pkgmeter.User{Name: "a.b-1", Role: pkgmeter.Publisher}, true},
		"a publisher in upper case":   {pkgmeter.User{Name: "Ann", Role: pkgmeter.Publisher}, false},
		"no name":                     {pkgmeter.User{Role: pkgmeter.Viewer}, false},
		"a colon":                     {pkgmeter.User{Name: "a:b", Role: pkgmeter.Viewer}, false},
		"a line feed":                 {pkgmeter.User{Name: "a\nb", Role: pkgmeter.Viewer}, false},
		"not UTF-8":                   {pkgmeter.User{Name: "\xff", Role: pkgmeter.Viewer}, false},
		"256 bytes":                   {pkgmeter.User{Name: strings.Repeat("x", 256), Role: pkgmeter.Viewer}, false},
		"a role that there is not":    {pkgmeter.User{Name: "ann", Role: "root"}, false},
		"a publisher with a long one": {pkgmeter.User{Name: strings.Repeat("x", 65), Role: pkgmeter.Publisher}, false},
	} {
		if err := tt.user.Validate(); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestASpanIsResolved(t *testing.T) {
	t.Parallel()
	day := func(s string) pkgmeter.Day {
		if s == "" {
			return 0
		}
		d, err := pkgmeter.ParseDay(s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	f := func(first, from, to, now, want string) {
		t.Helper()
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		s := pkgmeter.Query{From: day(from), To: day(to), Now: at}.Resolve(day(first))
		if got := fmt.Sprint(s.From, " ", s.To, " ", s.Complete, " ", s.Empty()); got != want {
			t.Errorf("resolve(%s; %s, %s; %s) = %s, want %s", first, from, to, now, got, want)
		}
	}
	f("2026-03-01", "", "", "2026-03-10T12:00:00Z", "2026-03-01 2026-03-10 false false")
	f("2026-03-01", "2026-02-01", "2026-03-09", "2026-03-10T01:59:59Z", "2026-02-01 2026-03-09 false false")
	f("2026-03-01", "2026-02-01", "2026-03-09", "2026-03-10T02:00:00Z", "2026-02-01 2026-03-09 true false")
	f("2026-03-01", "", "2026-04-01", "2026-03-10T12:00:00Z", "2026-03-01 2026-03-10 false false")
	f("2026-03-01", "2026-04-01", "", "2026-03-10T12:00:00Z", "2026-04-01 2026-03-10 false true")
	f("", "2026-02-01", "2026-03-09", "2026-03-10T12:00:00Z", "1970-01-01 1970-01-01 true true")
}
