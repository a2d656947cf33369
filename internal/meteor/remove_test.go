package meteor_test

import (
	"context"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
	"github.com/pkgmeter/pkgmeter/internal/meteor"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
)

// What is removed is served no more, but for what a record of another server
// only says that it has.
func TestRemovalWithdrawsFiles(t *testing.T) {
	t.Parallel()
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	ctx := context.Background()
	blob := pkgmeter.Blob{SHA256: [32]byte{1}, Size: 5}
	pending := pkgmeter.Pending{Token: [32]byte{2}, Part: pkgmeter.SourcePart, Key: "x", User: "ann", Record: []byte("{}"), Expires: reportDay.AddDate(100, 0, 0)}
	if err := store.AddPending(ctx, pending); err != nil {
		t.Fatal(err)
	}
	if err := store.SetUpload(ctx, pending.Token, pkgmeter.SourcePart, blob); err != nil {
		t.Fatal(err)
	}
	edit := pkgmeter.CatalogEdit{Publish: pending.Token}
	add := func(d pkgmeter.Document, err error) {
		if err != nil {
			t.Fatal(err)
		}
		edit.Put = append(edit.Put, d)
	}
	for _, name := range []string{"a", "b"} {
		add(catalog.Package{ID: "P" + name, Name: name}.Document())
		for _, version := range []string{"1.0.0", "2.0.0"} {
			path := "sources/" + name + version + ".tgz"
			add(catalog.Version{
				ID: "V" + name + version, PackageName: name, Version: version, Description: "d",
				Source: catalog.Tarball{URL: "http://x/base/files/" + path}, Readme: &catalog.Readme{URL: "http://x/base/files/readmes/" + name + version + ".md"},
			}.Document())
			add(catalog.Build{ID: "B" + name + version, VersionID: "V" + name + version, BuildArchitectures: "os", Build: catalog.Tarball{URL: "http://x/base/files/builds/" + name + version}}.Document())
			for _, p := range []string{path, "readmes/" + name + version + ".md", "builds/" + name + version} {
				edit.Files = append(edit.Files, pkgmeter.PublishedFile{Path: p, Name: p, Blob: blob, Package: "pkg:meteor/" + name, Version: version})
			}
		}
	}
	if err := store.EditCatalog(ctx, edit); err != nil {
		t.Fatal(err)
	}
	theirs, err := catalog.Package{ID: "Pc", Name: "c", Homepage: "h"}.Document()
	theirs.Mirrored = true
	version := pkgmeter.Document{
		Collection: pkgmeter.Versions, ID: "Vc", Key: "c\x001.0.0", Mirrored: true,
		Body: []byte(`{"_id":"Vc","packageName":"c","version":"1.0.0","source":{"url":"http://evil/files/sources/b1.0.0.tgz"}}`),
	}
	if _, err2 := store.PutMirrored(ctx, pkgmeter.MirrorPage{State: pkgmeter.MirrorState{URL: "http://evil"}, Documents: []pkgmeter.Document{theirs, version}, Done: true}); err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	for name, want := range map[string]meteor.Removed{
		"a@1.0.0": {Versions: 1, Builds: 1}, "c": {Packages: 1, Versions: 1},
	} {
		if sum, err := meteor.Remove(ctx, store, name); err != nil || sum != want {
			t.Errorf("%s: %+v, %v", name, sum, err)
		}
	}
	gone := map[string]bool{"sources/a1.0.0.tgz": true, "readmes/a1.0.0.md": true, "builds/a1.0.0": true}
	for _, f := range edit.Files {
		if _, err := store.PublishedFile(ctx, f.Path); (pkgmeter.CodeOf(err) == pkgmeter.NotFound) != gone[f.Path] {
			t.Errorf("%s: %v", f.Path, err)
		}
	}
}
