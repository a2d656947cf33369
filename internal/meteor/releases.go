package meteor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/ddp/ejson"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

const (
	maxReleases = 100_000 // of a track that a patch looks at
	maxNamed    = 1000    // releases that one call names
)

// createReleaseTrack adds a series of releases.
func (p *publisher) createReleaseTrack(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var arg nameArgument
	if err := call.Bind(&arg); err != nil {
		return nil, err
	}
	if err := catalog.ValidTrack(arg.Name); err != nil {
		return nil, err
	}
	if err := p.mayName(ctx, who, arg.Name); err != nil {
		return nil, err
	}
	return nil, p.change(ctx, func(edit *pkgmeter.CatalogEdit) error {
		there, err := p.exists(ctx, pkgmeter.ReleaseTracks, arg.Name)
		if err == nil && there {
			err = pkgmeter.Errorf(pkgmeter.Conflict, "There is a %s already.", nameTrack(arg.Name))
		}
		if err != nil {
			return err
		}
		founders, err := p.founders(ctx, who, arg.Name)
		if err != nil {
			return err
		}
		d, err := catalog.ReleaseTrack{ID: catalog.NewID(), Name: arg.Name, Maintainers: founders}.Document()
		edit.Put = []pkgmeter.Document{d}
		return err
	})
}

// amIAuthorizedRelease is amIAuthorizedPackage for tracks.
func (p *publisher) amIAuthorizedRelease(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var name string
	if err := call.Bind(&name); err != nil {
		return nil, err
	}
	_, _, err := p.maintainedTrack(ctx, who, name)
	return true, err
}

// changeTrack changes the record of a track.
func (p *publisher) changeTrack(ctx context.Context, who actor, name string, change func(*catalog.ReleaseTrack) error) error {
	return p.change(ctx, func(edit *pkgmeter.CatalogEdit) error {
		track, read, err := p.maintainedTrack(ctx, who, name)
		if err != nil {
			return err
		}
		return amend(edit, read, &track, change)
	})
}

// releaseArgument is a release as the tool describes it. The tool computes the
// order of releases; one without is experimental.
type releaseArgument struct {
	Track       string            `json:"track"`
	Version     string            `json:"version"`
	OrderKey    *string           `json:"orderKey"`
	Description string            `json:"description"`
	Recommended bool              `json:"recommended"`
	Tool        string            `json:"tool"`
	Packages    map[string]string `json:"packages"`
}

func (a *releaseArgument) check() error {
	name, version, _ := strings.Cut(a.Tool, "@")
	switch {
	case a.Packages == nil:
		return ddp.ErrMatchFailed
	case a.Version == "" || len(a.Version) > catalog.MaxName || strings.Contains(a.Version, "@") || strings.ContainsFunc(a.Version, unprintable):
		return pkgmeter.Errorf(pkgmeter.Invalid, "%s cannot be the version of a release.", quote(a.Version))
	case catalog.ValidName(name) != nil || checkVersion(version) != nil:
		return pkgmeter.Errorf(pkgmeter.Invalid, "The tool of a release is named PACKAGE@VERSION; this one is %s.", quote(a.Tool))
	case a.Recommended && value(a.OrderKey) == "":
		return pkgmeter.Errorf(pkgmeter.Invalid, "A release that is recommended needs an order key.")
	}
	for name, version := range a.Packages {
		if catalog.ValidName(name) != nil || checkVersion(version) != nil {
			return pkgmeter.Errorf(pkgmeter.Invalid, "A release lists versions of packages; %s is none.", quote(name+"@"+version))
		}
	}
	return checkDescription(a.Description)
}

func unprintable(c rune) bool { return unicode.IsControl(c) || unicode.IsSpace(c) }

func (a *releaseArgument) key() string { return a.Track + "\x00" + a.Version }

func (a *releaseArgument) record(who actor, now catalog.Date) catalog.ReleaseVersion {
	return catalog.ReleaseVersion{
		ID: catalog.NewID(), Track: a.Track, Version: a.Version, OrderKey: value(a.OrderKey), Description: a.Description,
		Recommended: a.Recommended, Tool: a.Tool, Packages: a.Packages, PublishedBy: signature(who), Published: now,
	}
}

// createReleaseVersion publishes a release.
func (p *publisher) createReleaseVersion(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var arg releaseArgument
	if err := call.Bind(&arg); err != nil {
		return nil, err
	}
	return nil, p.release(ctx, who, &arg, nil)
}

// createPatchReleaseVersion publishes a release that takes the place of others.
func (p *publisher) createPatchReleaseVersion(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var arg releaseArgument
	var raw ejson.Raw
	if err := call.Bind(&arg, &raw); err != nil {
		return nil, err
	}
	patched, err := oneOrMore(raw)
	if err != nil {
		return nil, err
	}
	if len(patched) == 0 {
		return nil, pkgmeter.Errorf(pkgmeter.Invalid, "A patch release says which releases it is for.")
	}
	return nil, p.release(ctx, who, &arg, patched)
}

// oneOrMore reads a text, or a list of them: both are what tools send.
func oneOrMore(raw ejson.Raw) (list []string, err error) {
	if err := ejson.Unmarshal(raw, &list); err == nil {
		return list, checkNamed(list)
	}
	var one string
	if err := ejson.Unmarshal(raw, &one); err != nil {
		return nil, ddp.ErrMatchFailed
	}
	return []string{one}, nil
}

func checkNamed(versions []string) error {
	if len(versions) > maxNamed {
		return pkgmeter.Errorf(pkgmeter.Invalid, "A call names at most %d releases; this one names %d.", maxNamed, len(versions))
	}
	return nil
}

// release publishes a release, which may be a patch of others.
func (p *publisher) release(ctx context.Context, who actor, arg *releaseArgument, patched []string) error {
	err := p.change(ctx, func(edit *pkgmeter.CatalogEdit) error {
		_, track, err := p.maintainedTrack(ctx, who, arg.Track)
		if err != nil {
			return err
		}
		edit.Keep = []pkgmeter.Document{track}
		if err := arg.check(); err != nil {
			return err
		}
		there, err := p.exists(ctx, pkgmeter.ReleaseVersions, arg.key())
		if err == nil && there {
			err = pkgmeter.Errorf(pkgmeter.Conflict, "There is a release %s already.", quote(arg.Track+"@"+arg.Version))
		}
		if err == nil && len(patched) > 0 {
			err = p.patch(ctx, edit, arg, patched)
		}
		if err != nil {
			return err
		}
		d, err := arg.record(who, p.today()).Document()
		edit.Put = append(edit.Put, d)
		return err
	})
	if err == nil {
		p.noteUnknown(ctx, arg)
	}
	return err
}

// noteUnknown writes in the log what a release lists and the catalog lacks. It is
// no error: the packages may come later, or from a mirror.
func (p *publisher) noteUnknown(ctx context.Context, arg *releaseArgument) {
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(arg.Packages)) {
		there, err := p.exists(ctx, pkgmeter.Versions, packageVersion{name, arg.Packages[name]}.key())
		if err != nil {
			return // the release is published, and this is only a help
		}
		if !there {
			unknown = append(unknown, name+"@"+arg.Packages[name])
		}
	}
	if len(unknown) > 0 {
		p.log.Warn("meteor: a release lists versions that the catalog lacks", "release", arg.Track+"@"+arg.Version, "versions", list(unknown))
	}
}

// patch changes the releases that a patch is for: they are no longer recommended
// and name it. So do those that named one of them, as clients follow one step
// only.
func (p *publisher) patch(ctx context.Context, edit *pkgmeter.CatalogEdit, arg *releaseArgument, patched []string) error {
	all, err := p.store.Documents(ctx, pkgmeter.ReleaseVersions, arg.Track+"\x00", maxReleases)
	if err != nil {
		return err
	}
	found := map[string]bool{}
	for _, read := range all {
		var r catalog.ReleaseVersion
		if err := catalog.Decode(read.Body, &r); err != nil {
			return err
		}
		direct := slices.Contains(patched, r.Version)
		found[r.Version] = direct
		if !direct && (r.PatchReleaseVersion == "" || !slices.Contains(patched, r.PatchReleaseVersion)) {
			continue
		}
		if read.Mirrored {
			return mirroredRelease(arg.Track, r.Version)
		}
		err := amend(edit, read, &r, func(r *catalog.ReleaseVersion) error {
			r.PatchReleaseVersion = arg.Version
			r.Recommended = r.Recommended && !direct
			return nil
		})
		if err != nil {
			return err
		}
	}
	return missing(arg.Track, patched, found)
}

func mirroredRelease(track, version string) error {
	return pkgmeter.Errorf(pkgmeter.Forbidden, "The release %s is copied from another server and can only be changed there.", quote(track+"@"+version))
}

// missing names the versions of a track that there are not.
func missing(track string, versions []string, found map[string]bool) error {
	gone := slices.DeleteFunc(slices.Clone(versions), func(v string) bool { return found[v] })
	if len(gone) == 0 {
		return nil
	}
	return pkgmeter.Errorf(pkgmeter.NotFound, "The %s has no version %s.", nameTrack(track), list(gone))
}

// maxListed is the most bytes of names in a sentence.
const maxListed = 800

// list names the first of many, as far as there is room in a sentence.
func list(names []string) string {
	text := pkgmeter.Cut(names[0], maxListed)
	for i, name := range names[1:] {
		if len(text)+len(", ")+len(name) > maxListed {
			return fmt.Sprintf("%q and %d more", text, len(names)-1-i)
		}
		text += ", " + name
	}
	return fmt.Sprintf("%q", text)
}

func (p *publisher) recommendVersion(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	return p.recommend(ctx, who, call, true)
}

func (p *publisher) unrecommendVersion(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	return p.recommend(ctx, who, call, false)
}

func (p *publisher) recommend(ctx context.Context, who actor, call *ddp.Call, recommended bool) (any, error) {
	var track, version string
	if err := call.Bind(&track, &version); err != nil {
		return nil, err
	}
	return nil, p.changeReleases(ctx, who, track, []string{version}, func(r *catalog.ReleaseVersion) error {
		if recommended && r.OrderKey == "" {
			return pkgmeter.Errorf(pkgmeter.Invalid, "The release %s has no order key and cannot be recommended.", quote(track+"@"+version))
		}
		r.Recommended = recommended
		return nil
	})
}

// changeReleases changes releases of a track, all of them or none.
func (p *publisher) changeReleases(ctx context.Context, who actor, track string, versions []string, change func(*catalog.ReleaseVersion) error) error {
	return p.change(ctx, func(edit *pkgmeter.CatalogEdit) error {
		_, d, err := p.maintainedTrack(ctx, who, track)
		if err != nil {
			return err
		}
		edit.Keep = []pkgmeter.Document{d}
		found := map[string]bool{}
		for _, version := range versions {
			if _, twice := found[version]; twice {
				continue
			}
			var r catalog.ReleaseVersion
			read, err := p.read(ctx, pkgmeter.ReleaseVersions, track+"\x00"+version, "release "+quote(track+"@"+version), &r)
			if found[version] = err == nil; pkgmeter.CodeOf(err) == pkgmeter.NotFound {
				continue
			}
			if err == nil {
				err = amend(edit, read, &r, change)
			}
			if err != nil {
				return err
			}
		}
		return missing(track, versions, found)
	})
}

// bannerArgument has no member that may be missing.
type bannerArgument struct {
	Versions []string `json:"versions"`
	Banner   *struct {
		Text *string `json:"text"`
	} `json:"banner"`
}

// setBannersOnReleases sets what the users of releases are shown. The date of
// now has it shown again to those who saw the one before.
func (p *publisher) setBannersOnReleases(ctx context.Context, who actor, call *ddp.Call) (any, error) {
	var track string
	var banners []bannerArgument
	if err := call.Bind(&track, &banners); err != nil {
		return nil, err
	}
	if banners == nil {
		return nil, ddp.ErrMatchFailed
	}
	texts := map[string]string{} // by version
	var versions []string
	for _, b := range banners {
		if b.Versions == nil || b.Banner == nil || b.Banner.Text == nil {
			return nil, ddp.ErrMatchFailed
		}
		if err := checkText("A banner", *b.Banner.Text); err != nil {
			return nil, err
		}
		for _, v := range b.Versions {
			texts[v] = *b.Banner.Text
		}
		versions = append(versions, b.Versions...)
	}
	if err := checkNamed(versions); err != nil {
		return nil, err
	}
	now := p.today()
	return nil, p.changeReleases(ctx, who, track, versions, func(r *catalog.ReleaseVersion) error {
		r.Banner = &catalog.Banner{Text: texts[r.Version], LastUpdated: now}
		return nil
	})
}
