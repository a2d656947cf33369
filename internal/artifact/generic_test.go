package artifact_test

import (
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/artifact"
)

var genericPaths = map[string]golden{
	"nothing":                               {"", "pkg:generic/%2F - index generic"},
	"root":                                  {"///", "pkg:generic/%2F - index generic"},
	"file":                                  {"installer.exe", "pkg:generic/installer.exe - primary generic"},
	"file in a directory":                   {"/tools/linux/installer.bin", "pkg:generic/tools/linux - primary generic"},
	"directory":                             {"/tools/linux/", "pkg:generic/tools/linux - index generic"},
	"version for a directory":               {"/tool/1.2.3/tool.bin", "pkg:generic/tool 1.2.3 primary generic"},
	"version for a directory, v":            {"/tool/v1.2.3-rc.1+b5/tool.bin", "pkg:generic/tool v1.2.3-rc.1+b5 primary generic"},
	"version below two directories":         {"/team/tool/2024.01/tool.bin", "pkg:generic/team/tool 2024.01 primary generic"},
	"version as the only directory":         {"/0.4.7/Acme.xcframework.zip", "pkg:generic/Acme.xcframework.zip 0.4.7 primary generic"},
	"version further up":                    {"/tool/1.2.3/linux/tool.bin", "pkg:generic/tool/1.2.3/linux 1.2.3 primary generic"},
	"two versions, the fuller":              {"/1.2.3/tool/8.1/x/tool.bin", "pkg:generic/1.2.3/tool/8.1/x 1.2.3 primary generic"},
	"two versions, the later":               {"/1.2/tool/8.1/x/tool.bin", "pkg:generic/1.2/tool/8.1/x 8.1 primary generic"},
	"version for a file":                    {"/tool/1.2.3", "pkg:generic/tool 1.2.3 primary generic"},
	"version in a listing":                  {"/tool/1.2.3/", "pkg:generic/tool 1.2.3 index generic"},
	"file that begins like a version":       {"/tool/1.2.3-linux.zip", "pkg:generic/tool - primary generic"},
	"file whose extension ends in a number": {"/music/10.1.mp3", "pkg:generic/music - primary generic"},
	"lone number":                           {"/v2/2024/tool.bin", "pkg:generic/v2/2024 - primary generic"},
	"number with a letter":                  {"/tool/1.2x/tool.bin", "pkg:generic/tool/1.2x - primary generic"},
	"zip is anything":                       {"foo-1.0.zip", "pkg:generic/foo-1.0.zip - primary generic"},
	"tgz is anything":                       {"foo-1.0.tgz", "pkg:generic/foo-1.0.tgz - primary generic"},
	"tarball in a directory":                {"/nginx/nginx-1.2.3.tar.gz", "pkg:generic/nginx - primary generic"},
	"tarball without version":               {"backup.tar.gz", "pkg:generic/backup.tar.gz - primary generic"},
	"jar outside of the layout":             {"libs/app-1.0.jar", "pkg:generic/libs - primary generic"},
	"jar of three segments":                 {"/app/1.0/app-1.0.jar", "pkg:generic/app 1.0 primary generic"},
	"jar of another version":                {"com/acme/app/1.0/app-1.0.1.jar", "pkg:generic/com/acme/app 1.0 primary generic"},
	"jar of another artifact":               {"com/acme/app/1.0/application-1.0.jar", "pkg:generic/com/acme/app 1.0 primary generic"},
	"jar without extension":                 {"com/acme/app/1.0/app-1.0", "pkg:generic/com/acme/app 1.0 primary generic"},
	"jar with an empty classifier":          {"com/acme/app/1.0/app-1.0-.jar", "pkg:generic/com/acme/app 1.0 primary generic"},
	"jar that ends in a dot":                {"com/acme/app/1.0/app-1.0.", "pkg:generic/com/acme/app 1.0 primary generic"},
	"snapshot with half a timestamp":        {"com/acme/app/1.0-SNAPSHOT/app-1.0-20240131.jar", "pkg:generic/com/acme/app 1.0-SNAPSHOT primary generic"},
	"snapshot with two hyphens":             {"com/acme/app/1.0-SNAPSHOT/app-1.0--x.jar", "pkg:generic/com/acme/app 1.0-SNAPSHOT primary generic"},
	"directory that ends in pypi":           {"/mypypi/simple/foo/", "pkg:generic/mypypi/simple/foo - index generic"},
	"directory like a jar":                  {"com/acme/app/1.0/app-1.0.jar/", "pkg:generic/com/acme/app/1.0/app-1.0.jar 1.0 index generic"},
	"wheel of four parts":                   {"foo-1.0-py3-any.whl", "pkg:generic/foo-1.0-py3-any.whl - primary generic"},
	"wheel of seven parts":                  {"a-b-1.0-1-py3-none-any.whl", "pkg:generic/a-b-1.0-1-py3-none-any.whl - primary generic"},
	"wheel whose build is none":             {"foo-bar-1.0-py3-none-any.whl.x", "pkg:generic/foo-bar-1.0-py3-none-any.whl.x - primary generic"},
	"wheel whose build begins with letter":  {"foo-1.0-b1-py3-none-any.whl", "pkg:generic/foo-1.0-b1-py3-none-any.whl - primary generic"},
	"wheel with an empty tag":               {"foo-1.0-py3--any.whl", "pkg:generic/foo-1.0-py3--any.whl - primary generic"},
	"wheel of no project":                   {"_foo_-1.0-py3-none-any.whl", "pkg:generic/_foo_-1.0-py3-none-any.whl - primary generic"},
	"zip of an index without project":       {"/packages/foo-1.0.zip", "pkg:generic/packages - primary generic"},
	"jar beside an index":                   {"/simple/foo.jar", "pkg:generic/simple - primary generic"},
	"name with at, percent, plus and space": {"a@b/50%25 c+d.bin", "pkg:generic/a%40b - primary generic"},
	"hostile name":                          {"50%25 @c+d?#.bin", "pkg:generic/50%25%20%40c%2Bd%3F%23.bin - primary generic"},
	"malformed escape":                      {"100%.bin", "pkg:generic/100%25.bin - primary generic"},
	"escaped twice":                         {"a%252Fb.bin", "pkg:generic/a%252Fb.bin - primary generic"},
	"climbing":                              {"com/acme/app/../app/1.0/app-1.0.jar", "pkg:generic/app-1.0.jar - primary as-is"},
	"climbing, escaped":                     {"com/%2e%2E/app/1.0/app-1.0.jar", "pkg:generic/app-1.0.jar - primary as-is"},
	"climbing out":                          {"..", "pkg:generic/.. - primary as-is"},
	"three dots climb nowhere":              {"a.../...b/c.bin", "pkg:generic/a.../...b - primary generic"},
	"control character":                     {"com/acme/app/1.0/app-1.0\x00.jar", "pkg:generic/app-1.0%00.jar - primary as-is"},
	"control character, escaped":            {"com/acme/app/1.0/app-1.0-x%0A.jar", "pkg:generic/app-1.0-x%250A.jar - primary as-is"},
	"not UTF-8":                             {"com/acme/app/1.0/app-1.0-%ff.jar", "pkg:generic/app-1.0-%25ff.jar - primary as-is"},
	"not UTF-8, raw":                        {"app-1.0-\xff.jar", "pkg:generic/app-1.0-%FF.jar - primary as-is"},
	"control character beyond ASCII":        {"app-1.0-\u0085.jar", "pkg:generic/app-1.0-%C2%85.jar - primary as-is"},
	"only a suffix":                         {".md5", "pkg:generic/.md5 - primary generic"},
	"only a suffix, in a directory":         {"a/.sigstore.json", "pkg:generic/a - primary generic"},
	"metadata of nothing":                   {"app-1.0.jar.metadata", "pkg:generic/app-1.0.jar.metadata - primary generic"},
	"only dots and slashes":                 {"./.", "pkg:generic/%2F - index generic"},
}

func TestWhatNothingRecognisesIsGeneric(t *testing.T) {
	t.Parallel()
	checkGoldens(t, genericPaths, artifact.Guessed)
	genericTable.mutate(t)
}

var genericTable = table{typ: "generic", paths: genericPaths, pieces: []string{"v1.2", "1.2.3", "2024/", ".bin"}}

func FuzzGeneric(f *testing.F) { genericTable.fuzz(f) }

func TestAListingWithoutAPackageIsGeneric(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"maven-metadata.xml":              "pkg:generic/maven-metadata.xml - index maven-metadata",
		"1.0-SNAPSHOT/maven-metadata.xml": "pkg:generic/maven-metadata.xml 1.0-SNAPSHOT index maven-metadata",
		"/simple/":                        "pkg:generic/simple - index pypi-index",
		"/simple/index.html":              "pkg:generic/simple - index pypi-index",
		"simple":                          "pkg:generic/simple - index pypi-index",
	} {
		if got := line(artifact.Parse(path)); got != want {
			t.Errorf("Parse(%q) = %s, want %s", path, got, want)
		}
	}
}

func TestALongPathHasNoCoordinates(t *testing.T) {
	t.Parallel()
	head, tail := "/com/", "/app/1.0/app-1.0.jar"
	longest := head + strings.Repeat("a", artifact.MaxPath-len(head)-len(tail)) + tail
	if a := artifact.Parse(longest); a.Rule != "maven-path" {
		t.Errorf("%d bytes: rule %s, want maven-path", len(longest), a.Rule)
	}
	for _, path := range []string{"/" + longest, longest + ".md5"} {
		a := artifact.Parse(path)
		if a.Type != "generic" || a.Kind != artifact.Primary || a.SidecarOf != "" {
			t.Errorf("%d bytes: got %s of %q", len(path), line(a), a.SidecarOf)
		}
		checkContract(t, path)
	}
}
