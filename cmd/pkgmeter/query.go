package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
	"github.com/pkgmeter/pkgmeter/internal/rule"
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
	JSON       bool     `name:"json" help:"Print the body that the HTTP interface answers."`
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
	Limit   *int     `placeholder:"N" help:"How many, 1 to 1000 (default 20)."`
	Package []string `sep:"none" placeholder:"PURL" help:"Only this package, e.g. pkg:pypi/requests."`
	filters
}

// Run prints the list.
func (c *topCmd) Run(a *app) error {
	p := c.params()
	p.Set("by", c.By)
	if len(c.Package) > 0 {
		p["package"] = c.Package
	}
	if c.Limit != nil {
		p.Set("limit", strconv.Itoa(*c.Limit))
	}
	raw, err := a.question("top", p)
	if err != nil {
		return err
	}
	switch {
	case c.JSON:
		return a.print(raw)
	case c.adds():
		return a.printTopAdds(raw, c.By)
	}
	var top api.Top
	if err := json.Unmarshal(raw, &top); err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "DOWNLOADS\tHITS\tBYTES\t  "+strings.ToUpper(c.By))
	for _, it := range top.Items {
		fmt.Fprintf(w, "%d\t%d\t%d\t  %s\n", it.Downloads, it.Hits, it.Bytes, printable(it.Key))
	}
	fmt.Fprintf(w, "%d\t%d\t%d\t  (all)\n", top.Total.Downloads, top.Total.Hits, top.Total.Bytes)
	return w.Flush()
}

func (a *app) printTopAdds(raw json.RawMessage, by string) error {
	var top api.AddsTop
	if err := json.Unmarshal(raw, &top); err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "DIRECT\tTOTAL\t  "+strings.ToUpper(by))
	for _, it := range top.Items {
		fmt.Fprintf(w, "%d\t%d\t  %s\n", it.Direct, it.Total, printable(it.Key))
	}
	fmt.Fprintf(w, "%d\t%d\t  (all)\n", top.Total.Direct, top.Total.Total)
	return w.Flush()
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
	named := a.packageNamed
	if c.adds() {
		named = a.meteorPackage
	}
	purl, err := named(c.Package)
	if err != nil {
		return err
	}
	p := c.params()
	p.Set("package", purl)
	if c.Grain != "" {
		p.Set("grain", c.Grain)
	}
	raw, err := a.question("series", p)
	if err != nil {
		return err
	}
	if c.adds() {
		return c.printAdds(a, raw)
	}
	var s api.Series
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	if n := len(s.Points); c.Limit > 0 && n > c.Limit {
		s.Points = s.Points[n-c.Limit:]
		s.Markers = slices.DeleteFunc(s.Markers, func(m api.Marker) bool { return m.Day < s.Points[0].Day })
		if raw, err = json.Marshal(s); err != nil {
			return err
		}
	}
	if c.JSON {
		return a.print(raw)
	}
	return a.printSeries(s)
}

// printAdds prints a series of adds.
func (c *seriesCmd) printAdds(a *app, raw json.RawMessage) error {
	var s api.AddsSeries
	err := json.Unmarshal(raw, &s)
	if err != nil {
		return err
	}
	if n := len(s.Points); c.Limit > 0 && n > c.Limit {
		s.Points = s.Points[n-c.Limit:]
		if raw, err = json.Marshal(s); err != nil {
			return err
		}
	}
	if c.JSON {
		return a.print(raw)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "DAY\tDIRECT\tTOTAL\t")
	for _, pt := range s.Points {
		fmt.Fprintf(w, "%s\t%d\t%d\t\n", pt.Day, pt.Direct, pt.Total)
	}
	return w.Flush()
}

func (a *app) printSeries(s api.Series) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "DAY\tDOWNLOADS\tHITS\tBYTES\t")
	for _, pt := range s.Points {
		if pt.Gap {
			fmt.Fprintf(w, "%s\t-\t-\t-\t\n", pt.Day)
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t\n", pt.Day, pt.Downloads, pt.Hits, pt.Bytes)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i, m := range s.Markers {
		if i+1 < len(s.Markers) && s.Markers[i+1].Day == m.Day {
			continue // another one replaced them on the same day
		}
		if _, err := fmt.Fprintf(a.out, "rules %d from %s\n", m.Rules, m.Day); err != nil {
			return err
		}
	}
	return nil
}

// packageNamed returns the canonical purl of what the user typed.
func (a *app) packageNamed(name string) (string, error) {
	if purl, err := asPurl(name); purl != "" || err != nil {
		return purl, err
	}
	purls, err := a.packagesNamed(spellings(name)...)
	if err != nil {
		return "", err
	}
	return onlyOne(name, purls)
}

// meteorPackage is packageNamed among the packages of Meteor. What a package of
// it is called in full is no other's name.
func (a *app) meteorPackage(name string) (string, error) {
	if purl, err := asPurl(name); purl != "" || err != nil {
		return purl, err
	}
	const meteor = "pkg:meteor/"
	whole := catalog.PackageURL(name)
	purls, err := a.packagesNamed(strings.TrimPrefix(whole, "pkg:"), strings.TrimPrefix(whole, meteor))
	if err != nil {
		return "", err
	}
	if slices.Contains(purls, whole) {
		return whole, nil
	}
	return onlyOne(name, slices.DeleteFunc(purls, func(purl string) bool { return !strings.HasPrefix(purl, meteor) }))
}

// asPurl returns the canonical spelling of a purl, "" for what is none.
func asPurl(name string) (string, error) {
	if !strings.HasPrefix(name, "pkg:") {
		return "", nil
	}
	purl, err := rule.CanonicalPackage(name)
	if err != nil {
		return "", usage("%s: %s", name, pkgmeter.PublicMessage(err))
	}
	return purl, nil
}

// packagesNamed returns the packages that have one of some names.
func (a *app) packagesNamed(spellings ...string) (purls []string, err error) {
	if err := a.needData(); err != nil {
		return nil, err
	}
	for _, spelling := range spellings {
		var found []string
		if err := a.call("packages-named", spelling, &found); err != nil {
			return nil, err
		}
		purls = append(purls, found...)
	}
	slices.Sort(purls)
	return slices.Compact(purls), nil
}

func onlyOne(name string, purls []string) (string, error) {
	switch len(purls) {
	case 0:
		return "", fmt.Errorf("no package is named %s", printable(name))
	case 1:
		return purls[0], nil
	}
	return "", fmt.Errorf("%s may be one of: %s", printable(name), strings.Join(purls, " "))
}

// spellings returns how a name may stand in a canonical purl: as typed, and as
// the types write it that have rules for names.
func spellings(name string) []string {
	all := []string{name}
	if s := strings.TrimPrefix(catalog.PackageURL(name), "pkg:meteor/"); s != name {
		all = append(all, s) // alice:foo
	}
	for _, typ := range []string{"generic", "pypi", "npm"} {
		purl, err := rule.CanonicalPackage("pkg:" + typ + "/" + strings.ReplaceAll(url.PathEscape(name), "%2F", "/"))
		if s := strings.TrimPrefix(purl, "pkg:"+typ+"/"); err == nil && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// question asks what the HTTP interface answers.
func (a *app) question(name string, p url.Values) (json.RawMessage, error) {
	if err := a.needData(); err != nil {
		return nil, err
	}
	raw, err := a.do("question", question{name, p})
	if pkgmeter.CodeOf(err) == pkgmeter.Invalid {
		return nil, usage("%s", pkgmeter.PublicMessage(err))
	}
	return raw, err
}

func (a *app) print(raw json.RawMessage) error {
	_, err := a.out.Write(append(raw, '\n'))
	return err
}

// printable keeps a name from moving the cursor or forging a line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) && r != ' ' {
			return '\uFFFD'
		}
		return r
	}, s)
}
