package artifact

const typeGem = "gem"

func gem(location) (Artifact, bool) { return Artifact{}, false }
