// Package purl spells the names of packages: purls without version, in the one
// spelling of which any equivalent one is made. It is pure, and does not know
// where a name comes from or whether the package exists.
package purl

import (
	"errors"
	"fmt"
	"strings"

	"github.com/package-url/packageurl-go"
)

const (
	scheme  = "pkg:"
	maven   = "maven"
	generic = "generic"
)

// Of returns the canonical purl of a package, without version. Namespace
// and name are plain text, not escaped; slashes separate the segments of the
// namespace. The type and the name must not be empty.
func Of(typ, namespace, name string) string {
	namespace, name = spelling(typ, namespace, name)
	if !plainName(typ, name) || !plainNamespace(typ, namespace) {
		return spell(typ, namespace, name)
	}
	if namespace == "" {
		return scheme + typ + "/" + name
	}
	return scheme + typ + "/" + namespace + "/" + name
}

// Maven is [Of] for a group that is spelled as directories. It
// exists to allocate once: nearly every path of a Maven repository passes here.
func Maven(group, artifact string) string {
	if group == "" || !plainName(maven, artifact) || !plainNamespace(maven, group) {
		return Of(maven, strings.ReplaceAll(group, "/", "."), artifact)
	}
	const head = scheme + maven + "/"
	var b strings.Builder
	b.Grow(len(head) + len(group) + 1 + len(artifact))
	b.WriteString(head)
	for rest := group; rest != ""; {
		var segment string
		segment, rest, _ = strings.Cut(rest, "/")
		b.WriteString(segment)
		if rest != "" {
			b.WriteByte('.')
		}
	}
	b.WriteByte('/')
	b.WriteString(artifact)
	return b.String()
}

// spelling applies those rules of a type that packageurl-go lacks.
func spelling(typ, namespace, name string) (string, string) {
	switch typ {
	case "pypi":
		return namespace, pypiName(name)
	case "nuget":
		return namespace, strings.ToLower(name)
	case "hex":
		return strings.ToLower(namespace), strings.ToLower(name)
	case "deb", "rpm", "apk":
		// The distribution: a file of a package does not say of which it is.
		return "", name
	case "npm":
		// Some clients escape the slash behind a scope too.
		if scope, rest, ok := strings.Cut(name, "/"); ok && namespace == "" && strings.HasPrefix(scope, "@") && rest != "" {
			return scope, rest
		}
	}
	return namespace, name
}

// spell is the slow way to a canonical purl, by the rules and escapes of
// packageurl-go. An error there is about what the type wants (a namespace,
// say); the spelling is canonical nevertheless.
func spell(typ, namespace, name string) string {
	p := packageurl.PackageURL{Type: typ, Namespace: namespace, Name: name}
	_ = p.Normalize()
	return p.ToString()
}

// plainName reports whether a name is its own canonical spelling, so that
// packageurl-go need not be asked.
func plainName(typ, name string) bool {
	for i := 0; i < len(name); i++ {
		if !plainByte(typ, name[i]) {
			return false
		}
	}
	return name != ""
}

// plainNamespace is plainName for a namespace, which may be empty.
func plainNamespace(typ, namespace string) bool {
	slash := true // an empty segment is not plain
	for i := 0; i < len(namespace); i++ {
		c := namespace[i]
		if (c == '/' && slash) || (c != '/' && !plainByte(typ, c)) {
			return false
		}
		slash = c == '/'
	}
	return namespace == "" || !slash
}

// plainByte takes upper case only from the two types that are known to keep
// it and are seen most.
func plainByte(typ string, c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~', c == ':':
		return true
	case 'A' <= c && c <= 'Z':
		return typ == maven || typ == generic
	}
	return false
}

// WithVersion returns the canonical purl of a version of a package, which is
// given by its canonical purl.
func WithVersion(pkg, version string) string {
	switch {
	case version == "":
		return pkg
	case plainName(generic, version):
		return pkg + "@" + version
	}
	return pkg + "@" + strings.TrimPrefix(Of(generic, "", version), scheme+generic+"/")
}

// Canonical returns the canonical purl of a package, and its type, for
// any equivalent spelling. The error is one sentence for whoever wrote the
// purl; a purl that says more than the package is refused.
func Canonical(purl string) (canonical, typ string, err error) {
	canonical, typ, version, err := Split(purl)
	if err != nil {
		return "", "", err
	}
	if version != "" {
		return "", "", fmt.Errorf("package %s has a version in it: say version= instead", quote(purl))
	}
	return canonical, typ, nil
}

// Split is [Canonical] for a purl that may have a version in it.
func Split(purl string) (canonical, typ, version string, err error) {
	if canonical, typ, version, ok := splitPlain(purl); ok {
		return canonical, typ, version, nil
	}
	return splitAny(purl)
}

// splitAny is Split for every purl.
func splitAny(purl string) (canonical, typ, version string, err error) {
	p, err := parsePurl(purl)
	switch {
	case err != nil:
		return "", "", "", fmt.Errorf("package %s is not a purl: want pkg:type/name or pkg:type/namespace/name", quote(purl))
	case len(p.Qualifiers) > 0:
		return "", "", "", fmt.Errorf("package %s has qualifiers (?…) in it: leave them out", quote(purl))
	case p.Subpath != "":
		return "", "", "", fmt.Errorf("package %s has a subpath (#…) in it: leave it out", quote(purl))
	}
	return Of(p.Type, p.Namespace, p.Name), p.Type, p.Version, nil
}

// splitPlain is Split for a purl of a type that has no rules of its own, in
// which nothing is escaped or has to be: ok is false for any other. It exists
// because events say the same few purls a million times.
func splitPlain(purl string) (canonical, typ, version string, ok bool) {
	rest, ok := strings.CutPrefix(purl, scheme)
	typ, rest, slash := strings.Cut(rest, "/")
	if !ok || !slash || !plainTypes[typ] {
		return "", "", "", false
	}
	path, version, versioned := strings.Cut(rest, "@")
	if versioned && !plainVersion(version) {
		return "", "", "", false
	}
	namespace, name := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		namespace, name = path[:i], path[i+1:]
		if namespace == "" {
			return "", "", "", false
		}
	}
	if within, spelled := spelling(typ, namespace, name); spelled != name || within != namespace || !plainName(typ, name) || !plainNamespace(typ, namespace) {
		return "", "", "", false
	}
	return purl[:len(scheme)+len(typ)+1+len(path)], typ, version, true
}

// plainTypes are those that splitPlain knows.
var plainTypes = map[string]bool{
	maven: true, "pypi": true, "npm": true, "nuget": true, "gem": true, "cargo": true, "golang": true, "deb": true, "rpm": true,
	"apk": true, "conda": true, "docker": true, "helm": true, "hex": true, "composer": true, "terraform": true, generic: true,
}

// plainVersion is plainName for a version as it stands in a purl.
func plainVersion(version string) bool {
	return plainName(generic, strings.ReplaceAll(version, "+", "-"))
}

// errScheme is never shown: Split says what it means.
var errScheme = errors.New("no pkg: scheme")

// parsePurl is packageurl-go's parser for the spellings that it knows, and for
// slashes at the end of the name, which the standard ignores.
func parsePurl(purl string) (packageurl.PackageURL, error) {
	end := strings.IndexAny(purl, "?#")
	if end < 0 {
		end = len(purl)
	}
	if len(purl) < len(scheme) || !strings.EqualFold(purl[:len(scheme)], scheme) {
		return packageurl.PackageURL{}, errScheme
	}
	return packageurl.FromString(strings.TrimRight(purl[:end], "/") + purl[end:])
}

// quote keeps a long or hostile purl from filling the sentence about it.
func quote(purl string) string {
	const most = 100
	if len(purl) > most {
		return fmt.Sprintf("%q…", purl[:most])
	}
	return fmt.Sprintf("%q", purl)
}

// pypiName is the spelling of a project in which all spellings agree: lower
// case, with one hyphen for each run of separators.
func pypiName(name string) string {
	name = strings.ToLower(name)
	if !strings.ContainsAny(name, "_.") && !strings.Contains(name, "--") {
		return name
	}
	b := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case !isSeparator(c):
			b = append(b, c)
		case i == 0 || !isSeparator(name[i-1]):
			b = append(b, '-')
		}
	}
	return string(b)
}

func isSeparator(c byte) bool { return c == '-' || c == '_' || c == '.' }

// Parts returns the namespace and the name in a canonical purl of a package, as
// plain text.
func Parts(purl string) (namespace, name string, err error) {
	p, err := parsePurl(purl)
	if err != nil {
		return "", "", fmt.Errorf("package %s is not a purl: %w", quote(purl), err)
	}
	return p.Namespace, p.Name, nil
}
