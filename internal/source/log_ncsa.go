package source

import (
	"bytes"
	"time"
)

// ncsaLine is a line of the family of the old NCSA server:
//
//	… [10/Oct/2000:13:55:36 -0700] "GET /a.jar HTTP/1.1" 200 512 … "referer" "agent" …
//
// What is before the time is about who asked, behind the virtual host or not.
type ncsaLine struct {
	before  []byte
	time    time.Time
	request []byte // escaped, as are the quoted
	status  []byte
	numbers [3][]byte // between the status and what is quoted
	quoted  [2][]byte
	tail    []byte                        // from the first quote behind the status on
	counts  struct{ numbers, quoted int } // of all
}

// ncsa reads a line up to the last of most quoted fields behind the status.
func (r *LogReader) ncsa(line []byte, most int) (n ncsaLine, err error) {
	rest, err := r.ncsaTime(line, &n)
	if err != nil {
		return n, err
	}
	if n.request, rest, err = cutQuoted(rest); err != nil {
		return n, err
	}
	for n.counts.quoted < most {
		if rest = bytes.TrimLeft(rest, " \t"); len(rest) == 0 {
			break
		}
		if rest[0] == '"' {
			if n.tail == nil {
				n.tail = rest
			}
			var field []byte
			if field, rest, err = cutQuoted(rest); err != nil {
				return n, err
			}
			if n.counts.quoted < len(n.quoted) {
				n.quoted[n.counts.quoted] = field
			}
			n.counts.quoted++
			continue
		}
		var field []byte
		if i := bytes.IndexByte(rest, ' '); i >= 0 {
			field, rest = rest[:i], rest[i:]
		} else {
			field, rest = rest, nil
		}
		switch {
		case n.counts.quoted > 0:
		case n.status == nil:
			n.status = field
		default:
			if n.counts.numbers < len(n.numbers) {
				n.numbers[n.counts.numbers] = field
			}
			n.counts.numbers++
		}
	}
	if n.status == nil {
		return n, errCutShort
	}
	return n, nil
}

// ncsaTime finds the time in brackets and returns what is behind it, which
// begins with a quote. Names of users may have brackets in them.
func (r *LogReader) ncsaTime(line []byte, n *ncsaLine) (rest []byte, err error) {
	const width = len("[10/Oct/2000:13:55:36 -0700]")
	err = errNotThis
	for at := 0; ; at++ {
		i := bytes.IndexByte(line[at:], '[')
		if i < 0 {
			return nil, err
		}
		if at += i; len(line)-at < width+2 {
			return nil, err
		}
		b := line[at : at+width]
		if b[width-1] != ']' || b[3] != '/' {
			// Logback writes milliseconds or another order only where told to.
			continue
		}
		var ok bool
		if n.time, ok = r.clock.ncsa(b[1 : width-1]); !ok {
			err = errNoTime
			continue
		}
		if rest = bytes.TrimLeft(line[at+width:], " \t"); len(rest) > 0 && rest[0] == '"' {
			n.before = line[:at]
			return rest, nil
		}
	}
}

// who finds address and user: address, identity, user, behind a virtual host or
// what else a collector of logs puts before them. A user may have spaces in it,
// and never has an address: where one stands, the line is of another shape.
//
// Nearly all lines are of people that nothing is kept of: time is spent only
// where the flag of robots or a pull may come of it.
func (r *LogReader) who(n *ncsaLine, s *logSaid) {
	if !r.people.any() && bytes.IndexByte(n.before, robotMark[len(robotMark)-1]) < 0 && !bytes.Contains(n.request, []byte("/"+manifests+"/")) {
		return
	}
	f := bytes.Fields(n.before)
	at := -1
	for i := range f {
		if _, ok := addressIn(bare(f[i])); ok {
			at = i
		}
	}
	if at < 0 {
		return
	}
	s.address = bare(f[at])
	if len(f) > at+2 && string(f[at+1]) == "-" { // nobody asks clients for their identity any more
		s.account = bytes.Join(f[at+2:], []byte(" "))
	}
}

// bare takes away what may stand around an address.
func bare(b []byte) []byte {
	b = bytes.TrimRight(b, ",")
	if n := len(b); n > 2 && b[0] == '[' && b[n-1] == ']' {
		return b[1 : n-1]
	}
	return b
}

// cutQuoted splits off the quoted field that b begins with. A quote behind a
// backslash is part of it.
func cutQuoted(b []byte) (field, rest []byte, err error) {
	for i := 1; ; i++ {
		j := bytes.IndexByte(b[i:], '"')
		if j < 0 {
			return nil, nil, errCutShort
		}
		i += j
		slashes := 0
		for b[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return b[1:i], b[i+1:], nil
		}
	}
}

// readCombined reads common, combined, and these with more at either end.
func readCombined(r *LogReader, line []byte, s *logSaid) error {
	n, err := r.ncsa(line, 2)
	if err != nil {
		return err
	}
	if n.counts.numbers == 0 {
		return errCutShort
	}
	s.time, s.status, s.bytes = n.time, n.status, n.numbers[0]
	r.who(&n, s)
	if n.counts.quoted > 0 {
		s.agent = logUnescape(n.quoted[n.counts.quoted-1])
	}
	return logRequest(logUnescape(n.request), s)
}

// readNexus reads Nexus' request.log: behind the status are the bytes that came
// (since 3.0), the bytes that went and the milliseconds; the only quoted field
// is the agent, in which nothing is escaped.
func readNexus(r *LogReader, line []byte, s *logSaid) error {
	n, err := r.ncsa(line, 1)
	if err != nil {
		return err
	}
	if n.counts.numbers == 0 || n.counts.quoted == 0 {
		return errCutShort
	}
	s.time, s.status, s.bytes = n.time, n.status, n.numbers[0]
	r.who(&n, s)
	if n.counts.numbers > 2 {
		s.bytes = n.numbers[1]
	}
	s.agent = n.tail[1:bytes.LastIndexByte(n.tail, '"')]
	return logRequest(n.request, s)
}

// ncsaShape returns how many fields a line of the family has behind its status.
func ncsaShape(line []byte) (numbers, quoted int, ok bool) {
	var r LogReader
	const all = 100
	n, err := r.ncsa(line, all)
	if err != nil {
		return 0, 0, false
	}
	status, err := logStatus(n.status)
	return n.counts.numbers, n.counts.quoted, err == nil && status > 0
}

func looksCombined(line []byte) bool {
	numbers, _, ok := ncsaShape(line)
	return ok && numbers > 0
}

func looksNexus(line []byte) bool {
	numbers, quoted, ok := ncsaShape(line)
	return ok && numbers > 1 && quoted == 1
}

// looksTraefikText looks for what Traefik writes behind the agent: the number of
// the request, its router, its server, and the milliseconds with their unit.
func looksTraefikText(line []byte) bool {
	_, quoted, ok := ncsaShape(line)
	i := bytes.LastIndex(line, []byte(`" `))
	return ok && quoted == 4 && i > 0 && isMillis(line[i+2:])
}

func isMillis(b []byte) bool {
	_, ok := logNumber(bytes.TrimSuffix(b, []byte("ms")))
	return ok && bytes.HasSuffix(b, []byte("ms"))
}

// wholeCombined takes a line for whole that has its agent to the end.
func wholeCombined(line []byte) bool {
	_, quoted, ok := ncsaShape(line)
	return ok && quoted > 1 && (line[len(line)-1] == '"' || isMillis(line[bytes.LastIndexByte(line, ' ')+1:]))
}

func wholeNexus(line []byte) bool {
	return looksNexus(line) && line[len(line)-1] == ']'
}

// maskNCSA hides what stands before the time: addresses and names.
func maskNCSA(line []byte) []byte {
	i := bytes.IndexByte(line, '[')
	for i >= 0 && i+4 < len(line) && line[i+3] != '/' {
		j := bytes.IndexByte(line[i+1:], '[')
		if j < 0 {
			i = -1
			break
		}
		i += 1 + j
	}
	if i < 0 {
		return maskFields(line, ' ', 0, 1, 2)
	}
	return append([]byte(masked+" "), line[i:]...)
}

// maskFields hides fields by their numbers.
func maskFields(line []byte, separator byte, hidden ...int) []byte {
	fields := bytes.Split(line, []byte{separator})
	for _, i := range hidden {
		if i < len(fields) && len(fields[i]) > 1 {
			fields[i] = []byte(masked)
		}
	}
	return bytes.Join(fields, []byte{separator})
}
