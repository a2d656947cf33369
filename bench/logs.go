package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The log of one contest: five days of a busy registry, as nginx writes them.
const (
	logLines  = 1_500_000
	logFiles  = 20_000
	logDays   = 5
	logRounds = 3
	logSpread = 20 // patch versions of an agent
)

// logs measures the import of an access log.
func (b *bench) logs(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp(b.dir, "logs")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	name := filepath.Join(dir, "access.log")
	bad, err := writeLog(name)
	if err != nil {
		return err
	}
	var rates, alone []float64
	for n := range logRounds {
		rate, err := b.importLog(ctx, filepath.Join(dir, fmt.Sprint("data", n)), name, bad)
		if err != nil {
			return err
		}
		rates = append(rates, rate)
		if rate, err = splitLog(name); err != nil {
			return err
		}
		alone = append(alone, rate)
	}
	b.comment("a combined log of %d lines, %d files and %d days, into an empty folder, %d rounds; alone: read, and split into lines and these at spaces", logLines, logFiles, logDays, logRounds)
	b.print("log_lines_per_s", median(rates), ">=300000")
	b.print("log_split_per_s", median(alone), "-")
	b.print("log_vs_split", median(rates)/median(alone), ">=0.5")
	return nil
}

// importLog returns the lines a second that the program imports, from its start
// to its end.
func (b *bench) importLog(ctx context.Context, data, name string, bad int) (perSecond float64, err error) {
	cmd := exec.CommandContext(ctx, b.bin, "--data", data, "import", name)
	cmd.Env = append(os.Environ(), "PKGMETER_NOW="+after.Format(time.RFC3339))
	cmd.Stderr = os.Stderr
	began := time.Now()
	out, err := cmd.Output()
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	said := strings.TrimSpace(string(out))
	if want := fmt.Sprintf("%d new, 0 known, %d rejected", logLines-bad, bad); said[strings.LastIndexByte(said, '\n')+1:] != want {
		return 0, fmt.Errorf("the import says %q, want %q", said, want)
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	b.comment("imported in %s with %s of the processors", took.Round(time.Millisecond), used.Round(time.Millisecond))
	return logLines / took.Seconds(), os.RemoveAll(data)
}

// splitLog returns the lines a second that are read and split alone.
func splitLog(name string) (perSecond float64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 256<<10)
	lines, fields := 0, 0
	began := time.Now()
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		lines++
		for range bytes.SplitSeq(line, []byte(" ")) {
			fields++
		}
	}
	if took := time.Since(began); lines == logLines && fields > lines {
		return logLines / took.Seconds(), nil
	}
	return 0, fmt.Errorf("%d lines and %d fields were read", lines, fields)
}

// A logKind is what a registry has of an ecosystem: files, and agents that fetch
// them. Of each kind are as many files.
type logKind struct {
	path   string   // of an app in a version
	agents []string // each with a patch version
}

var logKinds = []logKind{
	{"repository/maven-releases/com/acme/team/%[1]s/%[2]s/%[1]s-%[2]s.jar", mavenAgents},
	{"repository/maven-releases/com/acme/team/%[1]s/%[2]s/%[1]s-%[2]s.pom", mavenAgents},
	{"repository/maven-releases/com/acme/team/%[1]s/%[2]s/%[1]s-%[2]s.jar.sha1", mavenAgents},
	{"repository/pypi-hosted/packages/%[1]s/%[2]s/%[1]s-%[2]s-py3-none-any.whl", []string{
		`pip/24.3.%d {"ci":true,"cpu":"x86_64","implementation":{"name":"CPython","version":"3.12.7"},"python":"3.12.7","system":{"name":"Linux","release":"6.8.0"}}`,
		`pip/24.0.%d {"ci":null,"cpu":"arm64","implementation":{"name":"CPython","version":"3.11.9"},"python":"3.11.9","system":{"name":"Darwin","release":"23.5.0"}}`,
		`uv/0.5.%d {"installer":{"name":"uv"},"python":"3.12.7","ci":true}`,
	}},
	{"repository/npm-group/@acme/%[1]s/-/%[1]s-%[2]s.tgz", []string{
		"npm/10.9.%d node/v22.12.0 linux x64 workspaces/false ci/github-actions",
		"npm/10.8.%d node/v20.18.0 darwin arm64 workspaces/false",
		"yarn/1.22.%d npm/? node/v18.20.0 linux x64",
	}},
	{"v3-flatcontainer/acme.%[1]s/%[2]s/acme.%[1]s.%[2]s.nupkg", []string{"NuGet Command Line/6.12.%d (Microsoft Windows NT 10.0.20348.0)"}},
	{"v2/acme/%[1]s/manifests/%[2]s", []string{
		"docker/27.3.%d go/go1.22.7 git-commit/41ca978 kernel/6.8.0-49-generic os/linux arch/amd64 UpstreamClient(Docker-Client/27.3.1 \\x5C(linux\\x5C))",
		"containerd/1.7.%d+unknown",
	}},
	{"debian/pool/main/a/%[1]s/%[1]s_%[2]s-1_amd64.deb", []string{"Debian APT-HTTP/1.3 (2.6.%d)"}},
	{"downloads/tools/%[1]s/%[2]s/%[1]s-linux-amd64.tar.gz", []string{"curl/8.11.%d", "Wget/1.21.%d"}},
	{"charts/%[1]s-%[2]s.tgz", []string{"Helm/3.16.%d"}},
}

var mavenAgents = []string{
	"Apache-Maven/3.9.%d (Java 21.0.5; Linux 6.8.0-49-generic)",
	"Gradle/8.11.%d (Linux;6.8.0;amd64) (Eclipse Adoptium;21.0.5;21.0.5+11-LTS)",
}

// anyAgents fetch files of every kind.
var anyAgents = []string{
	"Artifactory/7.98.%d", "Nexus/3.74.%d-05 (PRO; Linux; 5.15.0; amd64; 17.0.13)", "renovate/39.42.%d", "Trivy/0.58.%d",
	"Mozilla/5.0 (X11; Linux x86_64; rv:13%d.0) Gecko/20100101 Firefox/133.0", "no-such-program/1.%d", "-",
}

// writeLog writes the log, and returns how many of its lines are of no use.
func writeLog(name string) (bad int, err error) {
	f, err := os.Create(name)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	rng := rand.New(rand.NewPCG(3, 4))
	zipf := rand.NewZipf(rng, zipfS, zipfV, logFiles-1)
	const step = logDays * 24 * time.Hour / logLines
	for i := range logLines {
		at := lastDay.End().Add(-time.Duration(logLines-i) * step)
		fmt.Fprintf(w, "198.51.%d.%d - - [%s] ", rng.IntN(256), rng.IntN(256), at.Format("02/Jan/2006:15:04:05 -0700"))
		outcome := rng.IntN(1000)
		if outcome == 0 { // TLS where none is spoken
			bad++
			fmt.Fprintln(w, `"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03" 400 157 "-" "-"`)
			continue
		}
		method, status, size := "GET", 200, 500+rng.IntN(5_000_000)
		switch {
		case outcome < 30:
			status, size = 404, 153
		case outcome < 60:
			status, size = 304, 0
		case outcome < 90:
			method, size = "HEAD", 0
		}
		path, agent := logRequest(int(zipf.Uint64()), rng)
		fmt.Fprintf(w, "\"%s /%s HTTP/1.1\" %d %d \"-\" \"%s\"\n", method, path, status, size, agent)
	}
	return bad, w.Flush()
}

// logRequest returns the path of a file, and an agent that may want it, as nginx
// writes both.
func logRequest(file int, rng *rand.Rand) (path, agent string) {
	kind := logKinds[file%len(logKinds)]
	of := kind.agents
	if rng.IntN(5) == 0 {
		of = anyAgents
	}
	if agent = of[rng.IntN(len(of))]; strings.Contains(agent, "%d") {
		agent = fmt.Sprintf(agent, rng.IntN(logSpread))
	}
	agent = strings.ReplaceAll(agent, `"`, `\x22`)
	return fmt.Sprintf(kind.path, fmt.Sprint("app", file%700), fmt.Sprintf("1.%d.%d", file%13, file)), agent
}
