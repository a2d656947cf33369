package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

const hiddenPanels = "hidden-panels" // a setting: a JSON object, panel → hidden

// Hidden returns the panels of the page that an administrator has hidden or
// shown again; nil where nobody ever did.
func (s *Store) Hidden(ctx context.Context) (map[string]bool, error) {
	text, err := s.Setting(ctx, hiddenPanels)
	if err != nil || text == nil {
		return nil, err
	}
	var hidden map[string]bool
	if err := json.Unmarshal(text, &hidden); err != nil {
		return nil, fmt.Errorf("setting %s: %w", hiddenPanels, err)
	}
	return hidden, nil
}

// hideAsImported takes over which panels were hidden, where nobody has decided yet.
func (w *writer) hideAsImported(ctx context.Context, hidden map[string]bool) error {
	if hidden == nil {
		return nil
	}
	text, err := json.Marshal(hidden)
	if err != nil {
		return err
	}
	res, err := w.conn.ExecContext(ctx, `INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING`, hiddenPanels, text)
	if err != nil {
		return err
	}
	for _, panel := range slices.Sorted(maps.Keys(hidden)) {
		if !hidden[panel] {
			continue
		}
		if err := w.auditWhere(ctx, res, "panel.hide", panel, "imported"); err != nil {
			return err
		}
	}
	return nil
}

// SetHidden hides a panel of the page, or shows it again.
func (s *Store) SetHidden(ctx context.Context, panel string, hide bool) error {
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		hidden := map[string]bool{}
		var text []byte
		err := w.conn.QueryRowContext(ctx, `SELECT value FROM setting WHERE key = ?`, hiddenPanels).Scan(&text)
		if err == nil {
			err = json.Unmarshal(text, &hidden)
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("setting %s: %w", hiddenPanels, err)
		}
		was := hidden[panel]
		hidden[panel] = hide
		if text, err = json.Marshal(hidden); err != nil {
			return err
		}
		if err := w.set(ctx, hiddenPanels, text); err != nil || was == hide {
			return err
		}
		return w.audit(ctx, "panel."+map[bool]string{true: "hide", false: "show"}[hide], panel, "")
	})
}
