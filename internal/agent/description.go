package agent

import "strings"

// readDescription reads the JSON object that pip, uv and Hatch send. It is not
// decoded: an agent that was cut at 512 bytes has but the beginning of one. A
// key is found by its quotes, which within a string would be escaped.
func (c *Client) readDescription(json string) {
	if member(json, `"ci"`) == "true" {
		c.CI = anyCI
	}
	c.Runtime = release("python", member(json, `"python"`))
	c.Arch = meaningOf(member(json, `"cpu"`)).arch
	if _, system, ok := strings.Cut(json, `"system":`); ok {
		c.OS = meaningOf(member(system, `"name"`)).system
	}
}

// member returns the value behind the first of a key, as written, but without
// quotes. One that the agent ends in may have been cut, and is "".
func member(json, key string) string {
	for {
		_, behind, ok := strings.Cut(json, key)
		if !ok {
			return ""
		}
		json = behind
		value, ok := strings.CutPrefix(strings.TrimLeft(behind, " "), ":")
		if !ok {
			continue // a text that is no key
		}
		ends := ",}] "
		if value = strings.TrimLeft(value, " "); strings.HasPrefix(value, `"`) {
			value, ends = value[1:], `"`
		}
		if end := strings.IndexAny(value, ends); end >= 0 {
			return value[:end]
		}
		return ""
	}
}
