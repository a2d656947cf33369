package meteor

import (
	"context"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

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
	token, err := p.begin(ctx, who, pkgmeter.ReadmePart, of.key(), of)
	if err != nil {
		return nil, err
	}
	return readmeUpload{p.uploadURL("readme", token), token}, nil
}

// publishReadme replaces the readme of a version. It gets another address: the
// old one is for ever that of the old text. Saying so again is no error.
func (p *publisher) publishReadme(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var token string
	var arg struct {
		Hash string `json:"hash"`
	}
	if err := call.Bind(&token, &arg); err != nil {
		return nil, err
	}
	err := p.change(ctx, func(edit *pkgmeter.CatalogEdit) error {
		var of packageVersion
		pending, err := p.pending(ctx, token, pkgmeter.ReadmePart, &of)
		if err != nil {
			return err
		}
		return p.planVersion(ctx, who, of, edit, func(v *catalog.Version) error {
			if err := checkUpload("readme", pending.Readme, arg.Hash); err != nil || pending.Published {
				return err
			}
			file := p.file(of, "README.md", pkgmeter.ReadmePart, pending.Readme)
			v.Readme = &catalog.Readme{URL: p.fileURL(file), Hash: arg.Hash}
			edit.Files, edit.Publish = []pkgmeter.PublishedFile{file}, pending.Token
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return true, nil
}
