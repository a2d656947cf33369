package artifact

const typeComposer = "composer"

func composer(location) (Artifact, bool) { return Artifact{}, false }
