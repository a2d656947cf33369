package artifact

const typeGo = "golang"

func golang(location) (Artifact, bool) { return Artifact{}, false }
