package agent

import (
	"fmt"
	"strings"
)

// Limits of a rule, in bytes. No agent is longer than the longest pattern.
const (
	maxPattern = MaxAgent
	maxName    = 64
)

// A Rule is an operator's own line of the table.
type Rule struct {
	Agent string // pattern of the whole agent, in any case; * stands for anything, nothing included
	Name  string // what to call the client: 1 to 64 bytes of [a-z0-9._+-]; "" as found
	Class string // name of a class; "" as found
}

// A Table is the built-in table below an operator's own rules. It does not
// change, and any number of goroutines may use it.
type Table struct{ rules []compiled }

// compiled is a rule ready for use.
type compiled struct {
	pieces   []string // of the pattern between its stars, in lower case
	name     string
	class    Class
	hasClass bool
}

// NewTable puts rules above the built-in table. The error is one sentence for
// the operator, and names the rule.
func NewTable(own []Rule) (*Table, error) {
	t := &Table{}
	for i, r := range own {
		c, err := r.compile()
		if err != nil {
			return nil, fmt.Errorf("rule %d for agents: %w", i+1, err)
		}
		t.rules = append(t.rules, c)
	}
	return t, nil
}

// Parse is [Parse] with the rules of the table: the first whose pattern an agent
// has gives name and class.
func (t *Table) Parse(agent string) Client {
	agent = clean(agent)
	c := parse(agent)
	if len(t.rules) == 0 {
		return c
	}
	text := lowerText(agent)
	for i := range t.rules {
		if t.rules[i].matches(text) {
			t.rules[i].apply(&c, agent)
			break
		}
	}
	return c
}

func (r Rule) compile() (compiled, error) {
	c := compiled{name: r.Name, hasClass: r.Class != ""}
	if pattern := strings.TrimSpace(r.Agent); pattern == "" || len(pattern) > maxPattern {
		return c, fmt.Errorf("pattern %.40q: want 1 to %d bytes", r.Agent, maxPattern)
	}
	c.pieces = strings.Split(lowerText(strings.TrimSpace(r.Agent)), "*")
	if r.Name != "" && !isName(r.Name) {
		return c, fmt.Errorf("pattern %.40q: name %.80q: want 1 to %d of a-z, 0-9, and . _ + -", r.Agent, r.Name, maxName)
	}
	if c.hasClass {
		class, ok := ParseClass(r.Class)
		if !ok {
			return c, fmt.Errorf("pattern %.40q: class %.40q: want one of %s", r.Agent, r.Class, strings.Join(classes[:], ", "))
		}
		c.class = class
	}
	return c, nil
}

// matches reports whether the pattern is all of text. Each piece is taken where
// it occurs first, which leaves the most to those behind it.
func (c *compiled) matches(text string) bool {
	first, last := c.pieces[0], c.pieces[len(c.pieces)-1]
	if len(c.pieces) == 1 {
		return text == first
	}
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, piece := range c.pieces[1 : len(c.pieces)-1] {
		_, behind, ok := strings.Cut(text, piece)
		if !ok {
			return false
		}
		text = behind
	}
	return true
}

// apply gives a client what the rule says. One that the operator names has the
// version that follows its first word, which says nothing of unlisted ones.
func (c *compiled) apply(client *Client, agent string) {
	if c.name != "" {
		if client.Name == other {
			_, rest := lookUp(agent)
			client.Version = product{}.version(rest)
		}
		client.Name = c.name
	}
	if c.hasClass {
		client.Class = c.class
	}
}

func isName(s string) bool {
	return s != "" && len(s) <= maxName && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789._+-") == ""
}

// lowerText puts the letters of ASCII into lower case: others change their
// length.
func lowerText(s string) string {
	return string(appendLower(make([]byte, 0, len(s)), s))
}
