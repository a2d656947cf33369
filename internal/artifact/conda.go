package artifact

const typeConda = "conda"

func conda(location) (Artifact, bool) { return Artifact{}, false }
