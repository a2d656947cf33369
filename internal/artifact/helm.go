package artifact

const typeHelm = "helm"

func helm(location) (Artifact, bool) { return Artifact{}, false }
