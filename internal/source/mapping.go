package source

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// A Mapping says which keys of a sender's payload mean what, where an operator
// found that they differ from what the package knows. The zero Mapping adds
// nothing.
type Mapping struct {
	custom map[string]meaning
	people People
}

// Of returns m with what is to be kept of who fetched files.
func (m Mapping) Of(people People) Mapping {
	m.people = people
	return m
}

// mappable are the fields that an operator may name a key for.
var mappable = map[string]field{
	"file": pathField, "repository": repositoryField, "event": wordField, "time": timeField,
	"size": sizeField, "agent": agentField, "id": idField,
}

// MappingFields lists the names of the fields that a Mapping may set, the ones
// first that matter most.
func MappingFields() []string {
	return []string{"file", "repository", "event", "time", "size", "agent", "id"}
}

// NewMapping reads a mapping of fields to keys. Keys match in any spelling, at
// the top of an item and one level down, and win over the known ones. Empty
// keys are left out.
func NewMapping(keys map[string]string) (Mapping, error) {
	m := Mapping{custom: map[string]meaning{}}
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		to, ok := mappable[name]
		if !ok {
			return Mapping{}, pkgmeter.Errorf(pkgmeter.Invalid, "there is no field %q: want one of %s", name, strings.Join(MappingFields(), ", "))
		}
		key := keys[name]
		if strings.TrimSpace(key) == "" {
			continue
		}
		var buf [maxKey]byte
		spelled := string(canonical(&buf, []byte(key)))
		if spelled == "" || len(key) > maxKey {
			return Mapping{}, pkgmeter.Errorf(pkgmeter.Invalid, "the key for %s has to have 1 to %d letters or digits", name, maxKey)
		}
		if other, taken := m.custom[spelled]; taken && other.field != to {
			return Mapping{}, pkgmeter.Errorf(pkgmeter.Invalid, "the key %q is given for two fields", key)
		}
		have := meanings[spelled] // an object or a list under that key stays one
		m.custom[spelled] = meaning{field: to, level: have.level, listed: have.listed, chosen: true}
	}
	return m, nil
}

// String lists the mapping for people.
func (m Mapping) String() string {
	var parts []string
	for key, to := range m.custom {
		for name, f := range mappable {
			if f == to.field {
				parts = append(parts, fmt.Sprintf("%s=%s", name, key))
			}
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}
