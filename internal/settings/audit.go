package settings

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

const auditPath = "/stats/settings/audit"

// auditRows is how many lines a page of the audit log has.
const auditRows = 50

// auditView is a page of the audit log.
type auditView struct {
	view
	Rows   []changeRow
	Filter pkgmeter.ChangeFilter
	Areas  []areaChoice
	CSV    string // URL of all of it
	First  string // URL of the first page, "" for there
	On     string // URL of the next page, "" for none
}

type changeRow struct {
	pkgmeter.Change
	When string
}

type areaChoice struct {
	Name, Title string
	Here        bool
}

// areas are what changes are about.
var areas = []areaChoice{
	{"", "everything", false},
	{"user", "users", false},
	{"token", "tokens", false},
	{"session", "sessions", false},
	{"link", "shared links", false},
	{"repository", "repositories", false},
	{"org", "organisations", false},
	{"source", "mappings of sources", false},
	{"rules", "rules", false},
	{"panel", "panels", false},
	{"watch", "alerts", false},
}

// ServeAudit shows a page of the audit log, or all of it as CSV.
func (s *Pages) ServeAudit(rw http.ResponseWriter, r *http.Request, p pkgmeter.Principal) error {
	q := r.URL.Query()
	filter := pkgmeter.ChangeFilter{
		Actor: pkgmeter.Cut(strings.TrimSpace(q.Get("actor")), pkgmeter.MaxName), Action: pkgmeter.Cut(strings.TrimSpace(q.Get("action")), pkgmeter.MaxName),
	}
	if q.Get("format") == "csv" {
		return s.auditCSV(rw, r, filter)
	}
	before, _ := strconv.ParseInt(q.Get("before"), 10, 64) // anything else is the first page
	filter.Before = max(before, 0)
	v := &auditView{view: s.view(r, "Audit log", auditPath, p, form{}), Filter: filter}
	for _, a := range areas {
		v.Areas = append(v.Areas, areaChoice{a.Name, a.Title, a.Name == filter.Action})
	}
	err := s.Store.Changes(r.Context(), filter, auditRows+1, func(c pkgmeter.Change) error {
		v.Rows = append(v.Rows, changeRow{c, c.At.UTC().Format(time.DateTime)})
		return nil
	})
	if err != nil {
		return err
	}
	at := func(name, value string) string {
		to := url.Values{}
		for _, p := range [][2]string{{"actor", filter.Actor}, {"action", filter.Action}, {name, value}} {
			if p[1] != "" {
				to.Set(p[0], p[1])
			}
		}
		return "?" + to.Encode()
	}
	v.CSV = at("format", "csv")
	if filter.Before > 0 {
		v.First = at("before", "")
	}
	if len(v.Rows) > auditRows {
		v.Rows = v.Rows[:auditRows]
		v.On = at("before", strconv.FormatInt(v.Rows[auditRows-1].ID, 10))
	}
	return s.render(rw, "audit", form{}, v)
}

func (s *Pages) auditCSV(rw http.ResponseWriter, r *http.Request, filter pkgmeter.ChangeFilter) error {
	h := rw.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", `attachment; filename="pkgmeter-audit.csv"`)
	t := csv.NewWriter(rw)
	if err := t.Write([]string{"id", "time", "actor", "action", "target", "detail"}); err != nil {
		return err
	}
	err := s.Store.Changes(r.Context(), filter, 0, func(c pkgmeter.Change) error {
		return t.Write([]string{
			strconv.FormatInt(c.ID, 10), c.At.UTC().Format(time.RFC3339), httpx.Cell(c.Actor), c.Action, httpx.Cell(c.Target), httpx.Cell(c.Detail),
		})
	})
	if err != nil {
		return err
	}
	t.Flush()
	return t.Error()
}
