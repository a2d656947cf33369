package agent_test

import (
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/agent"
)

// line is all that is known of a client: name, version, class, runtime, system,
// architecture and CI, with - for nothing.
func line(c agent.Client) string {
	fields := []string{c.Name, c.Version, c.Class.String(), c.Runtime, c.OS, c.Arch, c.CI}
	for i, f := range fields {
		if f == "" {
			fields[i] = "-"
		}
	}
	return strings.Join(fields, " | ")
}

const (
	pipLinux  = `pip/24.0 {"ci":null,"cpu":"x86_64","distro":{"id":"bookworm","libc":{"lib":"glibc","version":"2.36"},"name":"Debian GNU/Linux","version":"12"},"implementation":{"name":"CPython","version":"3.12.2"},"installer":{"name":"pip","version":"24.0"},"openssl_version":"OpenSSL 3.0.11 19 Sep 2023","python":"3.12.2","rustc_version":"1.75.0","setuptools_version":"69.1.0","system":{"name":"Linux","release":"6.5.0-1016-azure"}}`
	pipCI     = `pip/23.3.1 {"ci":true,"cpu":"aarch64","distro":{"name":"Alpine Linux","version":"3.19"},"implementation":{"name":"CPython","version":"3.11.7"},"installer":{"name":"pip","version":"23.3.1"},"python":"3.11.7","system":{"name":"Linux","release":"5.15"}}`
	uvMac     = `uv/0.4.18 {"installer":{"name":"uv","version":"0.4.18","subcommand":["pip","install"]},"python":"3.12.2","implementation":{"name":"CPython","version":"3.12.2"},"distro":{"name":"macOS","version":"14.4","id":null,"libc":null},"system":{"name":"Darwin","release":"23.2.0"},"cpu":"arm64","openssl_version":null,"setuptools_version":null,"rustc_version":null,"ci":null}`
	uvWindows = `uv/0.1.22 {"installer":{"name":"uv","version":"0.1.22"},"python":"3.12.2","implementation":{"name":"CPython","version":"3.12.2"},"distro":null,"system":{"name":"Windows","release":"2022Server"},"cpu":"AMD64","openssl_version":null,"setuptools_version":null,"rustc_version":null,"ci":true}`
	hatchCI   = `Hatch/1.15.0 {"ci":true,"cpu":"x86_64","distro":{"id":"jammy","name":"Ubuntu","version":"22.04"},"implementation":{"name":"CPython","version":"3.12.0"},"installer":{"name":"hatch","version":"1.15.0"},"python":"3.12.0","system":{"name":"Linux","release":"6.5.0"}} HTTPX/0.27.0`
	dockerd   = `docker/24.0.7 go/go1.20.10 git-commit/311b9ff kernel/6.5.0-1016-azure os/linux arch/amd64 UpstreamClient(Docker-Client/24.0.7 \(linux\))`
	chrome    = `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36`
)

// goldens are agents with what they say.
var goldens = map[string]string{
	// Python
	pipLinux:  "pip | 24.0 | human | python 3.12 | linux | amd64 | -",
	pipCI:     "pip | 23.3.1 | ci | python 3.11 | linux | arm64 | ci",
	uvMac:     "uv | 0.4.18 | human | python 3.12 | macos | arm64 | -",
	uvWindows: "uv | 0.1.22 | ci | python 3.12 | windows | amd64 | ci",
	hatchCI:   "hatch | 1.15.0 | ci | python 3.12 | linux | amd64 | ci",
	`pip/20.0.2 {"ci": true, "cpu": "i686", "python": "2.7.18", "system": {"name": "Linux"}}`: "pip | 20.0.2 | ci | python 2.7 | linux | 386 | ci",
	`pip/24.0 {"user_data":"{\"ci\":true,\"cpu\":\"arm64\"}","ci":null}`:                      "pip | 24.0 | human | - | - | - | -",
	`pip%2F24.0`: "(other) | - | unknown | - | - | - | -",
	`pip/24.0%20%7B%22ci%22:true,%22cpu%22:%22x86_64%22%7D`: "pip | 24.0 | ci | - | - | amd64 | ci",
	"pip/24.0":                                "pip | 24.0 | human | - | - | - | -",
	"pip/1.5.6 CPython/2.7.9 Linux/3.16.0-4":  "pip | 1.5.6 | human | python 2.7 | linux | - | -",
	"poetry/1.7.1 CPython/3.11.6 Linux/6.5.0": "poetry | 1.7.1 | human | python 3.11 | linux | - | -",
	"poetry/1.1.11 PyPy/7.3.11 Darwin/22.1.0": "poetry | 1.1.11 | human | - | macos | - | -",
	"pdm/2.12.3 CPython/3.12.1":               "pdm | 2.12.3 | human | python 3.12 | - | - | -",
	"twine/4.0.2 importlib-metadata/6.0.0 keyring/23.13.1 pkginfo/1.9.6 requests/2.28.2 requests-toolbelt/0.10.1 urllib3/1.26.14 CPython/3.10.9": "twine | 4.0.2 | human | python 3.10 | - | - | -",
	"conda/23.11.0 requests/2.31.0 CPython/3.11.5 Linux/5.15.0-91-generic ubuntu/22.04.3 glibc/2.35":                                             "conda | 23.11.0 | human | python 3.11 | linux | - | -",
	"mamba/1.5.5 libmamba/1.5.5 CPython/3.10.13 Darwin/23.1.0 OSX/14.1.1":                                                                        "mamba | 1.5.5 | human | python 3.10 | macos | - | -",
	"Bazel/release 6.4.0":                               "bazel | 6.4.0 | human | - | - | - | -",
	"Bazel/7.0.0":                                       "bazel | 7.0.0 | human | - | - | - | -",
	"pex/2.1.156":                                       "pex | 2.1.156 | human | - | - | - | -",
	"maturin/1.4.0":                                     "maturin | 1.4.0 | human | - | - | - | -",
	"Python-urllib/3.11":                                "python-urllib | 3.11 | unknown | python 3.11 | - | - | -",
	"Python-urllib/3.8 setuptools/68.2.2":               "setuptools | 68.2.2 | human | python 3.8 | - | - | -",
	"setuptools/41.0.1 Python-urllib/3.7":               "setuptools | 41.0.1 | human | python 3.7 | - | - | -",
	"python-requests/2.31.0":                            "python-requests | 2.31.0 | unknown | - | - | - | -",
	"python-requests/2.22.0 CPython/3.7.3 Linux/4.19.0": "python-requests | 2.22.0 | unknown | python 3.7 | linux | - | -",
	"Python/3.11 aiohttp/3.9.1":                         "aiohttp | 3.9.1 | unknown | python 3.11 | - | - | -",
	"Python/3.11 something/1.0":                         "(other) | - | unknown | python 3.11 | - | - | -",
	"python-httpx/0.26.0":                               "python-httpx | 0.26.0 | unknown | - | - | - | -",

	// JavaScript
	"npm/10.2.4 node/v20.11.0 linux x64 workspaces/false":                   "npm | 10.2.4 | human | node 20 | linux | amd64 | -",
	"npm/10.2.4 node/v20.11.0 linux x64 workspaces/false ci/github-actions": "npm | 10.2.4 | ci | node 20 | linux | amd64 | github-actions",
	"npm/8.19.2 node/v18.12.1 win32 x64 workspaces/true ci/gitlab-ci":       "npm | 8.19.2 | ci | node 18 | windows | amd64 | gitlab-ci",
	"npm/9.5.1 node/v18.16.0 darwin arm64 workspaces/false ci/custom":       "npm | 9.5.1 | ci | node 18 | macos | arm64 | ci",
	"npm/6.14.4 node/v10.19.0 linux s390x ci/jenkins":                       "npm | 6.14.4 | ci | node 10 | linux | s390x | jenkins",
	"npm/6.4.1 node/v10.13.0 win32 ia32":                                    "npm | 6.4.1 | human | node 10 | windows | 386 | -",
	"npm (verdaccio/3.13.1)":                                                "verdaccio | 3.13.1 | mirror | - | - | - | -",
	"pnpm/8.15.1 npm/? node/v20.11.0 linux x64":                             "pnpm | 8.15.1 | human | node 20 | linux | amd64 | -",
	"pnpm/9.0.0-alpha.3 npm/? node/v21.6.1 linux arm":                       "pnpm | 9.0.0-alpha.3 | human | node 21 | linux | arm | -",
	"yarn/1.22.19 npm/? node/v18.17.1 darwin x64":                           "yarn | 1.22.19 | human | node 18 | macos | amd64 | -",
	"bun/1.0.25 npm/? node/v21.6.0 linux arm64":                             "bun | 1.0.25 | human | node 21 | linux | arm64 | -",
	"Bun/1.0.25":                            "bun | 1.0.25 | human | - | - | - | -",
	"Deno/1.40.2":                           "deno | 1.40.2 | human | - | - | - | -",
	"lerna/7.4.2/node@v18.18.2+x64 (linux)": "lerna | 7.4.2 | human | - | linux | amd64 | -",
	"axios/1.6.7":                           "axios | 1.6.7 | unknown | - | - | - | -",
	"node-fetch/1.0 (+https://github.com/bitinn/node-fetch)":         "node-fetch | 1.0 | unknown | - | - | - | -",
	"got (https://github.com/sindresorhus/got)":                      "got | - | unknown | - | - | - | -",
	"Meteor/METEOR@2.13.3 OS/linux (Linux; 5.15.0-91-generic; x64;)": "meteor | - | human | - | linux | amd64 | -",
	"Meteor/3.0.1 OS/darwin (Darwin; 23.1.0; arm64;)":                "meteor | 3.0.1 | human | - | macos | arm64 | -",
	"Meteor/checkout OS/win32 (Windows_NT; 10.0.19045; x64;)":        "meteor | - | human | - | windows | amd64 | -",

	// Java
	"Apache-Maven/3.9.6 (Java 17.0.9; Linux 6.5.0-1016-azure)":                            "maven | 3.9.6 | human | java 17 | linux | - | -",
	"Apache-Maven/3.6.3 (Java 1.8.0_392; Windows 10 10.0)":                                "maven | 3.6.3 | human | java 8 | windows | - | -",
	"Apache-Maven/3.9.5 (Java 21.0.1; Mac OS X 14.2)":                                     "maven | 3.9.5 | human | java 21 | macos | - | -",
	"Apache-Maven-Wrapper/3.2.0":                                                          "maven | 3.2.0 | human | - | - | - | -",
	"Gradle/8.5 (Linux;6.5.0;amd64) (Eclipse Adoptium;17.0.9;17.0.9+9)":                   "gradle | 8.5 | human | java 17 | linux | amd64 | -",
	"Gradle/6.9 (Mac OS X;10.16;x86_64) (AdoptOpenJDK;1.8.0_292;25.292-b10)":              "gradle | 6.9 | human | java 8 | macos | amd64 | -",
	"Gradle/7.6.1 (Windows 10;10.0;amd64) (Oracle Corporation;11.0.18;11.0.18+9-LTS-195)": "gradle | 7.6.1 | human | java 11 | windows | amd64 | -",
	"gradlew/8.4 (Linux;5.15;aarch64) (Amazon.com Inc.;21.0.1;21.0.1+12-LTS)":             "gradle | 8.4 | human | java 21 | linux | arm64 | -",
	"Apache Ivy/2.5.0":   "ivy | 2.5.0 | human | - | - | - | -",
	"Apache-Ivy/2.4.0":   "ivy | 2.4.0 | human | - | - | - | -",
	"Apache Ant/1.10.14": "ant | 1.10.14 | human | - | - | - | -",
	"Apache Unheard/1":   "(other) | - | unknown | - | - | - | -",
	"Coursier/2.1.8":     "coursier | 2.1.8 | human | - | - | - | -",
	"sbt/1.9.7":          "sbt | 1.9.7 | human | - | - | - | -",
	"Leiningen/2.10.0 (Java OpenJDK 64-Bit Server VM; Linux 6.1.0; amd64)": "leiningen | 2.10.0 | human | - | linux | amd64 | -",
	"Java/17.0.9":   "java | 17.0.9 | unknown | java 17 | - | - | -",
	"okhttp/4.12.0": "okhttp | 4.12.0 | unknown | - | - | - | -",
	"Apache-HttpClient/4.5.13 (Java/11.0.21)": "apache-httpclient | 4.5.13 | unknown | java 11 | - | - | -",

	// Containers
	dockerd: "docker | 24.0.7 | human | go 1.20 | linux | amd64 | -",
	`docker/20.10.21 go/go1.18.7 git-commit/3056208 kernel/5.15.49-linuxkit os/linux arch/arm64 UpstreamClient(Docker-Client/20.10.21 \(darwin\))`: "docker | 20.10.21 | human | go 1.18 | linux | arm64 | -",
	"Docker-Client/25.0.2 (linux)":                              "docker | 25.0.2 | human | - | linux | - | -",
	"containerd/v1.7.11":                                        "containerd | 1.7.11 | human | - | - | - | -",
	"containerd/1.6.20~ds1":                                     "containerd | 1.6.20~ds1 | human | - | - | - | -",
	"buildkit/v0.12-dev":                                        "buildkit | 0.12-dev | human | - | - | - | -",
	"cri-o/1.34.0 go/go1.25.0 os/linux arch/amd64":              "cri-o | 1.34.0 | human | go 1.25 | linux | amd64 | -",
	"containers/5.29.0 (github.com/containers/image)":           "podman | 5.29.0 | human | - | - | - | -",
	"libpod/4.9.0":                                              "podman | 4.9.0 | human | - | - | - | -",
	"Buildah/1.33.3":                                            "buildah | 1.33.3 | human | - | - | - | -",
	"skopeo/1.14.1":                                             "skopeo | 1.14.1 | human | - | - | - | -",
	"crane/v0.19.0 go-containerregistry/v0.19.0":                "crane | 0.19.0 | human | - | - | - | -",
	"kaniko/v1.19.2 go-containerregistry/v0.15.2":               "kaniko | 1.19.2 | human | - | - | - | -",
	"go-containerregistry/v0.17.0":                              "crane | 0.17.0 | human | - | - | - | -",
	"regclient/regctl (v0.5.6)":                                 "regclient | - | human | - | - | - | -",
	"cosign/v2.2.2 (linux; amd64) go-containerregistry/v0.16.1": "cosign | 2.2.2 | human | - | linux | amd64 | -",
	"oras/1.1.0":                                                "oras | 1.1.0 | human | - | - | - | -",
	"Helm/3.14.0":                                               "helm | 3.14.0 | human | - | - | - | -",
	"Helm/v3.2.1+build.5":                                       "helm | 3.2.1+build.5 | human | - | - | - | -",

	// PHP, .NET, Go, Rust, Ruby and Erlang
	"Composer/2.7.1 (Linux; 6.1.0-17-amd64; PHP 8.2.7; cURL 7.88.1; Platform-PHP 8.1.0)":       "composer | 2.7.1 | human | php 8.2 | linux | - | -",
	"Composer/2.7.1 (Linux; 6.1.0; PHP 8.2.1; cURL 8.5.0; Platform-PHP 8.1.0; CI)":             "composer | 2.7.1 | ci | php 8.2 | linux | - | ci",
	"Composer/2.8.0 (Windows NT; 10.0; PHP 8.3.1; cURL 8.4.0; CI; cmd:install)":                "composer | 2.8.0 | ci | php 8.3 | windows | - | ci",
	"Composer/2.0.999-dev+source (Linux; 4.19.104-microsoft-standard; PHP 8.0.3; cURL 7.68.0)": "composer | 2.0.999-dev+source | human | php 8.0 | linux | - | -",
	"Composer/1.10.17 (Darwin; 20.1.0; PHP 7.4.11)":                                            "composer | 1.10.17 | human | php 7.4 | macos | - | -",
	"Composer-Setup.exe 5.1.0": "composer | 5.1.0 | human | - | - | - | -",
	"GuzzleHttp/7":             "guzzlehttp | 7 | unknown | - | - | - | -",
	"NuGet Command Line/6.14.0 (Microsoft Windows NT 10.0.19045.0)":                "nuget | 6.14.0 | human | - | windows | - | -",
	"NuGet .NET Core MSBuild Task/6.8.0 (Ubuntu 22.04.3 LTS #101-Ubuntu SMP, X64)": "nuget | 6.8.0 | human | - | linux | amd64 | -",
	"NuGet Command Line/3.4.4.1321 (Unix 4.4.0.92)":                                "nuget | 3.4.4.1321 | human | - | - | - | -",
	"NuGet VS VSIX/6.8.0 (Microsoft Windows NT 10.0.22621.0, VS Enterprise/17.0)":  "nuget | 6.8.0 | human | - | windows | - | -",
	"NuGet xplat/6.8.0 (Linux 6.5.0 #1 SMP, Arm64)":                                "nuget | 6.8.0 | human | - | linux | arm64 | -",
	"NuGet/6.7.0 MSBuild/17.8.3":                                                   "nuget | 6.7.0 | human | - | - | - | -",
	"Paket":                                                                        "paket | - | human | - | - | - | -",
	"Go-http-client/1.1":                                                           "go | - | human | - | - | - | -",
	"Go-http-client/2.0":                                                           "go | - | human | - | - | - | -",
	"Go 1.1 package http":                                                          "go | - | human | go 1.1 | - | - | -",
	"cargo/1.87.0 (99624be96 2025-05-06)":                                          "cargo | 1.87.0 | human | - | - | - | -",
	"cargo 1.75.0 (1d8b05cdd 2023-11-20)":                                          "cargo | 1.75.0 | human | - | - | - | -",
	"cargo%201.70.0%20(ec8a8a0ca%202023-04-25)":                                    "cargo | 1.70.0 | human | - | - | - | -",
	"cargo%201.70.0%20(ec8a8a0ca%2":                                                "cargo | 1.70.0 | human | - | - | - | -",
	"cargo/1.77.0-nightly":                                                         "cargo | 1.77.0-nightly | human | - | - | - | -",
	"bundler/2.4.10 rubygems/3.4.10 ruby/3.2.2 (x86_64-pc-linux-gnu) command/install 5bf8e5d1f1a2b3c4":                  "bundler | 2.4.10 | human | ruby 3.2 | linux | amd64 | -",
	"bundler/2.5.6 rubygems/3.5.6 ruby/3.3.0 (aarch64-linux) command/install options/frozen,path ci/ci,github 0a1b2c3d": "bundler | 2.5.6 | ci | ruby 3.3 | linux | arm64 | github-actions",
	"bundler/1.17.3 rubygems/3.0.3 ruby/2.6.3 (x86_64-apple-darwin18) command/update ci/ci 00ff":                        "bundler | 1.17.3 | ci | ruby 2.6 | macos | amd64 | ci",
	"Ruby, RubyGems/3.5.11 x86_64-linux Ruby/3.3.4 (2024-07-09 patchlevel 94)":                                          "gem | 3.5.11 | human | ruby 3.3 | linux | amd64 | -",
	"Ruby, RubyGems/3.5.11 arm64-darwin-23 Ruby/3.3.4 (2024-07-09 patchlevel 94)":                                       "gem | 3.5.11 | human | ruby 3.3 | macos | arm64 | -",
	"Ruby, RubyGems/3.4.1 x64-mingw-ucrt Ruby/3.2.1 (2023-02-08 patchlevel 31)":                                         "gem | 3.4.1 | human | ruby 3.2 | windows | amd64 | -",
	"Ruby, Gems 1.1.1":                       "gem | 1.1.1 | human | - | - | - | -",
	"Ruby":                                   "ruby | - | unknown | - | - | - | -",
	"Hex/2.0.6 (Elixir/1.15.7) (OTP/26.1.2)": "hex | 2.0.6 | human | elixir 1.15 | - | - | -",
	"hex_core/0.8.4 (rebar3/3.20.0) (httpc) (OTP/25) (erts/13.1)":        "hex | 0.8.4 | human | erlang 25 | - | - | -",
	"hex_core/0.18.0 hex/2.5.1 (elixir/1.18.4) (OTP/28) (erts/16.4.0.6)": "hex | 0.18.0 | human | elixir 1.18 | - | - | -",
	"Terraform/1.6.6 (+https://www.terraform.io)":                        "terraform | 1.6.6 | human | - | - | - | -",
	"HashiCorp Terraform/1.3.7 (+https://www.terraform.io)":              "terraform | 1.3.7 | human | - | - | - | -",
	"OpenTofu/1.6.0 (+https://opentofu.org)":                             "opentofu | 1.6.0 | human | - | - | - | -",

	// Systems
	"Debian APT-HTTP/1.3 (2.6.1)":                         "apt | 2.6.1 | human | - | linux | - | -",
	"Debian APT-HTTP/1.3 (0.8.16~exp12ubuntu10.21)":       "apt | 0.8.16~exp12ubuntu10.21 | human | - | linux | - | -",
	"Debian APT-HTTP/1.3 (2.4.11) non-interactive":        "apt | 2.4.11 | human | - | linux | - | -",
	"libdnf (Fedora Linux 39; workstation; Linux.x86_64)": "dnf | - | human | - | linux | amd64 | -",
	"libdnf (Rocky Linux 9.2; generic; Linux.aarch64)":    "dnf | - | human | - | linux | arm64 | -",
	"dnf/4.14.0":                "dnf | 4.14.0 | human | - | - | - | -",
	"urlgrabber/3.10 yum/3.4.3": "yum | 3.4.3 | human | - | - | - | -",
	"ZYpp 17.31.6 (curl 8.0.1) openSUSE-Leap-15.5-x86_64": "zypper | 17.31.6 | human | - | linux | amd64 | -",
	"apk-tools/2.14.0":                           "apk | 2.14.0 | human | - | - | - | -",
	"pacman/6.0.2 (Linux x86_64) libalpm/13.0.2": "pacman | 6.0.2 | human | - | linux | amd64 | -",
	"pkg/1.20.9":                                 "pkg | 1.20.9 | human | - | - | - | -",
	"fetch libfetch/2.0":                         "libfetch | 2.0 | human | - | - | - | -",
	"Homebrew/4.2.5 (Macintosh; arm64 Mac OS X 14.2.1) curl/8.4.0": "homebrew | 4.2.5 | human | - | macos | arm64 | -",

	// Browsers and tools
	chrome: "browser | - | human | - | linux | amd64 | -",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0":                                   "browser | - | human | - | windows | amd64 | -",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1": "browser | - | human | - | macos | - | -",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148":      "browser | - | human | - | ios | - | -",
	"Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile":            "browser | - | human | - | android | - | -",
	"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0":      "browser | - | human | - | android | - | -",
	"Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0":                      "browser | - | human | - | android | - | -",
	"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36":                                                        "browser | - | human | - | chromeos | amd64 | -",
	"Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0.19045; en-US) PowerShell/7.3.9":                                "powershell | 7.3.9 | human | - | windows | - | -",
	"Mozilla/5.0 (Windows NT; Windows NT 10.0; de-DE) WindowsPowerShell/5.1.19041.3803":                                  "powershell | 5.1.19041.3803 | human | - | windows | - | -",
	"Dalvik/2.1.0 (Linux; U; Android 6.0; Nexus 5 Build/MRA58N)":                                                         "(other) | - | unknown | - | android | - | -",
	"curl/8.5.0": "curl | 8.5.0 | human | - | - | - | -",
	"curl/7.19.4 (i386-portbld-freebsd7.2) libcurl/7.19.4 OpenSSL/0.9.8k": "curl | 7.19.4 | human | - | freebsd | 386 | -",
	"Wget/1.21.3":             "wget | 1.21.3 | human | - | - | - | -",
	"Wget/1.20.1 (linux-gnu)": "wget | 1.20.1 | human | - | linux | - | -",
	"aria2/1.36.0":            "aria2 | 1.36.0 | human | - | - | - | -",
	"HTTPie/3.2.2":            "httpie | 3.2.2 | human | - | - | - | -",

	// Builds
	"gitlab-runner 16.7.0 linux/amd64": "gitlab-runner | 16.7.0 | ci | - | linux | amd64 | gitlab-ci",
	"actions/tool-cache":               "github-actions | - | ci | - | - | - | github-actions",
	"Jenkins/2.426.2":                  "jenkins | 2.426.2 | ci | - | - | - | jenkins",
	"TeamCity Agent 2023.11":           "teamcity | - | ci | - | - | - | teamcity",
	"our-deploy/1.0 (CI)":              "(other) | - | ci | - | - | - | ci",
	"our-deploy/1.0 ci/teamcity":       "(other) | - | ci | - | - | - | teamcity",

	// Mirrors
	"bandersnatch/6.5.0 (cpython 3.11.6-final0, Linux x86_64) (aiohttp 3.9.1)": "bandersnatch | 6.5.0 | mirror | python 3.11 | linux | amd64 | -",
	"z3c.pypimirror/1.0.16":                "z3c.pypimirror | 1.0.16 | mirror | - | - | - | -",
	"pep381client/1.5":                     "pep381client | 1.5 | mirror | - | - | - | -",
	"pep381client-proxy/1.5":               "pep381client | 1.5 | mirror | - | - | - | -",
	"devpi-server/6.9.2 (py3.11.6; linux)": "devpi | 6.9.2 | mirror | - | linux | - | -",
	"Artifactory/7.71.3 77103900":          "artifactory | 7.71.3 | mirror | - | - | - | -",
	"Nexus/3.64.0-03 (OSS; Linux; 5.15.0-91-generic; amd64; 11.0.20)": "nexus | 3.64.0-03 | mirror | - | linux | amd64 | -",
	"verdaccio/5.29.0": "verdaccio | 5.29.0 | mirror | - | - | - | -",
	"Cloudsmith/1.0":   "cloudsmith | 1.0 | mirror | - | - | - | -",
	"GoModuleMirror/1.0 (+https://proxy.golang.org)": "gomodulemirror | 1.0 | mirror | - | - | - | -",
	"harbor-registry-client":                         "harbor-registry-client | - | mirror | - | - | - | -",
	"apt-mirror/0.5.4":                               "apt-mirror | 0.5.4 | mirror | - | - | - | -",
	"Debian Apt-Cacher-NG/3.7.4":                     "apt-cacher-ng | 3.7.4 | mirror | - | linux | - | -",
	"pulpcore/3.39.0 (cpython 3.9.16-final0, Linux x86_64) (aiohttp 3.8.5)": "pulp | 3.39.0 | mirror | python 3.9 | linux | amd64 | -",
	"npm/10.2.4 node/v20.11.0 linux x64 ci/jenkins Artifactory/7.71.3":      "artifactory | 7.71.3 | mirror | node 20 | linux | amd64 | jenkins",

	// Robots
	"Googlebot/2.1 (+http://www.google.com/bot.html)":                                                   "googlebot | 2.1 | bot | - | - | - | -",
	"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)":                          "googlebot | 2.1 | bot | - | - | - | -",
	"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)":                           "bingbot | 2.0 | bot | - | - | - | -",
	"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) Chrome/41.0 (compatible; Googlebot/2.1)": "googlebot | 2.1 | bot | - | android | - | -",
	"Googlebot-Image/1.0":                                "googlebot | 1.0 | bot | - | - | - | -",
	"AdsBot-Google (+http://www.google.com/adsbot.html)": "bot | - | bot | - | - | - | -",
	"Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)": "slurp | - | bot | - | - | - | -",
	"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)":                          "slackbot | 1.0 | bot | - | - | - | -",
	"SomeNewCrawler/0.3": "bot | - | bot | - | - | - | -",
	"YisouSpider":        "bot | - | bot | - | - | - | -",
	"MauiBot (crawler.feedback+dc@gmail.com)":                                "bot | - | bot | - | - | - | -",
	"Scrapy/2.11.0 (+https://scrapy.org)":                                    "scrapy | 2.11.0 | bot | - | - | - | -",
	"Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)":                  "pingdom | - | bot | - | - | - | -",
	"Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)": "uptimerobot | 2.0 | bot | - | - | - | -",
	"Datadog Agent/7.50.3":                                                   "datadog | 7.50.3 | bot | - | - | - | -",
	"Blackbox Exporter/0.24.0":                                               "blackbox | 0.24.0 | bot | - | - | - | -",
	"kube-probe/1.28":                                                        "kube-probe | 1.28 | bot | - | - | - | -",
	"Watchtower/v1.7.1":                                                      "watchtower | 1.7.1 | bot | - | - | - | -",
	"trivy/0.48.3":                                                           "trivy | 0.48.3 | bot | - | - | - | -",
	"trivy/dev":                                                              "trivy | - | bot | - | - | - | -",
	"grype 0.74.0":                                                           "grype | 0.74.0 | bot | - | - | - | -",
	"dependabot-core/0.240.0 excon/0.109.0 ruby/3.1.4 (x86_64-linux) (+https://github.com/dependabot/dependabot-core)": "dependabot | 0.240.0 | bot | ruby 3.1 | linux | amd64 | -",
	"RenovateBot/37.140.0 (https://github.com/renovatebot/renovate)":                                                   "renovate | 37.140.0 | bot | - | - | - | -",
	"docker/24.0.7 os/linux UpstreamClient(Watchtower/v1.7.1)":                                                         "watchtower | 1.7.1 | bot | - | linux | - | -",

	// Others
	"":                     "(none) | - | unknown | - | - | - | -",
	"-":                    "(none) | - | unknown | - | - | - | -",
	"  \t ":                "(none) | - | unknown | - | - | - | -",
	"frobnicate/1.2 linux": "(other) | - | unknown | - | linux | - | -",
	"(null)":               "(other) | - | unknown | - | - | - | -",
	"/":                    "(other) | - | unknown | - | - | - | -",
	"PIP/24.0":             "pip | 24.0 | human | - | - | - | -",
	"pip":                  "pip | - | human | - | - | - | -",
	"pip/<script>":         "pip | - | human | - | - | - | -",
	"pip/24.0\x00\x1b[31m": "pip | 24.0 | human | - | - | - | -",
	"pipsqueak/1.0":        "(other) | - | unknown | - | - | - | -",
}

func TestAnAgentSaysWhatItIs(t *testing.T) {
	t.Parallel()
	const least = 120
	if len(goldens) < least {
		t.Errorf("%d goldens, want %d", len(goldens), least)
	}
	for ua, want := range goldens {
		if got := line(check(t, ua)); got != want {
			t.Errorf("Parse(%q)\n got %s\nwant %s", ua, got, want)
		}
	}
}
