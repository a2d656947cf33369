package live_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/live"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inBubble runs a test in virtual time, with a hub that ends at its end.
func inBubble(t *testing.T, opt live.Options, test func(t *testing.T, l *ledger, h *live.Hub)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		h, stop := run(t, l, opt)
		test(t, l, h)
		stop()
	})
}

func run(t *testing.T, l *ledger, opt live.Options) (*live.Hub, func()) {
	t.Helper()
	h := live.New(l, rules{}, secret, opt)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { h.Run(ctx); close(ended) }()
	return h, func() { cancel(); <-ended }
}

func TestEventsAreShownAsTheyAreStored(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{}, func(t *testing.T, l *ledger, h *live.Hub) {
		l.add(2, "old")
		b := newBrowser(t, h, live.Question{}).connect(allowed)
		synctest.Wait()
		l.add(1, "new")
		time.Sleep(time.Second)
		got, skipped := b.shown()
		if !slices.Equal(got, upTo(1, 3)) || skipped != 0 {
			t.Errorf("shown %v, skipped %d", got, skipped)
		}
		all := b.messages()
		last := all[len(all)-1]
		want := live.Event{
			Time: time.UnixMilli(0).UTC(), Repository: "releases", Type: "npm", Package: "pkg:npm/new", Version: "1.0", File: "new-1.0.tgz", Kind: "primary",
			Client: "npm", Class: "human", Bytes: 10, Op: "get", Status: 200, Counts: "download",
		}
		if last.Event != want || last.number != 3 {
			t.Errorf("%+v", last)
		}
		if strings.Contains(b.said(), "node/v20") || strings.Contains(b.said(), "team") || strings.Contains(b.said(), "sender") || strings.Contains(b.said(), "DE") {
			t.Errorf("it tells of people: %s", b.said())
		}
	})
}

func TestWhoMaySeeItIsToldOfSourcesAndConsumers(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{}, func(t *testing.T, l *ledger, h *live.Hub) {
		may, mayNot := newBrowser(t, h, live.Question{People: true}).connect(allowed), newBrowser(t, h, live.Question{}).connect(allowed)
		synctest.Wait()
		l.add(1, "app")
		synctest.Wait()
		if m := may.messages(); m[len(m)-1].Source != "sender" || m[len(m)-1].Country != "DE" || m[len(m)-1].Consumer != "team" {
			t.Errorf("%+v", m)
		}
		if strings.Contains(mayNot.said(), "team") || strings.Contains(mayNot.said(), "sender") || strings.Contains(may.said(), "node/v20") {
			t.Error(mayNot.said(), may.said())
		}
	})
}

func TestWhereNobodyReadsNothingIsRead(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{}, func(t *testing.T, l *ledger, h *live.Hub) {
		for range 100 {
			l.add(10, "app")
			time.Sleep(time.Second)
		}
		if n := l.readCount(); n != 0 {
			t.Errorf("%d reads", n)
		}
		b := newBrowser(t, h, live.Question{}).connect(allowed)
		synctest.Wait()
		b.leave()
		<-b.done
		before := l.readCount()
		for range 100 {
			l.add(10, "app")
			time.Sleep(time.Second)
		}
		if n := l.readCount(); n != before || h.Readers() != 0 {
			t.Errorf("%d reads after the last reader left, %d are left", n-before, h.Readers())
		}
	})
}

// A reader is cut at any moment, and the server is restarted: what it is shown
// and what it is told was skipped are all events, each once, in order.
func TestNoEventIsMissedOrToldTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		l := newLedger()
		l.add(5, "old")
		h, stop := run(t, l, live.Options{})
		b := newBrowser(t, h, live.Question{}).connect(allowed)
		synctest.Wait()
		for range 300 {
			l.add(1+random.IntN(12), "app")
			time.Sleep(time.Duration(random.IntN(900)) * time.Millisecond)
			switch random.IntN(6) {
			case 0: // cut
				b.leave()
				<-b.done
				l.add(random.IntN(40), "app")
				b.connect(allowed)
			case 1: // restart
				stop()
				<-b.done
				l.add(random.IntN(900), "app")
				h, stop = run(t, l, live.Options{})
				b.hub = h
				b.connect(allowed)
			}
		}
		time.Sleep(time.Minute)
		got, skipped := b.shown()
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Error("events were told twice, or out of order")
		}
		if total := int64(len(got)) + skipped; total != int64(len(l.all)) {
			t.Errorf("%d shown and %d skipped, %d in all", len(got), skipped, len(l.all))
		}
		if len(got) < 3000 {
			t.Errorf("only %d were shown", len(got))
		}
		b.leave()
		<-b.done
		stop()
	})
}

func TestWhoWasAwayForTooLongIsToldOfTheLast(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{}, func(t *testing.T, l *ledger, h *live.Hub) {
		l.add(2000, "app")
		for after, want := range map[int64]struct {
			shown   []int64
			skipped int64
		}{
			2000: {nil, 0},
			1999: {upTo(2000, 2000), 0},
			1000: {upTo(1001, 2000), 0},
			999:  {upTo(1901, 2000), 901},
			0:    {upTo(1901, 2000), 1900},
		} {
			b := newBrowser(t, h, live.Question{After: id(after)}).connect(allowed)
			synctest.Wait()
			got, skipped := b.shown()
			if !slices.Equal(got, want.shown) || skipped != want.skipped {
				t.Errorf("after %d: %d shown and %d skipped, want %d and %d", after, len(got), skipped, len(want.shown), want.skipped)
			}
			if numberOf(t, b.last()) != 2000 {
				t.Errorf("after %d: it goes on after %s", after, b.last())
			}
			b.leave()
			<-b.done
		}
	})
}

func TestTheIDOfAnotherLedgerBeginsAnew(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{}, func(t *testing.T, l *ledger, h *live.Hub) {
		l.add(30, "app")
		for after, want := range map[string]string{id(31): "reset", "fedcba9876543210" + id(1)[16:]: "reset", live.SealID("fedcba9876543210", secret, 12): "reset", "": ""} {
			b := newBrowser(t, h, live.Question{After: after}).connect(allowed)
			synctest.Wait()
			got, _ := b.shown()
			if first := b.messages()[0].kind; (first == "reset") != (want == "reset") || !slices.Equal(got, upTo(11, 30)) {
				t.Errorf("after %q: %s first, shown %v", after, first, got)
			}
			b.leave()
			<-b.done
		}
		refused := []string{"x", "12", "0123456789abcdef-", "0123456789abcdef-12", id(12) + "00", "-5", id(-1), "0123456789abcdef-" + strings.Repeat("0", 32)}
		for range 10 { // of which none may be taken for a number
			refused = append(refused, live.SealID("0123456789abcdef", []byte("of another installation"), 12))
		}
		for _, after := range refused {
			b := newBrowser(t, h, live.Question{After: after}).connect(allowed)
			time.Sleep(time.Second)
			b.leave() // if it was taken
			if err := <-b.done; pkgmeter.CodeOf(err) != pkgmeter.Invalid || b.said() != "" {
				t.Errorf("after %q: %v %s", after, err, b.said())
			}
		}
	})
}

func TestAFloodIsSummedUp(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{}, func(t *testing.T, l *ledger, h *live.Hub) {
		all, none := newBrowser(t, h, live.Question{}).connect(allowed), newBrowser(t, h, live.Question{Filter: pkgmeter.Filter{Types: []string{"gem"}}}).connect(allowed)
		rare := newBrowser(t, h, live.Question{Filter: pkgmeter.Filter{Packages: []string{"pkg:npm/rare"}}}).connect(allowed)
		synctest.Wait()
		const seconds = 10
		for range seconds * 100 {
			l.add(300, "app")
			time.Sleep(10 * time.Millisecond)
		}
		l.add(1, "rare")
		time.Sleep(5 * time.Second)
		got, skipped := all.shown()
		if len(got) > 20*(seconds+2) || len(got) < 20*seconds/2 {
			t.Errorf("%d events were shown in %d s", len(got), seconds)
		}
		if int64(len(got))+skipped != int64(len(l.all)) {
			t.Errorf("%d shown and %d skipped of %d", len(got), skipped, len(l.all))
		}
		if reads := l.readCount(); reads > 4*(seconds+5)+3 {
			t.Errorf("%d reads", reads)
		}
		if got, skipped := none.shown(); len(got) != 0 || skipped != 0 {
			t.Errorf("a filter let %v pass, and skipped %d", got, skipped)
		}
		if got, skipped := rare.shown(); len(got) != 1 || skipped != 0 {
			t.Errorf("a filter let %v pass, and skipped %d", got, skipped)
		}
	})
}

func TestWhatIsTooMuchToReadIsPassedOver(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{}, func(t *testing.T, l *ledger, h *live.Hub) {
		b := newBrowser(t, h, live.Question{}).connect(allowed)
		synctest.Wait()
		l.add(50_000, "app")
		time.Sleep(time.Second)
		if got, skipped := b.shown(); !slices.Equal(got, upTo(49_981, 50_000)) || skipped != 49_980 {
			t.Errorf("shown %v, skipped %d", got, skipped)
		}
	})
}

// With no login a reader may see public repositories, and is not to learn how much
// happens in others.
func TestAStrangerIsNotToldOfWhatTheFilterHides(t *testing.T) {
	t.Parallel()
	open := live.Question{Stranger: true, Filter: pkgmeter.Filter{Packages: []string{"pkg:npm/open"}}}
	for name, tt := range map[string]struct {
		q       live.Question
		skipped [2]int64 // in a flood, and after it was away for too long
	}{
		"a stranger":          {open, [2]int64{10, 50}},
		"where all is public": {live.Question{Stranger: true, People: true, Filter: open.Filter}, [2]int64{20_000 + 10, 2000 + 150 - 100}},
		"somebody known":      {live.Question{Filter: open.Filter}, [2]int64{20_000 + 10, 2000 + 150 - 100}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, live.Options{}, func(t *testing.T, l *ledger, h *live.Hub) {
				b := newBrowser(t, h, tt.q).connect(allowed)
				synctest.Wait()
				l.add(30_000-30, "closed")
				l.add(30, "open")
				time.Sleep(time.Second)
				if got, skipped := b.shown(); !slices.Equal(got, upTo(29_981, 30_000)) || skipped != tt.skipped[0] {
					t.Errorf("in a flood %d are shown and %d skipped, want %d", len(got), skipped, tt.skipped[0])
				}
				b.leave()
				<-b.done
				l.add(2000, "closed")
				l.add(150, "open")
				back := newBrowser(t, h, tt.q)
				back.q.After = b.last()
				back.connect(allowed)
				synctest.Wait()
				if got, skipped := back.shown(); !slices.Equal(got, upTo(32_051, 32_150)) || skipped != tt.skipped[1] {
					t.Errorf("after a while %d are shown and %d skipped, want %d", len(got), skipped, tt.skipped[1])
				}
			})
		})
	}
}

func TestAnIDShowsNeitherANumberNorWhetherItIsTheSame(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for n := range int64(1000) {
		for range 2 {
			id := id(n)
			if numberOf(t, id) != n || len(id) != 16+1+32 {
				t.Fatalf("%d is sealed as %q", n, id)
			}
			seen[id] = true
		}
	}
	if len(seen) != 2000 {
		t.Errorf("%d ids of 2000 messages", len(seen))
	}
}

func TestASlowReaderIsDroppedAndOthersAreNot(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{Buffer: 8}, func(t *testing.T, l *ledger, h *live.Hub) {
		slow, quick := newBrowser(t, h, live.Question{}).connect(allowed), newBrowser(t, h, live.Question{}).connect(allowed)
		synctest.Wait()
		slow.block(true)
		for range 20 {
			l.add(1, "app")
			time.Sleep(time.Second)
		}
		if n := h.Readers(); n != 1 {
			t.Errorf("%d readers", n)
		}
		if got, _ := quick.shown(); !slices.Equal(got, upTo(1, 20)) {
			t.Errorf("the other one was shown %v", got)
		}
		slow.block(false)
		<-slow.done
		slow.connect(allowed)
		synctest.Wait()
		if got, _ := slow.shown(); !slices.Equal(got, upTo(1, 20)) {
			t.Errorf("after it came back it was shown %v", got)
		}
	})
}

// A message that waits tells of less than the sign of life does that comes
// before it.
func TestASignOfLifeIsNotAheadOfWhatWaits(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{}, func(t *testing.T, l *ledger, h *live.Hub) {
		b := newBrowser(t, h, live.Question{}).connect(allowed)
		synctest.Wait()
		for range 30 {
			b.block(true)
			for range 16 {
				l.add(1, "app")
				time.Sleep(time.Second)
			}
			b.block(false)
			time.Sleep(time.Second)
		}
		if got, skipped := b.shown(); !slices.Equal(got, upTo(1, 30*16)) || skipped != 0 {
			t.Errorf("%d shown, %d skipped", len(got), skipped)
		}
	})
}

func TestWhatWasNotToldYetIsToldAfterACut(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{Rate: 1}, func(t *testing.T, l *ledger, h *live.Hub) {
		b := newBrowser(t, h, live.Question{}).connect(allowed)
		synctest.Wait()
		l.add(1, "app")
		time.Sleep(300 * time.Millisecond)
		l.add(5, "app") // more than may be shown
		time.Sleep(20 * time.Second)
		if got, skipped := b.shown(); len(got) != 1 || skipped != 0 {
			t.Fatalf("shown %v, skipped %d", got, skipped)
		}
		b.leave()
		<-b.done
		b.connect(allowed)
		synctest.Wait()
		if got, skipped := b.shown(); !slices.Equal(got, upTo(1, 6)) || skipped != 0 {
			t.Errorf("shown %v, skipped %d", got, skipped)
		}
	})
}

func TestWhoComesWhileTheLedgerIsReadIsToldNothingTwice(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{}, func(t *testing.T, l *ledger, h *live.Hub) {
		first := newBrowser(t, h, live.Question{}).connect(allowed)
		synctest.Wait()
		held := make(chan struct{})
		l.hold(held)
		l.add(5, "app")
		synctest.Wait() // it is being read
		first.leave()
		<-first.done
		l.hold(nil)
		second := newBrowser(t, h, live.Question{}).connect(allowed)
		synctest.Wait()
		close(held)
		time.Sleep(time.Second)
		l.add(1, "app")
		time.Sleep(time.Second)
		if got, skipped := second.shown(); !slices.Equal(got, upTo(1, 6)) || skipped != 0 {
			t.Errorf("shown %v, skipped %d", got, skipped)
		}
	})
}

// Who joins while less is being handed on than was there already is told no mark
// of that.
func TestTheMarkOfAStreamNeverGoesBack(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{}, func(t *testing.T, l *ledger, h *live.Hub) {
		first := newBrowser(t, h, live.Question{}).connect(allowed)
		synctest.Wait()
		held := make(chan struct{})
		l.hold(held)
		l.add(1, "app")
		synctest.Wait() // it is being read
		first.leave()
		<-first.done
		l.hold(nil)
		l.add(5, "app")
		second := newBrowser(t, h, live.Question{Filter: pkgmeter.Filter{Types: []string{"gem"}}}).connect(allowed)
		synctest.Wait()
		close(held)
		time.Sleep(time.Minute)
		before := int64(0)
		for _, m := range second.messages() {
			if m.number < before {
				t.Errorf("the mark %d comes after %d", m.number, before)
			}
			before = m.number
		}
		if before != 6 {
			t.Errorf("the last mark is %d, want 6", before)
		}
	})
}

func TestReadersAreLimited(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{Readers: 3, Strangers: 1}, func(t *testing.T, _ *ledger, h *live.Hub) {
		first := newBrowser(t, h, live.Question{Stranger: true}).connect(allowed)
		synctest.Wait()
		refused := func(q live.Question, limit string) {
			t.Helper()
			err := <-newBrowser(t, h, q).connect(allowed).done
			if pkgmeter.CodeOf(err) != pkgmeter.Unavailable || !strings.Contains(pkgmeter.PublicMessage(err), limit) {
				t.Errorf("%v, want a limit of %s", err, limit)
			}
		}
		refused(live.Question{Stranger: true}, "there are 1 live views open without a login")
		for range 2 {
			newBrowser(t, h, live.Question{}).connect(allowed)
		}
		synctest.Wait()
		refused(live.Question{}, "there are 3 live views open already")
		first.leave()
		<-first.done
		newBrowser(t, h, live.Question{Stranger: true}).connect(allowed)
		synctest.Wait()
		if n := h.Readers(); n != 3 {
			t.Errorf("%d readers", n)
		}
	})
}

func TestAStreamGivesSignsOfLifeAndEndsWithTheRightToRead(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{}, func(t *testing.T, l *ledger, h *live.Hub) {
		l.add(1, "app")
		var gone atomic.Bool
		b := newBrowser(t, h, live.Question{Filter: pkgmeter.Filter{Types: []string{"gem"}}}).connect(func() error {
			if gone.Load() {
				return errors.New("the session has ended")
			}
			return nil
		})
		time.Sleep(time.Minute + time.Second)
		if n := strings.Count(b.said(), ": nothing new\n"); n != 4 {
			t.Errorf("%d signs of life in a minute", n)
		}
		l.add(5000, "app")
		time.Sleep(20 * time.Second)
		if numberOf(t, b.last()) != 5001 {
			t.Errorf("it would go on after %s, though it has missed nothing", b.last())
		}
		gone.Store(true)
		began := time.Now()
		if err := <-b.done; err != nil || time.Since(began) > time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestWhatCannotBeReadIsReadLater(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{}, func(t *testing.T, l *ledger, h *live.Hub) {
		b := newBrowser(t, h, live.Question{}).connect(allowed)
		synctest.Wait()
		l.setBroken(true)
		before := l.readCount()
		l.add(3, "app")
		time.Sleep(time.Minute)
		if n := l.readCount() - before; n < 2 || n > 13 {
			t.Errorf("%d tries in a minute", n)
		}
		l.setBroken(false)
		time.Sleep(10 * time.Second)
		if got, skipped := b.shown(); !slices.Equal(got, upTo(1, 3)) || skipped != 0 {
			t.Errorf("shown %v, skipped %d", got, skipped)
		}
		b.leave()
		<-b.done
		l.setBroken(true)
		select {
		case err := <-newBrowser(t, h, live.Question{}).connect(allowed).done:
			if err == nil {
				t.Error("a stream ended well without its history")
			}
		case <-time.After(time.Minute):
			t.Error("a stream began without its history")
		}
	})
}

func TestTheEndOfTheHubIsThatOfItsStreams(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{}, func(t *testing.T, _ *ledger, h *live.Hub) {
		b := newBrowser(t, h, live.Question{}).connect(allowed)
		synctest.Wait()
		h.Close()
		<-b.done
		if err := <-newBrowser(t, h, live.Question{}).connect(allowed).done; pkgmeter.CodeOf(err) != pkgmeter.Unavailable {
			t.Error(err)
		}
	})
}

func TestThePageHasTheLastEvents(t *testing.T) {
	t.Parallel()
	inBubble(t, live.Options{}, func(t *testing.T, l *ledger, h *live.Hub) {
		l.add(3, "a")
		l.add(60, "b")
		events, after, err := h.Last(t.Context(), live.Question{}, 50)
		if err != nil || len(events) != 50 || events[0].Package != "pkg:npm/b" || numberOf(t, after) != 63 {
			t.Errorf("%d events, %s, %v", len(events), after, err)
		}
		events, after, err = h.Last(t.Context(), live.Question{Filter: pkgmeter.Filter{Packages: []string{"pkg:npm/a"}}}, 50)
		if err != nil || len(events) != 3 || numberOf(t, after) != 63 {
			t.Errorf("%d events, %s, %v", len(events), after, err)
		}
	})
}
