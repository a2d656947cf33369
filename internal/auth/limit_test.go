package auth_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
)

// try sends a password and returns the code.
func (b *browser) try(t *testing.T, from, name, password string) pkgmeter.Code {
	t.Helper()
	_, err := b.Password(t.Context(), netip.MustParseAddr(from), name, password)
	return pkgmeter.CodeOf(err)
}

// block fails until ann's account is limited for the rest of the window.
func (b *browser) block(t *testing.T, from string) {
	t.Helper()
	for i := range 20 {
		if got := b.try(t, from, "ann", "wrong"); got != pkgmeter.Unauthenticated {
			t.Fatalf("%s at %v", got, b.now)
		}
		switch {
		case i >= 10:
			b.now = b.now.Add(time.Minute)
		case i >= 4:
			b.now = b.now.Add(32 * time.Second)
		}
	}
}

func TestFromFiveFailuresOnTheNextGuessHasToWaitLongerAndLonger(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	for range 4 {
		b.try(t, "192.0.2.1", "ann", "wrong")
	}
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		if got := b.try(t, "192.0.2.1", "ann", "wrong"); got != pkgmeter.Unauthenticated {
			t.Fatalf("failure %d: %s", i+5, got)
		}
		_, err := b.Password(t.Context(), home, "ann", "secret")
		limited, ok := errors.AsType[*auth.Limited](err)
		if !ok || pkgmeter.CodeOf(err) != pkgmeter.RateLimited || limited.RetryAfter() != int(want) {
			t.Fatalf("after failure %d: %v, want %d s", i+5, err, want)
		}
		b.now = b.now.Add(want*time.Second - time.Millisecond)
		if b.try(t, "192.0.2.1", "ann", "secret") != pkgmeter.RateLimited {
			t.Errorf("after failure %d: a guess passes too early", i+5)
		}
		b.now = b.now.Add(time.Millisecond)
	}
	if got := b.try(t, "192.0.2.1", "ann", "secret"); got != "" {
		t.Errorf("the right password after the wait: %s", got)
	}
}

func TestTwentyFailuresCloseTheRestOfFifteenMinutes(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	b.block(t, "192.0.2.1")
	b.now = noon.Add(15*time.Minute - time.Millisecond)
	if got := b.try(t, "192.0.2.255", "ann", "secret"); got != pkgmeter.RateLimited {
		t.Errorf("within the window, the same network: %q", got)
	}
	b.now = noon.Add(15 * time.Minute)
	if got := b.try(t, "192.0.2.1", "ann", "secret"); got != "" {
		t.Errorf("after the window: %s", got)
	}
}

func TestWhoGuessesFromOneNetworkLocksNobodyOutOfAnother(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		attacker, owner string
		free            bool
	}{
		"the same address":            {"192.0.2.1", "192.0.2.1", false},
		"the same /24":                {"192.0.2.1", "192.0.2.200", false},
		"the same, mapped into IPv6":  {"192.0.2.1", "::ffff:192.0.2.200", false},
		"another /24":                 {"192.0.2.1", "192.0.3.1", true},
		"the same /64":                {"2001:db8::1", "2001:db8::ffff:2", false},
		"the same /64, with a zone":   {"fe80::1", "fe80::2%eth0", false},
		"another /64":                 {"2001:db8::1", "2001:db8:0:1::1", true},
		"loopback":                    {"127.0.0.1", "127.0.0.1", false},
		"an attacker behind loopback": {"127.0.0.1", "192.0.2.1", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrowser()
			b.block(t, tt.attacker)
			want := pkgmeter.RateLimited
			if tt.free {
				want = ""
			}
			if got := b.try(t, tt.owner, "ann", "secret"); got != want {
				t.Errorf("the right password: %q, want %q", got, want)
			}
		})
	}
}

// Many names from one network are as bad as many passwords of one name; but
// behind a proxy on loopback they may be many clients.
func TestTwentyNamesCloseANetworkButNotLoopback(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]pkgmeter.Code{
		"192.0.2.1": pkgmeter.RateLimited, "2001:db8::1": pkgmeter.RateLimited,
		"127.0.0.1": "", "::1": "", "::ffff:127.0.0.1": "",
	} {
		b := newBrowser()
		for i := range 20 {
			if got := b.try(t, from, fmt.Sprint("user", i), "wrong"); got != pkgmeter.Unauthenticated {
				t.Fatalf("%s, failure %d: %s", from, i, got)
			}
		}
		if got := b.try(t, from, "ann", "secret"); got != want {
			t.Errorf("%s: %q, want %q", from, got, want)
		}
	}
}

func TestAPeerWithoutAnAddressIsTreatedLikeLoopback(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	for i := range 30 {
		r := b.request()
		r.RemoteAddr = "@"
		r.SetBasicAuth(fmt.Sprint("user", i), "x")
		if _, err := b.Reader(r); pkgmeter.CodeOf(err) != pkgmeter.Unauthenticated {
			t.Fatalf("name %d: %v", i, err)
		}
	}
}

func TestWhatIsVerifiedAlreadyIsNotHindered(t *testing.T) {
	t.Parallel()
	text, tok := auth.NewToken("ann", pkgmeter.ScopeRead)
	b := newBrowser()
	b.store.tokens = map[string]pkgmeter.Token{tok.Prefix: tok}
	b.block(t, "192.0.2.9")
	if err := func() error { _, err := b.Token(t.Context(), home, text); return err }(); err != nil {
		t.Errorf("a right token from a closed network: %v", err)
	}

	b = newBrowser()
	if b.try(t, "192.0.2.1", "ann", "secret") != "" || b.logIn("ann", "secret") != nil {
		t.Fatal("the right password does not work")
	}
	for range 400 {
		b.try(t, "192.0.2.1", "ann", "wrong")
	}
	if got := b.try(t, "192.0.2.1", "ann", "secret"); got != "" {
		t.Errorf("a remembered password: %s", got)
	}
	if got := b.code(); got != "" {
		t.Errorf("a session: %s", got)
	}
	if got := b.try(t, "192.0.2.2", "ann", "secret"); got != pkgmeter.RateLimited {
		t.Errorf("what was verified for another address: %q", got)
	}
	b.cookie = nil
	if err := b.logIn("ann", "secret"); pkgmeter.CodeOf(err) != pkgmeter.RateLimited {
		t.Errorf("the form asks the memory: %v", err)
	}
}

// A remembered password passes where others are refused: that tells it from
// them. Who guesses that way is stopped too.
func TestRememberedPasswordsCannotBeGuessedWithoutLimit(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	b.try(t, "127.0.0.1", "ann", "secret")
	for range 1004 {
		b.try(t, "127.0.0.1", "ann", "wrong")
	}
	if got := b.try(t, "127.0.0.1", "ann", "secret"); got != "" {
		t.Errorf("after 999 refused guesses: %s", got)
	}
	b.try(t, "127.0.0.1", "ann", "wrong")
	if got := b.try(t, "127.0.0.1", "ann", "secret"); got != pkgmeter.RateLimited {
		t.Errorf("after 1,000: %q", got)
	}
	b.now = b.now.Add(time.Second)
	if got := b.try(t, "127.0.0.1", "ann", "secret"); got != "" {
		t.Errorf("once guesses are allowed again: %s", got)
	}
}

// A network is closed by guesses on other accounts; refused ones on an account
// that has no failure yet count all the same.
func TestRefusedGuessesCountWhereOnlyTheNetworkIsClosed(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	b.try(t, "192.0.2.1", "ann", "secret")
	for i := range 20 {
		b.try(t, "192.0.2.1", fmt.Sprint("user", i), "wrong")
	}
	for range 1000 {
		b.try(t, "192.0.2.1", "ann", "wrong")
	}
	if got := b.try(t, "192.0.2.1", "ann", "secret"); got != pkgmeter.RateLimited {
		t.Errorf("%q", got)
	}
}

func TestTokensPasswordsAndTheFormShareTheLimitOfANetwork(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	for i := range 20 {
		r := b.request() // from 192.0.2.1, as httptest has it
		switch i % 4 {
		case 0:
			r.Header.Set("Authorization", "Bearer wrong")
		case 1:
			r.SetBasicAuth("x", "pkgm_aaaaaaaa_x")
		case 2:
			r.SetBasicAuth(fmt.Sprint("user", i), "wrong")
		case 3:
			b.LogIn(httptest.NewRecorder(), r, fmt.Sprint("user", i), "wrong")
			continue
		}
		if _, err := b.Request(r); pkgmeter.CodeOf(err) != pkgmeter.Unauthenticated {
			t.Fatalf("failure %d: %v", i, err)
		}
		b.now = b.now.Add(20 * time.Second) // the wait between wrong tokens
	}
	r := b.request()
	r.Header.Set("Authorization", "Bearer wrong")
	if _, err := b.Request(r); pkgmeter.CodeOf(err) != pkgmeter.RateLimited {
		t.Errorf("a token: %v", err)
	}
	if got := b.try(t, "192.0.2.7", "ann", "secret"); got != pkgmeter.RateLimited {
		t.Errorf("a password: %q", got)
	}
	if err := b.logIn("ann", "secret"); pkgmeter.CodeOf(err) != pkgmeter.RateLimited {
		t.Errorf("the form: %v", err)
	}
	if _, err := b.Digest(t.Context(), home, "ann", auth.Digest("secret")); pkgmeter.CodeOf(err) != pkgmeter.RateLimited {
		t.Errorf("a digest: %v", err)
	}
}

func TestGuessesAtOnceDoNotOutrunTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBrowser()
		release := b.HoldHashing()
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() { b.Password(t.Context(), home, "ann", "wrong") })
		}
		synctest.Wait() // all were let in, and wait for their turn
		release()
		wg.Wait()
		if got := b.Hashed(); got < 5 || got > 5+3 {
			t.Errorf("%d of 200 guesses at once were verified, want 5 to 8", got)
		}
	})
}

func TestALimitedGuessCostsNoHash(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	b.block(t, "192.0.2.1")
	before := b.Hashed()
	for range 100 {
		b.try(t, "192.0.2.1", "ann", "wrong")
	}
	if got := b.Hashed() - before; got != 0 {
		t.Errorf("%d hashes", got)
	}
}

func TestAClockThatIsSetBackLocksNobodyOut(t *testing.T) {
	t.Parallel()
	b := newBrowser()
	b.block(t, "192.0.2.1")
	b.now = noon.Add(-24 * time.Hour)
	if got := b.try(t, "192.0.2.1", "ann", "secret"); got != "" {
		t.Errorf("%s", got)
	}
}

func TestAMillionAddressesAreCountedInBoundedMemory(t *testing.T) { //nolint:paralleltest // it measures the heap
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	now := noon
	l := auth.NewLimits(func() time.Time { return now })
	attacker := netip.MustParseAddr("203.0.113.1")
	for range 20 {
		l.Fail(attacker, "ann")
	}
	for i := range 1_000_000 {
		var a [16]byte
		copy(a[:], "\x20\x01\x0d\xb8")
		binary.BigEndian.PutUint32(a[4:], uint32(i)) // each a /64 of its own
		l.Fail(netip.AddrFrom16(a), "ann")
		if i%50_000 == 0 && l.Check(attacker, "ann") == nil {
			t.Fatalf("after %d other addresses the attacker is forgotten", i)
		}
	}
	used := heap() - before
	t.Logf("%d KiB for a million addresses", used>>10)
	if used > 32<<20 {
		t.Errorf("%d bytes, want at most 32 MiB", used)
	}
	if l.Check(attacker, "ann") == nil {
		t.Error("the attacker is forgotten")
	}
	if got := l.Unlogged(); got > 1024 {
		t.Errorf("%d networks wait for the log", got)
	}
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.buf.Reset()
	return b.buf.String()
}

func TestFailedLoginsAreLoggedOnceAMinuteAndNetwork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out logBuffer
		b := newBrowser()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.LogFailures(ctx, slog.New(slog.NewTextHandler(&out, nil)))
		}()
		lines := func() []string {
			synctest.Wait()
			text := strings.TrimSpace(out.take())
			if text == "" {
				return nil
			}
			return strings.Split(text, "\n")
		}
		for range 7 {
			b.try(t, "192.0.2.1", "evil\nname", "hunter2")
		}
		b.try(t, "2001:db8::1", "ann", "wrong")
		b.try(t, "192.0.2.1", "ann", "secret")
		if got := lines(); got != nil {
			t.Errorf("logged at once: %q", got)
		}
		time.Sleep(time.Minute)
		got := lines()
		if len(got) != 2 || !strings.Contains(got[0], "network=192.0.2.0/24 wrong=5 refused=2") || !strings.Contains(got[1], "network=2001:db8::/64 wrong=1 refused=0") {
			t.Errorf("%q", got)
		}
		for _, line := range got {
			if strings.Contains(line, "evil") || strings.Contains(line, "hunter2") || strings.Contains(line, "192.0.2.1") {
				t.Errorf("%s", line)
			}
		}
		time.Sleep(10 * time.Minute)
		if got := lines(); got != nil {
			t.Errorf("without failures: %q", got)
		}
		// A flood of networks stays a few lines.
		for i := range 5000 {
			b.Token(t.Context(), netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), "wrong")
		}
		stop()
		<-done
		if got := lines(); len(got) != 21 || !strings.Contains(got[20], "other networks") || !strings.Contains(got[20], "wrong=4980") {
			t.Errorf("%d lines at the end, the last %q", len(got), got[len(got)-1])
		}
	})
}
