package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
	"github.com/pkgmeter/pkgmeter/internal/savejson"
)

// Exporter gives what the old program's save.json holds.
type Exporter interface {
	// Counters are all hits of all sources, opening balances included.
	Counters(ctx context.Context) (pkgmeter.Counters, error)
	Users(ctx context.Context) ([]pkgmeter.User, error)
	// Extra are JSON objects of members that imports brought along.
	Extra(ctx context.Context) ([]string, error)
	// Hidden are the panels that are not shown; nil where nobody ever decided.
	Hidden(ctx context.Context) (map[string]bool, error)
	LedgerID() string
}

// Panels names the panel of each section in a save.json's display.
func Panels() map[string]string {
	return map[string]string{savejson.ShowFiles: "files", savejson.ShowRepositories: "repositories", savejson.ShowTypes: "types"}
}

// SaveJSON answers with the counters in the old program's format: the way back.
func SaveJSON(store Exporter) httpx.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, err := export(r.Context(), store)
		if err != nil {
			return fmt.Errorf("export save.json: %w", err)
		}
		text, err := f.Encode()
		if err != nil {
			return fmt.Errorf("export save.json: %w", err)
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Disposition", `attachment; filename="save.json"`)
		httpx.Write(w, http.StatusOK, "application/json", text)
		return nil
	}
}

func export(ctx context.Context, store Exporter) (*savejson.File, error) {
	c, err := store.Counters(ctx)
	if err != nil {
		return nil, err
	}
	f := &savejson.File{
		All: c.All, Downloads: c.Files, Repos: c.Repositories, Ledger: store.LedgerID(), Extra: map[string]json.RawMessage{},
		Types: savejson.Types{
			Jar: c.Types[pkgmeter.LegacyJar], Pom: c.Types[pkgmeter.LegacyPom],
			Crypto: c.Types[pkgmeter.LegacyCrypto], Other: c.Types[pkgmeter.LegacyOther],
		},
	}
	users, err := store.Users(ctx)
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		f.Users = append(f.Users, savejson.User{Name: u.Name})
	}
	extra, err := store.Extra(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range extra {
		if err := json.Unmarshal([]byte(e), &f.Extra); err != nil {
			return nil, err
		}
	}
	hidden, err := store.Hidden(ctx)
	if err != nil || hidden == nil {
		return f, err
	}
	f.Display = map[string]bool{}
	for section, panel := range Panels() {
		f.Display[section] = !hidden[panel]
	}
	return f, nil
}
