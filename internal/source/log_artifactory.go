package source

import "bytes"

// readArtifactory reads Artifactory's request log, that of version 7 or older:
//
//	time|trace|ip|user|method|url|status|bytes in|bytes out|ms|agent
//	yyyyMMddHHmmss|ms|REQUEST|ip|user|method|path|HTTP/1.1|status|bytes
//
// Its paths lack the first segment that clients send; the older log tells no
// zone and is read as UTC.
func readArtifactory(r *LogReader, line []byte, s *logSaid) error {
	f := r.pipes(line)
	if len(f) < 10 {
		return errNotThis
	}
	var ok bool
	var path []byte
	if s.time, ok = r.clock.compact(f[0]); ok {
		s.address, s.account = f[3], f[4]
		s.method, path, s.status, s.bytes = f[5], f[6], f[8], f[9]
	} else if s.time, ok = r.clock.iso(f[0]); ok {
		at := pipedStatus(f)
		if at == 0 {
			return errNotThis
		}
		s.address, s.account = f[2], f[3]
		s.id, s.method, path = f[1], f[4], joined(f[5:at])
		s.status, s.bytes = f[at], f[at+2]
		if at+4 < len(f) {
			s.agent = joined(f[at+4:])
		}
	} else {
		return errNoTime
	}
	if !isMethod(s.method) {
		return errNoRequest
	}
	if _, outbound := afterScheme(path); outbound {
		return reason("the line is about a request of Artifactory's own to another server")
	}
	s.target = artifactoryPath(path)
	return nil
}

// pipes splits a line, into fields that are the reader's until the next one.
func (r *LogReader) pipes(line []byte) [][]byte {
	f := r.fields[:0]
	for more := true; more; {
		var field []byte
		if field, line, more = bytes.Cut(line, []byte("|")); len(f) == maxPipes-1 && more {
			field, more = append(append(bytes.Clone(field), '|'), line...), false
		}
		f = append(f, field)
	}
	r.fields = f
	return f
}

// maxPipes is how many fields are told apart: those that there are, and some for
// addresses and agents with the separator in them.
const maxPipes = 40

// joined puts fields together again.
func joined(f [][]byte) []byte {
	if len(f) == 1 {
		return f[0]
	}
	return bytes.Join(f, []byte("|"))
}

// pipedStatus finds the status, 0 if it is not there: an address may have the
// separator in it. Numbers follow, for which a length that is not known is empty.
func pipedStatus(f [][]byte) int {
	for i := 6; i+3 < len(f); i++ {
		if n, err := logStatus(f[i]); err != nil || n == 0 {
			continue
		}
		if isLength(f[i+1]) && isLength(f[i+2]) && isLength(f[i+3]) {
			return i
		}
	}
	return 0
}

func isLength(b []byte) bool {
	_, err := logBytes(b)
	return err == nil
}

// artifactoryPath puts before a path what the log leaves out.
func artifactoryPath(path []byte) []byte {
	const context = "/artifactory"
	if bytes.HasPrefix(path, []byte(context+"/")) || len(path) == 0 {
		return path
	}
	if path[0] != '/' {
		path = append([]byte("/"), path...)
	}
	return append([]byte(context), path...)
}

func looksArtifactory(line []byte) bool {
	var r LogReader
	var s logSaid
	return readArtifactory(&r, line, &s) == nil
}

// maskArtifactory hides addresses and users of both versions.
func maskArtifactory(line []byte) []byte {
	f := bytes.SplitN(line, []byte("|"), 4)
	if len(f) > 2 && len(f[0]) == len("yyyyMMddHHmmss") {
		return maskFields(line, '|', 3, 4)
	}
	return maskFields(line, '|', 2, 3)
}
