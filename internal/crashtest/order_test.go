//go:build linux

package crashtest_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// ordered is what the order check found.
type ordered struct {
	acks, syncs int
	wrong       []string
}

// checkOrder looks, for each event that was acknowledged, for the commit that
// wrote it and for a sync of the WAL between that commit's last write and the
// answer. It asks the trace alone: what SQLite and the program say of themselves
// does not matter.
func checkOrder(r *recording) (o ordered) {
	var wal []int // steps on the WAL
	for i, s := range r.steps {
		switch {
		case strings.HasSuffix(s.path, "-wal"):
			wal = append(wal, i)
			if s.kind == synced {
				o.syncs++
			}
		case s.kind == answers && s.status == 200:
			o.acks++
			if why := notSynced(r.steps, wal, s.key); why != "" {
				o.wrong = append(o.wrong, fmt.Sprintf("%s was acknowledged %s", s.key, why))
			}
		}
	}
	return o
}

// notSynced returns what is wrong with an acknowledgement after these steps on
// the WAL.
func notSynced(steps []step, wal []int, key string) string {
	// An id stands in the ledger behind its length.
	text := append([]byte{byte(len(key))}, key...)
	at := -1
	for i, n := range wal {
		if s := &steps[n]; s.kind == writes && bytes.Contains(s.data, text) {
			at = i
			break
		}
	}
	if at < 0 {
		return "before it was written"
	}
	last := commitEnd(steps, wal, at)
	if last < 0 {
		return "before the end of its commit was written"
	}
	ended, began := false, map[int]bool{}
	for _, n := range wal[last:] {
		switch s := &steps[n]; s.kind {
		case wrote:
			ended = ended || s.call == steps[wal[last]].call
		case syncs:
			began[s.call] = ended
		case synced:
			if began[s.call] {
				return ""
			}
		}
	}
	return "before its commit was synced"
}

// frameHead is the size of what stands before each page of the WAL. The last
// page of a commit has, in the second of its six numbers, the size of the file.
const frameHead = 24

// commitEnd returns which step on the WAL writes the last page of the commit of
// the page that one writes, or -1.
func commitEnd(steps []step, wal []int, page int) int {
	from := page
	for from > 0 && (steps[wal[from]].kind != writes || len(steps[wal[from]].data) != frameHead) {
		from--
	}
	for i := from; i < len(wal); i++ {
		s := &steps[wal[i]]
		if s.kind != writes || len(s.data) != frameHead || bytes.Equal(s.data[4:8], make([]byte, 4)) {
			continue
		}
		for ; i < len(wal); i++ {
			if p := &steps[wal[i]]; p.kind == writes && p.off == s.off+frameHead {
				return i
			}
		}
	}
	return -1
}

func TestEachAckFollowsASyncOfItsCommit(t *testing.T) {
	t.Parallel()
	o := checkOrder(record(t, program(t), acks(t)))
	for _, w := range o.wrong[:min(len(o.wrong), 20)] {
		t.Error(w)
	}
	if o.acks < acks(t)/4*4 {
		t.Errorf("the trace has %d acknowledgements of %d: this run proves nothing", o.acks, acks(t))
	}
	fmt.Printf("order: acks=%d syncs of the WAL=%d out of order=%d\n", o.acks, o.syncs, len(o.wrong))
}

func acks(t *testing.T) int { return int(number(t, "ACKS", 100)) }

// fewAcks is how many events a program with a fault is sent.
const fewAcks = 40

func TestTheOrderCheckFindsAMissingSync(t *testing.T) {
	t.Parallel()
	if o := checkOrder(record(t, mutant(t, syncNormal), fewAcks)); len(o.wrong) == 0 {
		t.Errorf("a program that does not sync its commits passed: %+v", o)
	}
}

func TestTheOrderCheckFindsAnAckBeforeTheCommit(t *testing.T) {
	t.Parallel()
	if o := checkOrder(record(t, mutant(t, ackBeforeCommit), fewAcks)); len(o.wrong) == 0 {
		t.Errorf("a program that answers before it commits passed: %+v", o)
	}
}
