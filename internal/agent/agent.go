package agent

import (
	"fmt"
	"net/url"
	"strings"
)

// Limits of what a Client says, and of what is read.
const (
	MaxAgent   = 512 // bytes of an agent that are looked at
	MaxVersion = 64  // bytes of a version
)

// The names of what the table does not list.
const (
	other   = "(other)" // an agent, but none of the table's
	none    = "(none)"  // no agent
	browser = "browser"
)

// anyCI is the name of a CI that does not say its own, or one that is unlisted.
const anyCI = "ci"

// A Class says what kind of client it is that fetches.
type Class uint8

// The classes, in the order in which the program numbers them.
const (
	Human   Class = iota // an installer, a browser or a tool, as people run them
	CI                   // one that says that it runs in a build
	Mirror               // a repository that fetches for others
	Bot                  // a crawler, a scanner, a monitor or an updater
	Unknown              // no agent, or one that is not listed
)

// classes are the names of the classes, each at its number.
var classes = [...]string{"human", "ci", "mirror", "bot", "unknown"}

// String returns the name of a class as it is shown and asked for.
func (c Class) String() string {
	if int(c) < len(classes) {
		return classes[c]
	}
	return fmt.Sprintf("Class(%d)", uint8(c))
}

// ParseClass is the inverse of [Class.String].
func ParseClass(name string) (Class, bool) {
	for i, n := range classes {
		if n == name {
			return Class(i), true
		}
	}
	return Unknown, false
}

// A Client is what an agent says.
type Client struct {
	Name    string // lower-case name of the program: pip, maven; also browser, (other), (none)
	Version string // "" if it says none; at most [MaxVersion] bytes of [0-9A-Za-z.+_~-]
	Class   Class
	Runtime string // what runs it, with major.minor, of Node and Java the major alone: python 3.12, node 20; else ""
	OS      string // linux, macos, windows …; "" unknown
	Arch    string // as Go spells it: amd64, arm64, 386 …; "" unknown
	CI      string // name of the CI, "ci" if it says only that it is one; else ""
}

// Parse says what an agent tells by the built-in table.
//
// The class is the first of these that applies: mirror, bot, ci for whatever
// says that it runs in one, human for the other programs of the table. HTTP
// libraries and agents that are not listed are unknown.
func Parse(agent string) Client { return parse(clean(agent)) }

// parse is Parse for an agent that is clean.
func parse(agent string) Client {
	if agent == "" || agent == "-" { // what logs write for none
		return Client{Name: none, Class: Unknown}
	}
	p, rest := identify(agent)
	c := Client{Name: p.name, Class: p.class}
	if p.name == other {
		c.Class = Unknown
	} else {
		c.Version = p.version(rest)
	}
	if at := strings.IndexByte(rest, '{'); at >= 0 && p.has(described) {
		c.readDescription(rest[at:])
	} else {
		c.readWords(agent, p)
	}
	if p.has(bracketedJVM) {
		c.Runtime = bracketedJava(rest)
	}
	if p.class == CI {
		c.CI = ciName(p.name)
	}
	if c.CI != "" && c.Class != Mirror && c.Class != Bot {
		c.Class = CI
	}
	return c
}

// clean cuts an agent to what is looked at, and resolves the escapes of a log
// of a CDN: there, an agent has no spaces.
func clean(agent string) string {
	agent = strings.TrimSpace(agent[:min(len(agent), MaxAgent)])
	if !strings.Contains(agent, "%20") || strings.IndexByte(agent, ' ') >= 0 {
		return agent
	}
	if i := strings.LastIndexByte(agent, '%'); i > len(agent)-3 {
		agent = agent[:i] // an escape that was cut in two
	}
	plain, err := url.PathUnescape(agent)
	if err != nil {
		return agent
	}
	return strings.TrimSpace(plain)
}

// identify finds the program that an agent begins with, and returns what
// stands behind its name. A leading word that is no program, as in Debian
// APT-HTTP, or one that another program stands upon, gives way to the next.
func identify(agent string) (product, string) {
	p, rest := lookUp(agent)
	if p.has(leading) {
		if _, next, ok := strings.Cut(rest, " "); ok {
			if q, behind := lookUp(next); q.name != other {
				return q, behind
			}
		}
	}
	return p, rest
}

// lookUp finds the program whose name s begins with.
func lookUp(s string) (product, string) {
	end := 0
	for end < len(s) && !isSeparator(s[end]) {
		end++
	}
	var buf [longestWord]byte
	if p, ok := products[string(lower(buf[:0], s[:end]))]; ok {
		return p, s[end:]
	}
	return product{name: other, class: Unknown}, s[end:]
}

// version reads the version behind the name of a program.
func (p product) version(rest string) string {
	switch {
	case p.has(unversioned):
		return ""
	case p.has(bracketedVersion):
		_, rest, _ = strings.Cut(rest, "(")
	case p.has(longName):
		_, rest, _ = strings.Cut(rest, "/")
	default:
		if rest != "" && (rest[0] == '/' || rest[0] == ' ') {
			rest = strings.TrimPrefix(rest[1:], "release ") // as Bazel says
		}
	}
	return version(rest)
}

// version returns the version that s begins with, without a leading v.
func version(s string) string {
	if s != "" && s[0]|0x20 == 'v' {
		s = s[1:]
	}
	if s == "" || !isDigit(s[0]) {
		return ""
	}
	end := 1
	for end < len(s) && end < MaxVersion && isVersionByte(s[end]) {
		end++
	}
	return s[:end]
}

func isVersionByte(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte(".+_~-", c) >= 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// lower appends s to buf in lower case, or nothing if s is longer than any word
// of the tables.
func lower(buf []byte, s string) []byte {
	if len(s) > longestWord {
		return buf
	}
	return appendLower(buf, s)
}

func appendLower(buf []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		buf = append(buf, c)
	}
	return buf
}
