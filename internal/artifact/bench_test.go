package artifact_test

import (
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/artifact"
)

func BenchmarkParse(b *testing.B) {
	for name, path := range map[string]string{
		"maven":    "/repositories/libs/org/apache/logging/log4j/log4j-core/2.17.1/log4j-core-2.17.1.jar",
		"snapshot": "com/acme/app/1.0-SNAPSHOT/app-1.0-20240131.235959-7-sources.jar",
		"checksum": "org/apache/logging/log4j/log4j-core/2.17.1/log4j-core-2.17.1.jar.sha1",
		"bare":     "log4j-1.2-api-2.17.1.jar",
		"wheel":    "/simple/foo-bar/foo_bar-1.0-py3-none-any.whl",
		"sdist":    "/simple/foo-bar/foo_bar-1.0.tar.gz",
		"generic":  "/tool/1.2.3/tool.bin",
		"escaped":  "/com/acme/my%20app/1.0/my%20app-1.0.jar",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				artifact.Parse(path)
			}
		})
	}
}
