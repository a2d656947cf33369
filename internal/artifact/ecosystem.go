package artifact

// A recogniser gives coordinates and kind to the paths of one ecosystem. It
// leaves Repository, File and SidecarOf to [Parse], unless the ecosystem has
// names of its own for files, as images do.
type recogniser func(location) (Artifact, bool)

// An ecosystem is one purl type with the reader of its layout.
type ecosystem struct {
	typ   string
	knows recogniser
}

// ecosystems are asked in this order, the one of the repository's format before
// all others. Layouts that a fixed directory or an extension marks come first;
// Maven's takes any four segments, and Helm's any archive with a version.
var ecosystems = []ecosystem{
	{typeDocker, docker},
	{typeGo, golang},
	{typeNPM, npm},
	{typeComposer, composer},
	{typeTerraform, terraform},
	{typeCargo, cargo},
	{typeNuGet, nuget},
	{typePyPI, pypi},
	{typeGem, gem},
	{typeDebian, debian},
	{typeRPM, rpm},
	{typeAlpine, alpine},
	{typeConda, conda},
	{typeHex, hex},
	{typeMaven, maven},
	{typeHelm, helm},
}

// Types lists the purl types that paths are recognised as.
func Types() []string {
	types := make([]string, 0, len(ecosystems)+1)
	for _, e := range ecosystems {
		types = append(types, e.typ)
	}
	return append(types, typeGeneric)
}

// recognise asks the ecosystems in turn. Nothing but the fallback is asked of
// a repository of the format generic.
func recognise(at location) (Artifact, bool) {
	if at.format == typeGeneric {
		return Artifact{}, false
	}
	if isArtifactoryCall(at.path) {
		return indexOfNone("artifactory-api", "artifactory-api"), true
	}
	for _, first := range []bool{true, false} {
		for _, e := range ecosystems {
			if (e.typ == at.format) != first {
				continue
			}
			if a, ok := e.knows(at); ok {
				return a, true
			}
		}
	}
	return Artifact{}, false
}
