package web_test

import (
	"context"
	"maps"

	"github.com/pkgmeter/pkgmeter"
)

// panels is a store of hidden panels that knows which there are.
type panels map[string]bool

func (p panels) Hidden(context.Context) (map[string]bool, error) { return maps.Clone(p), nil }

func (p panels) SetHidden(_ context.Context, panel string, hidden bool) error {
	switch panel {
	case "files", "repositories", "types":
		p[panel] = hidden
		return nil
	}
	return pkgmeter.Errorf(pkgmeter.Invalid, "there is no panel %q", panel)
}
