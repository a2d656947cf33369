package meteor

import (
	"context"
	"slices"
	"strings"

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

func (p *publisher) amIAuthorizedRelease(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var name string
	if err := call.Bind(&name); err != nil {
		return nil, err
	}
	_, _, err := p.maintainedTrack(ctx, who, name)
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
	return nil, p.change(ctx, func() (edit pkgmeter.CatalogEdit, err error) {
		var there catalog.Package
		_, err = p.read(ctx, pkgmeter.Packages, arg.Name, "package", &there)
		if e, ok := err.(*ddp.Error); !ok || e.Code != 404 { //nolint:errorlint // read makes it
			if err == nil {
				err = p.createdAlready(ctx, who, &there)
			}
			return edit, err
		}
		pkg := catalog.Package{ID: catalog.NewID(), Name: arg.Name}
		if pkg.Maintainers, err = p.founders(ctx, who, arg.Name); err != nil {
			return edit, err
		}
		d, err := pkg.Document()
		edit.Put = []pkgmeter.Document{d}
		return edit, err
	})
}

// createdAlready accepts a repetition of the first step of a publication that
// came no further.
func (p *publisher) createdAlready(ctx context.Context, who actor, pkg *catalog.Package) error {
	ok, err := p.isMaintainer(ctx, who, pkg.Maintainers)
	if err != nil {
		return err
	}
	versions, err := p.store.Documents(ctx, pkgmeter.Versions, pkg.Name+"\x00", 1)
	if err == nil && (!ok || len(versions) > 0) {
		err = refuse(409, "There is a package %s already.", quote(pkg.Name))
	}
	return err
}

// founders are the first maintainers of a name: who takes it, and the
// organisation that owns its prefix.
func (p *publisher) founders(ctx context.Context, who actor, name string) ([]catalog.Maintainer, error) {
	all := []catalog.Maintainer{{Username: who.name, ID: who.name}}
	prefix, _, ok := strings.Cut(name, ":")
	if !ok || prefix == who.name {
		return all, nil
	}
	org, err := p.store.IsOrg(ctx, prefix)
	if org {
		all = append(all, catalog.Maintainer{Username: prefix, ID: prefix, IsOrganization: true})
	}
	return all, err
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
	return p.change(ctx, func() (edit pkgmeter.CatalogEdit, err error) {
		pkg, read, err := p.maintained(ctx, who, name)
		if err == nil {
			err = change(&pkg)
		}
		if err != nil {
			return edit, err
		}
		d, err := pkg.Document()
		d, err = put(read, d, err)
		edit.Put = []pkgmeter.Document{d}
		return edit, err
	})
}

func (p *publisher) changeTrack(ctx context.Context, who actor, name string, change func(*catalog.ReleaseTrack) error) error {
	return p.change(ctx, func() (edit pkgmeter.CatalogEdit, err error) {
		track, read, err := p.maintainedTrack(ctx, who, name)
		if err == nil {
			err = change(&track)
		}
		if err != nil {
			return edit, err
		}
		d, err := track.Document()
		d, err = put(read, d, err)
		edit.Put = []pkgmeter.Document{d}
		return edit, err
	})
}

// addMaintainer and removeMaintainer are called by all tools for tracks too: a
// name that is no package's is taken for that of a track.
func (p *publisher) addMaintainer(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	return p.changeMaintainers(ctx, who, call, false, p.withMaintainer)
}

func (p *publisher) removeMaintainer(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	return p.changeMaintainers(ctx, who, call, false, withoutMaintainer)
}

func (p *publisher) addReleaseMaintainer(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	return p.changeMaintainers(ctx, who, call, true, p.withMaintainer)
}

func (p *publisher) removeReleaseMaintainer(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	return p.changeMaintainers(ctx, who, call, true, withoutMaintainer)
}

type maintainerChange func(ctx context.Context, of, username string, before []catalog.Maintainer) ([]catalog.Maintainer, error)

func (p *publisher) changeMaintainers(ctx context.Context, who actor, call *ddp.Call, track bool, change maintainerChange) (any, error) {
	var name, username string
	if err := call.Bind(&name, &username); err != nil {
		return nil, err
	}
	if !track {
		pkg, err := p.exists(ctx, pkgmeter.Packages, name)
		if err != nil {
			return nil, err
		}
		if !pkg {
			isTrack, err := p.exists(ctx, pkgmeter.ReleaseTracks, name)
			if err != nil {
				return nil, err
			}
			track = isTrack
		}
	}
	if track {
		return nil, p.changeTrack(ctx, who, name, func(t *catalog.ReleaseTrack) (err error) {
			t.Maintainers, err = change(ctx, name, username, t.Maintainers)
			return err
		})
	}
	return nil, p.changePackage(ctx, who, name, func(pkg *catalog.Package) (err error) {
		pkg.Maintainers, err = change(ctx, name, username, pkg.Maintainers)
		return err
	})
}

func (p *publisher) withMaintainer(ctx context.Context, _, username string, before []catalog.Maintainer) ([]catalog.Maintainer, error) {
	if slices.ContainsFunc(before, func(m catalog.Maintainer) bool { return m.Username == username }) {
		return before, nil
	}
	org, err := p.store.IsOrg(ctx, username)
	if err != nil {
		return nil, err
	}
	if !org {
		_, err := p.store.User(ctx, username)
		if pkgmeter.CodeOf(err) == pkgmeter.NotFound {
			return nil, refuse(404, "There is no user or organisation %s.", quote(username))
		}
		if err != nil {
			return nil, err
		}
	}
	return append(before, catalog.Maintainer{Username: username, ID: username, IsOrganization: org}), nil
}

func withoutMaintainer(_ context.Context, of, username string, before []catalog.Maintainer) ([]catalog.Maintainer, error) {
	after := slices.DeleteFunc(slices.Clone(before), func(m catalog.Maintainer) bool { return m.Username == username })
	if len(after) == len(before) {
		return before, nil
	}
	if prefix, _, ok := strings.Cut(of, ":"); ok && prefix == username {
		return nil, refuse(403, "You cannot remove the maintainer in the package name: %s belongs to %s.", quote(of), quote(username))
	}
	if len(after) == 0 {
		return nil, refuse(403, "You cannot remove the last maintainer of %s.", quote(of))
	}
	return after, nil
}
