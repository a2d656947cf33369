package artifact

import "strings"

// maxRepository is the longest name of a repository that a prefix may give.
const maxRepository = 255

// prefixes are what stands before the name of a repository, as CloudRepo
// serves them. Other servers use /repository/ and /artifactory/; these are not
// here, since static copies of ~/.m2/repository have no name behind it.
var prefixes = []string{"public/repositories/", "repositories/"}

// cutPrefix cuts /repositories/{repo}/ and the like off a path without leading
// slash. A prefix within a prefix goes too, so that the result never begins
// with one; the repository is the outermost.
func cutPrefix(file string) (repository, rest string) {
	for {
		name, inner, ok := cutOnePrefix(file)
		if !ok {
			return repository, file
		}
		if repository == "" {
			repository = name
		}
		file = inner
	}
}

// cutOnePrefix leaves a path alone whose prefix names no repository, behind
// whose prefix no file is named, or which climbs out of the repository.
func cutOnePrefix(file string) (repository, rest string, ok bool) {
	for _, prefix := range prefixes {
		behind, found := strings.CutPrefix(file, prefix)
		if !found {
			continue
		}
		segment, rest := cutFirst(strings.TrimLeft(behind, "/"))
		rest = strings.TrimLeft(rest, "/")
		repository = decode(segment)
		if repository == "" || repository == "." || len(repository) > maxRepository || rest == "" ||
			!fit(repository) || !fit(decode(rest)) {
			return "", file, false
		}
		return repository, rest, true
	}
	return "", file, false
}
