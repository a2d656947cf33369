package web

import "github.com/jba/templatecheck"

// For tests.
var (
	Count   = count
	Size    = size
	Ceiling = ceiling
)

// Check type-checks every template against its view model.
func (w *Web) Check() error {
	for name, view := range map[string]any{"landing": page{}, "login": loginView{}, "stats": &statsView{}, "settings": &settingsView{}, "rules": &rulesView{}, "quarantine": &quarantineView{}, "payloads": &payloadsView{}} {
		if err := templatecheck.CheckHTML(w.pages[name], view); err != nil {
			return err
		}
	}
	return nil
}

// HasScript reports whether the page script was built.
func (w *Web) HasScript() bool { return w.script != "" }

// Label is for tests.
var Label = label
