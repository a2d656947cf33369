package ddp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

// A view is what one client has been told: the union of what its subscriptions
// publish. Where two publish the same member of the same document, the one that
// was first with that member wins until it lets go.
type view struct {
	mu   sync.Mutex
	docs map[docID]*docRow
}

type docID struct{ collection, id string }

func (d docID) compare(o docID) int {
	return cmp.Or(strings.Compare(d.collection, o.collection), strings.Compare(d.id, o.id))
}

// A docRow is one document with its publishers.
type docRow struct {
	subs    int
	members map[string][]claim // who says what, in order of precedence
}

// A claim is one subscription's word on one member.
type claim struct {
	sub   *Subscription
	value Raw
}

// A member is a name and its encoded value.
type member struct {
	name  string
	value Raw
}

var (
	errNoDocument = errors.New("ddp: subscription has not added the document")
	errTwice      = errors.New("ddp: subscription has added the document already")
	errFields     = errors.New("ddp: fields must encode as an object")
)

// membersOf encodes fields and takes them apart.
func membersOf(fields any, limit int) ([]member, error) {
	if fields == nil {
		return nil, nil
	}
	raw, ok := fields.(Raw)
	if !ok {
		var err error
		if raw, err = ejson.Marshal(fields); err != nil {
			return nil, err
		}
	}
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '{' {
		return nil, errFields
	}
	if len(raw) > limit-maxEcho { // the rest of the frame needs room too
		return nil, errTooLarge
	}
	var list []member
	for name, value := range ejson.Members(raw) {
		if strings.HasPrefix(name, "$") {
			return nil, fmt.Errorf("%w: name %q", errFields, name)
		}
		at := slices.IndexFunc(list, func(m member) bool { return m.name == name })
		switch {
		case name == "_id":
		case at >= 0:
			list[at].value = value
		default:
			list = append(list, member{name, value})
		}
	}
	return list, nil
}

func (v *view) added(sub *Subscription, id docID, members []member) ([]byte, error) {
	if id.collection == "" || id.id == "" {
		return nil, errors.New("ddp: empty collection or document id")
	}
	if sub.docs[id] != nil {
		return nil, fmt.Errorf("%w: %s", errTwice, id)
	}
	row := v.docs[id]
	first := row == nil
	if first {
		row = &docRow{members: make(map[string][]claim, len(members))}
		if v.docs == nil {
			v.docs = map[docID]*docRow{}
		}
		v.docs[id] = row
	}
	row.subs++
	if sub.docs == nil {
		sub.docs = map[docID]*docRow{}
	}
	sub.docs[id] = row
	var d diff
	for _, m := range members {
		row.claim(sub, m, &d)
	}
	if first {
		return d.frame("added", id), nil
	}
	return d.frame("changed", id), nil
}

func (v *view) changed(sub *Subscription, id docID, members []member, cleared []string) ([]byte, error) {
	row := sub.docs[id]
	if row == nil {
		return nil, fmt.Errorf("%w: %s", errNoDocument, id)
	}
	var d diff
	for _, m := range members {
		row.claim(sub, m, &d)
	}
	for _, name := range cleared {
		if !slices.ContainsFunc(members, func(m member) bool { return m.name == name }) {
			row.release(sub, name, &d)
		}
	}
	return d.frame("changed", id), nil
}

func (v *view) removed(sub *Subscription, id docID) ([]byte, error) {
	row := sub.docs[id]
	if row == nil {
		return nil, fmt.Errorf("%w: %s", errNoDocument, id)
	}
	delete(sub.docs, id)
	if row.subs--; row.subs == 0 {
		delete(v.docs, id)
		return (&diff{}).frame("removed", id), nil
	}
	var d diff
	for name := range row.members {
		row.release(sub, name, &d)
	}
	return d.frame("changed", id), nil
}

// claim notes that sub publishes the member.
func (r *docRow) claim(sub *Subscription, m member, d *diff) {
	claims := r.members[m.name]
	at := slices.IndexFunc(claims, func(c claim) bool { return c.sub == sub })
	if at < 0 {
		at = len(claims)
		claims = append(claims, claim{sub: sub})
		r.members[m.name] = claims
	}
	if at == 0 && !bytes.Equal(claims[0].value, m.value) {
		d.set(m)
	}
	claims[at].value = m.value
}

// release notes that sub no longer publishes the member.
func (r *docRow) release(sub *Subscription, name string, d *diff) {
	claims := r.members[name]
	at := slices.IndexFunc(claims, func(c claim) bool { return c.sub == sub })
	if at < 0 {
		return
	}
	old := claims[at].value
	claims = slices.Delete(claims, at, at+1)
	switch {
	case len(claims) == 0:
		delete(r.members, name)
		d.cleared = append(d.cleared, name)
		return
	case at == 0 && !bytes.Equal(old, claims[0].value):
		d.set(member{name, claims[0].value})
	}
	r.members[name] = claims
}

// A diff is how a document has changed in the eyes of the client.
type diff struct {
	fields  []member
	cleared []string
}

func (d *diff) set(m member) { d.fields = append(d.fields, m) }

// frame returns the data message, or nil for a change that changes nothing.
func (d *diff) frame(msg string, id docID) []byte {
	if msg == "changed" && len(d.fields) == 0 && len(d.cleared) == 0 {
		return nil
	}
	f := ejson.AppendString([]byte(`{"msg":`), msg)
	f = ejson.AppendString(append(f, `,"collection":`...), id.collection)
	f = ejson.AppendString(append(f, `,"id":`...), id.id)
	if msg == "added" || len(d.fields) > 0 {
		f = append(f, `,"fields":{`...)
		for i, m := range slices.SortedFunc(slices.Values(d.fields), byName) {
			if i > 0 {
				f = append(f, ',')
			}
			f = append(append(ejson.AppendString(f, m.name), ':'), m.value...)
		}
		f = append(f, '}')
	}
	if len(d.cleared) > 0 {
		slices.Sort(d.cleared)
		f = append(f, `,"cleared":`...)
		f, _ = ejson.Append(f, d.cleared) // strings always encode
	}
	return append(f, '}')
}

func byName(a, b member) int { return strings.Compare(a.name, b.name) }
