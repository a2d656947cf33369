package intake

import "bytes"

// maxHeader bounds a header line, bytes.
const maxHeader = 16 << 10

// A header keeps the lines of a log that say how to read those after them: the
// last one of each kind. What is written to it is the log. Its zero value keeps
// nothing.
type header struct {
	kept map[string][]byte // by kind; nil where the format has no headers
	line []byte            // the beginning of one, that may be a header
	in   bool              // the midst of a line that is none
}

func newHeader(headed bool) *header {
	if !headed {
		return &header{}
	}
	return &header{kept: map[string][]byte{}}
}

// Write takes in the log in pieces of any size. It never fails.
func (h *header) Write(b []byte) (int, error) {
	n := len(b)
	for h.kept != nil && len(b) > 0 {
		if !h.in && len(h.line) == 0 {
			b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
			h.in = len(b) > 0 && b[0] != '#'
		}
		end := bytes.IndexByte(b, '\n')
		part := b[:max(end, 0)]
		if end < 0 {
			part = b
		}
		if !h.in && len(h.line)+len(part) <= maxHeader {
			h.line = append(h.line, part...)
		}
		if end < 0 {
			break
		}
		if !h.in {
			h.keep()
		}
		h.in, b = false, b[end+1:]
	}
	return n, nil
}

// keep keeps the line that has come to its end.
func (h *header) keep() {
	for _, kind := range []string{"#Date:", "#Fields:"} {
		if bytes.HasPrefix(h.line, []byte(kind)) {
			h.kept[kind] = append(bytes.Clone(h.line), '\n')
		}
	}
	h.line = h.line[:0]
}

// lines returns the kept lines.
func (h *header) lines() []byte {
	return append(bytes.Clone(h.kept["#Date:"]), h.kept["#Fields:"]...)
}
