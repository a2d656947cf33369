package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/pkgmeter/pkgmeter/internal/server"
)

// These tests hold what is written outside of the program (Dockerfile,
// compose.yaml, README) to what the program and the Makefile know, by reading
// it: no container is ever started here.

const top = "../.."

// truth is what the texts are held to.
type truth struct {
	envs     map[string]string // environment variables, to the flag that each is, or ""
	flags    map[string]bool   // of all commands
	targets  map[string]bool   // of the Makefile
	vars     map[string]bool   // of the Makefile
	makefile string
	goMod    string
	ignored  []string // patterns of .dockerignore
}

func readTruth(t *testing.T) *truth {
	t.Helper()
	w := &truth{
		envs: map[string]string{}, flags: map[string]bool{"help": true}, targets: map[string]bool{}, vars: map[string]bool{},
		makefile: readText(t, "Makefile"), goMod: readText(t, "go.mod"),
	}
	parser := newParser(t, new(commands))
	var walk func(n *kong.Node)
	walk = func(n *kong.Node) {
		for _, f := range n.Flags {
			w.flags[f.Name] = true
			for _, env := range f.Envs {
				w.envs[env] = f.Name
			}
		}
		for _, child := range n.Children {
			walk(child)
		}
	}
	walk(parser.Model.Node)
	sources, err := filepath.Glob("*.go")
	if err != nil || len(sources) == 0 {
		t.Fatal(sources, err)
	}
	for _, name := range sources {
		for _, m := range regexp.MustCompile(`getenv\("(PKGMETER_[A-Z_]+)"\)`).FindAllStringSubmatch(readText(t, "cmd/pkgmeter/"+name), -1) {
			w.envs[m[1]] = ""
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z-]*):`).FindAllStringSubmatch(w.makefile, -1) {
		w.targets[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^([A-Z]+)\s*\??=`).FindAllStringSubmatch(w.makefile, -1) {
		w.vars[m[1]] = true
	}
	w.ignored = patterns(readText(t, ".dockerignore"))
	return w
}

func readText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func newParser(t *testing.T, c *commands) *kong.Kong {
	t.Helper()
	parser, err := kong.New(c, kong.Name("pkgmeter"), kong.DefaultEnvars("PKGMETER"), kong.Writers(io.Discard, io.Discard),
		kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

// complaints gathers what is wrong with a text.
type complaints []string

func (c *complaints) add(format string, args ...any) { *c = append(*c, fmt.Sprintf(format, args...)) }

// An image is what the last stage of a Dockerfile makes.
type image struct {
	stages         map[string]bool
	from, workdir  string
	user           string
	run            []string // ENTRYPOINT and CMD
	env            map[string]string
	volumes, ports []string
	files          map[string]bool // paths that were copied to
	ownedByUser    bool
}

// dockerfile reads a Dockerfile, and complains of what is not so.
func (w *truth) dockerfile(t *testing.T, text string) (img image, wrong complaints) {
	t.Helper()
	img.stages = map[string]bool{}
	var entrypoint, cmd []string
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		words := strings.Fields(line)
		if len(words) < 2 || strings.HasPrefix(words[0], "#") {
			continue
		}
		rest := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), words[0]))
		switch words[0] {
		case "FROM":
			w.from(words, &img, &wrong)
			entrypoint, cmd = nil, nil
		case "COPY":
			w.copies(words[1:], &img, &wrong)
		case "RUN":
			for _, c := range commandLines(rest) {
				w.makeCall(c, &wrong)
			}
		case "ENV":
			name, value, _ := strings.Cut(rest, "=")
			img.env[name] = value
		case "ARG":
			if name, _, _ := strings.Cut(rest, "="); !w.vars[name] {
				wrong.add("ARG %s: the Makefile has no such variable", name)
			}
		case "WORKDIR":
			img.workdir = rest
		case "USER":
			img.user = rest
		case "VOLUME":
			img.volumes = append(img.volumes, list(rest)...)
		case "EXPOSE":
			img.ports = append(img.ports, words[1:]...)
		case "ENTRYPOINT":
			entrypoint = list(rest)
		case "CMD":
			cmd = list(rest)
		default:
			wrong.add("instruction %s", words[0])
		}
	}
	img.run = slices.Concat(entrypoint, cmd)
	w.container(t, &img, &wrong)
	return img, wrong
}

// from begins a stage. Only Docker Hub's short names are used.
func (w *truth) from(words []string, img *image, wrong *complaints) {
	name, tag, _ := strings.Cut(words[1], ":")
	if strings.Contains(words[1], "/") {
		wrong.add("FROM %s: has a host or an owner", words[1])
	}
	if tag == "" && name != "scratch" && !img.stages[name] {
		wrong.add("FROM %s: has no version", words[1])
	}
	goVersion := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(w.goMod)[1]
	if version, _, _ := strings.Cut(tag, "-"); name == "golang" && version != goVersion && !strings.HasPrefix(version, goVersion+".") {
		wrong.add("FROM %s: go.mod wants Go %s", words[1], goVersion)
	}
	stages := img.stages
	if len(words) == 4 && words[2] == "AS" {
		stages[words[3]] = true
	}
	*img = image{stages: stages, from: name, env: map[string]string{}, files: map[string]bool{}}
}

// copies checks that what is copied is there, be it in this folder or made by
// a stage before.
func (w *truth) copies(words []string, img *image, wrong *complaints) {
	stage := ""
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		name, value, _ := strings.Cut(words[0], "=")
		switch name {
		case "--from":
			stage = value
			if !img.stages[value] {
				wrong.add("COPY --from=%s: there is no such stage", value)
			}
		case "--chown":
			img.ownedByUser = true
		default:
			wrong.add("COPY %s", name)
		}
		words = words[1:]
	}
	to := words[len(words)-1]
	img.files[to] = true
	for _, from := range words[:len(words)-1] {
		if stage != "" {
			if made, ok := strings.CutPrefix(from, "/src/"); ok && !strings.Contains(w.makefile, "-o "+made+" ") {
				wrong.add("COPY %s: make build does not make it", from)
			}
			continue
		}
		if _, err := os.Stat(filepath.Join(top, from)); err != nil {
			wrong.add("COPY %s: %v", from, err)
		}
		if w.isIgnored(from) {
			wrong.add("COPY %s: .dockerignore hides it", from)
		}
	}
}

// container checks what the last stage runs, with the environment that it sets.
func (w *truth) container(t *testing.T, img *image, wrong *complaints) {
	t.Helper()
	if img.from != "scratch" {
		wrong.add("FROM %s: the last stage is not scratch", img.from)
	}
	if uid, _, _ := strings.Cut(img.user, ":"); !regexp.MustCompile(`^[1-9]\d*$`).MatchString(uid) {
		wrong.add("USER %q: want a number other than 0, as there is no list of users", img.user)
	}
	if len(img.volumes) != 1 || len(img.ports) != 1 || len(img.run) == 0 {
		wrong.add("VOLUME %v, EXPOSE %v, ENTRYPOINT and CMD %v: want one volume, one port and something to run", img.volumes, img.ports, img.run)
		return
	}
	if !img.ownedByUser {
		wrong.add("VOLUME %s: is not given to the user", img.volumes[0])
	}
	if !img.files[img.run[0]] {
		wrong.add("ENTRYPOINT %s: was not copied", img.run[0])
	}
	args := slices.Clone(img.run[1:])
	for name, value := range img.env {
		flag, known := w.envs[name]
		if !known {
			wrong.add("ENV %s: the program does not know it", name)
		} else if flag != "" {
			args = append(args, "--"+flag+"="+value)
		}
	}
	var c commands
	if _, err := newParser(t, &c).Parse(args); err != nil {
		wrong.add("pkgmeter %s: %v", strings.Join(args, " "), err)
	}
	if want := "0.0.0.0:" + img.ports[0]; c.Serve.Listen != want {
		wrong.add("EXPOSE %s: listens on %s", img.ports[0], c.Serve.Listen)
	}
	if !strings.HasPrefix(c.Serve.AdminListen, "127.0.0.1:") {
		wrong.add("the admin listener is on %s", c.Serve.AdminListen)
	}
	if c.Data != img.volumes[0] {
		wrong.add("VOLUME %s: the data is in %s", img.volumes[0], c.Data)
	}
}

// makeCall checks a call of make, and lets every other command pass.
func (w *truth) makeCall(words []string, wrong *complaints) {
	if words[0] != "make" {
		return
	}
	for _, word := range words[1:] {
		if name, _, isVar := strings.Cut(word, "="); isVar && !w.vars[name] {
			wrong.add("make %s: the Makefile has no such variable", word)
		} else if !isVar && !w.targets[word] {
			wrong.add("make %s: the Makefile has no such target", word)
		}
	}
}

// programCall checks a call of the program. What is in capitals stands for a
// value.
func (w *truth) programCall(t *testing.T, args []string, wrong *complaints) {
	t.Helper()
	capitals := regexp.MustCompile(`^[A-Z]+$`)
	if len(args) == 0 || capitals.MatchString(args[0]) {
		return
	}
	filled := slices.Clone(args)
	for i, a := range filled {
		if capitals.MatchString(a) {
			filled[i] = "1"
		}
	}
	if slices.Contains(args, "--help") {
		return
	}
	if _, err := newParser(t, new(commands)).Parse(filled); err != nil {
		wrong.add("pkgmeter %s: %v", strings.Join(args, " "), err)
	}
}

// serviceKeys are the keys of a service that compose.yaml may have.
var serviceKeys = []string{
	"build", "image", "restart", "ports", "environment", "volumes", "healthcheck.test", "healthcheck.interval", "healthcheck.timeout",
	"healthcheck.retries", "stop_grace_period", "read_only", "cap_drop", "security_opt",
}

// compose complains of what in a compose file the image does not have.
func (w *truth) compose(t *testing.T, text string, img image) (wrong complaints) {
	t.Helper()
	all := yamlLists(text)
	const service = "services.pkgmeter."
	for key := range all {
		name, of := strings.CutPrefix(key, service)
		if of && !slices.Contains(serviceKeys, name) || !of && !strings.HasPrefix(key, "volumes.") {
			wrong.add("key %s", key)
		}
	}
	if b := all[service+"build"]; !slices.Equal(b, []string{"."}) {
		wrong.add("build: %v", b)
	}
	for _, p := range all[service+"ports"] {
		if inside := p[strings.LastIndex(p, ":")+1:]; !slices.Equal(img.ports, []string{inside}) {
			wrong.add("port %s: the image has %v", p, img.ports)
		}
	}
	for _, e := range all[service+"environment"] {
		if name, _, _ := strings.Cut(e, "="); !known(w.envs, name) {
			wrong.add("environment %s: the program does not know it", name)
		}
	}
	for _, v := range all[service+"volumes"] {
		name, inside, _ := strings.Cut(v, ":")
		if !known(all, "volumes."+name) || !slices.Equal(img.volumes, []string{inside}) {
			wrong.add("volume %s: the image has %v", v, img.volumes)
		}
	}
	if len(all[service+"ports"]) == 0 || len(all[service+"volumes"]) == 0 {
		wrong.add("no port or no volume: %v", all)
	}
	if test := all[service+"healthcheck.test"]; len(test) > 2 && test[0] == "CMD" && test[1] == img.run[0] {
		w.programCall(t, test[2:], &wrong)
	} else {
		wrong.add("healthcheck %v: the image has no shell, only %s", test, img.run[0])
	}
	grace, err := time.ParseDuration(strings.Join(all[service+"stop_grace_period"], ""))
	if err != nil || grace <= server.Grace {
		wrong.add("stop_grace_period %s: the server takes up to %s", grace, server.Grace)
	}
	return wrong
}

func known[V any](m map[string]V, key string) bool {
	_, ok := m[key]
	return ok
}

// readme complains of commands, flags, variables and targets that there are not.
func (w *truth) readme(t *testing.T, text string) (wrong complaints) {
	t.Helper()
	for _, code := range codeOf(text) {
		for _, words := range commandLines(code) {
			switch {
			case words[0] == "pkgmeter" || strings.HasSuffix(words[0], "bin/pkgmeter"):
				w.programCall(t, words[1:], &wrong)
			case slices.Contains(words, "/pkgmeter"): // in a container
				w.programCall(t, words[slices.Index(words, "/pkgmeter")+1:], &wrong)
			case strings.HasPrefix(words[0], "--") && !w.flags[strings.TrimLeft(words[0], "-")]:
				wrong.add("%s: no command has this flag", words[0])
			}
			w.makeCall(words, &wrong)
		}
	}
	for _, name := range regexp.MustCompile(`PKGMETER_[A-Z_]+`).FindAllString(text, -1) {
		if !known(w.envs, name) {
			wrong.add("%s: the program does not know it", name)
		}
	}
	return wrong
}

// codeOf returns the lines of code blocks and the code between backticks.
func codeOf(text string) (code []string) {
	inBlock := false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "```"):
			inBlock = !inBlock
		case inBlock:
			code = append(code, line)
		default:
			for i, part := range strings.Split(line, "`") {
				if i%2 == 1 {
					code = append(code, part)
				}
			}
		}
	}
	return code
}

// commandLines splits a line of shell into simple commands, less variables
// before them, redirections and comments.
func commandLines(line string) (all [][]string) {
	line, _, _ = strings.Cut(" "+line, " #")
	for _, part := range regexp.MustCompile(`&&|\|\||[|;]`).Split(line, -1) {
		part = regexp.MustCompile(`[<>].*`).ReplaceAllString(part, "")
		words := strings.Fields(part)
		for len(words) > 0 && regexp.MustCompile(`^([A-Z_]+=.*|\$|sudo)$`).MatchString(words[0]) {
			words = words[1:]
		}
		for i := range words {
			words[i] = strings.Trim(words[i], `'"`)
		}
		if len(words) > 0 {
			all = append(all, words)
		}
	}
	return all
}

// list reads ["a", "b"].
func list(text string) (items []string) {
	if err := json.Unmarshal([]byte(text), &items); err != nil {
		return []string{"not a list: " + text}
	}
	return items
}

// yamlLists reads the part of YAML that compose.yaml keeps to: nested keys,
// with a scalar, a list in one line, or a list of one item a line. The keys of
// the result are paths.
func yamlLists(text string) map[string][]string {
	type level struct {
		indent int
		path   string
	}
	values := map[string][]string{}
	var open []level
	for line := range strings.Lines(text) {
		body := strings.TrimSpace(line)
		if body == "" || body[0] == '#' {
			continue
		}
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if item, ok := strings.CutPrefix(body, "- "); ok {
			at := open[len(open)-1].path
			values[at] = append(values[at], strings.Trim(item, `"`))
			continue
		}
		for len(open) > 0 && open[len(open)-1].indent >= indent {
			open = open[:len(open)-1]
		}
		key, value, _ := strings.Cut(body, ":")
		at := key
		if len(open) > 0 {
			delete(values, open[len(open)-1].path) // it has keys, and no value
			at = open[len(open)-1].path + "." + key
		}
		open = append(open, level{indent, at})
		values[at] = nil
		if value = strings.TrimSpace(value); strings.HasPrefix(value, "[") {
			values[at] = list(value)
		} else if value != "" {
			values[at] = []string{strings.Trim(value, `"`)}
		}
	}
	return values
}

func patterns(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			all = append(all, line)
		}
	}
	return all
}

// isIgnored reports whether a path, or a folder that it is in, is hidden.
func (w *truth) isIgnored(name string) bool {
	for ; name != "."; name = path.Dir(name) {
		for _, p := range w.ignored {
			base, anywhere := strings.CutPrefix(p, "**/")
			if ok, err := path.Match(base, name); err == nil && ok {
				return true
			}
			if ok, err := path.Match(base, path.Base(name)); err == nil && ok && anywhere {
				return true
			}
		}
	}
	return false
}

func TestContainerFilesAndReadmeNameWhatThereIs(t *testing.T) {
	t.Parallel()
	w := readTruth(t)
	img, wrong := w.dockerfile(t, readText(t, "Dockerfile"))
	for _, c := range wrong {
		t.Errorf("Dockerfile: %s", c)
	}
	for _, c := range w.compose(t, readText(t, "compose.yaml"), img) {
		t.Errorf("compose.yaml: %s", c)
	}
	for _, c := range w.readme(t, readText(t, "README.md")) {
		t.Errorf("README.md: %s", c)
	}
}

func TestTheBuildSeesItsSourcesAndNothingThatIsPrivate(t *testing.T) {
	t.Parallel()
	w := readTruth(t)
	for _, name := range []string{".git", ".env", "bin", "pkgmeter-data", "pkgmeter-data/pkgmeter.db", "internal/web/node_modules"} {
		if !w.isIgnored(name) {
			t.Errorf("%s would be sent to the build", name)
		}
	}
	seen := 0
	err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		name, _ = filepath.Rel(top, name)
		if err != nil || d.IsDir() && (name == ".git" || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		if !d.IsDir() && (path.Ext(name) == ".go" || strings.HasPrefix(name, "internal/")) {
			seen++
			if w.isIgnored(name) {
				t.Errorf("%s is hidden from the build", name)
			}
		}
		return nil
	})
	if err != nil || seen < 50 {
		t.Errorf("%d files, %v", seen, err)
	}
}

// Each change breaks one thing in the true text.
func TestWhatIsWrongInContainerFilesIsFound(t *testing.T) {
	t.Parallel()
	w := readTruth(t)
	docker, compose, readme := readText(t, "Dockerfile"), readText(t, "compose.yaml"), readText(t, "README.md")
	good, _ := w.dockerfile(t, docker)
	inDockerfile := func(text string) complaints { _, wrong := w.dockerfile(t, text); return wrong }
	inCompose := func(text string) complaints { return w.compose(t, text, good) }
	inReadme := func(text string) complaints { return w.readme(t, text) }
	tests := map[string]struct {
		check            func(string) complaints
		text             string
		old, brokenBy    string
		wantComplaintFor string
	}{
		"a command that there is not":      {inDockerfile, docker, `CMD ["serve"]`, `CMD ["server"]`, "server"},
		"a flag that there is not":         {inDockerfile, docker, `CMD ["serve"]`, `CMD ["serve", "--port", "8080"]`, "--port"},
		"a variable that there is not":     {inDockerfile, docker, "PKGMETER_LISTEN", "PKGMETER_LISTENS", "PKGMETER_LISTENS"},
		"a port that is not listened on":   {inDockerfile, docker, "EXPOSE 8080", "EXPOSE 80", "EXPOSE 80"},
		"an admin listener for all":        {inDockerfile, docker, "127.0.0.1:8081", "0.0.0.0:8081", "admin listener"},
		"data outside of the volume":       {inDockerfile, docker, "PKGMETER_DATA=/data", "PKGMETER_DATA=/var", "VOLUME /data"},
		"root":                             {inDockerfile, docker, "USER 65532:65532", "USER 0:0", "USER"},
		"no user":                          {inDockerfile, docker, "USER 65532:65532", "", "USER"},
		"a user that scratch cannot know":  {inDockerfile, docker, "USER 65532:65532", "USER nobody", "USER"},
		"a volume that is root's":          {inDockerfile, docker, "--chown=65532:65532 ", "", "VOLUME"},
		"another Go":                       {inDockerfile, docker, "golang:1.26", "golang:1.25", "go.mod wants"},
		"another registry":                 {inDockerfile, docker, "node:20", "quay.io/node:20", "quay.io"},
		"a target that there is not":       {inDockerfile, docker, "make build", "make binary", "make binary"},
		"a make variable that there isn't": {inDockerfile, docker, "make build VERSION", "make build RELEASE", "make RELEASE"},
		"a file that there is not":         {inDockerfile, docker, "go.mod go.sum", "go.mod go.lock", "go.lock"},
		"a file that is hidden":            {inDockerfile, docker, "go.mod go.sum", "go.mod docs", ".dockerignore"},
		"a stage that there is not":        {inDockerfile, docker, "--from=node", "--from=nodejs", "nodejs"},
		"a binary elsewhere":               {inDockerfile, docker, "/src/bin/pkgmeter", "/src/pkgmeter", "make build does not"},
		"an entry that was not copied":     {inDockerfile, docker, `["/pkgmeter"]`, `["/bin/pkgmeter"]`, "ENTRYPOINT"},
		"another port in compose":          {inCompose, compose, "8080:8080", "8080:80", "port"},
		"another variable in compose":      {inCompose, compose, "PKGMETER_CALLBACK_TOKEN", "PKGMETER_TOKEN", "PKGMETER_TOKEN"},
		"another folder in compose":        {inCompose, compose, "data:/data", "data:/var", "volume"},
		"a volume without a name":          {inCompose, compose, "- data:/data", "- other:/data", "volume other"},
		"a health check with a shell":      {inCompose, compose, `["CMD", "/pkgmeter"`, `["CMD-SHELL", "/pkgmeter"`, "healthcheck"},
		"a health check of another name":   {inCompose, compose, `"user", "list"`, `"users"`, "users"},
		"a stop that cuts requests":        {inCompose, compose, "stop_grace_period: 30s", "stop_grace_period: 10s", "stop_grace_period"},
		"a misspelt key":                   {inCompose, compose, "restart:", "restarts:", "restarts"},
		"a README's flag":                  {inReadme, readme, "serve --public-url", "serve --public-uri", "--public-uri"},
		"a README's command":               {inReadme, readme, "pkgmeter top --by", "pkgmeter tops --by", "tops"},
		"a README's flag in a sentence":    {inReadme, readme, "`--callback-token`", "`--callback-tokens`", "--callback-tokens"},
		"a README's target":                {inReadme, readme, "make run", "make start", "make start"},
		"a README's variable":              {inReadme, readme, "PKGMETER_ADMIN_PASSWORD", "PKGMETER_PASSWORD", "PKGMETER_PASSWORD"},
		"a README's command in compose":    {inReadme, readme, "make run", "docker compose exec pkgmeter /pkgmeter user lists", "lists"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(tt.text, tt.old) {
				t.Fatalf("%q is not in the text any more", tt.old)
			}
			wrong := tt.check(strings.ReplaceAll(tt.text, tt.old, tt.brokenBy))
			if !slices.ContainsFunc(wrong, func(c string) bool { return strings.Contains(c, tt.wantComplaintFor) }) {
				t.Errorf("complaints %q, want one with %q", wrong, tt.wantComplaintFor)
			}
		})
	}
}
