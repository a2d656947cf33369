package artifact

import "strings"

const typeDocker = "docker"

// mayBeImage spares nearly every path that is none the look at it.
func mayBeImage(file string) bool { return strings.Contains(file, "v2/") }

func docker(location) (Artifact, bool) { return Artifact{}, false }
