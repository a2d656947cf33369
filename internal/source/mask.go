package source

import (
	"bytes"
	"net/netip"
)

const (
	masked = "***"

	// maxGrowth is how much longer a masked body may be. Only a body made of
	// next to nothing but very short values gets there; of that none is kept.
	maxGrowth = 1024
)

// private are the keys, in canonical spelling, whose values name a person, an
// address or a secret.
var private = map[string]bool{
	"userid": true, "user": true, "username": true, "actor": true, "login": true,
	"email": true, "mail": true, "useremail": true, "emailaddress": true,
	"operator": true, "consumer": true, "authid": true,
	"ip": true, "ipaddress": true, "addr": true, "remoteaddr": true, "remoteaddress": true, "remoteip": true,
	"clientip": true, "sourceip": true, "xforwardedfor": true, "xrealip": true,
	"password": true, "passwd": true, "token": true, "accesstoken": true, "secret": true,
	"authorization": true, "apikey": true, "xapikey": true,
	"remoteuser": true, "clientusername": true, "clienthost": true, "clientaddr": true, "cip": true, "csusername": true,
	"cookie": true, "setcookie": true, "httpcookie": true, "httpauthorization": true, "proxyauthorization": true,
}

// Mask returns a copy of body in which *** stands for what would identify a
// person or open a door: values under keys like user-id, ip and token, with all
// below them, and e-mail and IP addresses. In JSON those are masked that are a
// whole value or part of a text with spaces, and everything else stays byte for
// byte. Mask(Mask(b)) is Mask(b).
//
// It does not know names that stand elsewhere, such as in a file name.
func Mask(body []byte) []byte {
	if bytes.IndexByte(body, 0) >= 0 {
		// UTF-16, likely. What is ASCII in it must not hide behind its zeros.
		if text := bytes.ReplaceAll(body, []byte{0}, nil); len(text) > 0 {
			body = text
		}
	}
	out, ok := maskJSON(body)
	if !ok {
		out = maskText(body)
		if bytes.Equal(out, body) {
			return append([]byte{}, out...)
		}
		// What was wrong may have been masked away, and JSON hides more.
		if again, ok := maskJSON(out); ok {
			out = again
		}
	}
	if len(out) > len(body)+maxGrowth {
		return []byte(masked)
	}
	return out
}

// maskJSON masks a body that is one JSON value; ok is false for any other.
func maskJSON(body []byte) (out []byte, ok bool) {
	var t tree
	end, err := t.parse(body, skipSpace(body, skipMark(body)))
	if err != nil || skipSpace(body, end) < len(body) {
		return nil, false
	}
	out = make([]byte, 0, len(body)+len(masked))
	done := 0   // how much of body is in out
	hidden := 0 // the node at which the last private value ends
	write := func(from, to int32, value []byte) {
		out = append(append(out, body[done:from]...), value...)
		done = int(to)
	}
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.key.from > 0 {
			if key := t.key(i); isAddress(key) {
				write(n.key.from, n.key.to, []byte(masked))
			} else if isPrivate(key) {
				hidden = max(hidden, int(n.next))
			}
		}
		value, ok := t.scalar(i)
		if !ok {
			continue
		}
		from, to := n.val.from, n.val.to
		if n.kind == text {
			from, to = from-1, to+1
		}
		switch {
		case n.kind == number && i < hidden, n.kind == text && len(value) > 0 && (i < hidden || isAddress(value)):
			write(from, to, []byte(`"`+masked+`"`))
		case n.kind == text && isProse(value):
			if m := Mask(value); !bytes.Equal(m, value) {
				write(from, to, appendQuoted(nil, m))
			}
		}
	}
	return append(out, body[done:]...), true
}

func isPrivate(key []byte) bool {
	var buf [maxKey]byte
	return private[string(canonical(&buf, key))]
}

// isProse reports whether a text may hold addresses in its midst: sentences,
// JSON that was packed into a string, URLs with a user. Paths are not: masking
// them would hide what a person needs to see.
func isProse(s []byte) bool {
	if bytes.ContainsAny(s, " \t\n\r{") || bytes.HasPrefix(s, []byte("[")) {
		return true
	}
	return bytes.IndexByte(s, '@') >= 0 &&
		(bytes.IndexByte(s, '/') < 0 || bytes.Contains(s, []byte("://")))
}

// isAddress reports whether s as a whole is an e-mail address, or one or more
// IP addresses as a forwarded request lists them, with ports or without.
func isAddress(s []byte) bool {
	s = bytes.TrimSpace(s)
	if at := bytes.IndexByte(s, '@'); at >= 0 {
		from, to, ok := mailAround(s, 0, at)
		return ok && from == 0 && to == len(s)
	}
	for part := range bytes.SplitSeq(s, []byte(",")) {
		if !isIP(bytes.TrimSpace(part)) {
			return false
		}
	}
	return true
}

func isIP(s []byte) bool {
	const longest = 64 // with a zone and a port
	if len(s) > longest || bytes.Count(s, []byte(".")) != 3 && bytes.Count(s, []byte(":")) < 2 {
		return false // cheaper than the errors that follow
	}
	text := string(s)
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	if _, err := netip.ParseAddrPort(text); err == nil {
		return true
	}
	_, err := netip.ParsePrefix(text)
	return err == nil
}
