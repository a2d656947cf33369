package server

import (
	"context"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/hook"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// Inspection is what the store knows of what senders send.
type Inspection interface {
	Held(ctx context.Context, before int64, limit int) ([]pkgmeter.Held, error)
	HeldItem(ctx context.Context, id int64) (pkgmeter.Held, error)
	Quarantined(ctx context.Context) (int64, error)
	Samples(ctx context.Context) ([]pkgmeter.Sample, error)
	Mapping(ctx context.Context, source string) (map[string]string, error)
	SetMapping(ctx context.Context, source string, keys map[string]string) error
}

// inspector is an Inspection beside the webhook that reads again.
type inspector struct {
	Inspection
	callback *hook.Callback
}

// load gives the webhook the mapping that was set before.
func (i inspector) load(ctx context.Context) error {
	keys, err := i.Mapping(ctx)
	if err != nil {
		return err
	}
	return i.use(keys)
}

func (i inspector) use(keys map[string]string) error {
	m, err := source.NewMapping(keys)
	if err != nil {
		return err
	}
	i.callback.Mapping.Store(&m)
	return nil
}

// Retry implements [web.Inspector]. What else than the webhook sent, it cannot
// read, and would count under its own source.
func (i inspector) Retry(ctx context.Context, id int64) error {
	item, err := i.HeldItem(ctx, id)
	if err != nil {
		return err
	}
	if item.Kind == "hook" {
		return pkgmeter.Errorf(pkgmeter.Invalid, "what a registry's notification says is not read again here: have the registry send it once more")
	}
	if item.Kind != "callback" {
		return pkgmeter.Errorf(pkgmeter.Invalid, "a line of a file is not read again here: mend the file, and import it once more")
	}
	return i.callback.Retry(ctx, item)
}

// Mapping implements [web.Inspector].
func (i inspector) Mapping(ctx context.Context) (map[string]string, error) {
	return i.Inspection.Mapping(ctx, hook.CallbackSource)
}

// SetMapping implements [web.Inspector]: one that cannot be used is not stored.
func (i inspector) SetMapping(ctx context.Context, keys map[string]string) error {
	if _, err := source.NewMapping(keys); err != nil {
		return err
	}
	if err := i.Inspection.SetMapping(ctx, hook.CallbackSource, keys); err != nil {
		return err
	}
	return i.use(keys)
}

// Fields implements [web.Inspector].
func (i inspector) Fields() []string { return source.MappingFields() }
