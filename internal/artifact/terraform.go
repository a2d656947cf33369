package artifact

const typeTerraform = "terraform"

func terraform(location) (Artifact, bool) { return Artifact{}, false }
