package artifact

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const typeNuGet = "nuget"

// maxNuGetNumbers is of how many numbers a version has at most.
const maxNuGetNumbers = 4

// nugetContent are the directories in which a feed keeps its files by id and
// version. Those in nugetContentV3 stand directly below one called v3.
var (
	nugetContent   = []string{"v3-flatcontainer", "flatcontainer", "flat2"}
	nugetContentV3 = []string{"content", "package"}
)

// nugetServices are listings of a feed of which the query says the package;
// nugetKnownServices are such only in a repository of this format.
var (
	nugetServices      = []string{"FindPackagesById()", "GetUpdates()"}
	nugetKnownServices = []string{
		"index.json", "index", "query", "autocomplete", "search", "Search()", "Packages()", "Packages", "$metadata", "$batch", "v2",
	}
)

// nuget knows packages and their specifications by their extensions, downloads
// of the second protocol, and the listings of a feed.
func nuget(at location) (Artifact, bool) {
	if at.listing {
		return Artifact{}, false
	}
	known := at.format == typeNuGet
	if stem, ok := cutSuffix(at.name, ".nupkg"); ok {
		if inner, ok := cutSuffix(stem, ".symbols"); ok {
			return nugetFile(at.dir, inner, Sources, known)
		}
		return nugetFile(at.dir, stem, Primary, known)
	}
	if stem, ok := cutSuffix(at.name, ".snupkg"); ok {
		return nugetFile(at.dir, stem, Sources, known)
	}
	if stem, ok := cutSuffix(at.name, ".nuspec"); ok {
		return nugetFile(at.dir, stem, Metadata, known)
	}
	if a, ok := nugetDownload(at, known); ok {
		return a, true
	}
	if _, ok := cutSuffix(at.name, ".pdb"); ok && known {
		return nugetSymbolFile(at.name), true
	}
	return nugetIndex(at, known)
}

// nugetSymbolFile is what a debugger asks a symbol server for. It does not say
// of which package.
func nugetSymbolFile(name string) Artifact {
	a := indexOfNone(name, "nuget-symbols")
	a.Kind = Sources
	return a
}

// nugetFile reads {id}.{version}. Directories that say the two are believed
// before the file, whose id may end in numbers.
func nugetFile(dir, stem string, kind Kind, known bool) (Artifact, bool) {
	above, parent := cutLast(dir)
	_, grand := cutLast(above)
	if version, ok := nugetInFolder(stem, grand, parent, kind); ok {
		return nugetPackage(grand, version, kind, Certain), true
	}
	if version, ok := nugetCutID(stem, parent); ok {
		return nugetPackage(parent, version, kind, Certain), true
	}
	id, version, ok := nugetSplit(stem)
	if !ok || !nugetID(id) || nugetSquirrel(stem) {
		return Artifact{}, false
	}
	if known {
		return nugetPackage(id, version, kind, Certain), true
	}
	return nugetPackage(id, version, kind, Likely), true
}

// nugetInFolder returns the version of {id}/{version}/{id}.{version}, and of
// {id}/{version}/{id}.nuspec.
func nugetInFolder(stem, id, folder string, kind Kind) (string, bool) {
	version, _, ok := nugetVersion(folder)
	if !ok || !nugetID(id) {
		return "", false
	}
	if kind == Metadata && strings.EqualFold(stem, id) {
		return version, true
	}
	named, ok := nugetCutID(stem, id)
	return version, ok && named == version
}

// nugetCutID cuts an id and a dot off a file name, and returns the version
// behind them.
func nugetCutID(stem, id string) (string, bool) {
	n := len(id)
	if n == 0 || n >= len(stem) || stem[n] != '.' || !strings.EqualFold(stem[:n], id) || !nugetID(id) {
		return "", false
	}
	version, _, ok := nugetVersion(stem[n+1:])
	return version, ok
}

// nugetSplit splits at the leftmost dot behind which a version of two numbers
// at least is. A name without one is of no version.
func nugetSplit(stem string) (id, version string, ok bool) {
	for i := 1; i < len(stem); i++ {
		if stem[i] != '.' {
			continue
		}
		if version, numbers, ok := nugetVersion(stem[i+1:]); ok && numbers > 1 {
			return stem[:i], version, numbers > 2 || !nugetHyphenated(stem[:i])
		}
	}
	return stem, "", true
}

// nugetHyphenated reports whether an id ends in a hyphen and a number. With two
// more numbers behind, app-1.2.3 is how others spell a version: nuget pack
// writes three at least.
func nugetHyphenated(id string) bool {
	number := strings.TrimRight(id, "0123456789")
	return number != id && strings.HasSuffix(number, "-")
}

// nugetSquirrel reports whether a file name is {app}-{version}-full, or -delta:
// what Squirrel updates a desktop application with. It is no package that
// anything depends on, and its version stands elsewhere.
func nugetSquirrel(stem string) bool {
	head, ok := cutSuffix(stem, "-full")
	if !ok {
		if head, ok = cutSuffix(stem, "-delta"); !ok {
			return false
		}
	}
	for i := 1; i < len(head); i++ {
		if head[i] == '-' {
			if _, numbers, ok := nugetVersion(head[i+1:]); ok && numbers > 1 {
				return true
			}
		}
	}
	return false
}

func nugetPackage(id, version string, kind Kind, confidence Confidence) Artifact {
	a := Artifact{
		Type: typeNuGet, Package: purl.Of(typeNuGet, "", id), Version: version,
		Kind: kind, Confidence: confidence, Rule: "nuget-package",
	}
	switch kind {
	case Metadata:
		a.Rule = "nuget-spec"
	case Sources:
		a.Rule = "nuget-symbols"
	case Index:
		a.Rule = "nuget-index"
	}
	return a
}

// nugetDownload is an address without file name: api/v2/package/{id}/{version},
// or an entry of a feed of that protocol. ProGet has nuget/{feed} instead of
// api/v2, Artifactory Download instead of package, Nexus neither.
func nugetDownload(at location, known bool) (Artifact, bool) {
	if i := strings.Index(at.path, "Packages(Id='"); i >= 0 {
		return nugetEntry(at.path[i:])
	}
	above, last := cutLast(at.dir)
	version, _, ok := nugetVersion(at.name)
	if !ok || !nugetID(last) {
		// The latest version is asked for without one.
		if root, isV2 := strings.CutSuffix(at.dir, "api/v2/package"); isV2 && nugetRoot(root) && nugetID(at.name) {
			return nugetV2(at.name, "", Primary), true
		}
		return Artifact{}, false
	}
	root, dir := cutLast(above)
	root, api := cutLast(root)
	_, parent := cutLast(root)
	switch {
	case dir == "package" && (known || (api == "v2" && parent == "api") || parent == "nuget"),
		known && (strings.EqualFold(dir, "download") || above == ""):
		return nugetV2(last, version, Primary), true
	case dir == "symbolpackage" && api == "v2":
		return nugetV2(last, version, Sources), true
	}
	return Artifact{}, false
}

// nugetRoot reports whether what was cut off before a directory's name ended
// there.
func nugetRoot(above string) bool { return above == "" || above[len(above)-1] == '/' }

func nugetV2(id, version string, kind Kind) Artifact {
	a := nugetPackage(id, version, kind, Certain)
	if kind == Primary {
		a.Rule = "nuget-v2"
	}
	return a
}

// nugetEntry is Packages(Id='{id}',Version='{version}'), which describes a
// package, and what is below, which is the package.
func nugetEntry(path string) (Artifact, bool) {
	key, below, ok := strings.Cut(strings.TrimPrefix(path, "Packages(Id='"), "')")
	id, number, both := strings.Cut(key, "',Version='")
	version, _, valid := nugetVersion(number)
	switch {
	case !ok || !both || !valid || !nugetID(id):
		return Artifact{}, false
	case below == "":
		return nugetPackage(id, version, Index, Certain), true
	case below == "/Download" || below == "/$value":
		return nugetV2(id, version, Primary), true
	}
	return Artifact{}, false
}

// nugetIndex is a listing of the third protocol, of one package or of a feed.
func nugetIndex(at location, known bool) (Artifact, bool) {
	if contains(nugetServices, at.name) || (known && contains(nugetKnownServices, at.name) && at.dir == "") {
		return indexOfNone(at.name, "nuget-index"), true
	}
	page, ok := strings.CutSuffix(at.name, ".json")
	if !ok && !known {
		return Artifact{}, false
	}
	if a, ok := nugetListing(at.dir, page, known); ok {
		return a, true
	}
	_, dir := cutLast(at.dir)
	if at.name == "index.json" && (at.dir == "v3" || at.dir == "api/v3" || (known && dir == "v3")) {
		return indexOfNone(at.name, "nuget-index"), true
	}
	return Artifact{}, false
}

// nugetListing looks for {root}/{id}/index, {root}/{id}/{version} and
// {root}/{id}/page/{from}/{to}. The last two are a registration's.
func nugetListing(dir, page string, known bool) (Artifact, bool) {
	above, id := cutLast(dir)
	paged := false
	if root, from := cutLast(above); from == "page" {
		above, id = cutLast(root)
		paged = true
	}
	registered, ok := nugetListed(above, known)
	if !ok || !nugetID(id) {
		return Artifact{}, false
	}
	version, _, isVersion := nugetVersion(page)
	switch {
	case page == "index" && !paged, paged && registered && isVersion:
		return nugetPackage(id, "", Index, Certain), true
	case registered && isVersion:
		return nugetPackage(id, version, Index, Certain), true
	}
	return Artifact{}, false
}

// nugetListed reports whether a directory has listings by id, and whether they
// are registrations. Gitea and GitLab call theirs by words that others use too.
func nugetListed(dir string, known bool) (registered, ok bool) {
	above, last := cutLast(dir)
	_, parent := cutLast(above)
	switch {
	case strings.HasPrefix(last, "registration"), known && last == "metadata":
		return true, true
	case contains(nugetContent, last), parent == "v3" && contains(nugetContentV3, last):
		return false, true
	}
	return false, known && (last == "" || last == "package" || last == "download")
}

// nugetID reports whether s may be the id of a package.
func nugetID(s string) bool {
	if s == "" || isSeparator(s[0]) && s[0] != '_' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isAlnum(s[i]) && !isSeparator(s[i]) {
			return false
		}
	}
	return true
}

// nugetVersion returns the normal form of a version, in which all spellings of
// it agree: 1.0, 1.00.0 and 1.0.0.0+build are 1.0.0. numbers is of how many
// numbers it is as spelled.
func nugetVersion(s string) (normal string, numbers int, ok bool) {
	var b strings.Builder
	sc := scanner{text: s}
	for numbers < maxNuGetNumbers && (numbers == 0 || sc.one(".")) {
		start := sc.at
		if !sc.digits() {
			return "", 0, false
		}
		nugetNumber(&b, numbers, strings.TrimLeft(s[start:sc.at], "0"))
		numbers++
	}
	for n := numbers; n < maxNuGetNumbers-1; n++ {
		nugetNumber(&b, n, "")
	}
	rest, build, built := strings.Cut(s[sc.at:], "+")
	if (built && !nugetLabel(build)) || (rest != "" && (rest[0] != '-' || !nugetLabel(rest[1:]))) {
		return "", 0, false
	}
	b.WriteString(strings.ToLower(rest))
	return b.String(), numbers, true
}

// nugetNumber writes the number of a version at position n, which is "" for
// zero. The fourth is left out if it is that.
func nugetNumber(b *strings.Builder, n int, digits string) {
	if digits == "" {
		if n == maxNuGetNumbers-1 {
			return
		}
		digits = "0"
	}
	if n > 0 {
		b.WriteByte('.')
	}
	b.WriteString(digits)
}

// nugetLabel reports whether s may stand behind the hyphen or plus of a version.
func nugetLabel(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isAlnum(s[i]) && s[i] != '-' && s[i] != '.' {
			return false
		}
	}
	return s != ""
}
