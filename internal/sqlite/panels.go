package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
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

// SetHidden hides a panel of the page, or shows it again.
func (s *Store) SetHidden(ctx context.Context, panel string, hide bool) error {
	hidden, err := s.Hidden(ctx)
	if err != nil {
		return err
	}
	if hidden == nil {
		hidden = map[string]bool{}
	}
	hidden[panel] = hide
	text, err := json.Marshal(hidden)
	if err != nil {
		return err
	}
	return s.SetSetting(ctx, hiddenPanels, text)
}
