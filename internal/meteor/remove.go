package meteor

import (
	"context"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// A CatalogStore is where records are looked up and changed.
type CatalogStore interface {
	// Document returns the record of a collection that has the key; code
	// not_found says that there is none.
	Document(ctx context.Context, c pkgmeter.Collection, key string) (pkgmeter.Document, error)

	// Documents returns records whose keys begin with a prefix, sorted by key.
	Documents(ctx context.Context, c pkgmeter.Collection, prefix string, limit int) ([]pkgmeter.Document, error)

	// EditCatalog makes an edit whole or not at all; code conflict says that
	// something is not as it was read.
	EditCatalog(ctx context.Context, edit pkgmeter.CatalogEdit) error
}

// Removed says what a removal took away.
type Removed struct {
	Packages int `json:"packages"`
	Versions int `json:"versions"`
	Builds   int `json:"builds"`
}

// maxRemoved bounds the versions of a package, and the builds of a version, that
// one removal takes along.
const maxRemoved = 100_000

// Remove takes a package with all its versions, or one NAME@VERSION, and their
// builds out of the catalog. All clients have to fetch everything anew.
func Remove(ctx context.Context, store CatalogStore, name string) (sum Removed, err error) {
	name, version, one := strings.Cut(name, "@")
	var edit pkgmeter.CatalogEdit
	if one {
		v, err := store.Document(ctx, pkgmeter.Versions, name+"\x00"+version)
		if err != nil {
			return sum, noPackage(err, name+"@"+version)
		}
		edit.Remove = []pkgmeter.Document{v}
	} else {
		p, err := store.Document(ctx, pkgmeter.Packages, name)
		if err != nil {
			return sum, noPackage(err, name)
		}
		edit.Remove, err = store.Documents(ctx, pkgmeter.Versions, name+"\x00", maxRemoved)
		if err != nil {
			return sum, err
		}
		sum.Packages = 1
		edit.Remove = append(edit.Remove, p)
	}
	sum.Versions = len(edit.Remove) - sum.Packages
	for _, v := range edit.Remove[:sum.Versions] {
		builds, err := store.Documents(ctx, pkgmeter.Builds, v.ID+"\x00", maxRemoved)
		if err != nil {
			return sum, err
		}
		sum.Builds += len(builds)
		edit.Remove = append(edit.Remove, builds...)
	}
	for _, d := range edit.Remove {
		if edit.Withdraw, err = appendFiles(edit.Withdraw, d); err != nil {
			return sum, err
		}
	}
	return sum, store.EditCatalog(ctx, edit)
}

// appendFiles appends the paths at which the bytes of a record are served. Those
// of another server's record are not ours, whatever it says.
func appendFiles(paths []string, d pkgmeter.Document) ([]string, error) {
	if d.Mirrored {
		return paths, nil
	}
	var record struct {
		Source, Readme, Build struct {
			URL string `json:"url"`
		}
	}
	if err := catalog.Decode(d.Body, &record); err != nil {
		return paths, err
	}
	for _, url := range []string{record.Source.URL, record.Readme.URL, record.Build.URL} {
		if _, path, ok := strings.Cut(url, "/files/"); ok {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

func noPackage(err error, name string) error {
	if pkgmeter.CodeOf(err) == pkgmeter.NotFound {
		return pkgmeter.Errorf(pkgmeter.NotFound, "there is no %s in the catalog", name)
	}
	return err
}
