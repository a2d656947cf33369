package meteor

import (
	"context"
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/ddp/ejson"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// maxReleases bounds the releases of a track that one change looks at.
const maxReleases = 100_000

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
	return nil, p.change(ctx, func() (edit pkgmeter.CatalogEdit, err error) {
		there, err := p.exists(ctx, pkgmeter.ReleaseTracks, arg.Name)
		if err == nil && there {
			err = refuse(409, "There is a release track %s already.", quote(arg.Name))
		}
		if err != nil {
			return edit, err
		}
		track := catalog.ReleaseTrack{ID: catalog.NewID(), Name: arg.Name}
		if track.Maintainers, err = p.founders(ctx, who, arg.Name); err != nil {
			return edit, err
		}
		d, err := track.Document()
		edit.Put = []pkgmeter.Document{d}
		return edit, err
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
	if err := checkDescription(a.Description); err != nil {
		return err
	}
	name, version, ok := strings.Cut(a.Tool, "@")
	switch {
	case !ok || catalog.ValidName(name) != nil || checkVersion(version) != nil:
		return refuse(400, "The tool of a release is named PACKAGE@VERSION; this one is %s.", quote(a.Tool))
	case a.Version == "" || len(a.Version) > catalog.MaxName || strings.ContainsAny(a.Version, "@\x00\r\n\t "):
		return refuse(400, "%s cannot be the version of a release.", quote(a.Version))
	case a.Packages == nil:
		return ddp.ErrMatchFailed
	case a.Recommended && value(a.OrderKey) == "":
		return refuse(400, "A release that is recommended needs an order key.")
	}
	for name, version := range a.Packages {
		if err := checkVersion(version); err != nil || catalog.ValidName(name) != nil {
			return refuse(400, "A release lists versions of packages; %s is none.", quote(name+"@"+version))
		}
	}
	return nil
}

func (a *releaseArgument) key() string { return a.Track + "\x00" + a.Version }

func (a *releaseArgument) release(who actor, now catalog.Date) catalog.ReleaseVersion {
	return catalog.ReleaseVersion{
		ID: catalog.NewID(), Track: a.Track, Version: a.Version, OrderKey: value(a.OrderKey), Description: a.Description,
		Recommended: a.Recommended, Tool: a.Tool, Packages: a.Packages, PublishedBy: by(who), Published: now,
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
	var from []string
	if err := ejson.Unmarshal(raw, &from); err != nil {
		var one string
		if err := ejson.Unmarshal(raw, &one); err != nil {
			return nil, ddp.ErrMatchFailed
		}
		from = []string{one}
	}
	if len(from) == 0 {
		return nil, refuse(400, "A patch release says which releases it is for.")
	}
	return nil, p.release(ctx, who, &arg, from)
}

func (p *publisher) release(ctx context.Context, who actor, arg *releaseArgument, patches []string) error {
	if _, _, err := p.maintainedTrack(ctx, who, arg.Track); err != nil {
		return err
	}
	if err := arg.check(); err != nil {
		return err
	}
	return p.change(ctx, func() (edit pkgmeter.CatalogEdit, err error) {
		_, track, err := p.maintainedTrack(ctx, who, arg.Track)
		if err != nil {
			return edit, err
		}
		there, err := p.exists(ctx, pkgmeter.ReleaseVersions, arg.key())
		if err == nil && there {
			err = refuse(409, "There is a release %s already.", quote(arg.Track+"@"+arg.Version))
		}
		if err == nil && len(patches) > 0 {
			edit.Put, err = p.patched(ctx, arg, patches)
		}
		if err != nil {
			return edit, err
		}
		d, err := arg.release(who, p.date()).Document()
		edit.Keep, edit.Put = []pkgmeter.Document{track}, append(edit.Put, d)
		return edit, err
	})
}

// patched returns the releases that a patch changes: those that it is for are no
// longer recommended and name it, and so do those that named one of them.
func (p *publisher) patched(ctx context.Context, arg *releaseArgument, patches []string) (changed []pkgmeter.Document, err error) {
	all, err := p.store.Documents(ctx, pkgmeter.ReleaseVersions, arg.Track+"\x00", maxReleases)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, read := range all {
		var r catalog.ReleaseVersion
		if err := catalog.Decode(read.Body, &r); err != nil {
			return nil, err
		}
		direct := slices.Contains(patches, r.Version)
		found[r.Version] = direct
		if !direct && (r.PatchReleaseVersion == "" || !slices.Contains(patches, r.PatchReleaseVersion)) {
			continue
		}
		r.PatchReleaseVersion = arg.Version
		r.Recommended = r.Recommended && !direct
		d, err := r.Document()
		if d, err = put(read, d, err); err != nil {
			return nil, err
		}
		changed = append(changed, d)
	}
	return changed, missing(arg.Track, patches, found)
}

// missing names the versions of a track that there are not.
func missing(track string, versions []string, found map[string]bool) error {
	gone := slices.DeleteFunc(slices.Clone(versions), func(v string) bool { return found[v] })
	if len(gone) == 0 {
		return nil
	}
	return refuse(404, "The release track %s has no version %s.", quote(track), quote(strings.Join(gone, ", ")))
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
	return nil, p.changeReleases(ctx, who, track, []string{version}, func(_ string, r *catalog.ReleaseVersion) error {
		if recommended && r.OrderKey == "" {
			return refuse(400, "The release %s has no order key and cannot be recommended.", quote(track+"@"+version))
		}
		r.Recommended = recommended
		return nil
	})
}

// changeReleases changes releases of a track, all of them or none.
func (p *publisher) changeReleases(ctx context.Context, who actor, name string, versions []string, change func(version string, r *catalog.ReleaseVersion) error) error {
	return p.change(ctx, func() (edit pkgmeter.CatalogEdit, err error) {
		_, track, err := p.maintainedTrack(ctx, who, name)
		if err != nil {
			return edit, err
		}
		edit.Keep = []pkgmeter.Document{track}
		found := map[string]bool{}
		for _, version := range versions {
			if _, twice := found[version]; twice {
				continue
			}
			var r catalog.ReleaseVersion
			read, err := p.store.Document(ctx, pkgmeter.ReleaseVersions, name+"\x00"+version)
			if found[version] = err == nil; pkgmeter.CodeOf(err) == pkgmeter.NotFound {
				continue
			}
			if err == nil {
				err = catalog.Decode(read.Body, &r)
			}
			if err == nil {
				err = change(version, &r)
			}
			if err != nil {
				return edit, err
			}
			d, err := r.Document()
			if d, err = put(read, d, err); err != nil {
				return edit, err
			}
			edit.Put = append(edit.Put, d)
		}
		return edit, missing(name, versions, found)
	})
}

type bannerArgument struct {
	Versions []string `json:"versions"`
	Banner   struct {
		Text string `json:"text"`
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
	texts := map[string]string{}
	var versions []string
	for _, b := range banners {
		if err := checkText("A banner", b.Banner.Text); err != nil {
			return nil, err
		}
		for _, v := range b.Versions {
			texts[v] = b.Banner.Text
			versions = append(versions, v)
		}
	}
	now := p.date()
	return nil, p.changeReleases(ctx, who, track, versions, func(version string, r *catalog.ReleaseVersion) error {
		r.Banner = &catalog.Banner{Text: texts[version], LastUpdated: now}
		return nil
	})
}
