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
	for name, view := range map[string]any{"landing": page{}, "stats": &statsView{}} {
		if err := templatecheck.CheckHTML(w.pages[name], view); err != nil {
			return err
		}
	}
	return nil
}
