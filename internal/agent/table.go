package agent

import (
	"slices"
	"strings"
)

// Number and Dated say which table this is. Number rises with every change of
// the table, since the counts of old events follow it only when they are made
// anew.
const (
	Number = 1
	Dated  = "2026-11-21"
)

// longestWord is the most bytes that a word of the tables has.
const longestWord = 40

// known lists the names of programs by class. The first word of an agent is
// looked up here, in lower case.
var known = map[Class]string{
	Human: `
		pip uv poetry pdm pipenv pipx hatch flit twine setuptools distribute pex maturin conda mamba micromamba pixi bazel buck2 pants
		npm pnpm yarn bun deno cnpm lerna vlt maven gradle ivy sbt coursier leiningen mill ant grape jbang
		docker containerd buildkit buildah kaniko cri-o podman skopeo crane oras regclient nerdctl cosign ko apptainer singularity helm
		composer pear nuget paket chocolatey powershell go cargo rustup bundler gem hex mix rebar3 cocoapods carthage swiftpm pub conan vcpkg
		cabal stack opam luarocks cpanm r julia terraform opentofu terragrunt pulumi packer vagrant ansible
		apt apk dnf yum zypper pacman xbps emerge pkg homebrew macports nix guix scoop winget snapd flatpak
		meteor curl wget aria2 axel httpie lftp libfetch browser`,
	CI: `github-actions gitlab-runner jenkins teamcity buildkite-agent circleci`,
	Mirror: `
		bandersnatch z3c.pypimirror pep381client devpi pulp artifactory nexus verdaccio cloudsmith proget gomodulemirror athens
		harbor-registry-client apt-mirror apt-cacher-ng aptly debmirror reposync cnpmcore cnpmjs.org satis packagist`,
	Bot: `
		bot googlebot bingbot yandexbot baiduspider duckduckbot applebot amazonbot slurp facebookexternalhit slackbot twitterbot
		discordbot linkedinbot telegrambot ahrefsbot semrushbot dotbot mj12bot petalbot bytespider gptbot claudebot ccbot ia_archiver
		archive.org_bot scrapy nutch heritrix censysinspect zgrab masscan nmap nikto
		trivy grype syft snyk clair anchore dependabot renovate pyup github-hookshot
		uptimerobot pingdom statuscake uptime-kuma site24x7 newrelicpinger datadog checkly freshping zabbix nagios check_http
		blackbox prometheus kube-probe elb-healthchecker googlehc consul watchtower diun keel`,
	Unknown: `
		python-requests python-urllib python-httpx aiohttp urllib3 okhttp axios node-fetch node undici got superagent apache-httpclient
		java java-http-client guzzlehttp php libwww-perl lwp perl ruby faraday rest-client reqwest hyper ureq dart restsharp
		postmanruntime insomnia jakarta jetty reactornetty`,
}

// aliases are the words by which an agent names a program that goes by another
// name here. Those of (other) only stand before one.
var aliases = map[string]string{
	"maven": "apache-maven apache-maven-wrapper maven-resolver aether", "gradle": "gradlew", "ivy": "apache-ivy", "ant": "apache-ant",
	"leiningen": "lein", "docker": "docker-client moby", "podman": "containers libpod", "cri-o": "crio",
	"crane": "go-containerregistry gcrane", "oras": "oras-go", "regclient": "regctl regsync", "go": "go-http-client",
	"gem": "rubygems gems", "hex": "hex_core", "composer": "composer-setup.exe", "powershell": "windowspowershell",
	"nuget": "dotnet dotnet-sdk", "swiftpm": "swiftpackagemanager", "cpanm": "cpanminus", "apt": "apt-http", "apk": "apk-tools",
	"dnf": "libdnf libdnf5 microdnf", "yum": "urlgrabber", "zypper": "zypp libzypp", "pacman": "libalpm", "emerge": "portage",
	"libfetch": "fetch", "curl": "libcurl", "wget": "wget2",
	browser:          "mozilla opera firefox lynx links elinks w3m ucweb dillo androiddownloadmanager",
	"github-actions": "actions", "devpi": "devpi-server", "pep381client": "pep381client-proxy", "pulp": "pulpcore",
	"dependabot": "dependabot-core", "renovate": "renovatebot", "blackbox": "blackbox-exporter blackbox_exporter",
	"bot": "headlesschrome chrome-lighthouse sogou",
	other: "debian ubuntu apache hashicorp python",
}

// special are the words whose agents need more than the general rules. What is
// said of a name holds for its aliases, but for those that are listed too.
var special = map[string]traits{
	"pip": described, "uv": described, "hatch": described, "gradle": bracketedJVM,
	"go":    unversioned, // Go-http-client/1.1: the number is that of HTTP
	browser: unversioned, "libdnf": unversioned,
	"apt-http": bracketedVersion, "r": bracketedVersion,
	"nuget": longName, "blackbox": longName, "datadog": longName, "chocolatey": longName,
	"debian": leading, "ubuntu": leading, "apache": leading, "hashicorp": leading, "python": leading,
	"python-urllib": leading, "ruby": leading, "urlgrabber": leading, "fetch": leading,
}

// systems are the words that name an operating system. A distribution is a
// Linux.
var systems = map[string]string{
	"linux":   "linux debian ubuntu fedora centos rhel alpine almalinux rocky suse opensuse",
	"macos":   "darwin macos macosx macintosh mac osx",
	"windows": "windows windows_nt win32 win64 mingw mingw32 mswin mswin64 cygwin",
	"android": "android", "ios": "ios iphone ipad ipod", "chromeos": "cros",
	"freebsd": "freebsd", "openbsd": "openbsd", "netbsd": "netbsd", "dragonfly": "dragonfly",
	"solaris": "solaris sunos", "illumos": "illumos", "aix": "aix", "haiku": "haiku",
}

// arches are the words that name an architecture, under Go's name for it.
var arches = map[string]string{
	"amd64": "amd64 x86_64 x64 wow64", "386": "386 i386 i486 i586 i686 x86 ia32", "arm64": "arm64 arm64e aarch64 armv8 armv8l",
	"arm":     "arm armhf armel armv5 armv5tel armv6 armv6l armv7 armv7l armv7hl",
	"ppc64le": "ppc64le ppc64el powerpc64le", "ppc64": "ppc64", "s390x": "s390x", "riscv64": "riscv64", "loong64": "loong64 loongarch64",
	"mips": "mips", "mipsle": "mipsle mipsel", "mips64": "mips64", "mips64le": "mips64le mips64el",
}

// runtimes are the words behind which the version of a runtime stands.
var runtimes = map[string]string{
	"python": "python cpython python-urllib", "node": "node", "java": "java", "ruby": "ruby", "php": "php", "go": "go",
	"elixir": "elixir", "erlang": "otp", "perl": "perl", "dart": "dart", "julia": "julia",
}

// cis are the words by which an agent names the CI that runs it.
var cis = map[string]string{
	"github-actions": "github-actions github_actions github", "gitlab-ci": "gitlab-ci gitlab_ci gitlab gitlab-runner",
	"azure-pipelines": "azure-pipelines azure vsts", "bitbucket-pipelines": "bitbucket-pipelines bitbucket",
	"aws-codebuild": "aws-codebuild codebuild", "google-cloud-build": "google-cloud-build",
	"buildkite": "buildkite buildkite-agent buildbox", "circleci": "circleci circle-ci circle", "travis-ci": "travis-ci travis",
	"jenkins": "jenkins", "hudson": "hudson", "teamcity": "teamcity", "bamboo": "bamboo", "gocd": "gocd go", "drone": "drone",
	"woodpecker": "woodpecker woodpecker-ci", "appveyor": "appveyor", "cirrus-ci": "cirrus-ci cirrus", "semaphore": "semaphore",
	"codefresh": "codefresh", "codeship": "codeship", "wercker": "wercker", "vercel": "vercel", "netlify": "netlify netlify-ci",
	"heroku": "heroku", "render": "render", "bitrise": "bitrise", "codemagic": "codemagic", "buddy": "buddy", "prow": "prow",
	"xcode-cloud": "xcode-cloud", "taskcluster": "taskcluster", "sourcehut": "sourcehut", "screwdriver": "screwdriver",
	"harness": "harness-ci harness", "cloudflare-pages": "cloudflare-pages", "snap-ci": "snap-ci snap",
}

// traits say how the agent of a program is read.
type traits uint8

const (
	described        traits = 1 << iota // a JSON object behind the version says the rest
	bracketedJVM                        // the second brackets hold vendor;version of Java
	bracketedVersion                    // the version is in brackets: that behind the slash is of something else
	longName                            // the name goes on up to the slash
	unversioned                         // no version of the program is in it
	leading                             // the program may be the next word
)

// A product is what the table knows of one word.
type product struct {
	name   string
	class  Class
	traits traits
}

func (p product) has(t traits) bool { return p.traits&t != 0 }

// products is the table by the word that an agent has, in lower case.
var products = index()

func index() map[string]product {
	table := map[string]product{other: {name: other, class: Unknown}}
	for class, names := range known {
		for name := range strings.FieldsSeq(names) {
			table[name] = product{name, class, special[name]}
		}
	}
	for word, name := range invert(aliases) {
		p := table[name]
		if t, ok := special[word]; ok {
			p.traits = t
		}
		table[word] = p
	}
	return table
}

// invert turns a table of names with their words into one of words.
func invert(names map[string]string) map[string]string {
	words := map[string]string{}
	for name, list := range names {
		for word := range strings.FieldsSeq(list) {
			words[word] = name
		}
	}
	return words
}

// A meaning is what one word of an agent tells, in whatever place it stands.
type meaning struct {
	system, arch, runtime string
	program               product // a mirror, a bot, or what calls itself a browser and is none
}

// meanings are the tables of words in one, so that each is looked up once, and
// ciNames is the one of CIs.
var (
	meanings = mean()
	ciNames  = invert(cis)
)

func mean() map[string]meaning {
	all := map[string]meaning{}
	for word, p := range products {
		if p.class == Mirror || p.class == Bot || p.name == "powershell" {
			all[word] = meaning{program: p}
		}
	}
	for word, system := range invert(systems) {
		all[word] = meaning{system: system}
	}
	for word, arch := range invert(arches) {
		all[word] = meaning{arch: arch}
	}
	for word, runtime := range invert(runtimes) {
		all[word] = meaning{runtime: runtime}
	}
	return all
}

// Names lists all names that a Client of [Parse] may have, sorted.
func Names() []string {
	names := []string{none, other}
	for _, list := range known {
		names = append(names, strings.Fields(list)...)
	}
	slices.Sort(names)
	return names
}
