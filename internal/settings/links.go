package settings

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/sharelink"
)

const (
	linksPath   = "/stats/settings/links"
	packagePath = "/stats/package"
)

// linksView lists links to shared views, and makes one.
type linksView struct {
	view
	Rows    []linkRow
	More    bool // than are listed
	All     bool // of all users, for administrators
	Wanted  string
	Shows   []fact // what the wanted view shows
	Package bool   // it is the page of a package
	Lives   []lifeChoice
	Secret  string // the address of the link that was made just now, "" for none
}

type linkRow struct {
	ID                     int64
	User, Created, Expires string
	Package                bool // the view is the page of one
	Shows                  []fact
	URL                    string // of the view for who may see it anyway
	Over, Own              bool
}

// fact is a filter of a view.
type fact struct{ Name, Value string }

type lifeChoice struct {
	Days  int
	Title string
	Here  bool
}

// lives are how long a link may last.
var lives = []lifeChoice{{1, "a day", false}, {7, "a week", false}, {30, "30 days", true}, {90, "90 days", false}, {365, "a year", false}}

// ServeLinks shows the form that makes a link to the view that the address names,
// and the links there are: one's own, or all for administrators.
func (s *Pages) ServeLinks(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	return s.links(rw, r, p, form{})
}

// TakeLinks makes a link, or ends one.
func (s *Pages) TakeLinks(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	return s.take(rw, r, p, linksPath, map[string]action{"new": s.newLink, "end": s.endLink}, s.links)
}

func (s *Pages) links(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal, f form) error {
	return s.linksWith(rw, r, p, f, "")
}

func (s *Pages) linksWith(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal, f form, secret string) error {
	v := &linksView{Lives: lives, Secret: secret, All: p.Role == pkgmeter.Admin}
	wanted := r.URL.Query().Get("view")
	if r.Method == http.MethodPost {
		wanted = f.Value("new", "view")
	}
	if wanted != "" {
		if path, query, err := wantedView(wanted); err == nil {
			v.Wanted, v.Shows, v.Package = path+"?"+query, facts(query), path == packagePath
		} else if f.Which == "" {
			f = form{Which: "new", Alert: sentence(pkgmeter.PublicMessage(err)), status: http.StatusBadRequest}
		}
	}
	v.view = s.view(r, "Shared links", linksPath, p, f)
	user := p.User
	if v.All {
		user = ""
	}
	all, err := s.Store.Links(r.Context(), user)
	if err != nil {
		return err
	}
	v.More = len(all) > maxRows
	for _, l := range all[:min(len(all), maxRows)] {
		v.Rows = append(v.Rows, linkRow{
			ID: l.ID, User: l.User, Created: when(l.Created), Expires: when(l.Expires), Shows: facts(l.Query), Package: l.Path == packagePath,
			URL: s.Web.Base + l.Path + "?" + l.Query, Over: !s.Now().Before(l.Expires), Own: l.User == p.User,
		})
	}
	return s.render(rw, "links", f, v)
}

// wantedView reads the address of a page, below the base path.
func wantedView(address string) (path, query string, err error) {
	path, raw, _ := strings.Cut(address, "?")
	asked, err := url.ParseQuery(raw)
	if err != nil {
		return "", "", pkgmeter.Errorf(pkgmeter.Invalid, "the address of the view cannot be read")
	}
	query, err = sharelink.View(path, asked)
	return path, query, err
}

// facts spells out what a view shows.
func facts(query string) (all []fact) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil // it was made by us
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			all = append(all, fact{name, value})
		}
	}
	return all
}

// newLink shows the link this once: only a digest of it is kept.
func (s *Pages) newLink(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) (string, error) {
	path, query, err := wantedView(r.PostForm.Get("view"))
	if err != nil {
		return "", err
	}
	days, err := strconv.Atoi(r.PostForm.Get("days"))
	if err != nil || days < 1 || days > 365 {
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "a link lasts 1 to 365 days")
	}
	secret, sum := auth.NewLink()
	_, err = s.Store.AddLink(r.Context(), pkgmeter.ShareLink{
		SHA256: sum, Path: path, Query: query, User: p.User, Expires: s.Now().Add(time.Duration(days) * 24 * time.Hour),
	})
	if err != nil {
		return "", err
	}
	address := path + "?" + url.Values{sharelink.Param: {secret}}.Encode()
	if base := strings.TrimRight(s.PublicURL, "/"); base != "" {
		address = base + address
	} else {
		address = s.Web.Base + address
	}
	if err := s.linksWith(rw, r, p, form{Notice: "The link was made. It is shown this once."}, address); err != nil {
		return "", err
	}
	return "", errAnswered
}

// endLink ends a link of one's own; administrators end all.
func (s *Pages) endLink(_ http.ResponseWriter, r *http.Request, p pkgmeter.Principal) (string, error) {
	id, err := strconv.ParseInt(r.PostForm.Get("id"), 10, 64)
	if err != nil {
		return "", pkgmeter.Errorf(pkgmeter.Invalid, "which link?")
	}
	user := p.User
	if p.Role == pkgmeter.Admin {
		user = ""
	}
	return "closed", s.Store.EndLink(r.Context(), id, user)
}
