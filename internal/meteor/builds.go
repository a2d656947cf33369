package meteor

import (
	"context"
	"regexp"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// architectures are joined by +, such as os+web.browser.
var architectures = regexp.MustCompile(`^[A-Za-z0-9_.-]+(\+[A-Za-z0-9_.-]+)*$`)

const maxArchitectures = 300 // bytes

type buildArgument struct {
	packageVersion
	BuildArchitectures string `json:"buildArchitectures"`
}

// buildKey is that of the build's record.
func (a buildArgument) buildKey(v catalog.Version) string {
	return v.ID + "\x00" + a.BuildArchitectures
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
		return nil, pkgmeter.Errorf(pkgmeter.Invalid, "%s are not architectures such as os+web.browser.", quote(arg.BuildArchitectures))
	}
	v, _, err := p.unbuilt(ctx, arg)
	if err != nil {
		return nil, err
	}
	token, err := p.begin(ctx, who, pkgmeter.BuildPart, arg.buildKey(v), arg)
	if err != nil {
		return nil, err
	}
	return buildUpload{token, p.uploadURL("build", token)}, nil
}

// unbuilt reads the version that has no such build yet.
func (p *publisher) unbuilt(ctx context.Context, arg buildArgument) (v catalog.Version, read pkgmeter.Document, err error) {
	if read, err = p.read(ctx, pkgmeter.Versions, arg.key(), arg.String(), &v); err != nil {
		return v, read, err
	}
	there, err := p.exists(ctx, pkgmeter.Builds, arg.buildKey(v))
	if err == nil && there {
		err = pkgmeter.Errorf(pkgmeter.Conflict, "The %s has a build for %s already.", arg, arg.BuildArchitectures)
	}
	return v, read, err
}

// publishPackageBuild makes a build visible once it is here. Saying so again is
// no error.
func (p *publisher) publishPackageBuild(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var token, tarballHash, treeHash string
	if err := call.Bind(&token, &tarballHash, &treeHash); err != nil {
		return nil, err
	}
	if err := checkTreeHash(treeHash); err != nil {
		return nil, err
	}
	var file *pkgmeter.PublishedFile // nil: it was published before
	err := p.change(ctx, func(edit *pkgmeter.CatalogEdit) error {
		file = nil
		var arg buildArgument
		pending, err := p.pending(ctx, token, pkgmeter.BuildPart, &arg)
		if err != nil {
			return err
		}
		_, pkg, err := p.maintained(ctx, who, arg.PackageName)
		if err != nil {
			return err
		}
		if err := checkUpload("build", pending.Source, tarballHash); err != nil || pending.Published {
			return err
		}
		v, version, err := p.unbuilt(ctx, arg)
		if err != nil {
			return p.unlessPublished(ctx, pending, err)
		}
		f := p.file(arg.packageVersion, arg.BuildArchitectures+".tgz", pkgmeter.BuildPart, pending.Source)
		file = &f
		d, err := catalog.Build{
			ID: catalog.NewID(), VersionID: v.ID, BuildArchitectures: arg.BuildArchitectures, BuiltBy: signature(who), BuildPublished: p.today(),
			Build: catalog.Tarball{URL: p.fileURL(f), TarballHash: tarballHash, TreeHash: treeHash},
		}.Document()
		edit.Keep, edit.Put, edit.Publish = []pkgmeter.Document{pkg, version}, []pkgmeter.Document{d}, pending.Token
		edit.Files = []pkgmeter.PublishedFile{f}
		return err
	})
	if err != nil {
		return nil, err
	}
	p.tell(call, file)
	return true, nil
}
