package daily

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// maxAdds bounds a number in a file of another server.
const maxAdds = 1 << 40

// Parse reads the file of a day, as another server published it. The error names
// the line.
func Parse(body []byte) (uses []pkgmeter.DailyUse, err error) {
	n := 0
	for line := range bytes.Lines(body) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		u, err := parseRow(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		uses = append(uses, u)
	}
	return uses, nil
}

func parseRow(line []byte) (u pkgmeter.DailyUse, err error) {
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
	return pkgmeter.DailyUse{Package: catalog.PackageURL(*r.Name), Version: *r.Version, Direct: *r.DirectAdds, Total: *r.TotalAdds}, nil
}
