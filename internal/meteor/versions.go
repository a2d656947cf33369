package meteor

import (
	"context"
	"fmt"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/ddp/ejson"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// packageVersion names a version.
type packageVersion struct {
	PackageName string `json:"packageName"`
	Version     string `json:"version"`
}

func (v packageVersion) key() string { return v.PackageName + "\x00" + v.Version }

// String names the version in a sentence.
func (v packageVersion) String() string {
	return fmt.Sprintf("version %s of package %s", quote(v.Version), quote(v.PackageName))
}

// versionArgument is a version as the tool describes it. Members that are not
// listed are ignored: newer tools send more.
type versionArgument struct {
	packageVersion
	Description               string                        `json:"description"`
	LongDescription           ejson.Raw                     `json:"longDescription"`
	Git                       *string                       `json:"git"`
	CompilerVersion           *string                       `json:"compilerVersion"`
	ContainsPlugins           *bool                         `json:"containsPlugins"`
	DebugOnly                 *bool                         `json:"debugOnly"`
	ProdOnly                  *bool                         `json:"prodOnly"`
	TestOnly                  *bool                         `json:"testOnly"`
	Deprecated                *bool                         `json:"deprecated"`
	DeprecatedMessage         ejson.Raw                     `json:"deprecatedMessage"`
	Exports                   []catalog.Export              `json:"exports"`
	ReleaseName               ejson.Raw                     `json:"releaseName"`
	Dependencies              map[string]catalog.Dependency `json:"dependencies"`
	EarliestCompatibleVersion *string                       `json:"earliestCompatibleVersion"`
}

// textOrNull reads a member that may be a text, null or missing, which are
// three things.
func textOrNull(raw ejson.Raw) (catalog.NullString, error) {
	if len(raw) == 0 {
		return catalog.NullString{}, nil
	}
	if string(raw) == "null" {
		return catalog.Null(), nil
	}
	var text string
	if err := ejson.Unmarshal(raw, &text); err != nil {
		return catalog.NullString{}, ddp.ErrMatchFailed
	}
	return catalog.Text(text), nil
}

// record checks what was said, and returns it as the record that it becomes.
func (a *versionArgument) record() (v catalog.Version, err error) {
	v = catalog.Version{
		ID: catalog.NewID(), PackageName: a.PackageName, Version: a.Version, Description: a.Description, Dependencies: a.Dependencies,
		Exports: a.Exports, CompilerVersion: value(a.CompilerVersion), ContainsPlugins: value(a.ContainsPlugins),
		DebugOnly: value(a.DebugOnly), ProdOnly: value(a.ProdOnly), TestOnly: value(a.TestOnly),
		Deprecated:                a.Deprecated,
		EarliestCompatibleVersion: value(a.EarliestCompatibleVersion),
	}
	if a.Git != nil {
		v.Git = catalog.Text(*a.Git)
	}
	if v.LongDescription, err = textOrNull(a.LongDescription); err != nil {
		return v, err
	}
	if v.ReleaseName, err = textOrNull(a.ReleaseName); err != nil {
		return v, err
	}
	if v.DeprecatedMessage, err = textOrNull(a.DeprecatedMessage); err != nil {
		return v, err
	}
	if !v.ReleaseName.Set { // clients take a record without it for an old one
		v.ReleaseName = catalog.Null()
	}
	return v, checkRecord(&v)
}

// checkRecord reports what is wrong with a version, while its author is there to
// mend it.
func checkRecord(v *catalog.Version) error {
	if err := checkVersion(v.Version); err != nil {
		return err
	}
	if v.EarliestCompatibleVersion != "" {
		if err := checkVersion(v.EarliestCompatibleVersion); err != nil {
			return err
		}
	}
	if err := checkTexts(v.Description, v.LongDescription.Text, v.Git.Text); err != nil {
		return err
	}
	for name, d := range v.Dependencies {
		if err := checkDependency(name, d); err != nil {
			return err
		}
	}
	d, err := v.Document()
	if err != nil {
		return err
	}
	return checkSize(d, maxBody-uploadBody)
}

// checkDependency lets any architecture pass: new ones come with new tools.
func checkDependency(name string, d catalog.Dependency) error {
	if catalog.ValidName(name) != nil {
		return pkgmeter.Errorf(pkgmeter.Invalid, "There is a dependency on %s, which cannot be the name of a package.", quote(name))
	}
	if d.Constraint != nil && catalog.ValidConstraint(*d.Constraint) != nil {
		return pkgmeter.Errorf(pkgmeter.Invalid, "The dependency on %s has the constraint %s; want versions such as 1.2.3, =1.2.3 or ~1.2.3 with || between them.", quote(name), quote(*d.Constraint))
	}
	for _, r := range d.References {
		if r.Arch == "" {
			return pkgmeter.Errorf(pkgmeter.Invalid, "The dependency on %s has a reference without an architecture.", quote(name))
		}
	}
	return nil
}

// A versionUpload is where the parts of a version go.
type versionUpload struct {
	UploadToken string `json:"uploadToken"`
	UploadURL   string `json:"uploadUrl"`
	ReadmeURL   string `json:"readmeUrl"`
}

// createPackageVersion begins to publish a version, which stays invisible. One
// that somebody began before is replaced.
func (p *publisher) createPackageVersion(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var arg versionArgument
	if err := call.Bind(&arg); err != nil {
		return nil, err
	}
	if _, _, err := p.maintained(ctx, who, arg.PackageName); err != nil {
		return nil, err
	}
	v, err := arg.record()
	if err != nil {
		return nil, err
	}
	if err := p.unpublished(ctx, arg.packageVersion); err != nil {
		return nil, err
	}
	token, err := p.begin(ctx, who, pkgmeter.SourcePart, arg.key(), v)
	if err != nil {
		return nil, err
	}
	return versionUpload{token, p.uploadURL("source", token), p.uploadURL("readme", token)}, nil
}

func (p *publisher) unpublished(ctx context.Context, v packageVersion) error {
	there, err := p.exists(ctx, pkgmeter.Versions, v.key())
	if err == nil && there {
		err = pkgmeter.Errorf(pkgmeter.Conflict, "The %s is published already. To add a build for another architecture, use publish-for-arch; to change something, choose another version.", v)
	}
	return err
}

type versionHashes struct {
	TarballHash string  `json:"tarballHash"`
	TreeHash    *string `json:"treeHash"`
	ReadmeHash  *string `json:"readmeHash"`
}

func (h versionHashes) check(pending pkgmeter.Pending) error {
	if h.TreeHash == nil {
		return ddp.ErrMatchFailed
	}
	if err := checkUpload("source", pending.Source, h.TarballHash); err != nil {
		return err
	}
	if h.ReadmeHash != nil {
		if err := checkUpload("readme", pending.Readme, *h.ReadmeHash); err != nil {
			return err
		}
	}
	return checkTreeHash(*h.TreeHash)
}

// publishPackageVersion makes a version visible once its parts are here. Saying
// so again is no error.
func (p *publisher) publishPackageVersion(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var token string
	var hashes versionHashes
	if err := call.Bind(&token, &hashes); err != nil {
		return nil, err
	}
	var source *pkgmeter.PublishedFile // nil: it was published before
	err := p.change(ctx, func(edit *pkgmeter.CatalogEdit) error {
		source = nil
		var v catalog.Version
		pending, err := p.pending(ctx, token, pkgmeter.SourcePart, &v)
		if err != nil {
			return err
		}
		_, pkg, err := p.maintained(ctx, who, v.PackageName)
		if err != nil {
			return err
		}
		if err := hashes.check(pending); err != nil || pending.Published {
			return err
		}
		if err := p.unpublished(ctx, packageVersion{v.PackageName, v.Version}); err != nil {
			return p.unlessPublished(ctx, pending, err)
		}
		v.PublishedBy, v.Published = signature(who), p.today()
		edit.Files = p.place(&v, hashes, pending)
		source = &edit.Files[0]
		d, err := v.Document()
		edit.Keep, edit.Put, edit.Publish = []pkgmeter.Document{pkg}, []pkgmeter.Document{d}, pending.Token
		return err
	})
	if err != nil {
		return nil, err
	}
	p.tell(call, source)
	return true, nil
}

// place gives the parts of a version their addresses: first the source, then a
// readme if there is one.
func (p *publisher) place(v *catalog.Version, hashes versionHashes, pending pkgmeter.Pending) []pkgmeter.PublishedFile {
	of := packageVersion{v.PackageName, v.Version}
	source := p.file(of, "source.tgz", pkgmeter.SourcePart, pending.Source)
	v.Source = catalog.Tarball{URL: p.fileURL(source), TarballHash: hashes.TarballHash, TreeHash: *hashes.TreeHash}
	if !pending.Readme.Uploaded() {
		return []pkgmeter.PublishedFile{source}
	}
	readme := p.file(of, "README.md", pkgmeter.ReadmePart, pending.Readme)
	v.Readme = &catalog.Readme{URL: p.fileURL(readme), Hash: hash(pending.Readme)}
	return []pkgmeter.PublishedFile{source, readme}
}
