// Package hook is the senders' side of HTTP: it takes a delivery within
// limits, has it decoded, waits until it is on disk, and answers.
//
// It does not know how a delivery is stored, nor what a sender's payload looks
// like.
package hook

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/ingest"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// MaxCallback is the most bytes of a webhook's body, packed or unpacked.
const MaxCallback = 256 << 10

// MaxEvents is the most events of one delivery.
const MaxEvents = 10_000

// entryBytes is what an event takes in memory while it waits, about.
const entryBytes = 400

// CallbackSource is the name under which events of the webhook count.
const CallbackSource = "cloudrepo"

// Queue makes deliveries durable. Add returns nil only once the delivery is on
// disk, with its outcome set; weight is its number of events, size its bytes.
type Queue interface {
	Add(ctx context.Context, d *pkgmeter.Delivery, weight int, size int64) error
}

// Callback is CloudRepo's webhook.
type Callback struct {
	Queue Queue
	Rules *rule.Cache
	Token string // what the sender has to present; "" asks for nothing
	Now   func() time.Time

	// People says what is kept of who fetched files.
	People source.People

	// Mapping is how this sender's keys differ from the known ones. It may be
	// set while requests are served.
	Mapping atomic.Pointer[source.Mapping]

	sampled atomic.Int32 // payloads that were offered as samples since the start

	// Large holds those who read a large body: make it with [NewLarge].
	Large *Large

	// Done is told of each delivery how long it waited for the disk, and
	// whether it is there now. Optional.
	Done func(d *pkgmeter.Delivery, waited time.Duration, stored bool)
}

var success = []byte(`{"success": true}`)

// ServeHTTP answers 200 only when every readable event of the delivery is on
// disk, and what was not readable is too. The secret may be a part of the path:
// the pattern calls it {token}.
func (c *Callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := c.serve(w, r); err != nil {
		c.fail(w, r, err)
		return
	}
	httpx.Write(w, http.StatusOK, "application/json", success)
}

func (c *Callback) serve(w http.ResponseWriter, r *http.Request) error {
	if err := c.authorize(r); err != nil {
		return err
	}
	leave, err := c.Large.enter(r, places(r))
	if err != nil {
		return err
	}
	defer leave()
	body, err := httpx.ReadBody(w, r, MaxCallback)
	if err != nil && (pkgmeter.CodeOf(err) != pkgmeter.Invalid || errors.Is(err, httpx.ErrCut)) {
		return err
	}
	d := &pkgmeter.Delivery{Received: c.Now().UTC()}
	if err != nil { // broken compression: nothing in it can be read, and nothing masked
		d.Rejects = []pkgmeter.Reject{{Source: CallbackSource, Kind: "callback", Reason: pkgmeter.PublicMessage(err)}}
	} else {
		c.decode(d, CallbackSource, body, deliveryID(r.Header), c.People)
		c.offer(d, body)
	}
	n := len(d.Entries) + len(d.Rejects)
	if n > MaxEvents {
		return pkgmeter.Errorf(pkgmeter.TooLarge, "the delivery has more than %d events", MaxEvents)
	}
	began := time.Now()
	err = c.Queue.Add(r.Context(), d, n, int64(len(body)+n*entryBytes))
	if c.Done != nil {
		c.Done(d, time.Since(began), err == nil)
	}
	if err != nil {
		return unavailable(err)
	}
	if len(d.Entries) == 0 {
		return pkgmeter.Errorf(pkgmeter.Invalid, "%s", d.Rejects[0].Reason)
	}
	return nil
}

func (c *Callback) decode(d *pkgmeter.Delivery, from string, body []byte, id string, people source.People) {
	said := loaded(&c.Mapping).Of(people).CloudRepo(from, body, id, d.Received)
	d.Rejects = said.Rejects
	d.Entries = c.Rules.Entries(said.Events)
}

// loaded returns the mapping that is set, if any.
func loaded(set *atomic.Pointer[source.Mapping]) source.Mapping {
	if m := set.Load(); m != nil {
		return *m
	}
	return source.Mapping{}
}

// offer adds the body to the delivery as a sample, for the first few after a
// start: the store takes what it still wants.
func (c *Callback) offer(d *pkgmeter.Delivery, body []byte) {
	if c.sampled.Load() >= pkgmeter.MaxSamples || c.sampled.Add(1) > pkgmeter.MaxSamples {
		return
	}
	d.Sample = &pkgmeter.Sample{Source: CallbackSource, Kind: "callback", At: d.Received, Body: source.Mask(body)}
}

// Retry reads an item of quarantine again, under the mapping of now, that came
// to this webhook or to that of [Senders] for the same sender. What can be read
// counts at the time of its receipt, and leaves quarantine; if nothing can be,
// the error says why and the item stays.
func (c *Callback) Retry(ctx context.Context, item pkgmeter.Held) error {
	d := &pkgmeter.Delivery{Received: item.At, Held: item.ID}
	c.decode(d, item.Source, item.Body, "", source.People{}) // they are masked in it
	if len(d.Entries) == 0 {
		return pkgmeter.Errorf(pkgmeter.Invalid, "still unreadable: %s", d.Rejects[0].Reason)
	}
	n := len(d.Entries) + len(d.Rejects)
	if err := c.Queue.Add(ctx, d, n, int64(len(item.Body)+n*entryBytes)); err != nil {
		return unavailable(err)
	}
	return nil
}

// authorize accepts the secret in the path, the query, as a Basic password or
// as a Bearer token: senders differ in what they can be told to send.
func (c *Callback) authorize(r *http.Request) error {
	inPath := r.PathValue("token")
	if c.Token == "" {
		if inPath != "" {
			return pkgmeter.Errorf(pkgmeter.NotFound, "there is no such page: this server wants no token")
		}
		return nil
	}
	bearer, _ := auth.Bearer(r)
	_, password, _ := r.BasicAuth()
	query := ""
	if r.URL.RawQuery != "" {
		query = r.URL.Query().Get("token")
	}
	for _, got := range []string{inPath, query, password, bearer} {
		if got != "" && same(got, c.Token) {
			return nil
		}
	}
	return pkgmeter.Errorf(pkgmeter.Unauthenticated, "the token is missing or wrong")
}

// same compares in a time that tells nothing of where or in what length two
// secrets differ.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// deliveryID returns the id that a sender's headers give the delivery. A
// request id is none: proxies make a new one for each try.
func deliveryID(h http.Header) string {
	if id := h.Get("Idempotency-Key"); id != "" {
		return id
	}
	var names []string
	for name := range h {
		if strings.HasPrefix(name, "X-") && strings.HasSuffix(name, "-Delivery") && h.Get(name) != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return h.Get(slices.Min(names))
}

// unavailable tells the sender to come again: nothing of the delivery is
// known to be stored, whatever kept it from the disk.
func unavailable(err error) error {
	if pkgmeter.CodeOf(err) == pkgmeter.Unavailable {
		return err
	}
	msg := "the delivery could not be stored: try again"
	switch {
	case errors.Is(err, ingest.ErrFull):
		msg = "busy: try again"
	case errors.Is(err, ingest.ErrClosed):
		msg = "stopping: try again"
	}
	return &pkgmeter.Error{Code: pkgmeter.Unavailable, Msg: msg, Err: err}
}

// fail answers in the form that the old program's senders know.
func (c *Callback) fail(w http.ResponseWriter, r *http.Request, err error) {
	code := httpx.Fail(w, r, err)
	if code == pkgmeter.Unauthenticated {
		w.Header().Set("WWW-Authenticate", `Basic realm="pkgmeter callback"`)
	}
	httpx.WriteJSON(w, httpx.Status(code), struct {
		Success bool   `json:"success"`
		Error   string `json:"error"`
	}{false, pkgmeter.PublicMessage(err)})
}
