package meteor

import (
	"context"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

type nameArgument struct {
	Name string `json:"name"`
}

// amIAuthorizedPackage answers the tool's question before it builds anything.
// It takes any code but the number 401 for a yes.
func (p *publisher) amIAuthorizedPackage(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var name string
	if err := call.Bind(&name); err != nil {
		return nil, err
	}
	_, _, err := p.maintained(ctx, who, name)
	return true, err
}

// createPackage adds a package without versions. It is visible at once, so that
// a first publication that failed can be repeated like a later one.
func (p *publisher) createPackage(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var arg nameArgument
	if err := call.Bind(&arg); err != nil {
		return nil, err
	}
	if err := catalog.ValidName(arg.Name); err != nil {
		return nil, err
	}
	if err := p.mayName(ctx, who, arg.Name); err != nil {
		return nil, err
	}
	return nil, p.change(ctx, func(edit *pkgmeter.CatalogEdit) error {
		var there catalog.Package
		_, err := p.read(ctx, pkgmeter.Packages, arg.Name, namePackage(arg.Name), &there)
		if err == nil {
			return p.createdAlready(ctx, who, &there)
		}
		if pkgmeter.CodeOf(err) != pkgmeter.NotFound {
			return err
		}
		founders, err := p.founders(ctx, who, arg.Name)
		if err != nil {
			return err
		}
		d, err := catalog.Package{ID: catalog.NewID(), Name: arg.Name, Maintainers: founders}.Document()
		edit.Put = []pkgmeter.Document{d}
		return err
	})
}

// createdAlready accepts a repetition of the first step of a publication that
// came no further.
func (p *publisher) createdAlready(ctx context.Context, who actor, pkg *catalog.Package) error {
	mine, err := p.isMaintainer(ctx, who, pkg.Maintainers)
	if err != nil {
		return err
	}
	versions, err := p.store.Documents(ctx, pkgmeter.Versions, pkg.Name+"\x00", 1)
	if err == nil && (!mine || len(versions) > 0) {
		err = pkgmeter.Errorf(pkgmeter.Conflict, "There is a package %s already.", quote(pkg.Name))
	}
	return err
}

// changePackageHomepage takes any text: addresses without a scheme are usual.
func (p *publisher) changePackageHomepage(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var name, homepage string
	if err := call.Bind(&name, &homepage); err != nil {
		return nil, err
	}
	if err := checkText("A homepage", homepage); err != nil {
		return nil, err
	}
	return nil, p.changePackage(ctx, who, name, func(pkg *catalog.Package) error {
		pkg.Homepage = homepage
		return nil
	})
}

// changePackage changes the record of a package.
func (p *publisher) changePackage(ctx context.Context, who actor, name string, change func(*catalog.Package) error) error {
	return p.change(ctx, func(edit *pkgmeter.CatalogEdit) error {
		pkg, read, err := p.maintained(ctx, who, name)
		if err != nil {
			return err
		}
		return amend(edit, read, &pkg, change)
	})
}
