package web

import "github.com/jba/templatecheck"

// For tests.
var (
	Count   = count
	Size    = size
	Ceiling = ceiling

	CompareVersions = compareVersions
	MajorOf         = majorOf
)

// Check type-checks every template against its view model.
func (w *Web) Check() error {
	for name, view := range map[string]any{
		"landing": page{}, "login": loginView{}, "stats": &statsView{}, "settings": &settingsView{}, "rules": &rulesView{}, "sources": &sourcesView{}, "quarantine": &quarantineView{}, "payloads": &payloadsView{},
		"catalog": &catalogView{}, "package": &packageView{}, "tracks": &tracksView{}, "track": &trackView{}, "absent": &absentView{}, "use": &useView{}, "alike": alikeView{}, "badges": &badgesView{}, "compare": &compareView{}, "search": &searchView{}, "live": &liveView{},
		"alerts": &alertsView{}, "watch": &watchView{}, "told": &toldView{},
	} {
		if err := templatecheck.CheckHTML(w.Template(name), view); err != nil {
			return err
		}
	}
	return nil
}

// HasScript reports whether the page script was built.
func (w *Web) HasScript() bool { return w.script != "" }

// Label is for tests.
var Label = label

// Markdown renders a readme.
func Markdown(source string) (html, plain, note string) {
	p := newMarkdown().render([]byte(source))
	return string(p.HTML), p.Plain, p.Note
}
