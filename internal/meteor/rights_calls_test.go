package meteor_test

import (
	"slices"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// What each method is expected to answer, by the model.

// may reports whether somebody is among maintainers.
func (w *world) may(who string, maintainers []string) bool {
	return who == "root" || slices.Contains(maintainers, who) || w.members[who] && slices.Contains(maintainers, "acme")
}

// mayName returns the code for somebody who takes a name, and its maintainers.
func (w *world) mayName(who, name string) (code int, maintainers []string) {
	prefix, _, prefixed := strings.Cut(name, ":")
	if who != "root" && (!prefixed || prefix != who && (prefix != "acme" || !w.members[who])) {
		return 403, nil
	}
	maintainers = []string{who}
	if prefix == "acme" {
		maintainers = append(maintainers, "acme")
	}
	return 0, maintainers
}

// reach returns the code for somebody who changes a package.
func (w *world) reach(who, name string) (*modelPackage, int) {
	switch p := w.pkgs[name]; {
	case p == nil:
		return nil, 404
	case !w.may(who, p.maintainers):
		return nil, 401
	default:
		return p, 0
	}
}

func (w *world) reachTrack(who, name string) (*modelTrack, int) {
	switch t := w.tracks[name]; {
	case t == nil:
		return nil, 404
	case !w.may(who, t.maintainers):
		return nil, 401
	default:
		return t, 0
	}
}

// reachVersion is reach for a version.
func (w *world) reachVersion(who, name, version string) (*modelVersion, int) {
	p, code := w.reach(who, name)
	if code != 0 {
		return nil, code
	}
	if p.versions[version] == nil {
		return nil, 404
	}
	return p.versions[version], 0
}

func (w *world) createPackage(who string) (string, []any, expectation) {
	name := w.pick(somePackages)
	args := []any{obj{"name": name}}
	code, maintainers := w.mayName(who, name)
	p := w.pkgs[name]
	switch {
	case code != 0:
		return "createPackage", args, refused(code)
	case p == nil:
		return "createPackage", args, allowed(pkgmeter.Packages, 1, func() {
			w.pkgs[name] = &modelPackage{maintainers: maintainers, versions: map[string]*modelVersion{}}
		})
	case len(p.versions) > 0 || !w.may(who, p.maintainers):
		return "createPackage", args, refused(409)
	}
	return "createPackage", args, allowed(pkgmeter.Packages, 0, nil)
}

// begin adds something that is pending, in place of what was.
func (w *world) begin(p modelPending) expectation {
	return allowed(pkgmeter.Versions, 0, func() {
		for _, old := range w.pending {
			if old.kind == p.kind && old.pkg == p.pkg && old.version == p.version && old.arch == p.arch && !old.published {
				old.replaced = true
			}
		}
		w.pending = append(w.pending, &p)
	})
}

func (w *world) beginVersion(who string) (string, []any, expectation) {
	name, version, about := w.pick(somePackages), w.pick(someVersions), w.text()
	args := []any{draft(name, version, obj{"description": about})}
	p, code := w.reach(who, name)
	if code == 0 && p.versions[version] != nil {
		code = 409
	}
	if code != 0 {
		return "createPackageVersion", args, refused(code)
	}
	return "createPackageVersion", args, w.begin(modelPending{kind: "version", pkg: name, version: version, about: about})
}

func (w *world) beginBuild(who string) (string, []any, expectation) {
	name, version, arch := w.pick(somePackages), w.pick(someVersions), w.pick(someArchs)
	args := []any{of(name, version, obj{"buildArchitectures": arch})}
	v, code := w.reachVersion(who, name, version)
	if code == 0 && v.builds[arch] != "" {
		code = 409
	}
	if code != 0 {
		return "createPackageBuild", args, refused(code)
	}
	return "createPackageBuild", args, w.begin(modelPending{kind: "build", pkg: name, version: version, arch: arch})
}

func (w *world) beginReadme(who string) (string, []any, expectation) {
	name, version := w.pick(somePackages), w.pick(someVersions)
	args := []any{of(name, version, nil)}
	if _, code := w.reachVersion(who, name, version); code != 0 {
		return "createReadme", args, refused(code)
	}
	return "createReadme", args, w.begin(modelPending{kind: "readme", pkg: name, version: version})
}

// lately picks one of those that were begun last, or any.
func (w *world) lately() *modelPending {
	n := len(w.pending)
	if w.rnd.IntN(4) > 0 {
		n = min(n, 6)
	}
	return w.pending[len(w.pending)-1-w.rnd.IntN(n)]
}

// take picks something that is pending, and returns the code for somebody who
// publishes it, with the text that is said to be uploaded.
func (w *world) take(who, kind, part string) (p *modelPending, text string, code int) {
	if len(w.pending) == 0 || w.rnd.IntN(20) == 0 {
		return &modelPending{token: "nonsense"}, "", 404
	}
	for range 10 { // most of the time one that fits
		if p = w.lately(); p.kind == kind {
			break
		}
	}
	have := p.source
	if part == "readme" {
		have = p.readme
	}
	text = have
	if w.rnd.IntN(5) == 0 {
		text = "damaged"
	}
	_, reached := w.reach(who, p.pkg)
	switch {
	case p.replaced, p.kind != kind:
		code = 404
	case reached != 0:
		code = reached
	case have == "":
		code = 409
	case text != have:
		code = 400
	}
	return p, text, code
}

func (w *world) publishVersion(who string) (string, []any, expectation) {
	p, text, code := w.take(who, "version", "source")
	hashes := obj{"tarballHash": hashOf(text), "treeHash": emptyHash}
	if w.rnd.IntN(3) == 0 {
		hashes["readmeHash"] = hashOf(p.readme)
		if code == 0 && p.readme == "" {
			code = 409
		}
	}
	args := []any{p.token, hashes}
	if code != 0 {
		return "publishPackageVersion", args, refused(code)
	}
	return "publishPackageVersion", args, allowed(pkgmeter.Versions, count(!p.published), func() {
		if !p.published {
			w.pkgs[p.pkg].versions[p.version] = &modelVersion{description: p.about, readme: p.readme, builds: map[string]string{}}
		}
		p.published = true
	})
}

func (w *world) publishBuild(who string) (string, []any, expectation) {
	p, text, code := w.take(who, "build", "source")
	args := []any{p.token, hashOf(text), emptyHash}
	if code != 0 {
		return "publishPackageBuild", args, refused(code)
	}
	return "publishPackageBuild", args, allowed(pkgmeter.Builds, count(!p.published), func() {
		p.published = true
		w.pkgs[p.pkg].versions[p.version].builds[p.arch] = p.source
	})
}

func (w *world) publishReadme(who string) (string, []any, expectation) {
	p, text, code := w.take(who, "readme", "readme")
	args := []any{p.token, obj{"hash": hashOf(text)}}
	if code != 0 {
		return "publishReadme", args, refused(code)
	}
	return "publishReadme", args, allowed(pkgmeter.Versions, count(!p.published), func() {
		if !p.published {
			w.pkgs[p.pkg].versions[p.version].readme = p.readme
		}
		p.published = true
	})
}

func (w *world) metadata(who string) (string, []any, expectation) {
	name, version, text := w.pick(somePackages), w.pick(someVersions), w.pick([]string{"This", "That"})
	args := []any{of(name, version, nil), obj{"description": text}}
	v, code := w.reachVersion(who, name, version)
	if code != 0 {
		return "changeVersionMetadata", args, refused(code)
	}
	return "changeVersionMetadata", args, allowed(pkgmeter.Versions, count(v.description != text), func() { v.description = text })
}

func (w *world) migration(who string) (string, []any, expectation) {
	name, version, unmigrated := w.pick(somePackages), w.pick(someVersions), w.rnd.IntN(2) == 0
	args := []any{name, version, unmigrated}
	v, code := w.reachVersion(who, name, version)
	if code != 0 {
		return "_changeVersionMigrationStatus", args, refused(code)
	}
	return "_changeVersionMigrationStatus", args, allowed(pkgmeter.Versions, count(v.unmigrated != unmigrated), func() { v.unmigrated = unmigrated })
}

func (w *world) homepage(who string) (string, []any, expectation) {
	name, text := w.pick(somePackages), w.pick([]string{"", "x.example"})
	args := []any{name, text}
	p, code := w.reach(who, name)
	if code != 0 {
		return "_changePackageHomepage", args, refused(code)
	}
	return "_changePackageHomepage", args, allowed(pkgmeter.Packages, count(p.homepage != text), func() { p.homepage = text })
}

// maintainer adds or removes somebody, of a package or a track.
func (w *world) maintainer(who string) (string, []any, expectation) {
	verb, release := w.pick([]string{"add", "remove"}), w.pick([]string{"", "Release"})
	method := verb + release + "Maintainer"
	name, user := w.pick(slices.Concat(somePackages, someTracks)), w.pick(someUsers)
	args := []any{name, user}
	c, list := pkgmeter.Packages, new([]string)
	var code int
	if w.pkgs[name] == nil && w.tracks[name] != nil || release != "" {
		var t *modelTrack
		if t, code = w.reachTrack(who, name); code == 0 {
			c, list = pkgmeter.ReleaseTracks, &t.maintainers
		}
	} else {
		var p *modelPackage
		if p, code = w.reach(who, name); code == 0 {
			list = &p.maintainers
		}
	}
	at := slices.Index(*list, user)
	prefix, _, _ := strings.Cut(name, ":")
	switch {
	case code != 0:
		return method, args, refused(code)
	case verb == "add" && at < 0 && user == "nosuch":
		return method, args, refused(404)
	case verb == "add":
		return method, args, allowed(c, count(at < 0), func() {
			if at < 0 {
				*list = append(*list, user)
			}
		})
	case at >= 0 && (prefix == user || len(*list) == 1):
		return method, args, refused(403)
	}
	return method, args, allowed(c, count(at >= 0), func() {
		*list = slices.DeleteFunc(slices.Clone(*list), func(m string) bool { return m == user })
	})
}

func (w *world) createTrack(who string) (string, []any, expectation) {
	name := w.pick(someTracks)
	args := []any{obj{"name": name}}
	code, maintainers := w.mayName(who, name)
	if code == 0 && w.tracks[name] != nil {
		code = 409
	}
	if code != 0 {
		return "createReleaseTrack", args, refused(code)
	}
	return "createReleaseTrack", args, allowed(pkgmeter.ReleaseTracks, 1, func() {
		w.tracks[name] = &modelTrack{maintainers, map[string]*modelRelease{}}
	})
}

// newRelease makes up a release, and returns the code for somebody who adds it.
func (w *world) newRelease(who string) (track, version string, r modelRelease, arg obj, code int) {
	track, version = w.pick(someTracks), w.pick(someReleases)
	r = modelRelease{ordered: w.rnd.IntN(3) > 0, recommended: w.rnd.IntN(3) == 0}
	arg = release(track, version, obj{"recommended": r.recommended})
	if r.ordered {
		arg["orderKey"] = version
	}
	t, code := w.reachTrack(who, track)
	switch {
	case code != 0:
	case r.recommended && !r.ordered:
		code = 400
	case t.releases[version] != nil:
		code = 409
	}
	return track, version, r, arg, code
}

func (w *world) createRelease(who string) (string, []any, expectation) {
	track, version, r, arg, code := w.newRelease(who)
	if code != 0 {
		return "createReleaseVersion", []any{arg}, refused(code)
	}
	return "createReleaseVersion", []any{arg}, allowed(pkgmeter.ReleaseVersions, 1, func() { w.tracks[track].releases[version] = &r })
}

func (w *world) patch(who string) (string, []any, expectation) {
	track, version, r, arg, code := w.newRelease(who)
	from := []string{w.pick(someReleases), w.pick(someReleases)}[:1+w.rnd.IntN(2)]
	args := []any{arg, from}
	if code == 0 && slices.ContainsFunc(from, func(v string) bool { return w.tracks[track].releases[v] == nil }) {
		code = 404
	}
	if code != 0 {
		return "createPatchReleaseVersion", args, refused(code)
	}
	var direct, others []*modelRelease
	for v, old := range w.tracks[track].releases {
		if slices.Contains(from, v) {
			direct = append(direct, old)
		} else if slices.Contains(from, old.patch) {
			others = append(others, old)
		}
	}
	return "createPatchReleaseVersion", args, allowed(pkgmeter.ReleaseVersions, 1+len(direct)+len(others), func() {
		for _, old := range slices.Concat(direct, others) {
			old.patch = version
		}
		for _, old := range direct {
			old.recommended = false
		}
		w.tracks[track].releases[version] = &r
	})
}

func (w *world) recommend(who string) (string, []any, expectation) {
	method := w.pick([]string{"recommendVersion", "unrecommendVersion"})
	track, version := w.pick(someTracks), w.pick(someReleases)
	args := []any{track, version}
	t, code := w.reachTrack(who, track)
	if code != 0 {
		return method, args, refused(code)
	}
	r, want := t.releases[version], method == "recommendVersion"
	switch {
	case r == nil:
		return method, args, refused(404)
	case want && !r.ordered:
		return method, args, refused(400)
	}
	return method, args, allowed(pkgmeter.ReleaseVersions, count(r.recommended != want), func() { r.recommended = want })
}

func (w *world) banners(who string) (string, []any, expectation) {
	const method = "setBannersOnReleases"
	track, text := w.pick(someTracks), w.text()
	versions := []string{w.pick(someReleases), w.pick(someReleases)}
	args := []any{track, []any{obj{"versions": versions, "banner": obj{"text": text}}}}
	t, code := w.reachTrack(who, track)
	if code == 0 && slices.ContainsFunc(versions, func(v string) bool { return t.releases[v] == nil }) {
		code = 404
	}
	if code != 0 {
		return method, args, refused(code)
	}
	versions = slices.Compact(slices.Sorted(slices.Values(versions)))
	return method, args, allowed(pkgmeter.ReleaseVersions, len(versions), func() {
		for _, v := range versions {
			t.releases[v].banner = text
		}
	})
}

func (w *world) authorized(who string) (string, []any, expectation) {
	name := w.pick(slices.Concat(somePackages, someTracks))
	method := "amIAuthorizedPackage"
	_, code := w.reach(who, name)
	if w.rnd.IntN(2) == 0 {
		method = "amIAuthorizedRelease"
		_, code = w.reachTrack(who, name)
	}
	return method, []any{name}, expectation{code: code}
}
