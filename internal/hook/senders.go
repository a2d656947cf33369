package hook

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/pull"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// MaxPost is the most bytes of a sender's body, packed or unpacked.
const MaxPost = 4 << 20

const (
	// postPlaces is what a body takes of the room for large ones that can be
	// more than hugeBody: a tree of it is up to thirty times its size.
	postPlaces = 8
	// maxKept bounds what is kept of one body for people to look at.
	maxKept = 256 << 10
)

// cloudrepoKind is the sender that [Callback] is for, by a name of its own.
const cloudrepoKind = "cloudrepo"

// decoders are the other senders.
var decoders = map[string]func(source.Post) (source.Decoded, error){
	"distribution": source.Distribution,
	"harbor":       source.Harbor,
	"composer":     source.Composer,
	"cloudevents":  source.CloudEvents,
}

// HasSender reports whether there is a sender of that name.
func HasSender(kind string) bool { return kind == cloudrepoKind || decoders[kind] != nil }

// Senders takes what registries and clients of known kinds send by themselves.
type Senders struct {
	Queue Queue
	Rules *rule.Cache
	Now   func() time.Time
	// Large holds those who read a large body: the one of [Callback].
	Large *Large
	// Mapping is that of [Callback].
	Mapping *atomic.Pointer[source.Mapping]
	// People says what is kept of who fetched files.
	People source.People
	// Done is [Callback.Done], Refused is [Events.Refused]. Both are optional.
	Done    func(d *pkgmeter.Delivery, waited time.Duration, stored bool)
	Refused func(items int)

	pulls   pull.Window
	mu      sync.Mutex
	sampled map[string]int // payloads that were offered, by source
}

// Serve takes a delivery of a sender of that kind, which there has to be. It
// acts for a user who may send events.
//
// Senders repeat what is refused, some for ever, and hold back all that follows.
// So whatever the body is, the answer is that it was taken once it is on disk,
// in quarantine where it could not be read: 202 if all of it is there.
func (h *Senders) Serve(w http.ResponseWriter, r *http.Request, kind string, sender pkgmeter.Principal) error {
	d := &pkgmeter.Delivery{Received: h.Now().UTC()}
	said, undo, err := h.read(w, r, kind, source.Fit(kind+":"+sender.User), d)
	if err != nil {
		return err
	}
	if len(d.Entries)+len(d.Rejects) > 0 {
		if err := h.store(r, d); err != nil {
			undo()
			return err
		}
	}
	if untold := len(said.Refused) - len(d.Rejects); h.Refused != nil && untold > 0 {
		h.Refused(untold) // the others are rejects of the delivery
	}
	o := outcome{Accepted: d.New, Duplicates: d.Known, Rejected: said.Refused}
	if o.Rejected == nil {
		o.Rejected = []source.Refusal{}
	}
	status := http.StatusOK
	if len(d.Entries) == 0 && len(d.Rejects) > 0 {
		status = http.StatusAccepted
	}
	httpx.WriteJSON(w, status, o)
	return nil
}

// read reads and decodes the body into d. Its memory is free for another one
// before the events wait for the disk: they hold no part of it.
func (h *Senders) read(w http.ResponseWriter, r *http.Request, kind, from string, d *pkgmeter.Delivery) (said source.Decoded, undo func(), err error) {
	leave, err := h.Large.enter(r, postPlacesOf(r))
	if err != nil {
		return said, nil, err
	}
	defer leave()
	body, err := httpx.ReadBody(w, r, MaxPost)
	switch {
	case err == nil:
		p := source.Post{Source: from, Body: body, Received: d.Received, Most: MaxEvents, Header: r.Header.Get, People: h.People, Address: auth.Client(r)}
		if said, err = h.decode(kind, p, r.Header); err != nil {
			return said, nil, err
		}
		h.offer(d, from, body)
	case isBroken(err):
		// Nothing in it can be read, and nothing masked.
		why := pkgmeter.PublicMessage(err)
		said.Rejects = []pkgmeter.Reject{{Source: from, Kind: "hook", Reason: why}}
		said.Refused = []source.Refusal{{Error: why}}
	default:
		return said, nil, err
	}
	undo = h.pulls.Mark(said, d.Received)
	d.Entries, d.Rejects = h.Rules.Entries(said.Events), said.Rejects
	for i := range d.Rejects {
		d.Rejects[i].Body = kept(d.Rejects[i].Body)
	}
	return said, undo, nil
}

func (h *Senders) decode(kind string, p source.Post, header http.Header) (source.Decoded, error) {
	if kind == cloudrepoKind {
		return loaded(h.Mapping).CloudRepoPost(p, deliveryID(header))
	}
	return decoders[kind](p)
}

// store makes d durable.
func (h *Senders) store(r *http.Request, d *pkgmeter.Delivery) error {
	n := len(d.Entries) + len(d.Rejects)
	size := int64(n * entryBytes)
	for i := range d.Entries {
		e := &d.Entries[i].Event
		size += int64(len(e.ID) + 2*(len(e.Repository)+len(e.Path)+len(e.Hint)))
	}
	for i := range d.Rejects {
		size += int64(len(d.Rejects[i].Body))
	}
	began := time.Now()
	err := h.Queue.Add(r.Context(), d, n, size)
	if h.Done != nil {
		h.Done(d, time.Since(began), err == nil)
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// offer adds the body to the delivery as a sample, for the first few of a source
// after a start: the store takes what it still wants. Users are few, so all of
// them are counted.
func (h *Senders) offer(d *pkgmeter.Delivery, from string, body []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sampled[from] >= pkgmeter.MaxSamples {
		return
	}
	if h.sampled == nil {
		h.sampled = map[string]int{}
	}
	h.sampled[from]++
	d.Sample = &pkgmeter.Sample{Source: from, Kind: "hook", At: d.Received, Body: kept(source.Mask(body))}
}

// kept returns as much of a masked body as people may want to look at.
func kept(masked []byte) []byte {
	if len(masked) <= maxKept {
		return masked
	}
	return append([]byte{}, masked[:maxKept]...)
}

// isBroken reports whether a body came to its end, but cannot be unpacked.
func isBroken(err error) bool {
	return pkgmeter.CodeOf(err) == pkgmeter.Invalid && !errors.Is(err, httpx.ErrCut)
}

// postPlacesOf is places for a body that can be huge: one that does not say its
// size, or is packed, counts as such.
func postPlacesOf(r *http.Request) int64 {
	if n := r.ContentLength; n < 0 || n > hugeBody || r.Header.Get("Content-Encoding") != "" {
		return postPlaces
	}
	return places(r)
}
