package auth

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// Limits of guessing. They hold for an account together with the network that
// the guess comes from, and for the network alone: who guesses from one network
// cannot lock the user out of another.
const (
	window      = 15 * time.Minute
	maxFailures = 20 // in a window, of an account and network or of a network
	// From freeFailures on, each failure of an account and network doubles the
	// wait for the next guess: 1 s, 2 s, and so on to maxDelay.
	freeFailures = 5
	maxDelay     = time.Minute
	// maxRefused is from how many refused guesses in a window on remembered
	// passwords are refused as well. They pass the limits, so a guess that is
	// one would be told from all others, at no cost to who guesses.
	maxRefused = 1000
)

// The table of counters has a fixed size: 2^18 counters of 32 bytes, 8 MiB.
// A flood of addresses takes the place of those that failed least.
const (
	tableSets = 1 << 15
	tableWays = 8
)

// Failures are logged by network, once each logEvery.
const (
	logEvery     = time.Minute
	maxNetworks  = 1024 // that are told apart in that time
	maxLogLines  = 20
	logMessage   = "failed logins"
	otherMessage = "failed logins of other networks"
)

// A Limited says when the next guess is allowed. It is the cause of every
// [pkgmeter.RateLimited] of this package.
type Limited struct{ Wait time.Duration }

// Error implements error.
func (l *Limited) Error() string { return fmt.Sprintf("wait %v", l.Wait) }

// RetryAfter returns the wait in whole seconds, at least one.
func (l *Limited) RetryAfter() int {
	return max(1, int((l.Wait+time.Second-1)/time.Second))
}

// Client returns the address that a request comes from. It is that of the
// connection: no header is believed.
func Client(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr()
}

// network returns the network of an address, and whether it is limited as such.
//
// Loopback is not: behind a proxy on the same machine all clients come from
// there, and one of them could keep all others out with twenty wrong names. The
// limit of account and network holds there too, though a stranger can then hold
// up new logins to an account that he names: guesses without a limit would be
// worse, and sessions, tokens and remembered passwords go on. The same goes for
// peers without an address.
func network(a netip.Addr) (net netip.Prefix, limited bool) {
	a = a.Unmap()
	bits := 24
	if a.Is6() {
		bits = 64
	}
	net, _ = a.Prefix(bits) // without a zone; the zero one for no address
	return net, a.IsValid() && !a.IsLoopback()
}

// subject is what guesses are about. The names of users are the client's and
// not looked up: an unknown one is limited like any other.
type subject struct {
	kind byte
	name string
}

func account(name string) subject { return subject{'u', name} }

var (
	anyToken   = subject{'t', ""}
	netSubject = subject{'n', ""}
)

// counter counts the failures of one key in a window. A zero key is free.
type counter struct {
	key          uint64
	startMS      int64 // of the window, Unix time
	untilMS      int64 // no guess before
	failed, late uint32
}

// limits counts failed logins in bounded memory.
type limits struct {
	now  func() time.Time
	seed maphash.Seed // keys cannot be made to collide from outside

	mu    sync.Mutex
	table []counter

	unlogged map[netip.Prefix]tally
	others   tally // of networks beyond maxNetworks
}

type tally struct{ failed, refused int64 }

func newLimits(now func() time.Time) *limits {
	return &limits{
		now: now, seed: maphash.MakeSeed(), table: make([]counter, tableSets*tableWays),
		unlogged: map[netip.Prefix]tally{},
	}
}

// check refuses a guess that comes too early.
func (l *limits) check(from netip.Addr, s subject) error {
	net, _ := network(from)
	now := l.now().UnixMilli()
	l.mu.Lock()
	defer l.mu.Unlock()
	until := l.until(from, s, now)
	if until <= now {
		return nil
	}
	l.get(net, s, now).late++
	l.note(net, tally{refused: 1})
	wait := &Limited{time.Duration(until-now) * time.Millisecond}
	return &pkgmeter.Error{
		Code: pkgmeter.RateLimited, Err: wait,
		Msg: fmt.Sprintf("too many failed logins: try again in %v", time.Duration(wait.RetryAfter())*time.Second),
	}
}

// fail counts a wrong guess.
func (l *limits) fail(from netip.Addr, s subject) {
	net, limited := network(from)
	now := l.now().UnixMilli()
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.get(net, s, now)
	c.failed++
	if c.failed >= freeFailures {
		c.untilMS = now + min(time.Second<<(c.failed-freeFailures), maxDelay).Milliseconds()
	}
	c.close()
	if limited {
		c := l.get(net, netSubject, now)
		c.failed++
		c.close()
	}
	l.note(net, tally{failed: 1})
}

// guessed reports whether so many guesses were refused that remembered
// passwords must not be told from wrong ones any more.
func (l *limits) guessed(from netip.Addr, s subject) bool {
	net, _ := network(from)
	now := l.now().UnixMilli()
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.find(net, s, now)
	return c != nil && c.late >= maxRefused && l.until(from, s, now) > now
}

// until returns the Unix time, in milliseconds, before which no guess is
// allowed.
func (l *limits) until(from netip.Addr, s subject, now int64) (untilMS int64) {
	net, limited := network(from)
	if c := l.find(net, s, now); c != nil {
		untilMS = c.untilMS
	}
	if limited {
		if c := l.find(net, netSubject, now); c != nil {
			untilMS = max(untilMS, c.untilMS)
		}
	}
	return untilMS
}

func (l *limits) set(net netip.Prefix, s subject) (key uint64, set []counter) {
	key = maphash.Comparable(l.seed, struct {
		netip.Prefix
		subject
	}{net, s}) | 1 // never that of a free counter
	i := int(key>>32) % tableSets * tableWays
	return key, l.table[i : i+tableWays]
}

// find returns the counter of a window that has not ended, nil if there is
// none. A window that begins in the future has ended as well: the clock was
// set back.
func (l *limits) find(net netip.Prefix, s subject, now int64) *counter {
	key, set := l.set(net, s)
	for i := range set {
		if c := &set[i]; c.key == key && c.running(now) {
			return c
		}
	}
	return nil
}

// get is find that makes room for a new counter.
func (l *limits) get(net netip.Prefix, s subject, now int64) *counter {
	if c := l.find(net, s, now); c != nil {
		return c
	}
	key, set := l.set(net, s)
	least := &set[0]
	for i := range set {
		c := &set[i]
		if c.key == key {
			least = c
			break
		}
		if c.weight(now) < least.weight(now) {
			least = c
		}
	}
	*least = counter{key: key, startMS: now}
	return least
}

func (c *counter) running(now int64) bool {
	return c.startMS <= now && now < c.startMS+window.Milliseconds()
}

// close ends the guessing in this window once there were too many failures.
func (c *counter) close() {
	if c.failed >= maxFailures {
		c.untilMS = c.startMS + window.Milliseconds()
	}
}

// weight says how much would be lost with a counter.
func (c *counter) weight(now int64) uint32 {
	if c.key == 0 || !c.running(now) {
		return 0
	}
	return 1 + c.failed + c.late
}

// note adds to what the log is going to say.
func (l *limits) note(net netip.Prefix, t tally) {
	sum, known := l.unlogged[net]
	if !known && len(l.unlogged) >= maxNetworks {
		l.others.add(t)
		return
	}
	sum.add(t)
	l.unlogged[net] = sum
}

func (t *tally) add(u tally) {
	t.failed += u.failed
	t.refused += u.refused
}

// drain returns what was not logged yet.
func (l *limits) drain() (networks map[netip.Prefix]tally, others tally) {
	l.mu.Lock()
	defer l.mu.Unlock()
	networks, others = l.unlogged, l.others
	l.unlogged, l.others = map[netip.Prefix]tally{}, tally{}
	return networks, others
}

// LogFailures writes failed logins to the log until ctx ends: a line a minute
// and network, with counts. Neither names nor passwords are in it, and its size
// is bounded however many networks there are.
func (a *Auth) LogFailures(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(logEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		a.limits.log(context.WithoutCancel(ctx), log)
	}
}

func (l *limits) log(ctx context.Context, log *slog.Logger) {
	networks, others := l.drain()
	worst := make([]netip.Prefix, 0, len(networks))
	for net := range networks {
		worst = append(worst, net)
	}
	slices.SortFunc(worst, func(a, b netip.Prefix) int {
		ta, tb := networks[a], networks[b]
		return int(tb.failed+tb.refused) - int(ta.failed+ta.refused)
	})
	for i, net := range worst {
		t := networks[net]
		if i >= maxLogLines {
			others.add(t)
			continue
		}
		log.WarnContext(ctx, logMessage, "network", label(net), "wrong", t.failed, "refused", t.refused)
	}
	if others != (tally{}) {
		log.WarnContext(ctx, otherMessage, "wrong", others.failed, "refused", others.refused)
	}
}

func label(net netip.Prefix) string {
	if !net.IsValid() {
		return "unknown"
	}
	return net.String()
}
