package meteor_test

import (
	"bytes"
	"context"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/meteor"
)

// endless is a catalog of which every page is as large as it may be. The tail
// of its records is a blank each, so that no test has to read them.
type endless struct{ *fake }

func (endless) CatalogState() (pkgmeter.CatalogState, <-chan struct{}) {
	return pkgmeter.CatalogState{Last: 1 << 50, At: pkgmeter.Positions{1 << 50}}, nil
}

func (endless) Sync(_ context.Context, token pkgmeter.SyncToken, limit pkgmeter.SyncLimit) (page pkgmeter.SyncPage, err error) {
	page.Token = token
	page.Token.At[0]++
	page.Token.LastDeletion-- // so that no page is kept: those that are take no memory
	page.Records[0] = append([]byte(strconv.Itoa(limit.Bytes)), bytes.Repeat([]byte(" "), limit.Bytes-10)...)
	return page, nil
}

// TestManyClientsThatDoNotReadStayWithinMemory has 200 clients ask at once and
// read nothing, over connections that hold nothing.
func TestManyClientsThatDoNotReadStayWithinMemory(t *testing.T) {
	t.Parallel()
	inBubbleOver(t, func(f *fake) meteor.Store { return endless{f} }, func(t *testing.T, s *meteor.Server, _ *fake, dialPipe func() *wire) {
		const clients = 200
		var wires []*wire
		for range clients {
			wires = append(wires, dialPipe())
		}
		for _, w := range wires {
			w.send(`{"msg":"method","id":"1","method":"syncNewPackageData","params":[]}`)
		}
		synctest.Wait()
		if n := s.Stats().PageBytes; n < 14<<20 || n > 32<<20 {
			t.Errorf("%d MiB for %d clients", n>>20, clients)
		}
		sizes := map[bool]int{}
		for _, w := range wires {
			frame := w.next()
			sizes[len(frame) >= 64<<10 && len(frame) <= 4<<20+1000]++
			w.want(`{"msg":"updated","methods":["1"]}`)
		}
		if sizes[true] != clients {
			t.Errorf("%d clients have pages of other sizes", sizes[false])
		}
		synctest.Wait()
		if n := s.Stats().PageBytes; n != 0 {
			t.Errorf("%d bytes are still counted", n)
		}
		w := wires[0]
		w.send(`{"msg":"method","id":"2","method":"syncNewPackageData","params":[]}`)
		if n := len(w.next()); n < 4<<20-1000 {
			t.Errorf("later a page has only %d bytes", n)
		}
		wires[1].send(`{"msg":"method","id":"2","method":"syncNewPackageData","params":[]}`)
		synctest.Wait()
		if n := s.Stats().PageBytes; n == 0 {
			t.Error("a page that waits is not counted")
		}
		for _, w := range wires {
			_ = w.conn.CloseNow()
		}
		synctest.Wait()
		if n := s.Stats().PageBytes; n != 0 {
			t.Errorf("%d bytes of clients that are gone are counted", n)
		}
	})
}

// whole is a catalog whose first page is its last, and large.
type whole struct{ endless }

func (whole) Sync(_ context.Context, token pkgmeter.SyncToken, limit pkgmeter.SyncLimit) (page pkgmeter.SyncPage, err error) {
	page.Token = token
	page.Token.At[0] = 1 << 50
	page.UpToDate = limit.Bytes >= 4<<20
	page.Records[0] = append([]byte(strconv.Itoa(limit.Bytes)), bytes.Repeat([]byte(" "), limit.Bytes-10)...)
	return page, nil
}

// A last page is not kept, though it is made as one for all.
func TestClientsOneAfterAnotherThatDoNotReadStayWithinMemory(t *testing.T) {
	t.Parallel()
	inBubbleOver(t, func(f *fake) meteor.Store { return whole{endless{f}} }, func(t *testing.T, s *meteor.Server, _ *fake, dialPipe func() *wire) {
		const clients = 40
		var wires []*wire
		for range clients {
			w := dialPipe()
			wires = append(wires, w)
			w.send(`{"msg":"method","id":"1","method":"syncNewPackageData","params":[]}`)
			synctest.Wait()
		}
		if n := s.Stats().PageBytes; n < 14<<20 || n > 32<<20 {
			t.Errorf("%d MiB for %d clients", n>>20, clients)
		}
		for _, w := range wires {
			_ = w.conn.CloseNow()
		}
		synctest.Wait()
		if n := s.Stats().PageBytes; n != 0 {
			t.Errorf("%d bytes of clients that are gone are counted", n)
		}
	})
}
