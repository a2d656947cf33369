package source

// A kind is the type of a JSON value. Those from array on hold other values.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	array
	object
)

// String returns k as a sentence calls it.
func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// A wrongKind is the error of a value that is no object.
type wrongKind kind

func (k wrongKind) Error() string { return "want an object, got " + kind(k).String() }

// A span is a range of bytes of the source.
type span struct{ from, to int32 }

// A node is a JSON value where it stands: names and texts are spans of the
// source without their quotes, and are unescaped only when somebody asks.
type node struct {
	key, val   span
	next       int32 // the node after this one and everything below it
	kind       kind
	keyEscaped bool
	escaped    bool
}

// A tree is one JSON value with everything below it, in document order:
// nodes[0] is the value, and what node i holds are the nodes from i+1 to before
// nodes[i].next. Names may repeat. It accepts what RFC 8259 does, if that is
// UTF-8 and not nested too deep. encoding/json would lose order, repeated names
// and the spelling of numbers.
type tree struct {
	scanner
	nodes  []node
	custom map[string]meaning // of keys, before the known ones; parse keeps it
}

// parse replaces t by the value at src[pos:] and returns where it ends, which
// must be white space or the end of src. Offsets in errors count from the start
// of src. t keeps src.
func (t *tree) parse(src []byte, pos int) (int, error) {
	t.src, t.pos, t.nodes = src, pos, t.nodes[:0]
	if err := t.value(span{}, false, 0); err != nil {
		return 0, err
	}
	if t.pos < len(src) && !isSpace(src[t.pos]) {
		return 0, t.unexpected("after the value")
	}
	return t.pos, nil
}

// value reads the value at pos as a node that has the given name.
func (t *tree) value(key span, keyEscaped bool, depth int) (err error) {
	if t.pos == len(t.src) {
		return t.unexpected("where a value should be")
	}
	i, start := len(t.nodes), t.pos
	t.nodes = append(t.nodes, node{key: key, keyEscaped: keyEscaped})
	var k kind
	switch c := t.src[start]; c {
	case '"':
		n := &t.nodes[i]
		n.kind, n.next = text, int32(i+1)
		n.val, n.escaped, err = t.text()
		return err
	case '{', '[':
		if depth == maxDepth {
			return t.tooDeep()
		}
		t.pos++
		k = holder(c)
		err = t.members(closingOf(c), depth+1)
	default:
		k, err = t.literal(c)
	}
	n := &t.nodes[i] // only now: the slice may have moved
	n.kind, n.next = k, int32(len(t.nodes))
	n.val = span{int32(start), int32(t.pos)}
	return err
}

// members reads what an array or an object holds, with the closing bracket.
func (t *tree) members(closing byte, depth int) error {
	for first := true; ; first = false {
		key, escaped, more, err := t.member(closing, first)
		if err != nil || !more {
			return err
		}
		if err := t.value(key, escaped, depth); err != nil {
			return err
		}
	}
}

// children calls yield with the index of each value that node i holds.
func (t *tree) children(i int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for c := i + 1; c < int(t.nodes[i].next); c = int(t.nodes[c].next) {
			if !yield(c) {
				return
			}
		}
	}
}

// key returns the name of node i. It may be part of the source.
func (t *tree) key(i int) []byte {
	n := &t.nodes[i]
	return unescape(t.src[n.key.from:n.key.to], n.keyEscaped)
}

// scalar returns the text of node i, a string or a number as it is written; ok
// is false for anything else. It may be part of the source.
func (t *tree) scalar(i int) (s []byte, ok bool) {
	n := &t.nodes[i]
	if n.kind != text && n.kind != number {
		return nil, false
	}
	return unescape(t.src[n.val.from:n.val.to], n.escaped), true
}

// raw returns the bytes of node i as they stand, a string with its quotes.
func (t *tree) raw(i int) []byte {
	n := &t.nodes[i]
	if n.kind == text {
		return t.src[n.val.from-1 : n.val.to+1]
	}
	return t.src[n.val.from:n.val.to]
}
