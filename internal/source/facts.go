package source

import (
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// A field is something that a value can say about an event.
type field uint8

const (
	noField field = iota
	pathField
	nameField
	repositoryField
	wordField
	timeField
	sizeField
	agentField
	idField
	addressField
	accountField
	fields // how many there are
)

// A level is where in an item a value stands. Those above the top are objects
// directly below it, in the order in which they are searched.
type level uint8

const (
	top level = iota
	inEvent
	inData
	inFile
	inArtifact
	inRepository
	inPayload
	levels // how many there are
)

// A meaning is what a key stands for.
type meaning struct {
	field  field // what a plain value under it says
	rank   uint8 // among the keys of that field; the lowest wins
	level  level // where an object under it belongs; top: it is not searched
	listed bool  // whether an array under it holds the items
	chosen bool  // by an operator: it wins over every known key
}

// meanings are the known keys in canonical spelling. The schema of the CloudRepo
// webhook is published nowhere, so this is wide on purpose.
var meanings = map[string]meaning{
	"filepath":    {field: pathField, rank: 0},
	"path":        {field: pathField, rank: 1},
	"fullpath":    {field: pathField, rank: 2},
	"key":         {field: pathField, rank: 3},
	"objectkey":   {field: pathField, rank: 4},
	"url":         {field: pathField, rank: 5},
	"uri":         {field: pathField, rank: 6},
	"downloadurl": {field: pathField, rank: 7},

	"filename": {field: nameField, rank: 0},
	"file":     {field: nameField, rank: 1, level: inFile},
	"name":     {field: nameField, rank: 2},
	"artifact": {field: nameField, rank: 3, level: inArtifact},

	"repositoryid":   {field: repositoryField, rank: 0},
	"repository":     {field: repositoryField, rank: 1, level: inRepository},
	"repositoryname": {field: repositoryField, rank: 2},
	"repo":           {field: repositoryField, rank: 3},
	"reponame":       {field: repositoryField, rank: 4},
	"repokey":        {field: repositoryField, rank: 5},

	"eventtype": {field: wordField, rank: 0},
	"event":     {field: wordField, rank: 1, level: inEvent},
	"action":    {field: wordField, rank: 2},
	"type":      {field: wordField, rank: 3},
	"trigger":   {field: wordField, rank: 4},
	"operation": {field: wordField, rank: 5},

	"timestamp":  {field: timeField, rank: 0},
	"time":       {field: timeField, rank: 1},
	"eventtime":  {field: timeField, rank: 2},
	"occurredat": {field: timeField, rank: 3},
	"createdat":  {field: timeField, rank: 4},
	"date":       {field: timeField, rank: 5},

	"size":          {field: sizeField, rank: 0},
	"filesize":      {field: sizeField, rank: 1},
	"bytes":         {field: sizeField, rank: 2},
	"contentlength": {field: sizeField, rank: 3},
	"length":        {field: sizeField, rank: 4},

	"useragent": {field: agentField},

	"ip":         {field: addressField, rank: 0},
	"ipaddress":  {field: addressField, rank: 1},
	"remoteaddr": {field: addressField, rank: 2},
	"clientip":   {field: addressField, rank: 3},

	"userid":   {field: accountField, rank: 0},
	"user":     {field: accountField, rank: 1},
	"username": {field: accountField, rank: 2},
	"actor":    {field: accountField, rank: 3},
	"email":    {field: accountField, rank: 4},

	"eventid":    {field: idField, rank: 0},
	"deliveryid": {field: idField, rank: 1},
	"messageid":  {field: idField, rank: 2},
	"uuid":       {field: idField, rank: 3},
	"id":         {field: idField, rank: bareID},

	"data":    {level: inData, listed: true},
	"payload": {level: inPayload, listed: true},
	"events":  {listed: true},
	"records": {listed: true},
}

// bareID is the rank of the key "id", which says the event's id only where
// nothing but an event can be meant: data.id may be a file, file.id surely is.
const bareID = 4

// known returns what the name of node i means.
func (t *tree) known(i int) meaning {
	var buf [maxKey]byte
	key := canonical(&buf, t.key(i))
	if m, ok := t.custom[string(key)]; ok {
		return m
	}
	return meanings[string(key)]
}

// facts are what an item says about an event. Texts may be parts of the source.
type facts struct {
	path, name, repository, agent, id []byte
	address, account                  []byte // of who fetched the file

	op    pkgmeter.Op // Get if no word is known: the old program counted those
	time  time.Time   // zero if none can be read
	bytes int64

	weight [fields]uint16 // of what stands in each field; 0: nothing
	listed bool           // whether a key for lists holds an array
	held   bool           // whether a key that wraps holds an object
	packed int            // node of a text under "payload", 0 if none
}

// gather takes in the object at node i: its own members, then those one level
// down. For each field the key of the lowest rank wins, then the level, then
// the order in the document; what cannot be used does not take part.
func (f *facts) gather(t *tree, i int) { f.members(t, i, top) }

// members takes in the members of the object at node i. It calls itself for
// the objects below the top only, so no deeper than once.
func (f *facts) members(t *tree, i int, at level) {
	for c := i + 1; c < int(t.nodes[i].next); c = int(t.nodes[c].next) {
		m, k := t.known(c), t.nodes[c].kind
		if at == top {
			f.listed = f.listed || m.listed && k == array
			f.held = f.held || m.wraps() && k == object
			if m.level == inPayload && k == text && f.packed == 0 {
				f.packed = c
			}
			if m.level != top && k == object {
				f.members(t, c, m.level)
			}
		}
		// One number orders all candidates of a field; the first of equals stays.
		weight := 255 - uint16(m.rank)*uint16(levels) - uint16(at)
		switch {
		case m.chosen:
			weight += 256
		case at == inRepository && m.ofFile():
			m.field, weight = nameField, leastWeight
		case m.field == noField || !m.field.welcome(m.rank, at):
			continue
		}
		if weight > f.weight[m.field] && f.take(t, c, m.field) {
			f.weight[m.field] = weight
		}
	}
}

// wraps reports whether an object under the key is an item, as the lists are
// that may stand there. Where it is searched as a level it is a part of one.
func (m meaning) wraps() bool { return m.listed && m.level == top }

// ofFile reports whether a key speaks of a file wherever it stands. In a
// repository it counts where nothing else names a file: a name, key or URL there
// is the repository's own.
func (m meaning) ofFile() bool {
	const filePathRank, fileRank = 0, 1
	return m.field == pathField && m.rank == filePathRank || m.field == nameField && m.rank <= fileRank
}

// byRepository reports that nothing names a file but what is said of a repository.
func (f *facts) byRepository() bool {
	return f.weight[pathField] == 0 && f.weight[nameField] == leastWeight
}

// leastWeight is that of a file's name in a repository.
const leastWeight = 1

// welcome reports whether a key of this rank may speak for the field at that
// level. A repository says nothing about what happened to a file.
func (f field) welcome(rank uint8, at level) bool {
	if at == inRepository {
		return f == repositoryField
	}
	return f != idField || rank != bareID || at == top || at == inEvent
}

// take sets the field to what node i says, and reports whether it says anything.
func (f *facts) take(t *tree, i int, to field) (ok bool) {
	// It is the only field that an object can speak for by itself.
	if to == repositoryField && t.nodes[i].kind == object {
		return f.takeRepository(t, i)
	}
	s, ok := t.scalar(i)
	if !ok || blank(s) {
		return false
	}
	switch to {
	case pathField, nameField:
		if s = filePath(s); s == nil {
			return false
		}
		if to == pathField {
			f.path = s
		} else {
			f.name = s
		}
	case repositoryField:
		f.repository = s
	case wordField:
		var op pkgmeter.Op
		if op, ok = operation(s); ok {
			f.op = op
		}
	case timeField:
		var when time.Time
		if when, ok = parseTime(s); ok {
			f.time = when
		}
	case sizeField:
		var n int64
		if n, ok = size(s); ok {
			f.bytes = n
		}
	case agentField:
		f.agent = s
	case idField:
		f.id = s
	case addressField:
		f.address = s
	case accountField:
		f.account = s
	}
	return ok
}

// takeRepository reads an object that stands for a repository.
func (f *facts) takeRepository(t *tree, i int) bool {
	for _, want := range []string{"id", "name", "key"} {
		for c := range t.children(i) {
			var buf [maxKey]byte
			if string(canonical(&buf, t.key(c))) != want {
				continue
			}
			if s, ok := t.scalar(c); ok && !blank(s) {
				f.repository = s
				return true
			}
		}
	}
	return false
}

// inherit fills in from the object around the item what holds for all items in
// it. An id never does: it would make them all the same event.
func (f *facts) inherit(from *facts) {
	if f.weight[repositoryField] == 0 {
		f.repository = from.repository
	}
	if f.weight[wordField] == 0 {
		f.op = from.op
	}
	if f.weight[timeField] == 0 {
		f.time = from.time
	}
	if f.weight[addressField] == 0 {
		f.address = from.address
	}
	if f.weight[accountField] == 0 {
		f.account = from.account
	}
}

// namesFile reports whether the item says which file it is about.
func (f *facts) namesFile() bool { return f.path != nil || f.name != nil }

// file returns the path of the file: what was said as path, with the name after
// it where that is a folder, or else the name.
func (f *facts) file() string {
	switch {
	case f.path == nil:
		return string(f.name)
	case f.path[len(f.path)-1] == '/':
		name := f.name
		// Two slashes in a row would make another file of it.
		for len(name) > 0 && name[0] == '/' {
			name = name[1:]
		}
		return string(f.path) + string(name)
	}
	return string(f.path)
}

// event returns the event that the facts make. The texts in it are copies: a
// store may keep them for long, and must not keep a whole body with each.
func (f *facts) event() pkgmeter.Event {
	return pkgmeter.Event{
		ID:         fitID(string(f.id)),
		Op:         f.op,
		Repository: string(f.repository),
		Path:       f.file(),
		Agent:      string(f.agent),
		Time:       f.time,
		Status:     200,
		Bytes:      f.bytes,
	}
}
