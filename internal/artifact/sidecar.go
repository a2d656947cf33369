package artifact

import "strings"

// sidecars are the suffixes by which a file says that it describes another.
// Where one is the end of another, the longer stands first.
var sidecars = []struct {
	suffix string
	kind   Kind
}{
	{".md5", Checksum},
	{".sha1", Checksum},
	{".sha256", Checksum},
	{".sha512", Checksum},
	{".asc", Signature},
	{".sig", Signature},
	{".minisig", Signature},
	{".sigstore.json", Signature},
	{".sigstore", Signature},
	{".prov", Signature}, // of a Helm chart
	{".provenance", Attestation},
	{".att", Attestation},
	{".sbom.json", Attestation},
	{".sbom", Attestation},
}

// resolverMetadata is the suffix of PEP 658. Elsewhere it means nothing.
const resolverMetadata = ".metadata"

// stripSidecars cuts all suffixes of sidecars off a path as sent. The outermost
// decides the kind, which is "" if there is none. A name that is nothing but a
// suffix keeps it, as there is no file that it could describe.
func stripSidecars(file, format string) (parent string, kind Kind) {
	text := decode(file)
	parent = file
	for {
		suffix, k := sidecarSuffix(text, format)
		if k == "" {
			return parent, kind
		}
		if kind == "" {
			kind = k
		}
		if len(text) == len(parent) {
			parent = parent[:len(parent)-suffix]
		} else {
			parent = parent[:len(parent)-rawLen(parent, suffix)]
		}
		text = text[:len(text)-suffix]
	}
}

// sidecarSuffix returns the length and the kind of the outermost suffix.
func sidecarSuffix(text, format string) (int, Kind) {
	dot := strings.LastIndexByte(text, '.')
	if dot < 0 || !maySuffix(text[dot+1:]) {
		return 0, ""
	}
	for _, s := range sidecars {
		if rest, ok := cutSuffix(text, s.suffix); ok && rest != "" && rest[len(rest)-1] != '/' {
			return len(s.suffix), s.kind
		}
	}
	if rest, ok := cutSuffix(text, resolverMetadata); ok && fit(rest) {
		if a, ok := pypi(locate(rest, format)); ok && a.Kind == Primary {
			return len(resolverMetadata), Metadata
		}
	}
	return 0, ""
}

// maySuffix reports whether some suffix may end in this extension. It spares
// nearly every download the look at the table.
func maySuffix(ext string) bool {
	if len(ext) < len("md5") {
		return false
	}
	switch ext[0] | 0x20 {
	case 'm', 's', 'a', 'p':
		return true
	case 'j':
		return strings.EqualFold(ext, "json")
	}
	return false
}
