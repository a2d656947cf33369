package meteor

import (
	"context"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/ddp/ejson"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// changeVersion changes the record of a version.
func (p *publisher) changeVersion(ctx context.Context, who actor, of packageVersion, change func(*catalog.Version) error) error {
	return p.change(ctx, func(edit *pkgmeter.CatalogEdit) error {
		return p.planVersion(ctx, who, of, edit, change)
	})
}

func (p *publisher) planVersion(ctx context.Context, who actor, of packageVersion, edit *pkgmeter.CatalogEdit, change func(*catalog.Version) error) error {
	_, pkg, err := p.maintained(ctx, who, of.PackageName)
	if err != nil {
		return err
	}
	var v catalog.Version
	read, err := p.read(ctx, pkgmeter.Versions, of.key(), of.String(), &v)
	if err != nil {
		return err
	}
	edit.Keep = []pkgmeter.Document{pkg}
	return amend(edit, read, &v, change)
}

type metadataArgument struct {
	Git             *string   `json:"git"`
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
	long, err := textOrNull(arg.LongDescription)
	if err != nil {
		return nil, err
	}
	return nil, p.changeVersion(ctx, who, of, func(v *catalog.Version) error {
		if arg.Description != nil {
			v.Description = *arg.Description
		}
		if arg.Git != nil {
			v.Git = catalog.Text(*arg.Git)
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
	return nil, p.changeVersion(ctx, who, of, func(v *catalog.Version) error {
		v.Unmigrated = unmigrated
		return nil
	})
}

// setEarliestCompatibleVersion is for the tools of the first months.
func (p *publisher) setEarliestCompatibleVersion(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var of packageVersion
	var earliest string
	if err := call.Bind(&of, &earliest); err != nil {
		return nil, err
	}
	if err := checkVersion(earliest); err != nil {
		return nil, err
	}
	return nil, p.changeVersion(ctx, who, of, func(v *catalog.Version) error {
		v.EarliestCompatibleVersion = earliest
		return nil
	})
}
