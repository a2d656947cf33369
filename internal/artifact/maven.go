package artifact

import (
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/purl"
)

const (
	typeMaven = "maven"
	snapshot  = "-SNAPSHOT"
)

// maxBareVersion is as long as a version in a bare file name may be. It keeps
// a hostile name from being read once for each of its hyphens.
const maxBareVersion = 128

// mavenBareExtensions are the extensions by which a bare file name is taken
// for a Maven artifact. zip and tar.gz are not among them, since anything may
// be in such an archive.
var mavenBareExtensions = []string{
	"jar", "war", "ear", "aar", "pom", "module", "klib", "nar", "rar", "hpi", "jpi", "kar", "sar", "nbm",
}

// multiPartExtensions are those that hold a dot. The last dot of any other
// name begins its extension.
var multiPartExtensions = []string{".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tar.lzma", ".tar.z", ".pom.xml"}

// sourceClassifiers mark what is beside the artifact for people and IDEs.
var sourceClassifiers = []string{"test-sources", "test-javadoc", "sources", "javadoc"}

// otherClassifiers are known well enough to be told from a version in a bare
// file name. In a path any classifier is understood.
var otherClassifiers = []string{
	"jar-with-dependencies", "linux-x86_64", "linux-aarch_64", "osx-x86_64", "osx-aarch_64", "windows-x86_64",
	"tests", "all", "shaded", "shadow", "fat", "uber", "exec", "plain", "standalone", "bin", "dist", "classes",
}

// maven knows artifacts in a repository of the layout G/A/V/A-V[-C].E, the
// maven-metadata.xml files beside them, and bare file names.
func maven(at location) (Artifact, bool) {
	if at.listing {
		return Artifact{}, false
	}
	if a, ok := mavenPath(at); ok {
		return a, true
	}
	if strings.HasPrefix(at.name, "maven-metadata") && strings.HasSuffix(at.name, ".xml") {
		return mavenIndex(at), true
	}
	if at.bare() {
		return mavenName(at.name)
	}
	return Artifact{}, false
}

// mavenPath needs all four parts of the layout, and a file that repeats
// artifact and version of its directories.
func mavenPath(at location) (Artifact, bool) {
	above, version := cutLast(at.dir)
	group, artifact := cutLast(above)
	if group == "" {
		return Artifact{}, false
	}
	rest, ok := strings.CutPrefix(at.name, artifact)
	if !ok || rest == "" || rest[0] != '-' {
		return Artifact{}, false
	}
	rest, ok = cutMavenVersion(rest[1:], version)
	if !ok {
		return Artifact{}, false
	}
	classifier, extension, ok := splitTail(rest)
	if !ok {
		return Artifact{}, false
	}
	return Artifact{
		Type: typeMaven, Package: purl.Maven(group, artifact), Version: version,
		Kind: mavenKind(classifier, extension), Confidence: Certain, Rule: "maven-path",
	}, true
}

// cutMavenVersion cuts the version of the directory off the rest of a file
// name. In the directory of a snapshot, files bear the time of their deployment
// instead; their version is that of the directory nevertheless.
func cutMavenVersion(rest, version string) (string, bool) {
	if tail, ok := strings.CutPrefix(rest, version); ok {
		return tail, true
	}
	base, ok := strings.CutSuffix(version, snapshot)
	if !ok {
		return "", false
	}
	tail, ok := strings.CutPrefix(rest, base)
	if !ok || tail == "" || tail[0] != '-' {
		return "", false
	}
	n := timestamp(tail[1:])
	return tail[1+n:], n > 0
}

// splitTail splits what is behind the version: -classifier.extension or
// .extension.
func splitTail(tail string) (classifier, extension string, ok bool) {
	if tail == "" || (tail[0] != '-' && tail[0] != '.') {
		return "", "", false
	}
	dot := strings.LastIndexByte(tail, '.')
	for _, e := range multiPartExtensions {
		if head, ok := cutSuffix(tail, e); ok {
			dot = len(head)
			break
		}
	}
	if dot < 0 || dot == len(tail)-1 {
		return "", "", false
	}
	extension = tail[dot+1:]
	if tail[0] == '-' {
		classifier = tail[1:dot]
		return classifier, extension, classifier != ""
	}
	// app-1.0.1.jar is no file of version 1.0: a number that follows a dot
	// belongs to the version, unless it is all of the extension, as in 7z.
	return "", extension, dot == 0 || !isDigit(tail[1])
}

func mavenKind(classifier, extension string) Kind {
	switch {
	case strings.EqualFold(extension, "pom"), strings.EqualFold(extension, "module"),
		strings.EqualFold(extension, "pom.xml"):
		return Metadata
	case contains(sourceClassifiers, classifier):
		return Sources
	}
	return Primary
}

// mavenIndex is a maven-metadata.xml, or what a mirror keeps as
// maven-metadata-central.xml: the versions of an artifact, or the files of one
// snapshot. Without an artifact above it, it lists something unknown.
func mavenIndex(at location) Artifact {
	above, version := at.dir, ""
	if parent, last := cutLast(at.dir); strings.HasSuffix(last, snapshot) {
		above, version = parent, last
	}
	if above == "" {
		a := generic(at)
		a.Kind, a.Rule = Index, "maven-metadata"
		return a
	}
	group, artifact := cutLast(above)
	return Artifact{
		Type: typeMaven, Package: purl.Maven(group, artifact), Version: version,
		Kind: Index, Confidence: Certain, Rule: "maven-metadata",
	}
}

// mavenName reads a bare file name, whose group is not known.
func mavenName(name string) (Artifact, bool) {
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || !containsFold(mavenBareExtensions, name[dot+1:]) {
		return Artifact{}, false
	}
	artifact, version, classifier := splitMavenName(name[:dot])
	return Artifact{
		Type: typeMaven, Package: purl.Maven("", artifact), Version: version,
		Kind: mavenKind(classifier, name[dot+1:]), Confidence: Likely, Rule: "maven-name",
	}, true
}

// splitMavenName splits a file name less its extension. A classifier that is
// known is tried first; without a version, only those of sources are believed,
// as netty-all is an artifact of its own.
func splitMavenName(stem string) (artifact, version, classifier string) {
	for _, known := range [][]string{sourceClassifiers, otherClassifiers} {
		for _, c := range known {
			head, ok := strings.CutSuffix(stem, c)
			head, hyphen := strings.CutSuffix(head, "-")
			if !ok || !hyphen || head == "" {
				continue
			}
			artifact, version = splitMavenVersion(head)
			if version != "" || contains(sourceClassifiers, c) {
				return artifact, version, c
			}
		}
	}
	artifact, version = splitMavenVersion(stem)
	return artifact, version, ""
}

// splitMavenVersion splits at the rightmost hyphen that is followed by a
// version. It steps left where the text from an earlier hyphen is a version as
// well: the 9 of 1.0-alpha-9 is none of its own, and neither is the build
// number of a deployed snapshot, which counts as the snapshot.
func splitMavenVersion(stem string) (artifact, version string) {
	head, deployed := cutTimestamp(stem)
	split := -1
	for i := len(head) - 2; i > 0 && len(head)-i <= maxBareVersion; i-- {
		if head[i] != '-' || !isDigit(head[i+1]) {
			continue
		}
		if !isMavenVersion(head[i+1:]) {
			break
		}
		split = i
	}
	switch {
	case split > 0 && deployed:
		return head[:split], head[split+1:] + snapshot
	case split > 0:
		return head[:split], head[split+1:]
	case deployed:
		return head, stem[len(head)+1:]
	}
	return stem, ""
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

func containsFold(list []string, s string) bool {
	for _, v := range list {
		if strings.EqualFold(v, s) {
			return true
		}
	}
	return false
}
