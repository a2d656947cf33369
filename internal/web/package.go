package web

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// How much of a package one page shows: records may be of any size.
const (
	versionRows    = 100
	dependencyRows = 200
	buildRows      = 100
	maintainerRows = 50
	maxText        = 2000 // bytes of any one text
)

// packageView is what the page of a package shows.
type packageView struct {
	page
	Name        string
	Shown       string          // the version; "" if nothing is published yet
	Record      catalog.Version // of that version
	Latest      string
	LatestURL   string
	Published   string
	Install     string // "" where the name is not fit for a terminal
	Maintainers []string
	Homepage    place
	Git         place
	Readme      prose
	ReadmeURL   string // where the whole of it is, "" for none

	Dependencies     []dependencyRow
	MoreDependencies int
	Builds           []buildRow
	MoreBuilds       bool
	Versions         []versionRow
	Count            int       // of versions
	Adds             *addsView // nil for none
	Steps            steps
}

// place is a text that may be the URL of a web page.
type place struct{ Text, URL string }

func newPlace(text string) place {
	text = pkgmeter.Cut(text, maxText)
	return place{text, outside(text)}
}

type dependencyRow struct {
	Name, URL     string
	Constraint    string // "" for any version
	Architectures string
}

type buildRow struct {
	Architectures string
	URL           string // "" if it is none of the web
	Published     string
}

type versionRow struct {
	catalog.Publication
	URL  string
	Day  string
	Here bool
}

// ServePackage shows the package that the path names, in its latest version or
// the one that the parameter version names.
func (w *Web) ServePackage(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if w.Catalog.Directory == nil {
		return errNoCatalog()
	}
	return w.servePackage(rw, r, p, r.PathValue("package"))
}

func (w *Web) servePackage(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal, name string) error {
	ctx := r.Context()
	doc, err := w.Catalog.Records.Document(ctx, pkgmeter.Packages, name)
	if pkgmeter.CodeOf(err) == pkgmeter.NotFound {
		search := w.Base + "/catalog?" + url.Values{"q": {pkgmeter.Cut(name, maxQuery)}}.Encode()
		return w.absent(rw, r, p, "package", name, search, "Look for it in the list of packages")
	}
	if err != nil {
		return err
	}
	var record catalog.Package
	if err := catalog.Decode(doc.Body, &record); err != nil {
		return err
	}
	view := &packageView{page: w.page(r, name, p), Name: name, Homepage: newPlace(record.Homepage)}
	for _, m := range record.Maintainers[:min(len(record.Maintainers), maintainerRows)] {
		view.Maintainers = append(view.Maintainers, pkgmeter.Cut(m.Username, maxText))
	}
	versions, latest, err := w.Catalog.Directory.Versions(ctx, name)
	if err != nil {
		return err
	}
	wanted := r.URL.Query().Get("version")
	view.Latest, view.Shown, view.LatestURL = latest, cmp.Or(wanted, latest), w.packageURL(name)
	if view.Shown != "" {
		err := w.addVersion(ctx, view)
		if pkgmeter.CodeOf(err) == pkgmeter.NotFound {
			return w.absent(rw, r, p, "version", wanted, w.packageURL(name), "Show the latest version")
		}
		if err != nil {
			return err
		}
	}
	w.addVersions(view, versions, pageNumber(r.URL.Query()), wanted)
	if err := w.addAdds(ctx, view, versions); err != nil {
		return err
	}
	rw.Header().Set("Cache-Control", "no-store")
	return w.render(rw, "package", view)
}

// addVersion adds the version that is shown, with its builds.
func (w *Web) addVersion(ctx context.Context, view *packageView) error {
	doc, err := w.Catalog.Records.Document(ctx, pkgmeter.Versions, view.Name+"\x00"+view.Shown)
	if err != nil {
		return err
	}
	v := &view.Record
	if err := catalog.Decode(doc.Body, v); err != nil {
		return err
	}
	for _, text := range []*string{&v.Description, &v.DeprecatedMessage.Text, &v.PublishedBy.Username, &v.ReleaseName.Text} {
		*text = pkgmeter.Cut(*text, maxText)
	}
	view.Published, view.Git = date(v.Published), newPlace(v.Git.Text)
	view.Install = installCommand(view.Name, view.Shown, view.Latest)
	view.Readme, view.ReadmeURL = w.readme(ctx, *v)
	w.addDependencies(view)
	builds, err := w.Catalog.Records.Documents(ctx, pkgmeter.Builds, doc.ID+"\x00", buildRows+1)
	if err != nil {
		return err
	}
	if view.MoreBuilds = len(builds) > buildRows; view.MoreBuilds {
		builds = builds[:buildRows]
	}
	for _, d := range builds {
		var b catalog.Build
		if err := catalog.Decode(d.Body, &b); err != nil {
			return err
		}
		view.Builds = append(view.Builds, buildRow{pkgmeter.Cut(b.BuildArchitectures, maxText), outside(b.Build.URL), date(b.BuildPublished)})
	}
	return nil
}

func (w *Web) addDependencies(view *packageView) {
	names := slices.Sorted(maps.Keys(view.Record.Dependencies))
	if more := len(names) - dependencyRows; more > 0 {
		names, view.MoreDependencies = names[:dependencyRows], more
	}
	for _, name := range names {
		d := view.Record.Dependencies[name]
		constraint := ""
		if d.Constraint != nil {
			constraint = *d.Constraint
		}
		view.Dependencies = append(view.Dependencies, dependencyRow{
			Name: pkgmeter.Cut(name, maxText), URL: w.packageURL(name), Constraint: pkgmeter.Cut(constraint, maxText), Architectures: architectures(d.References),
		})
	}
}

// architectures says for which parts of a package another one is needed.
func architectures(references []catalog.Reference) string {
	var all []string
	for _, r := range references[:min(len(references), 20)] {
		text := r.Arch
		for word, set := range map[string]bool{" (weak)": r.Weak, " (unordered)": r.Unordered} {
			if set {
				text += word
			}
		}
		all = append(all, text)
	}
	return pkgmeter.Cut(strings.Join(all, ", "), maxText)
}

// addVersions adds a page of the list of versions.
func (w *Web) addVersions(view *packageView, versions []catalog.Publication, at int, wanted string) {
	kept := url.Values{}
	if wanted != "" {
		kept.Set("version", wanted)
	}
	if catalog.ValidName(view.Name) != nil || view.Name == "tracks" {
		kept.Set("package", view.Name)
	}
	view.Count, view.Steps = len(versions), newSteps(at, len(versions), versionRows, kept)
	from := min((at-1)*versionRows, len(versions))
	for _, v := range versions[from:min(from+versionRows, len(versions))] {
		to := w.packageURL(view.Name)
		if v.Version != view.Latest {
			to = withVersion(to, v.Version)
		}
		view.Versions = append(view.Versions, versionRow{Publication: v, URL: to, Day: date(v.Published), Here: v.Version == view.Shown})
	}
}

func withVersion(page, version string) string {
	sign := "?"
	if strings.Contains(page, "?") {
		sign = "&"
	}
	return page + sign + url.Values{"version": {version}}.Encode()
}

// installCommand returns what to type for a version. Readers paste it, so that
// there is none for names that no package of this server could have.
func installCommand(name, version, latest string) string {
	if catalog.ValidName(name) != nil {
		return ""
	}
	if version == latest {
		return "meteor add " + name
	}
	if _, err := catalog.ParseVersion(version); err != nil {
		return ""
	}
	return "meteor add " + name + "@=" + version
}

// readme returns the text about a version: its readme where this server has it,
// else what the record says, with the URL of the readme if it is on the web.
func (w *Web) readme(ctx context.Context, v catalog.Version) (text prose, more string) {
	if v.Readme != nil {
		more = outside(v.Readme.URL)
	}
	if v.Readme != nil && w.Catalog.Readme != nil {
		source, err := w.Catalog.Readme(ctx, v)
		switch {
		case err == nil && len(source) > 0:
			return w.markdown.render(source), more
		case err != nil && pkgmeter.CodeOf(err) != pkgmeter.NotFound:
			// The page says enough without it.
			slog.WarnContext(ctx, "a readme cannot be read", "package", v.PackageName, "version", v.Version, "err", err)
		}
	}
	if strings.TrimSpace(v.LongDescription.Text) == "" {
		return prose{}, more
	}
	return w.markdown.render([]byte(v.LongDescription.Text)), more
}
