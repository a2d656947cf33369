package counterpart_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A site is nginx before folders of packages, and the logs that it writes: one
// of each format that is followed, and one for the test alone, never rotated.
type site struct {
	*process
	dir, addr string
}

const nginxConf = `%s
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log;
events {}
http {
	types { application/json json; text/html html; }
	default_type application/octet-stream;
	client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
	log_format json escape=json '{"time":"$time_iso8601","remote_addr":"$remote_addr","request":"$request","status":"$status",'
		'"body_bytes_sent":"$body_bytes_sent","http_user_agent":"$http_user_agent","http_range":"$http_range","request_id":"$request_id"}';
	log_format witness '$request_method $status $body_bytes_sent $request_uri';
	server {
		listen %s;
		root www;
		index index.html;
		access_log access.log combined;
		access_log access.json json;
		access_log witness.log witness;
		location / { try_files $uri $uri.json $uri/ =404; }
	}
}
`

func startSite(t *testing.T) *site {
	t.Helper()
	s := &site{dir: t.TempDir(), addr: freeAddress(t)}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // a folder of a test is its user's alone
	}
	s.write(t, "nginx.conf", fmt.Appendf(nil, nginxConf, user, s.addr))
	s.fill(t)
	s.process = begin(t, nil, tool(t, "nginx"), "-p", s.dir, "-e", "error.log", "-c", filepath.Join(s.dir, "nginx.conf"))
	s.answers(t, s.url(""))
	return s
}

// url is the address of a repository, as Nexus has them.
func (s *site) url(repository string) string { return "http://" + s.addr + "/repository/" + repository }

func (s *site) write(t *testing.T, name string, content []byte) {
	t.Helper()
	name = filepath.Join(s.dir, name)
	err := os.MkdirAll(filepath.Dir(name), 0o700)
	if err == nil {
		err = os.WriteFile(name, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) serve(t *testing.T, name string, content []byte) {
	t.Helper()
	s.write(t, filepath.Join("www/repository", name), content)
}

// fill makes the packages.
func (s *site) fill(t *testing.T) {
	t.Helper()
	s.serve(t, tools, bytes.Repeat([]byte("tool"), 100))

	s.maven(t, "org.example", "fetch-maven-plugin", "1.0", "", map[string]string{
		"META-INF/maven/plugin.xml": pluginXML, "org/example/Fetch.class": pluginClass(),
	})
	s.maven(t, "org.codehaus.plexus", "plexus-utils", "1.1", "", map[string]string{"none": ""}) // Maven gives it to a plugin that has none
	s.maven(t, "com.acme", "parent", "3", "<packaging>pom</packaging>", nil)
	s.maven(t, "com.acme", "lib", "2.0", "<parent>"+coordinates("com.acme:parent:3")+"</parent>", map[string]string{"lib": "2.0"})
	for _, v := range []string{"1.0", "1.1"} {
		s.maven(t, "com.acme", "app", v, dependencies("com.acme:lib:2.0"), map[string]string{"app": v})
	}
	s.maven(t, "com.acme", "early", "0.1-SNAPSHOT", "", map[string]string{"early": "0.1"})

	var wheels []string
	for _, v := range []string{"1.0", "2.0"} {
		wheels = append(wheels, s.wheel(t, "acme_tool", v, "Requires-Dist: acme-lib\n"))
	}
	s.simple(t, "acme-tool", wheels)
	s.simple(t, "acme-lib", []string{s.wheel(t, "acme_lib", "0.9", "")})
	s.simple(t, "acme-source", []string{s.sdist(t)})

	s.npm(t, "left-pad", "1.2.0", "1.3.0")
	s.npm(t, "@acme/widget", "1.0.0")
}

// tools is a file that no ecosystem has.
const tools = "raw/tools/2.0/tools.zip"

// coordinates are those of g:a:v in a POM.
func coordinates(gav string) string {
	p := strings.Split(gav, ":")
	return fmt.Sprintf("<groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version>", p[0], p[1], p[2])
}

func dependencies(gavs ...string) string {
	var b strings.Builder
	for _, gav := range gavs {
		b.WriteString("<dependency>" + coordinates(gav) + "</dependency>")
	}
	return "<dependencies>" + b.String() + "</dependencies>"
}

func pom(gav, more string) []byte {
	return []byte("<project><modelVersion>4.0.0</modelVersion>" + coordinates(gav) + more + "</project>")
}

// maven makes an artifact; without files it is a POM alone. That of a snapshot
// bears the time of its deployment.
func (s *site) maven(t *testing.T, group, artifact, version, more string, files map[string]string) {
	t.Helper()
	dir := path.Join("releases", strings.ReplaceAll(group, ".", "/"), artifact, version)
	stem, is := strings.CutSuffix(artifact+"-"+version, "SNAPSHOT")
	all := map[string][]byte{}
	if is {
		stem += "20260101.010101-1"
		all["maven-metadata.xml"] = []byte("<metadata>" + coordinates(group+":"+artifact+":"+version) +
			"<versioning><snapshot><timestamp>20260101.010101</timestamp><buildNumber>1</buildNumber></snapshot><lastUpdated>20260101010101</lastUpdated></versioning></metadata>")
	}
	all[stem+".pom"] = pom(group+":"+artifact+":"+version, more)
	if files != nil {
		all[stem+".jar"] = zipped(t, files)
	}
	for name, content := range all {
		s.serve(t, path.Join(dir, name), content)
		s.serve(t, path.Join(dir, name+".sha1"), fmt.Appendf(nil, "%x", sha1.Sum(content)))
	}
}

// The plugin's goal does nothing. What it says to need, the dependencies of the
// project, Maven fetches before.
const pluginXML = `<plugin>
<name>fetch</name><groupId>org.example</groupId><artifactId>fetch-maven-plugin</artifactId><version>1.0</version><goalPrefix>fetch</goalPrefix>
<mojos><mojo>
<goal>fetch</goal><requiresDependencyResolution>test</requiresDependencyResolution><requiresProject>true</requiresProject>
<implementation>org.example.Fetch</implementation><language>java</language><instantiationStrategy>per-lookup</instantiationStrategy>
</mojo></mojos>
</plugin>`

// pluginClass is compiled already, as there may be no compiler of Java:
//
//	public class Fetch extends AbstractMojo { public void execute() {} }
func pluginClass() string {
	text := func(s string) string { return string([]byte{1, 0, byte(len(s))}) + s }
	return "\xca\xfe\xba\xbe\x00\x00\x00\x31" + // Java 5, which wants no frames
		"\x00\x0b" + // constants, from 1
		"\x07\x00\x02" + text("org/example/Fetch") +
		"\x07\x00\x04" + text("org/apache/maven/plugin/AbstractMojo") +
		text("<init>") + text("()V") + text("Code") +
		"\x0a\x00\x03\x00\x09" + "\x0c\x00\x05\x00\x06" + text("execute") +
		"\x00\x21\x00\x01\x00\x03\x00\x00\x00\x00" + // public class 1 extends 3
		"\x00\x02" + // methods
		"\x00\x01\x00\x05\x00\x06\x00\x01\x00\x07\x00\x00\x00\x11\x00\x01\x00\x01\x00\x00\x00\x05\x2a\xb7\x00\x08\xb1\x00\x00\x00\x00" +
		"\x00\x01\x00\x0a\x00\x06\x00\x01\x00\x07\x00\x00\x00\x0d\x00\x00\x00\x01\x00\x00\x00\x01\xb1\x00\x00\x00\x00" +
		"\x00\x00"
}

// wheel makes a wheel with its metadata beside it (PEP 658), and returns its
// line in the index.
func (s *site) wheel(t *testing.T, name, version, more string) string {
	t.Helper()
	info := fmt.Sprintf("%s-%s.dist-info/", name, version)
	metadata := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n%s", strings.ReplaceAll(name, "_", "-"), version, more)
	whl := zipped(t, map[string]string{
		name + "/__init__.py": "", info + "METADATA": metadata,
		info + "WHEEL":  "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		info + "RECORD": fmt.Sprintf("%s/__init__.py,,\n%sMETADATA,,\n%sWHEEL,,\n%sRECORD,,\n", name, info, info, info),
	})
	file := fmt.Sprintf("%s-%s-py3-none-any.whl", name, version)
	s.serve(t, "pypi/packages/"+file, whl)
	s.serve(t, "pypi/packages/"+file+".metadata", []byte(metadata))
	return fmt.Sprintf(`<a href="../../packages/%[1]s#sha256=%[2]x" data-dist-info-metadata="sha256=%[3]x">%[1]s</a>`, file, sha256.Sum256(whl), sha256.Sum256([]byte(metadata)))
}

// sdist makes a source distribution that builds itself: no other package is
// fetched for that.
func (s *site) sdist(t *testing.T) string {
	t.Helper()
	const dir = "acme_source-0.5/"
	content := tarball(t, map[string]string{
		dir + "PKG-INFO":       "Metadata-Version: 2.1\nName: acme-source\nVersion: 0.5\n",
		dir + "pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n",
		dir + "backend.py": `import os, zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    info = "acme_source-0.5.dist-info/"
    with zipfile.ZipFile(os.path.join(directory, "acme_source-0.5-py3-none-any.whl"), "w") as z:
        z.writestr(info + "METADATA", open("PKG-INFO").read())
        z.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr(info + "RECORD", f"{info}METADATA,,\n{info}WHEEL,,\n{info}RECORD,,\n")
    return "acme_source-0.5-py3-none-any.whl"
`,
	})
	s.serve(t, "pypi/packages/acme_source-0.5.tar.gz", content)
	return fmt.Sprintf(`<a href="../../packages/acme_source-0.5.tar.gz#sha256=%x">acme_source-0.5.tar.gz</a>`, sha256.Sum256(content))
}

func (s *site) simple(t *testing.T, project string, lines []string) {
	t.Helper()
	s.serve(t, "pypi/simple/"+project+"/index.html", []byte("<!DOCTYPE html><html><body>"+strings.Join(lines, "\n")+"</body></html>"))
}

// npm makes a package. The scoped one depends on the other.
func (s *site) npm(t *testing.T, name string, versions ...string) {
	t.Helper()
	all := map[string]any{}
	for _, v := range versions {
		about := map[string]any{"name": name, "version": v}
		if name[0] == '@' {
			about["dependencies"] = map[string]string{"left-pad": "^1.3.0"}
		}
		manifest, err := json.Marshal(about)
		if err != nil {
			t.Fatal(err)
		}
		tgz := tarball(t, map[string]string{"package/package.json": string(manifest)})
		file := fmt.Sprintf("npm/%s/-/%s-%s.tgz", name, path.Base(name), v)
		s.serve(t, file, tgz)
		sum := sha512.Sum512(tgz)
		about["dist"] = map[string]string{
			"tarball": s.url(file), "shasum": fmt.Sprintf("%x", sha1.Sum(tgz)),
			"integrity": "sha512-" + base64.StdEncoding.EncodeToString(sum[:]),
		}
		all[v] = about
	}
	packument, err := json.Marshal(map[string]any{"name": name, "dist-tags": map[string]string{"latest": versions[len(versions)-1]}, "versions": all})
	if err != nil {
		t.Fatal(err)
	}
	s.serve(t, "npm/"+name+".json", packument)
}

func zipped(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarball(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, content := range files {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))})
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rename rotates the logs as logrotate does it without copytruncate: nginx goes
// on writing into the renamed files, beside new ones that are empty, until it is
// told.
func (s *site) rename(t *testing.T, number int, untold func()) {
	t.Helper()
	for _, log := range logs {
		name := filepath.Join(s.dir, log)
		if err := os.Rename(name, fmt.Sprintf("%s.%d", name, number)); err != nil {
			t.Fatal(err)
		}
		s.write(t, log, nil)
	}
	untold()
	if err := s.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nginx writes to the new logs", func() bool {
		return !slices.ContainsFunc(logs, func(log string) bool {
			info, err := os.Stat(filepath.Join(s.dir, log))
			return err != nil || info.Size() == 0
		})
	})
}

// copyTruncate rotates the logs as logrotate does it with copytruncate. What is
// written between the copy and the end of the old content would be lost to
// everybody, so nginx stands still in between, and its clients wait.
func (s *site) copyTruncate(t *testing.T, number int) {
	t.Helper()
	group := s.cmd.Process.Pid
	if err := syscall.Kill(-group, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(-group, syscall.SIGCONT)
	eventually(t, "nginx stands still", func() bool { return stopped(group) })
	for _, log := range logs {
		log = filepath.Join(s.dir, log)
		text, err := os.ReadFile(log)
		if err == nil {
			err = os.WriteFile(fmt.Sprintf("%s.%d", log, number), text, 0o600)
		}
		if err == nil {
			err = os.Truncate(log, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// stopped reports whether a process and its children are.
func stopped(pid int) bool {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	if err != nil {
		return false
	}
	for _, id := range append(strings.Fields(string(children)), fmt.Sprint(pid)) {
		stat, err := os.ReadFile("/proc/" + id + "/stat")
		_, state, _ := strings.Cut(string(stat), ") ")
		if err != nil || !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return true
}

// seen is what a log says of the finished requests.
type seen struct {
	hits  map[string]int64 // by file
	bytes map[string]int64 // by file
	kinds map[string]int64 // hits by kind
}

// witnessed reads the log that nobody rotates.
func (s *site) witnessed(t *testing.T) seen {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "witness.log"))
	if err != nil {
		t.Fatal(err)
	}
	all := seen{map[string]int64{}, map[string]int64{}, map[string]int64{}}
	for line := range strings.Lines(string(text)) {
		var method, status, uri string
		var sent int64
		if _, err := fmt.Sscan(line, &method, &status, &sent, &uri); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if (method != "GET" && method != "HEAD") || (status[0] != '2' && status != "304") {
			continue
		}
		uri, _, _ = strings.Cut(uri, "?")
		repository, file, _ := strings.Cut(strings.TrimPrefix(uri, "/repository/"), "/")
		all.hits[file]++
		all.bytes[file] += sent
		all.kinds[kindOf(repository, file)]++
	}
	return all
}

func kindOf(repository, file string) string {
	switch {
	case strings.HasSuffix(file, ".sha1"):
		return "checksum"
	case strings.HasSuffix(file, ".pom"), strings.HasSuffix(file, ".metadata"):
		return "metadata"
	case strings.HasSuffix(file, "maven-metadata.xml"), strings.HasPrefix(file, "simple/"),
		repository == "npm" && !strings.HasSuffix(file, ".tgz"):
		return "index"
	}
	return "primary"
}
