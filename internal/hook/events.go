package hook

import (
	"mime"
	"net/http"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// MaxEventsBody is the most bytes of a body of events, packed or unpacked.
const MaxEventsBody = 16 << 20

// A body of events of more than hugeBody bytes, unpacked, takes hugePlaces of
// the room for large ones: its bytes, packed and unpacked, and 10,000 events.
const (
	hugeBody   = 1 << 20
	hugePlaces = 4
)

// eventsSource begins the name under which events of a user count.
const eventsSource = "api:"

// Events takes events in the program's own format.
type Events struct {
	Queue Queue
	Rules *rule.Cache
	Now   func() time.Time

	// Large holds those who read a large body: the one of [Callback].
	Large *Large

	// People says what is kept of who fetched files.
	People source.People

	// Done is [Callback.Done]. Refused is told how many items of a body were no
	// events. Both are optional.
	Done    func(d *pkgmeter.Delivery, waited time.Duration, stored bool)
	Refused func(items int)

	bodies httpx.Bodies
}

// outcome is the answer to a body of events.
type outcome struct {
	Accepted   int              `json:"accepted"`
	Duplicates int              `json:"duplicates"`
	Rejected   []source.Refusal `json:"rejected"`
}

// Serve takes the events of a request that acts for sender, who may send some.
// It answers 200 only when all of them but the rejected ones are on disk; the
// answer says which those are, and nobody else is told.
func (h *Events) Serve(w http.ResponseWriter, r *http.Request, sender pkgmeter.Principal) error {
	received := h.Now().UTC()
	batch, err := h.read(w, r, sender, received)
	if err != nil {
		return err
	}
	o := outcome{Rejected: batch.Refused}
	if o.Rejected == nil {
		o.Rejected = []source.Refusal{}
	}
	if len(batch.Events) > 0 {
		d, err := h.store(r, batch.Events, received)
		if err != nil {
			return err
		}
		o.Accepted, o.Duplicates = d.New, d.Known
	}
	if h.Refused != nil && len(o.Rejected) > 0 {
		h.Refused(len(o.Rejected))
	}
	httpx.WriteJSON(w, http.StatusOK, o)
	return nil
}

// read reads and decodes the body. Its memory is free for another one before
// the events wait for the disk: they hold no part of it.
func (h *Events) read(w http.ResponseWriter, r *http.Request, sender pkgmeter.Principal, received time.Time) (source.Batch, error) {
	lines, err := isLines(r)
	if err != nil {
		return source.Batch{}, err
	}
	need, err := eventPlaces(r)
	if err != nil {
		return source.Batch{}, err
	}
	leave, err := h.Large.enter(r, need)
	if err != nil {
		return source.Batch{}, err
	}
	defer leave()
	body, done, err := h.bodies.Read(w, r, MaxEventsBody)
	defer done()
	if err != nil {
		return source.Batch{}, err
	}
	return source.Events(body, lines, sourceOf(sender), received, MaxEvents, h.People)
}

// store makes events durable, as one delivery.
func (h *Events) store(r *http.Request, events []pkgmeter.Event, received time.Time) (*pkgmeter.Delivery, error) {
	d := &pkgmeter.Delivery{Received: received, Entries: h.Rules.Entries(events)}
	size := int64(len(events) * entryBytes)
	for _, e := range events {
		// What the rules make of a name is about as long again.
		size += int64(len(e.ID) + 2*(len(e.Repository)+len(e.Path)+len(e.Hint)))
	}
	began := time.Now()
	err := h.Queue.Add(r.Context(), d, len(events), size)
	if h.Done != nil {
		h.Done(d, time.Since(began), err == nil)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return d, nil
}

// isLines reports whether the body is said to be lines of JSON. Else it is one
// value, as where nothing is said.
func isLines(r *http.Request) (bool, error) {
	said := r.Header.Get("Content-Type")
	if said == "" {
		return false, nil
	}
	switch media, _, _ := mime.ParseMediaType(said); media {
	case "application/json":
		return false, nil
	case "application/x-ndjson":
		return true, nil
	}
	return false, pkgmeter.Errorf(pkgmeter.UnsupportedMediaType, "the Content-Type is %q, want application/json or application/x-ndjson", pkgmeter.Cut(said, 100))
}

// eventPlaces is places for a body that can be huge. One that does not say its
// size counts as such.
func eventPlaces(r *http.Request) (int64, error) {
	how, err := httpx.Packing(r)
	if err != nil {
		return 0, err
	}
	switch n := r.ContentLength; {
	case n < 0, n > hugeBody, how != "" && n*httpx.MaxRatio > hugeBody:
		return hugePlaces, nil
	case how != "":
		return 1, nil
	}
	return places(r), nil
}

// sourceOf returns the name under which the events of a user count.
func sourceOf(p pkgmeter.Principal) string { return source.Fit(eventsSource + p.User) }
