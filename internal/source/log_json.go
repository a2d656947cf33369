package source

import "bytes"

// A logField is what a member of an object on a line is about. Those of a
// CloudFront log are its columns.
type logField uint8

const (
	ofNothing logField = iota
	ofTime
	ofWeakTime // looked at where the other cannot be read
	ofRequest  // the first line of a request, or an object about it
	ofMethod
	ofTarget
	ofWeakTarget // a path that the server may have rewritten
	ofStatus
	ofBytes
	ofWeakBytes // with headers
	ofAgent
	ofID
	ofRange
	ofAnswerRange
	ofHeaders // an object
	ofAnswer  // an object
	ofAddress
	ofWeakAddress // which may be a proxy's
	ofAccount
	ofCount
)

// logNames says what a member is about, by its name and the object it is in.
type logNames func(in logField, key []byte) logField

// A logJSON reads the members of an object that mean something, in objects that
// do.
type logJSON struct {
	scanner
	said [ofCount]said
}

// read notes the members. Of those about the same, the last one counts.
func (j *logJSON) read(line []byte, names logNames) error {
	clear(j.said[:])
	j.src, j.pos = line, skipSpace(line, 0)
	if !j.accept('{') {
		return errNotThis
	}
	if err := j.members(ofNothing, 1, names); err != nil {
		return err
	}
	if j.space(); j.pos < len(line) {
		return j.unexpected("after the value")
	}
	return nil
}

func (j *logJSON) members(in logField, depth int, names logNames) error {
	for first := true; ; first = false {
		key, escaped, more, err := j.member('}', first)
		if err != nil || !more {
			return err
		}
		if err := j.value(names(in, unescape(j.src[key.from:key.to], escaped)), depth, names); err != nil {
			return err
		}
	}
}

// value reads the value at pos; of an array the first one counts.
func (j *logJSON) value(f logField, depth int, names logNames) (err error) {
	if f == ofNothing || j.pos == len(j.src) || depth == maxDepth {
		_, err = j.skip(depth)
		return err
	}
	v := said{}
	switch j.src[j.pos] {
	case '{':
		if f == ofRequest || f == ofHeaders || f == ofAnswer {
			j.pos++
			return j.members(f, depth+1, names)
		}
		_, err = j.skip(depth)
		return err
	case '[':
		j.pos++
		for first := true; ; first = false {
			_, _, more, err := j.member(']', first)
			if err != nil || !more {
				return err
			}
			if err := j.value(f, depth+1, names); err != nil {
				return err
			}
			f = ofNothing
		}
	case '"':
		v.kind = text
		v.span, v.escaped, err = j.scanner.text()
	default:
		v.from = int32(j.pos)
		v.kind, err = j.skip(depth)
		v.to = int32(j.pos)
	}
	j.said[f] = v
	return err
}

// text returns what a member says, of a number its digits, nil if nothing. It
// may be part of the line.
func (j *logJSON) text(f logField) []byte {
	v := &j.said[f]
	if v.kind != text && v.kind != number {
		return nil
	}
	return unescape(j.src[v.from:v.to], v.escaped)
}

// first returns what the first of the members says that says something.
func (j *logJSON) first(fields ...logField) []byte {
	for _, f := range fields {
		if b := j.text(f); len(b) > 0 {
			return b
		}
	}
	return nil
}

// jsonSaid makes s what the members say.
func (r *LogReader) jsonSaid(s *logSaid) error {
	j := &r.json
	var ok bool
	for _, f := range []logField{ofTime, ofWeakTime} {
		if s.time, ok = r.clock.any(j.text(f)); ok {
			break
		}
	}
	if !ok {
		return errNoTime
	}
	s.method, s.target = j.text(ofMethod), j.text(ofTarget)
	if len(s.target) == 0 {
		request := logSaid{}
		switch err := logRequest(j.text(ofRequest), &request); {
		case err == nil:
			s.method, s.target = request.method, request.target
		case len(j.text(ofWeakTarget)) > 0:
			s.target = j.text(ofWeakTarget)
		default:
			return err
		}
	}
	if len(s.method) > 0 && !isMethod(s.method) {
		return errNoRequest
	}
	if string(s.method) == "CONNECT" {
		s.target = []byte("/")
	}
	s.status = j.text(ofStatus)
	s.bytes = j.first(ofBytes, ofWeakBytes)
	s.agent = j.text(ofAgent)
	s.id = j.text(ofID)
	s.address, s.account = j.first(ofAddress, ofWeakAddress), j.text(ofAccount)
	s.fromZero = logFromZero(j.text(ofAnswerRange)) || logFromZero(j.text(ofRange))
	return nil
}

// plainNames are the names that operators give in formats of their own: those of
// nginx' variables, and what is usual elsewhere.
func plainNames(_ logField, key []byte) logField {
	var buf [maxKey]byte
	switch string(canonical(&buf, key)) {
	case "time", "timeiso8601", "timestamp", "datetime", "ts", "timelocal":
		return ofTime
	case "@timestamp", "msec", "date", "timestart", "starttime":
		return ofWeakTime
	case "request", "http", "httprequest":
		return ofRequest
	case "headers", "requestheaders":
		return ofHeaders
	case "response", "responseheaders":
		return ofAnswer
	case "method", "requestmethod", "httpmethod", "verb":
		return ofMethod
	case "requesturi", "requesturl", "url", "requestpath":
		return ofTarget
	case "uri", "path", "documenturi":
		return ofWeakTarget
	case "status", "statuscode", "responsestatus", "responsecode":
		return ofStatus
	case "bodybytessent", "bytes", "responsebodysize", "responsesize", "size":
		return ofBytes
	case "bytessent", "bytesout":
		return ofWeakBytes
	case "httpuseragent", "useragent", "requestuseragent", "agent":
		return ofAgent
	case "requestid", "reqid":
		return ofID
	case "clientip", "ip", "clientaddr", "clientaddress":
		return ofAddress
	case "remoteaddr", "remoteip", "remoteaddress", "remotehost":
		return ofWeakAddress
	case "remoteuser", "user", "username", "userid":
		return ofAccount
	case "httprange", "range", "requestrange":
		return ofRange
	case "senthttpcontentrange", "contentrange":
		return ofAnswerRange
	}
	return ofNothing
}

// readPlainJSON reads an object with such names.
func readPlainJSON(r *LogReader, line []byte, s *logSaid) error {
	err := r.json.read(line, plainNames)
	if err != nil && bytes.Contains(line, []byte(`\x`)) {
		// Without escape=json nginx writes what is no JSON.
		err = r.json.read(respellHex(line), plainNames)
	}
	if err != nil {
		return err
	}
	return r.jsonSaid(s)
}

// respellHex makes of \x22 what JSON writes for it.
func respellHex(line []byte) []byte {
	const digits = "0123456789abcdef"
	out := make([]byte, 0, 2*len(line))
	for i := 0; i < len(line); i++ {
		if line[i] != '\\' || i+1 == len(line) {
			out = append(out, line[i])
			continue
		}
		if c, n := logEscape(line[i:]); n == 4 && c < 0x80 {
			out = append(out, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			i += 3
		} else if n == 4 {
			out = append(out, c)
			i += 3
		} else {
			out = append(out, line[i], line[i+1])
			i++
		}
	}
	return logText(out)
}

// looksPlainJSON wants a time, a status and a request.
func looksPlainJSON(line []byte) bool {
	var r LogReader
	var s logSaid
	return readPlainJSON(&r, line, &s) == nil && len(s.status) > 0
}

// readFastly reads such an object, behind what syslog puts before it or not.
func readFastly(r *LogReader, line []byte, s *logSaid) error {
	return readPlainJSON(r, fastlyObject(line), s)
}

func fastlyObject(line []byte) []byte {
	if i := bytes.IndexByte(line, '{'); i > 0 && line[0] == '<' {
		return line[i:]
	}
	return line
}

// looksFastly looks for syslog's priority, or for names that only Fastly's own
// template and that of crates.io have.
func looksFastly(line []byte) bool {
	return looksPlainJSON(fastlyObject(line)) && (line[0] == '<' || bytes.Contains(line, []byte(`"fastly_`)) || bytes.Contains(line, []byte(`"date_time"`)))
}

// caddyNames are those of Caddy's access log.
func caddyNames(in logField, key []byte) logField {
	switch in {
	case ofNothing:
		switch string(key) {
		case "ts":
			return ofTime
		case "request":
			return ofRequest
		case "status":
			return ofStatus
		case "size":
			return ofBytes
		case "resp_headers":
			return ofAnswer
		case "user_id":
			return ofAccount
		}
	case ofRequest:
		switch string(key) {
		case "method":
			return ofMethod
		case "uri":
			return ofTarget
		case "headers":
			return ofHeaders
		case "client_ip":
			return ofAddress
		case "remote_ip":
			return ofWeakAddress
		}
	case ofHeaders, ofAnswer:
		return headerNames(in, key)
	}
	return ofNothing
}

func headerNames(in logField, key []byte) logField {
	switch {
	case in == ofHeaders && bytes.EqualFold(key, []byte("User-Agent")):
		return ofAgent
	case in == ofHeaders && bytes.EqualFold(key, []byte("Range")):
		return ofRange
	case in == ofAnswer && bytes.EqualFold(key, []byte("Content-Range")):
		return ofAnswerRange
	}
	return ofNothing
}

// readCaddy reads Caddy's access log.
func readCaddy(r *LogReader, line []byte, s *logSaid) error {
	if err := r.json.read(line, caddyNames); err != nil {
		return err
	}
	return r.jsonSaid(s)
}

func looksCaddy(line []byte) bool {
	var r LogReader
	var s logSaid
	return readCaddy(&r, line, &s) == nil && len(s.status) > 0
}

// traefikNames are those of Traefik's access log.
func traefikNames(in logField, key []byte) logField {
	if in != ofNothing {
		return ofNothing
	}
	switch string(key) {
	case "time":
		return ofTime
	case "StartUTC":
		return ofWeakTime
	case "RequestMethod":
		return ofMethod
	case "RequestPath":
		return ofTarget
	case "DownstreamStatus":
		return ofStatus
	case "DownstreamContentSize":
		return ofBytes
	case "request_User-Agent":
		return ofAgent
	case "request_Range":
		return ofRange
	case "downstream_Content-Range":
		return ofAnswerRange
	case "ClientHost":
		return ofAddress
	case "ClientUsername":
		return ofAccount
	}
	return ofNothing
}

// readTraefik reads Traefik's access log, of JSON or of text.
func readTraefik(r *LogReader, line []byte, s *logSaid) error {
	if len(line) == 0 || line[0] != '{' {
		return readCombined(r, line, s)
	}
	if err := r.json.read(line, traefikNames); err != nil {
		return err
	}
	return r.jsonSaid(s)
}

func looksTraefik(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("{")) {
		return looksTraefikText(line)
	}
	var r LogReader
	var s logSaid
	return readTraefik(&r, line, &s) == nil && len(s.status) > 0
}

// wholeJSON reports whether a line is an object to its end.
func wholeJSON(line []byte) bool {
	var j logJSON
	none := func(logField, []byte) logField { return ofNothing }
	return j.read(line, none) == nil
}

func wholeTraefik(line []byte) bool { return wholeJSON(line) || wholeCombined(line) }

func wholeFastly(line []byte) bool { return wholeJSON(fastlyObject(line)) }

// maskJSONLine masks an object behind what syslog puts before it. [Mask] knows
// the names of its members.
func maskJSONLine(line []byte) []byte {
	object := fastlyObject(line)
	before := line[:len(line)-len(object)]
	return append(bytes.Clone(before), Mask(object)...)
}

// maskTraefik masks either of its spellings.
func maskTraefik(line []byte) []byte {
	if bytes.HasPrefix(line, []byte("{")) {
		return Mask(line)
	}
	return maskNCSA(line)
}
