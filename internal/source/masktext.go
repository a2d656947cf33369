package source

import "bytes"

// maskText masks a body that is not JSON: a form, a broken or cut document,
// anything. It would rather hide too much than too little, but for words with
// digits and dots in file names, by which a person tells what came in. It
// returns body itself where it finds nothing.
func maskText(body []byte) []byte {
	// In this order: the user in a URL looks like part of an address, an address
	// ends where a key could begin, and a private value may be an IP address.
	return maskWords(maskPairs(maskMail(maskLogins(body))))
}

// rest completes out, which stands for the first done bytes of b. It is b
// itself where nothing was masked, as in most words and lines.
func rest(out, b []byte, done int) []byte {
	if done == 0 {
		return b
	}
	return append(out, b[done:]...)
}

// maskLogins masks the user and password in URLs.
func maskLogins(b []byte) []byte {
	var out []byte
	done := 0 // how much of b is in out
	for i := 0; i < len(b); {
		n := bytes.Index(b[i:], []byte("://"))
		if n < 0 {
			break
		}
		i += n + len("://")
		from, at := i, 0
		for i < len(b) && !endsWord(b[i]) && b[i] != '/' {
			if b[i] == '@' {
				at = i
			}
			i++
		}
		if at > from {
			out = append(append(out, b[done:from]...), masked...)
			done = at
		}
	}
	return rest(out, b, done)
}

// maskMail masks e-mail addresses.
func maskMail(b []byte) []byte {
	var out []byte
	done := 0 // how much of b is in out
	for i := 0; i < len(b); {
		n := bytes.IndexAny(b[i:], "@%")
		if n < 0 {
			break
		}
		i += n
		if from, to, ok := mailAround(b, done, i); ok {
			out = append(append(out, b[done:from]...), masked...)
			done = to
		}
		i = max(i+1, done)
	}
	return rest(out, b, done)
}

// mailAround returns where the e-mail address begins and ends whose @, which a
// form spells %40, is at b[at]. It does not begin before first.
func mailAround(b []byte, first, at int) (from, to int, ok bool) {
	from, to = at, at+1
	if b[at] == '%' {
		if to += len("40"); !bytes.HasPrefix(b[at:], []byte("%40")) {
			return 0, 0, false
		}
	}
	for from > first && isLocal(b[from-1]) {
		from--
	}
	domain := to
	for to < len(b) && isDomain(b[to]) {
		to++
	}
	for to > domain && (b[to-1] == '.' || b[to-1] == '-') {
		to-- // the end of a sentence
	}
	// A version after a package's name has digits where a domain has letters.
	dot := bytes.LastIndexByte(b[domain:to], '.')
	if from == at || dot < 1 || to-domain-dot-1 < 2 {
		return 0, 0, false
	}
	for _, c := range b[domain+dot+1 : to] {
		if isDigit(c) || c == '-' {
			return 0, 0, false
		}
	}
	return from, to, true
}

// isLocal reports whether c may stand before the @. Of what the standard allows
// = & % / and * are left out: they are around addresses more than in them.
func isLocal(c byte) bool {
	return isDomain(c) || bytes.IndexByte([]byte("_+!#$'^`{|}~?"), c) >= 0
}

// isDomain reports whether c may stand in a domain, in any alphabet.
func isDomain(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '.' || c == '-' || c >= 0x80
}

// maskPairs masks the values of private keys, in forms, in headers and in what
// is nearly JSON: user=x, "user": "x", user: {…}.
func maskPairs(b []byte) []byte {
	var out []byte
	done := 0 // how much of b is in out
	for i := 0; i < len(b); i++ {
		n := bytes.IndexAny(b[i:], "=:")
		if n < 0 {
			break
		}
		i += n
		if !isPrivate(keyBefore(b, i)) {
			continue
		}
		from, to := valueAfter(b, i)
		if from < to {
			out = append(append(out, b[done:from]...), masked...)
			done = to
		}
		i = max(i, done-1)
	}
	return rest(out, b, done)
}

// keyBefore returns the key that ends before b[i], without quotes.
func keyBefore(b []byte, i int) []byte {
	const longest = 2 * maxKey // not canonical yet
	for i > 0 && (b[i-1] == ' ' || b[i-1] == '\t') {
		i--
	}
	quoted := i > 0 && isQuote(b[i-1])
	if quoted {
		i--
		for i > 0 && b[i-1] == '\\' { // JSON in a JSON string
			i--
		}
	}
	from := i
	for from > 0 && i-from <= longest && (isKey(b[from-1]) || quoted && b[from-1] == ' ') {
		from--
	}
	return b[from:i]
}

// valueAfter returns where the value begins and ends that the = or : at b[i]
// gives to a key.
func valueAfter(b []byte, i int) (from, to int) {
	colon := b[i] == ':'
	for i++; i < len(b) && (b[i] == ' ' || b[i] == '\t'); {
		i++
	}
	quote := i
	for quote < len(b) && b[quote] == '\\' {
		quote++
	}
	if quote < len(b) && isQuote(b[quote]) {
		return quote + 1, closingQuote(b, quote, quote > i)
	}
	from = i
	if i < len(b) && (b[i] == '{' || b[i] == '[') {
		i = closingBracket(b, i)
	}
	for i < len(b) && !endsValue(b[i], colon) {
		i++
	}
	return from, i
}

// closingQuote returns where the string ends that b[i] opens. Where that quote
// is escaped the closing one is too, else one after a backslash does not close.
func closingQuote(b []byte, i int, escaped bool) int {
	quote := b[i]
	from := i + 1
	for i = from; i < len(b) && b[i] != quote; i++ {
		if b[i] == '\\' && !escaped {
			i++
		}
	}
	i = min(i, len(b))
	for escaped && i > from && b[i-1] == '\\' {
		i--
	}
	return i
}

// closingBracket returns the end of what the bracket at b[i] opens, or of b.
func closingBracket(b []byte, i int) int {
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth == 0 {
			return i + 1
		}
	}
	return i
}

// endsValue reports whether c ends a value without quotes. After a colon, as in
// headers, a value may have spaces.
func endsValue(c byte, colon bool) bool {
	switch c {
	case '&', ',', ';', '"', '\'', '\n', '\r', '}', ']':
		return true
	case ' ', '\t':
		return !colon
	}
	return false
}

func isQuote(c byte) bool { return c == '"' || c == '\'' }

func isKey(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '-' || c == '_' || c == '.'
}

// maskWords masks IP addresses that are whole words, so that the version in
// foo-1.2.3.4.jar stays.
func maskWords(b []byte) []byte {
	var out []byte
	done := 0 // how much of b is in out
	for i := 0; i < len(b); {
		from := i
		for i < len(b) && !endsWord(b[i]) {
			i++
		}
		if isIP(b[from:i]) {
			out = append(append(out, b[done:from]...), masked...)
			done = i
		}
		i++
	}
	return rest(out, b, done)
}

func endsWord(c byte) bool { return isSpace(c) || isQuote(c) || c == ',' || c == '=' || c == '&' }
