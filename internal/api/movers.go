package api

import (
	"context"

	"github.com/pkgmeter/pkgmeter"
)

// Movers is the body of /api/v1/movers: the packages whose use changes.
type Movers struct {
	Rising []Mover       `json:"rising"`
	New    []Mover       `json:"new"`
	Stale  []Mover       `json:"stale"`
	From   *pkgmeter.Day `json:"from"`
	To     *pkgmeter.Day `json:"to"`
}

// Mover is a package with its counts in the range and in the equal one before.
type Mover struct {
	Key string `json:"key"`
	pkgmeter.Measures
	Before pkgmeter.Measures `json:"before"`
}

// Uploads is the body of /api/v1/uploads: what came into being and what went, each
// in the order of days. Deletions are a list of their own: who reads items takes
// each for an upload.
type Uploads struct {
	Items     []DayFiles `json:"items"`
	Deletions []DayFiles `json:"deletions"`
}

// DayFiles is a day on which primary files of a version came into being, or went.
type DayFiles struct {
	Day     pkgmeter.Day `json:"day"`
	Package string       `json:"package"`
	Version string       `json:"version"`
	Files   int64        `json:"files"`
}

func (a *API) movers(ctx context.Context, p *question) (any, error) {
	q, limit := p.query(), p.limit()
	if err := p.done(); err != nil {
		return nil, err
	}
	m, err := a.Stats.Movers(ctx, q, limit)
	if err != nil {
		return nil, err
	}
	body := Movers{Rising: moversOf(m.Rising), New: moversOf(m.New), Stale: moversOf(m.Stale)}
	body.From, body.To = days(m.Span)
	return &body, nil
}

func moversOf(all []pkgmeter.Mover) []Mover {
	list := make([]Mover, len(all))
	for i, m := range all {
		list[i] = Mover{m.Key, m.Now, m.Before}
	}
	return list
}

// uploads answers for packages only: it takes no other filter.
func (a *API) uploads(ctx context.Context, p *question) (any, error) {
	q := pkgmeter.Query{Now: p.now, Filter: pkgmeter.Filter{Packages: p.packages()}}
	q.From, q.To = p.days()
	limit := p.limit()
	if err := p.done(); err != nil {
		return nil, err
	}
	all, err := a.Stats.Uploads(ctx, q, limit)
	if err != nil {
		return nil, err
	}
	return &Uploads{Items: dayFilesOf(all.Uploaded), Deletions: dayFilesOf(all.Deleted)}, nil
}

func dayFilesOf(all []pkgmeter.DayFiles) []DayFiles {
	list := make([]DayFiles, len(all))
	for i, f := range all {
		list[i] = DayFiles(f)
	}
	return list
}

func (m *Movers) table() (rows [][]string) {
	rows = append(rows, []string{"list", "key", "downloads", "hits", "bytes", "downloads_before", "hits_before", "bytes_before"})
	for _, l := range []struct {
		name string
		list []Mover
	}{{"rising", m.Rising}, {"new", m.New}, {"stale", m.Stale}} {
		for _, it := range l.list {
			rows = append(rows, append(append([]string{l.name, it.Key}, measureCells(it.Measures)...), measureCells(it.Before)...))
		}
	}
	return rows
}

func (u *Uploads) table() (rows [][]string) {
	rows = append(rows, []string{"day", "package", "version", "files", "op"})
	for _, l := range []struct {
		op   pkgmeter.Op
		list []DayFiles
	}{{pkgmeter.Upload, u.Items}, {pkgmeter.Delete, u.Deletions}} {
		for _, it := range l.list {
			rows = append(rows, []string{it.Day.String(), it.Package, it.Version, text(it.Files), l.op.String()})
		}
	}
	return rows
}
