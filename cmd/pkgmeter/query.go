package main

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
)

// filters are the flags that every question has.
type filters struct {
	From       string   `placeholder:"DAY" help:"First day, YYYY-MM-DD in UTC (default: the first one with data)."`
	To         string   `placeholder:"DAY" help:"Last day (default: today)."`
	Repository []string `sep:"none" placeholder:"NAME" help:"Only this repository; may be given several times, as may the rest."`
	Type       []string `sep:"none" placeholder:"TYPE" help:"Only this package type, e.g. maven."`
	Version    []string `sep:"none" placeholder:"VERSION" help:"Only this version."`
	File       []string `sep:"none" placeholder:"PATH" help:"Only this file."`
	Kind       []string `sep:"none" placeholder:"KIND" help:"Only this kind, e.g. primary or checksum."`
	Class      []string `sep:"none" placeholder:"CLASS" help:"Only human, ci, mirror, bot or unknown clients."`
	Client     []string `sep:"none" placeholder:"NAME" help:"Only this client, e.g. pip."`
	Runtime    []string `sep:"none" placeholder:"NAME" help:"Only clients on this, e.g. 'python 3.12'."`
	OS         []string `name:"os" sep:"none" placeholder:"NAME" help:"Only clients on this system, e.g. linux."`
	Country    []string `sep:"none" placeholder:"CODE" help:"Only this country, e.g. DE (with package, type, repository and class)."`
	Source     []string `sep:"none" placeholder:"NAME" help:"Only events that came by this source (not with client, runtime, os, country or consumer)."`
	Consumer   []string `sep:"none" placeholder:"NAME" help:"Only this consumer (with package, version, type, repository and class)."`
	LegacyType []string `sep:"none" placeholder:"TYPE" help:"Only jar, pom, crypto or other."`
	Measure    string   `placeholder:"NAME" help:"Order by downloads, hits or bytes (default downloads), or adds: first times that an app has a Meteor package."`
	JSON       bool     `name:"json" xor:"shown" help:"Print the body that the HTTP interface answers."`
	shown
}

func (f *filters) params() url.Values {
	p := url.Values{}
	for name, v := range map[string]string{"from": f.From, "to": f.To, "measure": f.Measure} {
		if v != "" {
			p.Set(name, v)
		}
	}
	for name, v := range map[string][]string{
		"repository": f.Repository, "type": f.Type, "version": f.Version,
		"file": f.File, "kind": f.Kind, "legacy_type": f.LegacyType,
		"class": f.Class, "client": f.Client, "runtime": f.Runtime, "os": f.OS,
		"country": f.Country, "source": f.Source, "consumer": f.Consumer,
	} {
		if len(v) > 0 {
			p[name] = v
		}
	}
	return p
}

// adds reports whether the question is about adds, which have answers of their
// own.
func (f *filters) adds() bool { return f.Measure == "adds" }

type topCmd struct {
	By      string   `required:"" placeholder:"KEY" help:"Group by file, repository, type, package, version, kind, class, client, runtime, os, country, source, consumer or legacy_type."`
	Limit   *int     `placeholder:"N" help:"How many, 1 to 1000 (default 20; with --csv all, up to 100000)."`
	Package []string `sep:"none" placeholder:"PURL" help:"Only this package, e.g. pkg:pypi/requests."`
	filters
}

// Run prints the list.
func (c *topCmd) Run(a *app) error { return a.holding(func() (printing, error) { return c.run(a) }) }

func (c *topCmd) run(a *app) (printing, error) {
	p := c.params()
	p.Set("by", c.By)
	if len(c.Package) > 0 {
		p["package"] = c.Package
	}
	if c.Limit != nil {
		p.Set("limit", strconv.Itoa(*c.Limit))
	}
	if c.CSV {
		p.Set("format", "csv")
	}
	raw, body, err := c.ask(a, "top", p)
	if show := c.verbatim(a, raw, body); err != nil || show != nil {
		return show, err
	}
	list := listOf(body)
	list.By, list.Chosen = c.By, c.chosen()
	if c.drawn(a) {
		err = c.recent(a, list, p)
	}
	return c.printing(a, list), err
}

// Of a list's items, the first get sparklines: a question has ten of them.
const (
	recentDays = 30
	mostRecent = 100
)

// recent adds how the items of a list did in the days asked for, or else the last
// ones.
func (c *topCmd) recent(a *app, l *terminal.List, asked url.Values) error {
	span := l.Span
	if c.From == "" {
		span.From = max(span.From, span.To-recentDays+1)
	}
	if len(l.Items) == 0 || span.Empty() {
		return nil
	}
	p := maps.Clone(asked)
	for _, name := range []string{"by", "limit"} {
		p.Del(name)
	}
	p.Set("from", span.From.String())
	p.Set("to", span.To.String())
	_, body, err := c.ask(a, "series", p)
	if err != nil {
		return err
	}
	l.Recent = span
	all := historyOf(body).Points
	for some := range slices.Chunk(l.Items[:min(len(l.Items), mostRecent)], pkgmeter.SplitLines) {
		if err := c.recentOf(a, some, all, p); err != nil {
			return err
		}
	}
	return nil
}

// recentOf is recent for as many items as a question has lines.
func (c *topCmd) recentOf(a *app, items []terminal.Item, all []terminal.Point, p url.Values) error {
	var keys []string
	for _, it := range items {
		if !c.rest(it.Name) {
			keys = append(keys, it.Name)
		}
	}
	if keys == nil {
		return nil
	}
	q := maps.Clone(p)
	q[c.By] = keys
	q.Set("split", c.By)
	_, body, err := c.ask(a, "series", q)
	if err != nil {
		return err
	}
	of := linesOf(body)
	for i, it := range items {
		if !c.rest(it.Name) {
			items[i].Recent = of.values(it.Name, all, c.chosen())
		}
	}
	return nil
}

// rest reports whether a key is of what is left of all others. No filter asks
// for that, and so it has no sparkline.
func (c *topCmd) rest(key string) bool {
	return c.By == "country" && key == pkgmeter.UnknownCountry || c.By == "consumer" && key == ""
}

type seriesCmd struct {
	Package string `arg:"" name:"package" help:"A purl such as pkg:maven/com.acme/app, or a name that is that of one package only."`
	Grain   string `placeholder:"GRAIN" help:"day, week or month (default day)."`
	Limit   int    `placeholder:"N" help:"Only the last N days, weeks or months."`
	filters
}

// Run prints the series.
func (c *seriesCmd) Run(a *app) error {
	if c.Limit < 0 {
		return usage("--limit %d: want 1 or more", c.Limit)
	}
	return a.holding(func() (printing, error) { return c.run(a) })
}

func (c *seriesCmd) run(a *app) (printing, error) {
	purl, err := c.named(a, c.Package)
	if err != nil {
		return nil, err
	}
	p := c.params()
	p.Set("package", purl)
	if c.Grain != "" {
		p.Set("grain", c.Grain)
	}
	raw, body, err := c.ask(a, "series", p)
	if err == nil && c.Limit > 0 && c.cut(body) {
		raw, err = json.Marshal(body)
	}
	if show := c.verbatim(a, raw, body); err != nil || show != nil {
		return show, err
	}
	h := historyOf(body)
	h.Name, h.Chosen, h.Grain = purl, c.chosen(), grainOf(c.Grain)
	if n := len(h.Points); n > 0 {
		h.Span.From = max(h.Span.From, h.Points[0].Day)
	}
	if c.drawn(a) {
		var before map[string]*int64
		before, err = c.before(a, p, h.Span)
		h.Before = before[purl]
	}
	return c.printing(a, h), err
}

// cut leaves the last points of a series, and reports whether there were more.
func (c *seriesCmd) cut(body any) bool {
	switch s := body.(type) {
	case *api.Series:
		if n := len(s.Points); n > c.Limit {
			s.Points = s.Points[n-c.Limit:]
			s.Markers = slices.DeleteFunc(s.Markers, func(m api.Marker) bool { return m.Day < s.Points[0].Day })
			return true
		}
	case *api.AddsSeries:
		if n := len(s.Points); n > c.Limit {
			s.Points = s.Points[n-c.Limit:]
			return true
		}
	}
	return false
}

// question asks what the HTTP interface answers.
func (a *app) question(name string, p url.Values) (json.RawMessage, error) {
	raw, err := a.do("question", question{name, p})
	if pkgmeter.CodeOf(err) == pkgmeter.Invalid {
		return nil, usage("%s", pkgmeter.PublicMessage(err))
	}
	return raw, err
}

// print prints JSON, to a terminal in other words that mean the same.
func (a *app) print(raw json.RawMessage) error {
	if isTerminal(a.out) {
		raw = terminal.JSON(raw)
	}
	_, err := a.out.Write(append(raw, '\n'))
	return err
}
