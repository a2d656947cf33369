package meteor

import (
	"context"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

func namePackage(name string) string { return "package " + quote(name) }
func nameTrack(name string) string   { return "release track " + quote(name) }

// maintained reads a package that somebody may change.
func (p *publisher) maintained(ctx context.Context, who actor, name string) (pkg catalog.Package, d pkgmeter.Document, err error) {
	if d, err = p.read(ctx, pkgmeter.Packages, name, namePackage(name), &pkg); err != nil {
		return pkg, d, err
	}
	return pkg, d, p.mayChange(ctx, who, pkg.Maintainers, namePackage(name))
}

// maintainedTrack is the same of a release track.
func (p *publisher) maintainedTrack(ctx context.Context, who actor, name string) (track catalog.ReleaseTrack, d pkgmeter.Document, err error) {
	if d, err = p.read(ctx, pkgmeter.ReleaseTracks, name, nameTrack(name), &track); err != nil {
		return track, d, err
	}
	return track, d, p.mayChange(ctx, who, track.Maintainers, nameTrack(name))
}

func (p *publisher) mayChange(ctx context.Context, who actor, maintainers []catalog.Maintainer, what string) error {
	ok, err := p.isMaintainer(ctx, who, maintainers)
	if err == nil && !ok {
		err = pkgmeter.Errorf(pkgmeter.Unauthenticated, "You are not an authorized maintainer of the %s.", what)
	}
	return err
}

// isMaintainer reports whether somebody may change what these maintain.
func (p *publisher) isMaintainer(ctx context.Context, who actor, maintainers []catalog.Maintainer) (bool, error) {
	if who.admin {
		return true, nil
	}
	for _, m := range maintainers {
		if !m.IsOrganization {
			if m.Username == who.name {
				return true, nil
			}
			continue
		}
		if ok, err := p.store.IsMember(ctx, m.Username, who.name); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// mayName reports why somebody may not give a package or track a name: what is
// before the colon has to be one's own, or one's organisation's, and names
// without it are for administrators.
func (p *publisher) mayName(ctx context.Context, who actor, name string) error {
	if who.admin {
		return nil
	}
	prefix, _, ok := strings.Cut(name, ":")
	if !ok {
		return pkgmeter.Errorf(pkgmeter.Forbidden, "Only an administrator may use the name %s, which has no prefix; call it %s instead.", quote(name), quote(who.name+":"+name))
	}
	if prefix == who.name {
		return nil
	}
	member, err := p.store.IsMember(ctx, prefix, who.name)
	if err == nil && !member {
		err = pkgmeter.Errorf(pkgmeter.Forbidden, "You may not use the prefix %s: it is not your name, nor that of an organisation of yours.", quote(prefix))
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

// A maintainerChange returns who maintains the thing of a name from now on.
type maintainerChange func(ctx context.Context, of, username string, before []catalog.Maintainer) ([]catalog.Maintainer, error)

func (p *publisher) changeMaintainers(ctx context.Context, who actor, call *ddp.Call, ofTrack bool, change maintainerChange) (any, error) {
	var name, username string
	if err := call.Bind(&name, &username); err != nil {
		return nil, err
	}
	if !ofTrack {
		var err error
		if ofTrack, err = p.onlyTrack(ctx, name); err != nil {
			return nil, err
		}
	}
	if ofTrack {
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

// onlyTrack reports whether a name is that of a release track, and of no package.
func (p *publisher) onlyTrack(ctx context.Context, name string) (bool, error) {
	if pkg, err := p.exists(ctx, pkgmeter.Packages, name); pkg || err != nil {
		return false, err
	}
	return p.exists(ctx, pkgmeter.ReleaseTracks, name)
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
			return nil, pkgmeter.Errorf(pkgmeter.NotFound, "There is no user or organisation %s.", quote(username))
		}
		if err != nil {
			return nil, err
		}
	}
	return append(before, catalog.Maintainer{Username: username, ID: username, IsOrganization: org}), nil
}

// withoutMaintainer leaves somebody to maintain it, and who is a part of its
// name.
func withoutMaintainer(_ context.Context, of, username string, before []catalog.Maintainer) ([]catalog.Maintainer, error) {
	after := slices.DeleteFunc(slices.Clone(before), func(m catalog.Maintainer) bool { return m.Username == username })
	if len(after) == len(before) {
		return before, nil
	}
	if prefix, _, ok := strings.Cut(of, ":"); ok && prefix == username {
		return nil, pkgmeter.Errorf(pkgmeter.Forbidden, "You cannot remove the maintainer in the package name: %s belongs to %s.", quote(of), quote(username))
	}
	if len(after) == 0 {
		return nil, pkgmeter.Errorf(pkgmeter.Forbidden, "You cannot remove the last maintainer of %s.", quote(of))
	}
	return after, nil
}
