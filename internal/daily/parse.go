package daily

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// maxAdds bounds a number in a file of another server.
const maxAdds = 1 << 40

// Parse reads the file of a day, as another server published it, and returns it
// as it is published here too: its lines as they are, in the order of [Body],
// without those that are blank, at which clients fail. The error names the line.
func Parse(body []byte) (uses []pkgmeter.DailyUse, tidy []byte, err error) {
	type rowLine struct {
		row
		line []byte
	}
	var rows []rowLine
	n := 0
	for line := range bytes.Lines(body) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		r, err := parseRow(line)
		if err != nil {
			return nil, nil, fmt.Errorf("line %d: %w", n, err)
		}
		uses = append(uses, pkgmeter.DailyUse{Package: catalog.PackageURL(r.Name), Version: r.Version, Direct: r.DirectAdds, Total: r.TotalAdds})
		rows = append(rows, rowLine{r, line})
	}
	slices.SortStableFunc(rows, func(a, b rowLine) int { return a.compare(b.row) })
	for _, r := range rows {
		tidy = append(append(tidy, r.line...), '\n')
	}
	return uses, tidy, nil
}

func parseRow(line []byte) (u row, err error) {
	var r struct {
		Name       *string `json:"name"`
		Version    *string `json:"version"`
		TotalAdds  *int64  `json:"totalAdds"`
		DirectAdds *int64  `json:"directAdds"`
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return u, fmt.Errorf("it is no JSON object with name, version, directAdds and totalAdds: %w", err)
	}
	switch {
	case r.Name == nil || r.Version == nil || r.TotalAdds == nil || r.DirectAdds == nil:
		return u, errors.New("one of name, version, directAdds and totalAdds is missing")
	case catalog.ValidName(*r.Name) != nil:
		return u, fmt.Errorf("%q is no name of a package", pkgmeter.Cut(*r.Name, pkgmeter.MaxName))
	case *r.Version == "" || len(*r.Version) > pkgmeter.MaxName:
		return u, fmt.Errorf("%q is no version", pkgmeter.Cut(*r.Version, pkgmeter.MaxName))
	case *r.DirectAdds < 0 || *r.DirectAdds > *r.TotalAdds || *r.TotalAdds > maxAdds:
		return u, fmt.Errorf("%d direct adds of %d cannot be", *r.DirectAdds, *r.TotalAdds)
	}
	return row{*r.Name, *r.Version, *r.TotalAdds, *r.DirectAdds}, nil
}
