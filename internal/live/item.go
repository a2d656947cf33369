package live

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// An Event is what a reader is shown of an event. Its strings come from
// outside: they are hostile text.
type Event struct {
	Time       time.Time `json:"time"`
	Repository string    `json:"repository"`
	Type       string    `json:"type"`
	Package    string    `json:"package"`
	Version    string    `json:"version,omitempty"`
	File       string    `json:"file"`
	Kind       string    `json:"kind"`
	Client     string    `json:"client"`
	Class      string    `json:"class"`
	Bytes      int64     `json:"bytes"`
	Op         string    `json:"op"`
	Status     int       `json:"status"`
	Counts     string    `json:"counts"` // download, hit, upload, or nothing: what the rules say

	// Only for who may see them.
	Country  string `json:"country,omitempty"`
	Source   string `json:"source,omitempty"`
	Consumer string `json:"consumer,omitempty"`
}

// What an event counts as.
const (
	CountsDownload = "download" // and as a hit
	CountsHit      = "hit"
	CountsUpload   = "upload" // is kept, and not counted
	CountsNothing  = "nothing"
)

// item is an event in the hub, with what was made of it.
type item struct {
	pkgmeter.Recorded
	client pkgmeter.Client
	counts string

	plain, full []byte // JSON, once it is needed
}

func (h *Hub) item(r pkgmeter.Recorded, client pkgmeter.Client) item {
	it := item{Recorded: r, client: client, counts: CountsNothing}
	m := h.rules.Measures(r.Event, r.File.Kind)
	switch {
	case m.Downloads > 0:
		it.counts = CountsDownload
	case m.Hits > 0:
		it.counts = CountsHit
	case r.Event.Op == pkgmeter.Upload && r.Event.Status >= 200 && r.Event.Status < 300:
		it.counts = CountsUpload
	}
	return it
}

func (it *item) shown(people bool) Event {
	e, f := &it.Event, it.File
	ev := Event{
		Time: e.Time, Repository: f.Repository, Type: f.Type, Package: f.Package, Version: f.Version, File: f.Name, Kind: f.Kind.String(),
		Client: it.client.Name, Class: it.client.Class.String(), Bytes: e.Bytes, Op: e.Op.String(), Status: e.Status, Counts: it.counts,
	}
	if ev.Status == 0 { // the sender did not say: it means success
		ev.Status = http.StatusOK
	}
	if people {
		ev.Country, ev.Source, ev.Consumer = e.Country, e.Source, e.Consumer
	}
	return ev
}

// json returns the event as readers get it. It is made once for all of them.
func (it *item) json(people bool) []byte {
	made := &it.plain
	if people {
		made = &it.full
	}
	if *made == nil {
		*made = encode(it.shown(people))
	}
	return *made
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode a live event: %v", err)) // strings and numbers
	}
	return b
}

func skippedMessage(number, n int64) message {
	return message{number: number, kind: kindSkipped, data: encode(struct {
		Events int64 `json:"events"`
	}{n})}
}

// passes reports whether a filter lets an event pass.
func passes(f *pkgmeter.Filter, it *item) bool {
	file, e, c := it.File, &it.Event, &it.client
	return among(f.Repositories, file.Repository) && among(f.Types, file.Type) && among(f.Packages, file.Package) &&
		among(f.Versions, file.Version) && among(f.Files, file.Name) && among(f.Kinds, file.Kind) && among(f.LegacyTypes, file.Legacy) &&
		among(f.Classes, c.Class) && among(f.Clients, c.Name) && among(f.Runtimes, c.Runtime) && among(f.Systems, c.OS) &&
		among(f.Countries, e.Country) && among(f.Sources, e.Source) && among(f.Consumers, e.Consumer)
}

func among[T comparable](all []T, v T) bool { return all == nil || slices.Contains(all, v) }

// clientCache remembers the clients of agents, of which there are few.
type clientCache struct{ known map[agentSaid]pkgmeter.Client }

type agentSaid struct {
	agent string
	flags pkgmeter.Flags
}

// maxClients is how many are remembered, of up to some 600 bytes each.
const maxClients = 4096

func (c *clientCache) of(rules pkgmeter.Rules, agent string, flags pkgmeter.Flags) pkgmeter.Client {
	k := agentSaid{agent, flags & pkgmeter.Robot}
	client, ok := c.known[k]
	if !ok {
		client = rules.Client(agent, flags)
		client.Name = cmp.Or(client.Name, pkgmeter.NoClient)
		if c.known == nil || len(c.known) == maxClients {
			c.known = map[agentSaid]pkgmeter.Client{}
		}
		c.known[k] = client
	}
	return client
}
