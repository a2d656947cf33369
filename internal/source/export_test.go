package source

// Parse reads one JSON value with the scanner, white space around it allowed,
// and returns it as encoding/json would with UseNumber, but for objects, which
// are lists of members.
func Parse(src []byte) (any, error) {
	var t tree
	end, err := t.parse(src, skipSpace(src, 0))
	if err == nil && skipSpace(src, end) < len(src) {
		t.pos = skipSpace(src, end)
		err = t.unexpected("after the value")
	}
	if err != nil {
		return nil, err
	}
	return t.export(0), nil
}

// A Member is a name and a value of an object.
type Member struct {
	Name  string
	Value any
}

// A Number is a number as it is written.
type Number string

// Quote writes s as a JSON string.
func Quote(s string) []byte { return appendQuoted(nil, []byte(s)) }

func (t *tree) export(i int) any {
	switch s, _ := t.scalar(i); t.nodes[i].kind {
	case text:
		return string(s)
	case number:
		return Number(s)
	case boolean:
		return string(t.raw(i)) == "true"
	case array:
		list := []any{}
		for c := range t.children(i) {
			list = append(list, t.export(c))
		}
		return list
	case object:
		list := []Member{}
		for c := range t.children(i) {
			list = append(list, Member{string(t.key(c)), t.export(c)})
		}
		return list
	}
	return nil
}
