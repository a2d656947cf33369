package source

import (
	"bytes"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// CloudRepo reads the body of a webhook delivery, whatever its content type
// says: a JSON object, an array or lines of them, such objects inside a list of
// another one, and forms, with JSON in their field "payload" or without.
//
// deliveryID is the id that a header gave to the delivery, if any. It is the
// id of the event only where the body is one event that names none: the events
// of a batch would all become the same.
func CloudRepo(source string, body []byte, deliveryID string, received time.Time) Decoded {
	return Mapping{}.CloudRepo(source, body, deliveryID, received)
}

// CloudRepo is the function of that name for a sender whose keys differ.
func (m Mapping) CloudRepo(source string, body []byte, deliveryID string, received time.Time) Decoded {
	d := cloudRepo{collector: collector{source: source, kind: callbackKind, received: received, people: m.people}, custom: m.custom}
	d.read(body, deliveryID)
	return d.decoded()
}

// callbackKind is the kind of what could not be read of a webhook's delivery.
const callbackKind = "callback"

// read reads a body that may be one event of that id.
func (d *cloudRepo) read(body []byte, deliveryID string) {
	d.body(body)
	if len(d.Events) == 1 && len(d.Rejects) == 0 && d.Events[0].ID == "" && !blank([]byte(deliveryID)) {
		d.Events[0].ID = fitID(deliveryID)
	}
}

// cloudRepo is the reading of one body.
type cloudRepo struct {
	collector
	custom map[string]meaning
}

// A scope is where an item stands.
type scope struct {
	parent *facts // what the objects around it say, nil if there are none
	nested bool   // inside JSON that was the text of a field
	item   bool   // already taken out of a list, so not a list itself
}

func (d *cloudRepo) body(body []byte) {
	first := skipSpace(body, skipMark(body))
	switch {
	case first == len(body):
		d.reject(reason("the body is empty"), body)
	case isWide(body):
		d.reject(reason("the body is UTF-16 or UTF-32, want UTF-8"), body)
	case isForm(body[first:]):
		d.readForm(body[first:])
	default:
		d.values(body, first, scope{})
	}
}

// isWide reports whether body looks like text in units of 16 or 32 bits.
func isWide(body []byte) bool {
	if len(body) < 2 {
		return false
	}
	a, b := body[0], body[1]
	return a == 0xff && b == 0xfe || a == 0xfe && b == 0xff || a == 0 != (b == 0)
}

// isForm reports whether body is urlencoded fields: a name, = and no lines.
func isForm(body []byte) bool {
	for i, c := range body {
		switch {
		case c == '=':
			return i > 0 && bytes.IndexByte(bytes.TrimSpace(body), '\n') < 0
		case c >= utf8.RuneSelf || isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z':
		case bytes.IndexByte([]byte("-_.%+&"), c) < 0:
			return false
		}
	}
	return false
}

// readForm reads the fields as an object whose values are texts. Rejects show
// that object: masking finds in it what the encoding would hide.
func (d *cloudRepo) readForm(form []byte) {
	object, valid := []byte{'{'}, true
	for pair := range bytes.SplitSeq(bytes.TrimSpace(form), []byte("&")) {
		key, value, ok := bytes.Cut(pair, []byte("="))
		if !ok {
			continue
		}
		key, value = unescapeField(key), unescapeField(value)
		valid = valid && utf8.Valid(key) && utf8.Valid(value)
		if len(object) > 1 {
			object = append(object, ',')
		}
		object = append(appendQuoted(object, bytes.ToValidUTF8(key, []byte("\uFFFD"))), ':')
		object = appendQuoted(object, bytes.ToValidUTF8(value, []byte("\uFFFD")))
	}
	object = append(object, '}')
	if !valid {
		d.reject(reason("invalid UTF-8 in a field of the form"), object)
		return
	}
	d.values(object, 0, scope{})
}

// unescapeField undoes the encoding of a form. Text with a stray % was not
// encoded, and stays.
func unescapeField(s []byte) []byte {
	if u, err := url.QueryUnescape(string(s)); err == nil {
		return []byte(u)
	}
	return s
}

// values reads the JSON values in src from pos on, which white space separates.
//
// What cannot be read costs the rest of its line. From there on a value must
// stand on one line, so that no byte is read more than twice, whatever comes.
// Where nothing but pieces is left, src was one damaged value, not lines, and
// is rejected as one. So is what follows a damaged array: the lines of a list
// that was cut short would be read as events, and again when it is sent again.
func (d *cloudRepo) values(src []byte, pos int, in scope) {
	t := tree{nodes: make([]node, 0, 12), custom: d.custom} // enough for the usual item
	begin, before := pos, d.collector
	var damage error // the first
	whole := false   // whether any object or array was whole
	for ; pos < len(src); pos = skipSpace(src, pos) {
		limit := len(src)
		if damage != nil {
			limit = lineEnd(src, pos)
		}
		end, err := t.parse(src[:limit], pos)
		if err == nil {
			whole = whole || t.nodes[0].kind >= array
			d.value(&t, in)
			pos = end
			continue
		}
		if damage == nil {
			damage = err
		}
		end = lineEnd(src, pos)
		if src[pos] == '[' {
			end = len(src)
		}
		d.reject(err, trimSpace(src[pos:end]))
		pos = end
	}
	if damage != nil && !whole {
		d.collector = before
		d.reject(damage, trimSpace(src[begin:]))
	}
}

func lineEnd(src []byte, pos int) int {
	if n := bytes.IndexByte(src[pos:], '\n'); n >= 0 {
		return pos + n
	}
	return len(src)
}

// value reads a value that stands for itself: an item, or a list of them.
func (d *cloudRepo) value(t *tree, in scope) {
	switch t.nodes[0].kind {
	case object:
		d.object(t, 0, in)
	case array:
		if len(t.nodes) == 1 {
			d.reject(reason("the array is empty"), t.raw(0))
		}
		d.items(t, 0, in)
	default:
		d.reject(wrongKind(t.nodes[0].kind), t.raw(0))
	}
}

// items reads each value in the array at node i.
func (d *cloudRepo) items(t *tree, i int, in scope) {
	for c := i + 1; c < int(t.nodes[i].next); c = int(t.nodes[c].next) {
		if k := t.nodes[c].kind; k != object {
			d.reject(wrongKind(k), t.raw(c))
			continue
		}
		d.object(t, c, in)
	}
}

// object reads an object, which is an item or holds some: in a list or, as
// some senders do, in JSON text. An item may have such members beside its file,
// so text is opened only where no file is named, and so are lists without objects.
func (d *cloudRepo) object(t *tree, i int, in scope) {
	var f facts
	f.gather(t, i)
	if in.parent != nil {
		f.inherit(in.parent)
	}
	inner := scope{parent: &f, nested: in.nested, item: true}
	switch {
	case f.listed && !in.item && d.lists(t, i, !f.namesFile(), inner):
	case f.namesFile() && !f.byRepository():
		d.event(&f, t.raw(i))
	case f.packed != 0 && !in.item && !in.nested && d.packed(t, f.packed, &f):
	case f.held && !in.item && d.wrapped(t, i, inner):
	case f.namesFile():
		d.event(&f, t.raw(i))
	case int(t.nodes[i].next) == i+1:
		d.reject(reason("the object is empty: no file is named"), t.raw(i))
	default:
		d.reject(reason("no file is named"), t.raw(i))
	}
}

// lists reads the items in the lists of the object at node i, or all that such
// lists hold where any is set, and reports whether there were some.
func (d *cloudRepo) lists(t *tree, i int, all bool, in scope) (found bool) {
	for _, want := range []bool{true, false} { // lists with objects, then the others
		for c := range t.children(i) {
			if t.nodes[c].kind == array && t.known(c).listed && t.holdsObject(c) == want && t.nodes[c].next > int32(c)+1 {
				found = true
				d.items(t, c, in)
			}
		}
		if found || !all {
			return found
		}
	}
	return found
}

// wrapped reads the only item that some senders put where others have a list, and
// reports whether it names a file.
func (d *cloudRepo) wrapped(t *tree, i int, in scope) bool {
	for c := range t.children(i) {
		if t.nodes[c].kind != object || !t.known(c).wraps() {
			continue
		}
		var f facts
		if f.gather(t, c); f.namesFile() {
			d.object(t, c, in)
			return true
		}
	}
	return false
}

func (t *tree) holdsObject(i int) bool {
	for c := range t.children(i) {
		if t.nodes[c].kind == object {
			return true
		}
	}
	return false
}

// packed reads JSON that is the text of node i, and reports whether it looks
// like any. Text in such text is not opened again.
func (d *cloudRepo) packed(t *tree, i int, parent *facts) bool {
	inner, _ := t.scalar(i)
	first := skipSpace(inner, 0)
	if first == len(inner) || inner[first] != '{' && inner[first] != '[' {
		return false
	}
	d.values(inner, first, scope{parent: parent, nested: true})
	return true
}

// event keeps the event that f makes.
func (d *cloudRepo) event(f *facts, raw []byte) {
	e := f.event()
	e.Flags |= robot(f.account)
	d.people.set(&e, f.address, f.account)
	for _, s := range [...]string{e.Path, e.Repository, e.ID, e.Agent} {
		// JSON can spell it, but much of what may read it later ends there.
		if strings.IndexByte(s, 0) >= 0 {
			d.reject(reason("a name, id or agent holds a NUL byte"), raw)
			return
		}
	}
	d.add(e, raw)
}
