package source

import (
	"crypto/sha256"
	"net/netip"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// A Post is one delivery of a sender that is told what became of each item.
type Post struct {
	Source   string
	Body     []byte
	Received time.Time

	// Most is how many items one delivery may have. One that has more is
	// [pkgmeter.TooLarge], and nothing of it is read: that is the only error of
	// a decoder of posts.
	Most int

	// Header returns the header of that name, "" if there is none. Optional.
	Header func(name string) string

	// People says what is kept of who fetched files, Address is the sender's own
	// where it is a client. Both are optional.
	People  People
	Address netip.Addr
}

// postKind is the kind of what could not be read of a post.
const postKind = "hook"

func (p *Post) header(name string) string {
	if p.Header == nil {
		return ""
	}
	return p.Header(name)
}

// collector returns one for the items of p.
func (p *Post) collector() collector {
	return collector{source: p.Source, kind: postKind, received: p.Received, most: p.Most, people: p.People}
}

// tooMany is the error for a delivery of n items, if that is too many.
func (p *Post) tooMany(n int) error {
	if n <= p.Most {
		return nil
	}
	return pkgmeter.Errorf(pkgmeter.TooLarge, "the delivery has more than %d events: nothing of it is stored", p.Most)
}

// A Pull says of an event what decides whether it is a part of another pull: an
// image for several platforms is an index, and then the manifest of one of
// them. It is never stored.
type Pull struct {
	Event  int      // its place among the events
	Client [16]byte // who fetched: a hash of address, agent and account
	Image  string
	Index  bool // of platforms, or else a manifest that was asked for by its digest

	// Ref is of logs, which do not say what is an index: a hash of the tag or
	// digest, 0 elsewhere. Any tag is taken for an index then, and a digest for a
	// part of the one before it, if that is another.
	Ref uint64
}

// clientHash returns the hash of who fetched.
func clientHash(address, agent, account string) [16]byte {
	sum := sha256.Sum256([]byte(withoutPort(address) + "\x00" + agent + "\x00" + account))
	return [16]byte(sum[:])
}

// CloudRepoPost is [Mapping.CloudRepo] for a sender that is told what became of
// each item. Its rejects are of the same kind, as they can be read again in the
// same way.
func (m Mapping) CloudRepoPost(p Post, deliveryID string) (Decoded, error) {
	c := p.collector()
	c.kind = callbackKind
	d := cloudRepo{collector: c, custom: m.custom}
	d.read(p.Body, deliveryID)
	if err := p.tooMany(d.total); err != nil {
		return Decoded{}, err
	}
	return d.decoded(), nil
}

// parse reads a body that is one JSON value. Else it is one reject.
func (c *collector) parse(t *tree, body []byte) bool {
	first := skipSpace(body, skipMark(body))
	switch {
	case first == len(body):
		c.reject(reason("the body is empty"), body)
		return false
	case isWide(body):
		c.reject(reason("the body is UTF-16 or UTF-32, want UTF-8"), body)
		return false
	}
	end, err := t.parse(body, first)
	if err == nil {
		if end = skipSpace(body, end); end == len(body) {
			return true
		}
		t.pos = end
		err = t.unexpected("after the value")
	}
	c.reject(err, trimSpace(body))
	return false
}

// absent stands for a node that is not there.
const absent = -1

// get returns the member of that name of the object at node i, or absent. Of
// several the last one counts, as in encoding/json, by which senders are tested.
func (t *tree) get(i int, name string) int {
	found := absent
	if i == absent || t.nodes[i].kind != object {
		return found
	}
	for c := range t.children(i) {
		if string(t.key(c)) == name {
			found = c
		}
	}
	return found
}

// is reports whether node i is there, and of that kind.
func (t *tree) is(i int, k kind) bool { return i != absent && t.nodes[i].kind == k }

// count returns how many values the list at node i has, but not many more than
// most.
func (t *tree) count(i, most int) (n int) {
	for range t.children(i) {
		if n++; n > most {
			break
		}
	}
	return n
}

// str returns a copy of the text under that name, "" if there is none. Text is
// none that holds a NUL byte, at which much of what reads it later would end, or
// half of a surrogate pair, as all halves would become the same text.
func (t *tree) str(i int, name string) string {
	c := t.get(i, name)
	if !t.is(c, text) {
		return ""
	}
	n := &t.nodes[c]
	raw := t.src[n.val.from:n.val.to]
	if !n.escaped {
		return string(raw)
	}
	if halved(raw) {
		return ""
	}
	s := string(unescape(raw, true))
	for i := range len(s) {
		if s[i] == 0 {
			return ""
		}
	}
	return s
}

// when returns the time under that name, zero if none can be read: a download
// is not lost for that, but dated by its receipt.
func (t *tree) when(i int, name string) time.Time {
	c := t.get(i, name)
	if c == absent {
		return time.Time{}
	}
	s, _ := t.scalar(c)
	at, _ := parseTime(s)
	return at
}

// amount returns the number of bytes under the first of the names that says
// one.
func (t *tree) amount(i int, names ...string) int64 {
	for _, name := range names {
		if c := t.get(i, name); t.is(c, number) {
			s, _ := t.scalar(c)
			if n, ok := size(s); ok {
				return n
			}
		}
	}
	return 0
}
