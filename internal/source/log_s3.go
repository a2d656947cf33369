package source

import (
	"bytes"

	"github.com/pkgmeter/pkgmeter"
)

// readS3 reads a line of Amazon S3's server access log:
//
//	owner bucket [time] ip requester id operation key "request" status error bytes size ms ms "referer" "agent" …
func readS3(r *LogReader, line []byte, s *logSaid) error {
	owner, rest, _ := bytes.Cut(line, []byte(" "))
	bucket, rest, ok := bytes.Cut(rest, []byte(" ["))
	if !ok || len(owner) == 0 || len(bucket) == 0 || bytes.IndexByte(bucket, ' ') >= 0 {
		return errNotThis
	}
	stamp, rest, ok := bytes.Cut(rest, []byte("] "))
	if !ok {
		return errNotThis
	}
	if s.time, ok = r.clock.ncsa(stamp); !ok {
		return errNoTime
	}
	var f [5][]byte // ip, requester, id, operation, key
	for i := range f {
		if f[i], rest, ok = bytes.Cut(rest, []byte(" ")); !ok {
			return errCutShort
		}
	}
	s.repository, s.address, s.account, s.id = logOrNone(bucket), f[0], f[1], f[2]
	return r.s3Answer(f[3], f[4], rest, s)
}

// s3Answer reads what stands behind the key.
func (r *LogReader) s3Answer(operation, key, rest []byte, s *logSaid) error {
	var request []byte
	if bytes.HasPrefix(rest, []byte(`"`)) {
		// A quote in the address is not escaped. Behind the right one is a status.
		i := bytes.Index(rest, []byte(` HTTP/`))
		j := bytes.IndexByte(rest[max(i, 1):], '"')
		if j < 0 {
			return errCutShort
		}
		j += max(i, 1)
		request, rest = rest[1:j], bytes.TrimPrefix(rest[j+1:], []byte(" "))
	} else {
		var ok bool
		if request, rest, ok = bytes.Cut(rest, []byte(" ")); !ok {
			return errCutShort
		}
	}
	f := make([][]byte, 0, 6) // status, error, bytes, size, total and turn-around milliseconds
	for len(f) < cap(f) {
		field, more, ok := bytes.Cut(rest, []byte(" "))
		if !ok {
			return errCutShort
		}
		f, rest = append(f, field), more
	}
	s.status, s.bytes = f[0], f[2]
	s.fromZero = len(f[2]) > 0 && f[2][0] != '-' && bytes.Equal(f[2], f[3]) // all of the object was sent
	s.agent = s3Agent(rest)
	s.op, s.known = s3Op(operation)
	if !s.known {
		s.op, s.known = pkgmeter.Other, true
	}
	if s.op != pkgmeter.Get && s.op != pkgmeter.Head && string(s.status) == "-" {
		s.status = nil // of what the store does by itself
	}
	return r.s3Path(operation, key, request, s)
}

// s3Path takes the key for the path: it has no bucket in it, and no query. Most
// operations encode it once more than the request did.
func (r *LogReader) s3Path(operation, key, request []byte, s *logSaid) error {
	if len(logOrNone(key)) == 0 {
		if logRequest(request, s) != nil && len(logOrNone(request)) > 0 {
			return errNoRequest
		}
		s.target = []byte("/")
		return nil
	}
	if !bytes.HasPrefix(operation, []byte("S3.")) && !bytes.HasPrefix(operation, []byte("BATCH.")) {
		key = logPercent(key)
	}
	s.target = append(append(make([]byte, 0, len(key)+1), '/'), bytes.TrimLeft(bytes.ReplaceAll(key, []byte("?"), []byte("%3F")), "/")...)
	return nil
}

// s3Agent returns the second of two quoted fields. Quotes in them are not
// escaped, and none come later.
func s3Agent(rest []byte) []byte {
	last := bytes.LastIndexByte(rest, '"')
	i := bytes.Index(rest, []byte(`" "`))
	if i < 0 || i+3 > last {
		return nil
	}
	return rest[i+3 : last]
}

// s3Op returns what an operation does to a file: REST.GET.OBJECT fetches it,
// REST.GET.ACL and REST.GET.BUCKET do not.
func s3Op(operation []byte) (pkgmeter.Op, bool) {
	_, verb, _ := bytes.Cut(operation, []byte("."))
	switch string(verb) {
	case "GET.OBJECT":
		return pkgmeter.Get, true
	case "HEAD.OBJECT":
		return pkgmeter.Head, true
	case "PUT.OBJECT", "COPY.OBJECT", "POST.OBJECT", "POST.UPLOAD":
		return pkgmeter.Upload, true
	case "DELETE.OBJECT", "EXPIRE.OBJECT":
		return pkgmeter.Delete, true
	}
	return 0, false
}

func looksS3(line []byte) bool {
	var r LogReader
	var s logSaid
	return readS3(&r, line, &s) == nil
}

// wholeS3 takes a line for whole that goes on behind the agent.
func wholeS3(line []byte) bool {
	i := bytes.LastIndexByte(line, '"')
	return looksS3(line) && bytes.Count(line, []byte(`"`)) > 5 && len(line)-i > 2
}

// maskS3 hides address and requester.
func maskS3(line []byte) []byte {
	i := bytes.Index(line, []byte("] "))
	if i < 0 {
		return maskFields(line, ' ', 0, 2, 3, 4, 5)
	}
	return append(bytes.Clone(line[:i+2]), maskFields(line[i+2:], ' ', 0, 1)...)
}
