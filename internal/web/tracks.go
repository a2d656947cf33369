package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

const (
	trackRows   = 200
	releaseRows = 100  // on a page
	maxReleases = 1000 // of a track; the public catalog has some 400
)

// tracksView is what the page of all release tracks shows.
type tracksView struct {
	page
	Tracks []trackRow
	More   bool
}

type trackRow struct {
	Name, URL   string
	Maintainers string
}

// ServeTracks lists the release tracks. A track whose name makes no path is
// shown by the parameter track.
func (w *Web) ServeTracks(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if w.Catalog.Directory == nil {
		return errNoCatalog()
	}
	if name := r.URL.Query().Get("track"); name != "" {
		return w.serveTrack(rw, r, p, name)
	}
	docs, err := w.Catalog.Records.Documents(r.Context(), pkgmeter.ReleaseTracks, "", trackRows+1)
	if err != nil {
		return err
	}
	view := &tracksView{page: w.page(r, "Release tracks", p), More: len(docs) > trackRows}
	for _, d := range docs[:min(len(docs), trackRows)] {
		var t catalog.ReleaseTrack
		if err := catalog.Decode(d.Body, &t); err != nil {
			return err
		}
		var names []string
		for _, m := range t.Maintainers[:min(len(t.Maintainers), maintainerRows)] {
			names = append(names, m.Username)
		}
		view.Tracks = append(view.Tracks, trackRow{d.Key, w.trackURL(d.Key), pkgmeter.Cut(strings.Join(names, ", "), maxText)})
	}
	rw.Header().Set("Cache-Control", "no-store")
	return w.render(rw, "tracks", view)
}

// trackView is what the page of a release track shows.
type trackView struct {
	page
	Name     string
	Releases []releaseRow
	Count    int
	More     bool // not even all pages together show all
	Steps    steps
}

type releaseRow struct {
	catalog.Release
	Day     string
	ToolURL string // of the tool's package
}

// ServeTrack lists the releases of the track that the path names.
func (w *Web) ServeTrack(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	if w.Catalog.Directory == nil {
		return errNoCatalog()
	}
	return w.serveTrack(rw, r, p, r.PathValue("track"))
}

func (w *Web) serveTrack(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal, name string) error {
	_, err := w.Catalog.Records.Document(r.Context(), pkgmeter.ReleaseTracks, name)
	if pkgmeter.CodeOf(err) == pkgmeter.NotFound {
		return w.absent(rw, r, p, "release track", name, w.trackURL(""), "All release tracks")
	}
	if err != nil {
		return err
	}
	docs, err := w.Catalog.Records.Documents(r.Context(), pkgmeter.ReleaseVersions, name+"\x00", maxReleases+1)
	if err != nil {
		return err
	}
	view := &trackView{page: w.page(r, name, p), Name: name, More: len(docs) > maxReleases}
	releases := make([]catalog.Release, min(len(docs), maxReleases))
	for i := range releases {
		releases[i] = catalog.ReleaseOf(docs[i])
	}
	slices.SortFunc(releases, catalog.CompareReleases)
	kept := url.Values{}
	if catalog.ValidTrack(name) != nil {
		kept.Set("track", name)
	}
	at := pageNumber(r.URL.Query())
	view.Count, view.Steps = len(releases), newSteps(at, len(releases), releaseRows, kept)
	from := min((at-1)*releaseRows, len(releases))
	for _, release := range releases[from:min(from+releaseRows, len(releases))] {
		row := releaseRow{Release: release, Day: date(release.Published)}
		if tool, version, ok := strings.Cut(release.Tool, "@"); ok {
			row.ToolURL = withVersion(w.packageURL(tool), version)
		}
		view.Releases = append(view.Releases, row)
	}
	rw.Header().Set("Cache-Control", "no-store")
	return w.render(rw, "track", view)
}
