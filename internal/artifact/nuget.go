package artifact

const typeNuGet = "nuget"

func nuget(location) (Artifact, bool) { return Artifact{}, false }
