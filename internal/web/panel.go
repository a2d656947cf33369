package web

import (
	"context"
	"fmt"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
)

// Panels remembers which panels of the page an operator has hidden. Names
// that no panel has are to be kept, and are ignored here.
type Panels interface {
	Hidden(ctx context.Context) (map[string]bool, error)
	SetHidden(ctx context.Context, panel string, hidden bool) error
}

// panel is a top list of the page.
type panel struct {
	Name  string // as [Panels] has it
	Title string
	head  string // of the first column
	note  string
	what  string // ID of the rule, "" for none
	by    pkgmeter.Key
	rows  int  // [listRows] if it is 0
	pie   bool // has a ring
	hits  bool // ranked by hits whatever the reader chose
	told  bool // shown only where anything is known of it
}

// classesPanel is drawn over the days too: without it they are plain bars.
var classesPanel = panel{Name: "classes", Title: "Classes of clients", head: "Class", what: "classes", by: pkgmeter.ByClass}

// panels lists the top lists of the overview.
var panels = []panel{
	{Name: "packages", Title: "Top packages", head: "Package", what: "package", by: pkgmeter.ByPackage, rows: longRows},
	{Name: "files", Title: "Top files", head: "File", what: "file", by: pkgmeter.ByFile, rows: longRows},
	{Name: "repositories", Title: "Repositories", head: "Repository", what: "repository", by: pkgmeter.ByRepository, rows: longRows, pie: true},
	classesPanel,
	clientsPanel,
	{Name: "versions", Title: "Versions", head: "Version", what: "package", by: pkgmeter.ByVersion, note: "Of all packages: a version is named as its package spells it."},
	{Name: "package-types", Title: "Package types", head: "Type", what: "type", by: pkgmeter.ByType},
	{
		Name: "types", Title: "File types", head: "Type", what: "legacy_type", by: pkgmeter.ByLegacyType, pie: true, hits: true,
		note: "The ring is of hits, as poms and checksums are no downloads.",
	},
	{
		Name: "kinds", Title: "Kinds of files", head: "Kind", what: "kinds", by: pkgmeter.ByKind, hits: true,
		note: "By hits: only primary files can be downloads.",
	},
	runtimesPanel, systemsPanel, countriesPanel, consumersPanel, sourcesPanel,
}

// Panels of more than one page.
var (
	clientsPanel = panel{
		Name: "clients", Title: "Clients", head: "Client", what: "client", by: pkgmeter.ByClient,
		note: fmt.Sprintf("By the table of clients %d of %s.", rule.ClientsNumber, rule.ClientsDated),
	}
	runtimesPanel  = panel{Name: "runtimes", Title: "Runtimes", head: "Runtime", what: "runtime", by: pkgmeter.ByRuntime, told: true}
	systemsPanel   = panel{Name: "systems", Title: "Operating systems", head: "System", what: "os", by: pkgmeter.ByOS, told: true}
	countriesPanel = panel{Name: "countries", Title: "Countries", head: "Country", what: "country", by: pkgmeter.ByCountry, rows: longRows, told: true}
	consumersPanel = panel{Name: "consumers", Title: "Consumers", head: "Consumer", what: "consumer", by: pkgmeter.ByConsumer, told: true}
	sourcesPanel   = panel{Name: "sources", Title: "Sources", head: "Source", what: "source", by: pkgmeter.BySource, told: true}
)

// aboutPackage lists the top lists of the page of a package, beside that of its
// versions, which is made of what the chart needs anyway.
var aboutPackage = []panel{
	{Name: "files", Title: "Files", head: "File", what: "file", by: pkgmeter.ByFile},
	clientsPanel,
	{Name: "repositories", Title: "Repositories", head: "Repository", what: "repository", by: pkgmeter.ByRepository},
	runtimesPanel, systemsPanel, countriesPanel, consumersPanel, sourcesPanel,
}

// Panels that are no top lists.
var (
	risingPanel  = panel{Name: "rising", Title: "Rising", by: pkgmeter.ByPackage}
	newPanel     = panel{Name: "new", Title: "New", by: pkgmeter.ByPackage}
	stalePanel   = panel{Name: "stale", Title: "Going stale", by: pkgmeter.ByPackage}
	uploadsPanel = panel{Name: "uploads", Title: "Uploads and deletions", by: pkgmeter.ByPackage}
)

// choosable lists the panels that can be hidden.
func choosable() []panel {
	return append([]panel{risingPanel, newPanel, stalePanel, uploadsPanel}, panels...)
}

// hidden returns the panels that are not to be shown.
func (w *Web) hidden(ctx context.Context) (map[string]bool, error) {
	if w.Panels == nil {
		return map[string]bool{}, nil
	}
	return w.Panels.Hidden(ctx)
}
