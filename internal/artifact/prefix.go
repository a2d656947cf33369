package artifact

import "strings"

// maxRepository is the longest name of a repository that a prefix may give.
const maxRepository = 255

// cutPrefix cuts what stands before the files of a repository off a path
// without leading slash, as CloudRepo, Nexus, Artifactory, Gitea and GitLab
// serve them. A prefix within a prefix goes too, so that the result never
// begins with one; the repository is the outermost, and so is the format.
func cutPrefix(file string) (repository, format, rest string) {
	for {
		p, ok := cutOnePrefix(file)
		if !ok {
			return repository, format, file
		}
		if repository == "" {
			repository, format = p.repository, p.format
		}
		file = p.rest
	}
}

// A prefix is what a path begins with, and what is behind it.
type prefix struct{ repository, format, rest string }

// cutOnePrefix leaves a path alone whose prefix names no repository, behind
// whose prefix no file is named, or which climbs out of the repository.
func cutOnePrefix(file string) (prefix, bool) {
	p, ok := findPrefix(file)
	if !ok {
		return prefix{}, false
	}
	p.repository = decode(p.repository)
	p.rest = strings.TrimLeft(p.rest, "/")
	if p.repository == "" || p.repository == "." || len(p.repository) > maxRepository || p.rest == "" ||
		!fit(p.repository) || !fit(decode(p.rest)) {
		return prefix{}, false
	}
	return p, true
}

// findPrefix splits a path at the name of its repository.
func findPrefix(file string) (prefix, bool) {
	first, rest := cutSegment(file)
	switch first {
	case "nexus":
		first, rest = cutSegment(rest)
		if first != "repository" && first != "content" {
			return prefix{}, false
		}
	case "public":
		if first, rest = cutSegment(rest); first != "repositories" {
			return prefix{}, false
		}
	}
	switch first {
	case "repositories", "repository": // CloudRepo; Nexus 3
		return named("", rest), true
	case "content": // Nexus 2
		first, rest = cutSegment(rest)
		return named("", rest), first == "repositories" || first == "groups"
	case "artifactory":
		if second, inner := cutSegment(rest); second == "api" {
			return artifactoryAPI(inner)
		}
		return named("", rest), true
	case "api":
		switch second, inner := cutSegment(rest); second {
		case "packages":
			return giteaAPI(inner)
		case "v4":
			return gitlabAPI(inner)
		}
		return artifactoryAPI(rest)
	}
	return prefix{}, false
}

// named takes the next segment for the name of the repository.
func named(format, path string) prefix {
	repository, rest := cutSegment(path)
	return prefix{repository, format, rest}
}

// artifactoryAPI is {format}/{repository}/ behind api/; for NuGet's third
// protocol there is a segment more.
func artifactoryAPI(path string) (prefix, bool) {
	name, rest := cutSegment(path)
	format, ok := artifactoryFormats[name]
	if name == "nuget" {
		if version, inner := cutSegment(rest); version == "v3" {
			rest = inner
		}
	}
	return named(format, rest), ok
}

// isArtifactoryCall reports whether a path is a call of Artifactory's own
// interface rather than a file of a repository: to ask how often a file was
// fetched is not to fetch it.
func isArtifactoryCall(path string) bool { return strings.HasPrefix(path, "artifactory/api/") }

// giteaAPI is {owner}/{format}/ behind api/packages/.
func giteaAPI(path string) (prefix, bool) {
	owner, rest := cutSegment(path)
	name, rest := cutSegment(rest)
	format, ok := forgeFormats[name]
	return prefix{owner, format, rest}, ok
}

// gitlabAPI is {projects|groups|group}/{id}/[-/]packages/{format}/ behind
// api/v4/; the singular is Composer's.
func gitlabAPI(path string) (prefix, bool) {
	of, rest := cutSegment(path)
	id, rest := cutSegment(rest)
	segment, rest := cutSegment(rest)
	if segment == "-" {
		segment, rest = cutSegment(rest)
	}
	name, rest := cutSegment(rest)
	format, ok := forgeFormats[name]
	return prefix{id, format, rest}, ok && segment == "packages" && (of == "projects" || of == "groups" || of == "group")
}

// artifactoryFormats are the segments of Artifactory's own addresses.
var artifactoryFormats = map[string]string{
	"cargo": typeCargo, "composer": typeComposer, "conda": typeConda, "deb": typeDebian, "docker": typeDocker,
	"gems": typeGem, "go": typeGo, "helm": typeHelm, "hex": typeHex, "npm": typeNPM, "nuget": typeNuGet,
	"pypi": typePyPI, "terraform": typeTerraform, "alpine": typeAlpine, "yum": typeRPM,
	"bower": "", "chef": "", "cocoapods": "", "conan": "", "cran": "", "gitlfs": "", "opkg": "", "pub": "", "puppet": "",
	"swift": "", "vagrant": "", "vcs": "",
}

// forgeFormats are those of Gitea, Forgejo and GitLab. A format without type is
// read like any other path.
var forgeFormats = map[string]string{
	"alpine": typeAlpine, "cargo": typeCargo, "composer": typeComposer, "conda": typeConda, "container": typeDocker,
	"debian": typeDebian, "generic": typeGeneric, "go": typeGo, "helm": typeHelm, "maven": typeMaven, "npm": typeNPM,
	"nuget": typeNuGet, "pypi": typePyPI, "rpm": typeRPM, "rubygems": typeGem, "terraform": typeTerraform,
	"arch": "", "chef": "", "conan": "", "cran": "", "pub": "", "swift": "", "vagrant": "",
}

// cutSegment splits off the first segment of a path, and slashes before it.
func cutSegment(path string) (segment, rest string) {
	return cutFirst(strings.TrimLeft(path, "/"))
}
