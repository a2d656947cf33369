package agent

import (
	"bytes"
	"cmp"
	"strings"
)

// readWords reads an agent word by word, the first included. Of two words of
// one kind the first holds.
func (c *Client) readWords(agent string, p product) {
	runtime := "" // the one whose version the next word may be
	for start := 0; start < len(agent); {
		end := start
		for end < len(agent) && !isSeparator(agent[end]) {
			end++
		}
		if end == start {
			start++
			continue
		}
		raw, rest := agent[start:end], agent[end:]
		if c.Runtime == "" && runtime != "" {
			c.Runtime = release(runtime, raw)
		}
		runtime = ""
		start = end
		switch {
		case strings.EqualFold(raw, "ci") && rest != "" && rest[0] == '/':
			list, _, _ := strings.Cut(rest[1:], " ")
			c.setCI(list)
			start += 1 + len(list)
		case raw == "CI" && p.name != browser && c.CI == "":
			c.CI = anyCI
		default:
			runtime = c.readWord(raw, rest)
		}
	}
}

// readWord reads one word, and returns the runtime that it names. A word as
// x86_64-pc-linux-gnu, freebsd13.2 or AdsBot-Google that no table has is read
// in pieces, unless it is a version.
func (c *Client) readWord(raw, rest string) string {
	var buf [longestWord]byte
	word := lower(buf[:0], raw)
	if m, ok := meanings[string(word)]; ok {
		c.setPlatform(m)
		c.setProgram(m.program, rest)
		return m.runtime
	}
	for start := 0; start < len(word) && !isDigit(word[0]); {
		end := start
		for end < len(word) && word[end] != '-' && word[end] != '.' && (word[end] != '_' || string(word[start:end]) == "x86") {
			end++
		}
		c.readPiece(word[start:end], rest)
		start = end + 1
	}
	return ""
}

// readPiece takes what a piece, or else a piece less the digits at its end,
// tells of the platform or of a robot.
func (c *Client) readPiece(piece []byte, rest string) {
	m, ok := meanings[string(piece)]
	if !ok {
		m = meanings[string(bytes.TrimRight(piece, "0123456789"))]
	}
	c.setPlatform(m)
	switch {
	case m.program.class == Bot:
		c.setProgram(m.program, rest)
	case isRobot(string(piece)):
		c.setProgram(products["bot"], "")
	}
}

// isRobot reports whether a word is the name of some robot. Cubot is a maker of
// telephones, which browsers name.
func isRobot(word string) bool {
	return strings.HasSuffix(word, "bot") && word != "cubot" || strings.HasSuffix(word, "spider") || strings.HasSuffix(word, "crawler")
}

// setPlatform takes what was not told before. An Android is also a Linux and
// says so first.
func (c *Client) setPlatform(m meaning) {
	if m.system != "" && (c.OS == "" || c.OS == "linux" && m.system == "android") {
		c.OS = m.system
	}
	if c.Arch == "" {
		c.Arch = m.arch
	}
}

// setProgram takes a mirror or a robot for the client even where its name
// stands behind another's, as in npm (verdaccio/5.3.2). The name of a mirror
// must have a version, since Nexus is a telephone too.
func (c *Client) setProgram(p product, rest string) {
	switch behind := strings.HasPrefix(rest, "/"); {
	case p.name == "" || c.Class == Mirror:
		return
	case p.class == Mirror && behind:
	case p.class == Bot && c.Class != Bot:
	case p.class == Human && c.Name == browser:
	default:
		return
	}
	c.Name, c.Class, c.Version = p.name, p.class, p.version(rest)
}

// setCI takes the first CI of a list that is known by name.
func (c *Client) setCI(list string) {
	if c.CI == "" {
		c.CI = anyCI
	}
	for name := range strings.SplitSeq(list, ",") {
		if c.CI == anyCI {
			c.CI = ciName(name)
		}
	}
}

// ciName is the name of a CI as it goes by here.
func ciName(name string) string {
	var buf [longestWord]byte
	return cmp.Or(ciNames[string(lower(buf[:0], name))], anyCI)
}

// release is a runtime with the version that s begins with: major and minor, of
// those that count in majors the major alone. It is "" without a version.
func release(runtime, s string) string {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "go"), "v")
	major, rest := number(s)
	minor, _ := number(strings.TrimPrefix(rest, "."))
	if runtime == "java" && major == "1" && minor != "" {
		major = minor // Java 8 calls itself 1.8
	}
	switch {
	case major == "":
		return ""
	case runtime == "java", runtime == "node", runtime == "erlang", minor == "":
		return runtime + " " + major
	}
	return runtime + " " + major + "." + minor
}

// number splits off up to three digits.
func number(s string) (digits, rest string) {
	end := 0
	for end < len(s) && end < 3 && isDigit(s[end]) {
		end++
	}
	return s[:end], s[end:]
}

// bracketedJava reads the second brackets of Gradle: (vendor;version;…).
func bracketedJava(rest string) string {
	_, rest, _ = strings.Cut(rest, "(")
	_, rest, _ = strings.Cut(rest, "(")
	_, rest, _ = strings.Cut(rest, ";")
	return release("java", rest)
}

// isSeparator reports whether c stands between words.
func isSeparator(c byte) bool {
	switch c {
	case '/', ';', ',', ':', '=', '(', ')', '[', ']', '{', '}', '<', '>', '"', '\'', '\\', '|', '+':
		return true
	}
	return c <= ' ' || c >= 0x7f
}

// meaningOf returns what a word tells.
func meaningOf(word string) meaning {
	var buf [longestWord]byte
	return meanings[string(lower(buf[:0], word))]
}
