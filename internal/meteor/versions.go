package meteor

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/ddp/ejson"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
	"github.com/pkgmeter/pkgmeter/internal/purl"
)

// packageVersion names a version.
type packageVersion struct {
	PackageName string `json:"packageName"`
	Version     string `json:"version"`
}

func (v packageVersion) key() string { return v.PackageName + "\x00" + v.Version }

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
	DeprecatedMessage         *string                       `json:"deprecatedMessage"`
	Exports                   []catalog.Export              `json:"exports"`
	ReleaseName               ejson.Raw                     `json:"releaseName"`
	Dependencies              map[string]catalog.Dependency `json:"dependencies"`
	EarliestCompatibleVersion *string                       `json:"earliestCompatibleVersion"`
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
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

// version checks what was said, and returns it as the record that it becomes.
func (a *versionArgument) version() (v catalog.Version, err error) {
	v = catalog.Version{
		PackageName: a.PackageName, Version: a.Version, Description: a.Description, Dependencies: a.Dependencies, Exports: a.Exports,
		CompilerVersion: value(a.CompilerVersion), ContainsPlugins: value(a.ContainsPlugins),
		DebugOnly: value(a.DebugOnly), ProdOnly: value(a.ProdOnly), TestOnly: value(a.TestOnly),
		Deprecated: value(a.Deprecated), DeprecatedMessage: value(a.DeprecatedMessage),
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
	if !v.ReleaseName.Set { // the key must exist
		v.ReleaseName = catalog.Null()
	}
	if err := checkVersion(a.Version); err != nil {
		return v, err
	}
	for name, d := range a.Dependencies {
		if d.Constraint == nil {
			continue
		}
		if err := catalog.ValidConstraint(*d.Constraint); err != nil {
			return v, refuse(400, "The dependency on %s has the constraint %s, which is none.", quote(name), quote(*d.Constraint))
		}
	}
	return v, checkTexts(a.Description, v.LongDescription.Text, value(a.Git))
}

func checkVersion(version string) error {
	n, err := catalog.ParseVersion(version)
	if err == nil && n.String() != version {
		err = fmt.Errorf("canonical: %s", n)
	}
	if err != nil {
		return refuse(400, "%s is not a version such as 1.2.3, 1.2.3-rc.1 or 1.2.3_1.", quote(version))
	}
	return nil
}

func checkTexts(description, long, git string) error {
	if err := checkDescription(description); err != nil {
		return err
	}
	if n := units(long); n > maxLongDescription {
		return refuse(400, "A long description has at most %d characters; this one has %d.", maxLongDescription, n)
	}
	return checkText("A Git address", git)
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
	v, err := arg.version()
	if err != nil {
		return nil, err
	}
	v.ID = catalog.NewID()
	if _, err := v.Document(); err != nil { // while its author is there to mend it
		return nil, err
	}
	if err := p.unpublished(ctx, arg.packageVersion); err != nil {
		return nil, err
	}
	token, err := p.announce(ctx, who, pkgmeter.SourcePart, arg.key(), v)
	if err != nil {
		return nil, err
	}
	return versionUpload{token, p.uploadURL("source", token), p.uploadURL("readme", token)}, nil
}

func (p *publisher) unpublished(ctx context.Context, v packageVersion) error {
	there, err := p.exists(ctx, pkgmeter.Versions, v.key())
	if err == nil && there {
		err = refuse(409, "The %s is published already. To add a build for another architecture, use publish-for-arch; to change something, choose another version.", v)
	}
	return err
}

// announce remembers what is being published, and returns the secret of it.
func (p *publisher) announce(ctx context.Context, who actor, part pkgmeter.PublishedPart, key string, record any) (token string, err error) {
	token, sum := secret()
	text, err := json.Marshal(record)
	if err != nil {
		return "", err
	}
	return token, p.store.AddPending(ctx, pkgmeter.Pending{
		Token: sum, Part: part, Key: key, User: who.name, Record: text, Expires: p.now().Add(pendingLife),
	})
}

func (p *publisher) uploadURL(part, token string) string {
	return p.url + "/upload/" + part + "/" + token
}

// pending returns what a token is for, if it is for such a thing.
func (p *publisher) pending(ctx context.Context, token string, part pkgmeter.PublishedPart, record any) (pkgmeter.Pending, error) {
	pending, err := p.store.Pending(ctx, sha256.Sum256([]byte(token)))
	if err == nil && pending.Part != part {
		err = pkgmeter.Errorf(pkgmeter.NotFound, "this upload is for something else")
	}
	if err != nil {
		return pending, err
	}
	return pending, json.Unmarshal(pending.Record, record)
}

// checkUpload compares what was uploaded with what the tool says that it has.
func checkUpload(what string, b pkgmeter.Blob, want string) error {
	if !b.Uploaded() {
		return refuse(409, "The %s was not uploaded.", what)
	}
	if got := hash(b); got != want {
		return refuse(400, "The %s was damaged on its way: %d bytes with the SHA-256 %s were received, and %s was sent. Try again.", what, b.Size, got, quote(want))
	}
	return nil
}

type versionHashes struct {
	TarballHash string  `json:"tarballHash"`
	TreeHash    string  `json:"treeHash"`
	ReadmeHash  *string `json:"readmeHash"`
}

func (h versionHashes) check(pending pkgmeter.Pending) error {
	if err := checkUpload("source", pending.Source, h.TarballHash); err != nil {
		return err
	}
	if h.ReadmeHash == nil {
		return nil
	}
	return checkUpload("readme", pending.Readme, *h.ReadmeHash)
}

// publishPackageVersion makes a version visible once its parts are here. Saying
// so again is no error.
func (p *publisher) publishPackageVersion(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var token string
	var hashes versionHashes
	if err := call.Bind(&token, &hashes); err != nil {
		return nil, err
	}
	var source pkgmeter.PublishedFile
	repeated := false
	err := p.change(ctx, func() (edit pkgmeter.CatalogEdit, err error) {
		var v catalog.Version
		pending, err := p.pending(ctx, token, pkgmeter.SourcePart, &v)
		if err != nil {
			return edit, err
		}
		_, pkg, err := p.maintained(ctx, who, v.PackageName)
		if err == nil {
			err = hashes.check(pending)
		}
		if repeated = err == nil && pending.Published; err != nil || repeated {
			return edit, err
		}
		if err := p.unpublished(ctx, packageVersion{v.PackageName, v.Version}); err != nil {
			return edit, err
		}
		v.PublishedBy, v.Published = by(who), p.date()
		source = p.file(v.PackageName, v.Version, "source.tgz", pkgmeter.SourcePart, pending.Source)
		v.Source = catalog.Tarball{URL: p.fileURL(source), TarballHash: hashes.TarballHash, TreeHash: hashes.TreeHash}
		edit.Files = []pkgmeter.PublishedFile{source}
		if pending.Readme.Uploaded() {
			readme := p.file(v.PackageName, v.Version, "README.md", pkgmeter.ReadmePart, pending.Readme)
			v.Readme = &catalog.Readme{URL: p.fileURL(readme), Hash: hash(pending.Readme)}
			edit.Files = append(edit.Files, readme)
		}
		d, err := v.Document()
		edit.Keep, edit.Put, edit.Publish = []pkgmeter.Document{pkg}, []pkgmeter.Document{d}, pending.Token
		return edit, err
	})
	if err != nil {
		return nil, err
	}
	if !repeated {
		p.tell(call, source)
	}
	return true, nil
}

// tell counts an upload that became visible.
func (p *publisher) tell(call *ddp.Call, f pkgmeter.PublishedFile) {
	if p.published != nil {
		p.published(f, agentOf(call.Session))
	}
}

// file returns where bytes of a package will be served. Paths say nothing and
// are never used again.
func (p *publisher) file(pkg, version, suffix string, part pkgmeter.PublishedPart, b pkgmeter.Blob) pkgmeter.PublishedFile {
	folder, ending := "sources", ".tgz"
	switch part {
	case pkgmeter.BuildPart:
		folder = "builds"
	case pkgmeter.ReadmePart:
		folder, ending = "readmes", ".md"
	}
	return pkgmeter.PublishedFile{
		Path: folder + "/" + catalog.NewID() + ending, Name: pkg + "-" + version + "-" + suffix, Blob: b,
		Package: PackageURL(pkg), Version: version, Part: part,
	}
}

func (p *publisher) fileURL(f pkgmeter.PublishedFile) string { return p.url + "/files/" + f.Path }

// PackageURL returns the purl of a package: what is before the colon is its
// namespace.
func PackageURL(name string) string {
	namespace, rest, ok := strings.Cut(name, ":")
	if !ok {
		namespace, rest = "", name
	}
	return purl.Of("meteor", namespace, rest)
}

// architectures are joined by +, such as os+web.browser.
var architectures = regexp.MustCompile(`^[A-Za-z0-9_.-]+(\+[A-Za-z0-9_.-]+)*$`)

const maxArchitectures = 300 // bytes

type buildArgument struct {
	packageVersion
	BuildArchitectures string `json:"buildArchitectures"`
}

type buildUpload struct {
	UploadToken string `json:"uploadToken"`
	UploadURL   string `json:"uploadUrl"`
}

// createPackageBuild begins to publish a build of a version.
func (p *publisher) createPackageBuild(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var arg buildArgument
	if err := call.Bind(&arg); err != nil {
		return nil, err
	}
	if _, _, err := p.maintained(ctx, who, arg.PackageName); err != nil {
		return nil, err
	}
	if len(arg.BuildArchitectures) > maxArchitectures || !architectures.MatchString(arg.BuildArchitectures) {
		return nil, refuse(400, "%s are not architectures such as os+web.browser.", quote(arg.BuildArchitectures))
	}
	var v catalog.Version
	if _, err := p.read(ctx, pkgmeter.Versions, arg.key(), arg.String(), &v); err != nil {
		return nil, err
	}
	key := v.ID + "\x00" + arg.BuildArchitectures
	if err := p.unbuilt(ctx, key, arg); err != nil {
		return nil, err
	}
	token, err := p.announce(ctx, who, pkgmeter.BuildPart, key, arg)
	if err != nil {
		return nil, err
	}
	return buildUpload{token, p.uploadURL("build", token)}, nil
}

func (p *publisher) unbuilt(ctx context.Context, key string, arg buildArgument) error {
	there, err := p.exists(ctx, pkgmeter.Builds, key)
	if err == nil && there {
		err = refuse(409, "The %s has a build for %s already.", arg.packageVersion, arg.BuildArchitectures)
	}
	return err
}

// publishPackageBuild makes a build visible once it is here.
func (p *publisher) publishPackageBuild(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var token, tarballHash, treeHash string
	if err := call.Bind(&token, &tarballHash, &treeHash); err != nil {
		return nil, err
	}
	var file pkgmeter.PublishedFile
	repeated := false
	err := p.change(ctx, func() (edit pkgmeter.CatalogEdit, err error) {
		var arg buildArgument
		pending, err := p.pending(ctx, token, pkgmeter.BuildPart, &arg)
		if err != nil {
			return edit, err
		}
		_, pkg, err := p.maintained(ctx, who, arg.PackageName)
		if err == nil {
			err = checkUpload("build", pending.Source, tarballHash)
		}
		if repeated = err == nil && pending.Published; err != nil || repeated {
			return edit, err
		}
		var v catalog.Version
		version, err := p.read(ctx, pkgmeter.Versions, arg.key(), arg.String(), &v)
		if err != nil {
			return edit, err
		}
		if err := p.unbuilt(ctx, pending.Key, arg); err != nil {
			return edit, err
		}
		file = p.file(arg.PackageName, arg.Version, arg.BuildArchitectures+".tgz", pkgmeter.BuildPart, pending.Source)
		d, err := catalog.Build{
			ID: catalog.NewID(), VersionID: v.ID, BuildArchitectures: arg.BuildArchitectures, BuiltBy: by(who), BuildPublished: p.date(),
			Build: catalog.Tarball{URL: p.fileURL(file), TarballHash: tarballHash, TreeHash: treeHash},
		}.Document()
		edit.Keep, edit.Put, edit.Publish = []pkgmeter.Document{pkg, version}, []pkgmeter.Document{d}, pending.Token
		edit.Files = []pkgmeter.PublishedFile{file}
		return edit, err
	})
	if err != nil {
		return nil, err
	}
	if !repeated {
		p.tell(call, file)
	}
	return true, nil
}

// changeVersion changes the record of a version.
func (p *publisher) changeVersion(ctx context.Context, who actor, of packageVersion, change func(*catalog.Version, *pkgmeter.CatalogEdit) error) error {
	return p.change(ctx, func() (edit pkgmeter.CatalogEdit, err error) {
		_, pkg, err := p.maintained(ctx, who, of.PackageName)
		if err != nil {
			return edit, err
		}
		var v catalog.Version
		read, err := p.read(ctx, pkgmeter.Versions, of.key(), of.String(), &v)
		if err == nil {
			err = change(&v, &edit)
		}
		if err != nil {
			return edit, err
		}
		d, err := v.Document()
		d, err = put(read, d, err)
		edit.Keep, edit.Put = []pkgmeter.Document{pkg}, []pkgmeter.Document{d}
		return edit, err
	})
}

type metadataArgument struct {
	Git             ejson.Raw `json:"git"`
	Description     *string   `json:"description"`
	LongDescription ejson.Raw `json:"longDescription"`
}

// changeVersionMetadata changes the texts of a version; one that is not given
// stays, one that is empty becomes so.
func (p *publisher) changeVersionMetadata(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var of packageVersion
	var arg metadataArgument
	if err := call.Bind(&of, &arg); err != nil {
		return nil, err
	}
	git, err := textOrNull(arg.Git)
	if err != nil {
		return nil, err
	}
	long, err := textOrNull(arg.LongDescription)
	if err != nil {
		return nil, err
	}
	return nil, p.changeVersion(ctx, who, of, func(v *catalog.Version, _ *pkgmeter.CatalogEdit) error {
		if arg.Description != nil {
			v.Description = *arg.Description
		}
		if git.Set {
			v.Git = git
		}
		if long.Set {
			v.LongDescription = long
		}
		return checkTexts(v.Description, v.LongDescription.Text, v.Git.Text)
	})
}

// changeVersionMigrationStatus hides a version from older tools, or shows it
// again. The argument is what the member becomes.
func (p *publisher) changeVersionMigrationStatus(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var of packageVersion
	var unmigrated bool
	if err := call.Bind(&of.PackageName, &of.Version, &unmigrated); err != nil {
		return nil, err
	}
	return nil, p.changeVersion(ctx, who, of, func(v *catalog.Version, _ *pkgmeter.CatalogEdit) error {
		v.Unmigrated = unmigrated
		return nil
	})
}

func (p *publisher) setEarliestCompatibleVersion(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var of packageVersion
	var earliest string
	if err := call.Bind(&of, &earliest); err != nil {
		return nil, err
	}
	if err := checkVersion(earliest); err != nil {
		return nil, err
	}
	return nil, p.changeVersion(ctx, who, of, func(v *catalog.Version, _ *pkgmeter.CatalogEdit) error {
		v.EarliestCompatibleVersion = earliest
		return nil
	})
}

// readmeUpload has another name for its address than the other uploads have:
// clients expect it.
type readmeUpload struct {
	URL         string `json:"url"`
	UploadToken string `json:"uploadToken"`
}

// createReadme begins to replace the readme of a version.
func (p *publisher) createReadme(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var of packageVersion
	if err := call.Bind(&of); err != nil {
		return nil, err
	}
	if _, _, err := p.maintained(ctx, who, of.PackageName); err != nil {
		return nil, err
	}
	if _, err := p.read(ctx, pkgmeter.Versions, of.key(), of.String(), new(catalog.Version)); err != nil {
		return nil, err
	}
	token, err := p.announce(ctx, who, pkgmeter.ReadmePart, of.key(), of)
	if err != nil {
		return nil, err
	}
	return readmeUpload{p.uploadURL("readme", token), token}, nil
}

// publishReadme replaces the readme of a version. It gets another address: the
// old one is for ever that of the old text.
func (p *publisher) publishReadme(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var token string
	var arg struct {
		Hash string `json:"hash"`
	}
	if err := call.Bind(&token, &arg); err != nil {
		return nil, err
	}
	var of packageVersion
	pending, err := p.pending(ctx, token, pkgmeter.ReadmePart, &of)
	if err == nil {
		err = checkUpload("readme", pending.Readme, arg.Hash)
	}
	if err != nil {
		return nil, err
	}
	if pending.Published {
		_, _, err := p.maintained(ctx, who, of.PackageName)
		return true, err
	}
	err = p.changeVersion(ctx, who, of, func(v *catalog.Version, edit *pkgmeter.CatalogEdit) error {
		file := p.file(of.PackageName, of.Version, "README.md", pkgmeter.ReadmePart, pending.Readme)
		v.Readme = &catalog.Readme{URL: p.fileURL(file), Hash: arg.Hash}
		edit.Files, edit.Publish = []pkgmeter.PublishedFile{file}, pending.Token
		return nil
	})
	return true, err
}
