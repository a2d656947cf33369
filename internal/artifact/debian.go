package artifact

const typeDebian = "deb"

func debian(location) (Artifact, bool) { return Artifact{}, false }
