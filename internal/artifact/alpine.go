package artifact

const typeAlpine = "apk"

func alpine(location) (Artifact, bool) { return Artifact{}, false }
