package artifact

const typeNPM = "npm"

func npm(location) (Artifact, bool) { return Artifact{}, false }
