package rule

import (
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/agent"
)

// The table of clients, as it stands beside what is counted by it.
const (
	ClientsNumber = agent.Number
	ClientsDated  = agent.Dated
)

// A Section says a part of the rules in plain words. Pages and docs/counting.md
// have its words from here. What stands between backquotes is spelled so.
type Section struct {
	ID    string // names it in links
	Title string
	Intro string
	Terms []Term
}

// A Term is one thing that is counted, or a name by which it is.
type Term struct {
	ID   string // names it in links
	Name string
	Text string
}

// Text says all rules, in the order in which they are read.
func Text() []Section {
	return []Section{measuresText(), eventsText(), kindsText(), formatsText(), classesText(), namesText(), rulesText()}
}

// TermOf returns the term of an ID, or what introduces the section of that ID;
// ok is false if there is none.
func TermOf(id string) (t Term, ok bool) {
	for _, s := range Text() {
		if s.ID == id {
			return Term{s.ID, s.Title, s.Intro}, true
		}
		for _, t := range s.Terms {
			if t.ID == id {
				return t, true
			}
		}
	}
	return Term{}, false
}

func measuresText() Section {
	return Section{
		ID: "measures", Title: "Measures",
		Intro: "Three numbers are counted of everything. Uploads, deletions and failed requests are kept, and are in none of them.",
		Terms: []Term{
			{"downloads", "downloads", "Finished fetches of a whole primary file: a GET with status 200, or with 206 from byte 0 on. Checksums, signatures, poms, listings and layers of images are not downloads."},
			{"hits", "hits", "Finished requests for any kind of file: a GET or HEAD with a status of 200 to 299, or 304."},
			{"bytes", "bytes", "What those hits sent. Where the sender did not say, it is 0."},
		},
	}
}

func eventsText() Section {
	return Section{
		ID: "events", Title: "Events and days",
		Intro: "Every number is a sum of events, and can be made again from them.",
		Terms: []Term{
			{"event", "event", "One thing that a sender said happened to one file: `get`, `head`, `upload`, `delete` or `other`. Without a method it is a GET, without a status 200, and without a word for what happened a download."},
			{"once", "once", "Two events are the same if source and id agree, and only then: the second is not counted. An id is remembered for 400 days. An event without an id always counts."},
			{"day", "day", "An event counts in its own UTC day, however late it comes; one without a time in the day of its receipt. A day is called complete two hours after its end."},
			{"status", "status", "The answer decides: 200 to 299 and 304 are hits, and only 200, or 206 from byte 0 on, can be a download. Most Terraform registries answer the download of a module with 204: a hit, and no download."},
			{"pull", "pull of an image", "Of an image for several platforms a client fetches an index, and within 60 seconds the manifest of its platform by digest: one download. The second of the two is a hit and stays one in a recount, as the addresses that tell it are not kept. A log does not say what is an index: there it is the manifest of the same image that the same address and agent fetched before, by tag or by another digest. Events of the API name no address, and are no parts of a pull."},
			{"gap", "gap", "A day of which no source has any event: nothing is known of it, so it is not a zero. Today is never one."},
		},
	}
}

func kindsText() Section {
	return Section{
		ID: "kinds", Title: "Kinds of files",
		Intro: "The kind follows from the path. Only primary files can be downloads; every kind has hits. A file that describes another one has its package and version, and its last suffix decides: `app.jar.asc.md5` is a checksum.",
		Terms: []Term{
			{"kind-primary", "primary", "What an installer installs: a jar, wheel, sdist, npm tarball, gem, crate, module zip, deb, rpm, chart or the manifest of an image. Any file that is not recognised is primary too. Of a Terraform provider the JSON answer that says where it is and its zip are two files."},
			{"kind-sources", "sources", "Sources, documentation and debug symbols beside a package: `-sources` and `-javadoc` jars, source debs and rpms, `.snupkg`."},
			{"kind-metadata", "metadata", "What a resolver reads of one version: `.pom`, `.module`, `.mod`, `.nuspec`, `.gemspec.rz`, and `.metadata` beside a Python file (PEP 658). Elsewhere `.metadata` is the end of a name like any other: a file of its own."},
			{"kind-index", "index", "Listings: `maven-metadata.xml`, `/simple/…`, packuments, `index.yaml`, `repodata/`, lists of tags and versions, the tag `sha256-<hex>` that lists what refers to an image. So are Docker's ping `/v2/`, a path that ends in a slash, and calls of Artifactory's own interface (`/artifactory/api/storage/…`)."},
			{"kind-checksum", "checksum", "`.md5 .sha1 .sha256 .sha512`, and the sums of a Terraform provider."},
			{"kind-signature", "signature", "`.asc .sig .minisig .sigstore .sigstore.json .prov`, and the signatures that cosign puts beside an image."},
			{"kind-attestation", "attestation", "`.provenance .att .sbom .sbom.json`, and those that cosign puts beside an image."},
			{"kind-layer", "layer", "The blobs of an image, and their uploads. A pull is counted by its manifest."},
		},
	}
}

func formatsText() Section {
	return Section{
		ID: "formats", Title: "Formats of repositories",
		Intro: "Some paths could be of several types: `app-1.0.0.tgz` may be of npm or of Helm. What else is in the repository decides about them.",
		Terms: []Term{
			{"certain", "certain path", "One that can be of one type only, such as `com/acme/app/1.0/app-1.0.jar`. It is always read by itself, whatever its repository is said to be."},
			{"repository-format", "format", "Any other path is read by the format of its repository: the type of the certain paths in it, once a hit on one of them (2xx or 304) has proved it. Until then it is read by itself. A prefix such as `/api/packages/<owner>/npm/` is a part of the path, and says the format by itself."},
			{"mixed", "several types", "A repository with certain paths of several types has no format: each of its paths is read by itself. So is each where no repository is known."},
			{"together", "together", "What comes in one delivery or one batch is looked at as a whole: a file in it that proves the format decides about all of them, whatever their order."},
			{"recount", "recount", "`pkgmeter recount` reads the whole ledger first, so that files that came before the proof get their format too. `pkgmeter doctor` only compares the counts with the ledger, and changes nothing."},
		},
	}
}

func classesText() Section {
	return Section{
		ID: "classes", Title: "Classes of clients",
		Intro: "The class follows from what the client says of itself in its User-Agent. Classes are attributes: no class is left out of any number, unless a question or a filter says so. The operator's own rules come first, then the table of clients; there, the first class below that fits is taken, in the order mirror, bot, ci, human.",
		Terms: []Term{
			{"class-human", "human", "People: installers, browsers and tools such as curl, where nothing says that they run in a build."},
			{"class-ci", "ci", "Builds: a client that says that it runs in a CI."},
			{"class-mirror", "mirror", "Other registries that keep a copy. One fetch of theirs may stand for many people, or for none."},
			{"class-bot", "bot", "Crawlers, scanners, monitors, updaters, and the robot accounts of a registry."},
			{"class-unknown", "unknown", "No User-Agent (`(none)`), one that is not in the table (`(other)`), or a library that any program may use."},
		},
	}
}

func namesText() Section {
	return Section{
		ID: "names", Title: "Names",
		Intro: "What numbers are listed by. Names are spelled as their ecosystem spells them.",
		Terms: []Term{
			{"file", "file", "The path as sent, without host, the prefix that names its repository (of CloudRepo, Nexus, Artifactory, Gitea or GitLab) and leading slashes. Of an image it is `name:tag` or `name@digest`, of a package without a path its purl with the version."},
			{"repository", "repository", "The one that the sender names, else the one in the prefix of the path, else `(unknown)`. Of an image it is what stands before the first slash of its name, else `library`."},
			{"type", "type", "The type of the package URL (purl), as the path tells it: see the table of package types. What is not recognised is `generic`."},
			{"package", "package", "The canonical purl without version: `pkg:maven/com.acme/app`, `pkg:npm/%40scope/x`. A bare Maven file name has no group: `pkg:maven/app`. Packages of Go and Hex are in lower case, as the purl specification wants them; versions keep their case. Packages of deb, rpm and apk have no distribution: `pkg:deb/debian/curl` is `pkg:deb/curl`. A file that is not recognised is of the package of its directory: `pkg:generic/tools/app`."},
			{"client", "client", "The program that fetched, by its User-Agent: `pip`, `maven`, `docker`. Browsers are `browser`, programs that are not in the table `(other)`, and where none is named it is `(none)`."},
			{"country", "country", "Where the client's address is, by the operator's file (`--geo`); the address itself is not kept. It can be asked of a package, type, repository or class, from the day on which the file was given. `ZZ` is every event of which no country is known."},
			{"runtime", "runtime", "What the client runs on, by its User-Agent: `python 3.12`, `node 20`, `java 17`. Empty where it says nothing."},
			{"os", "os", "The system of the client, by its User-Agent: `linux`, `macos`, `windows`. Empty where it says nothing."},
			{"source", "source", "By which the events came: a webhook, a log, a user of the API. It goes with every filter but `client`, `runtime`, `os`, `country` and `consumer`."},
			{"consumer", "consumer", "The team or account that fetched, where senders name it and `--consumers` keeps it. It goes with package, version, type, repository and class. Empty is every event that names none."},
			{"legacy_type", "legacy_type", "How the old CloudRepo program counted, by the last extension: `crypto` for `.md5 .sha1 .sha256 .sha512`, `pom`, `jar`, and `other` for all else."},
		},
	}
}

func rulesText() Section {
	return Section{
		ID: "rules", Title: "Numbers of the rules",
		Intro: "What was said of an event is kept as it came. Kind, class, package and measures follow from it, by a numbered set of rules.",
		Terms: []Term{
			{"rule-set", "rule set", "Its number stands beside every number. A change of the built-in rules or of the operator's own raises it when the server starts next."},
			{"client-table", "table of clients", "The names and classes of known clients are a part of the rule set, with a number and a date of their own."},
			{"old-events", "old events", "They keep the rules under which they were counted, until `pkgmeter recount` counts all of them by the rules in force. Until then charts over days have a mark at the day of the change."},
		},
	}
}

// An Ecosystem says which files of a purl type are of which kind.
type Ecosystem struct {
	Type    string
	Primary string
	Other   string // metadata, sources and layers
	Index   string
	Example string // path of a primary file
}

// Ecosystems lists all purl types that paths are recognised as.
func Ecosystems() []Ecosystem {
	return []Ecosystem{
		{"maven", "jar, war, ear, aar and other packagings", "`.pom`, `.module`; sources: `-sources`, `-javadoc`", "`maven-metadata.xml`", "com/acme/app/1.0/app-1.0.jar"},
		{"pypi", "wheel, sdist, egg, installer", "`.metadata`", "`/simple/…`, `/pypi/…/json`", "packages/12/34/acme_app-1.0-py3-none-any.whl"},
		{"npm", "`.tgz` below `/-/`", "–", "packuments, dist-tags", "@acme/app/-/app-1.0.0.tgz"},
		{"nuget", "`.nupkg`", "`.nuspec`; sources: `.snupkg`, `.symbols.nupkg`", "`index.json` and other services of a feed", "v3-flatcontainer/acme.app/1.0.0/acme.app.1.0.0.nupkg"},
		{"gem", "`.gem`", "`.gemspec.rz`", "`specs.4.8.gz`, `versions`, `info/…`", "gems/app-1.0.0.gem"},
		{"cargo", "`.crate`, `/crates/…/download`", "–", "files of the sparse index", "crates/app/app-1.0.0.crate"},
		{"golang", "`@v/….zip`", "`.mod`", "`@v/list`, `.info`, `@latest`", "example.com/acme/app/@v/v1.0.0.zip"},
		{"deb", "`.deb`, `.udeb`", "`.changes`, `.buildinfo`; sources: `.dsc`, source tarballs, `.ddeb`", "`dists/…`", "pool/main/a/app/app_1.0-1_amd64.deb"},
		{"rpm", "`.rpm`, `.drpm`", "sources: `.src.rpm`", "`repodata/…`", "Packages/a/app-1.0-1.x86_64.rpm"},
		{"apk", "`.apk` with a release (`-r0`)", "–", "`APKINDEX.tar.gz`", "alpine/v3.22/main/x86_64/app-1.0-r0.apk"},
		{"conda", "`.conda`, `.tar.bz2`", "–", "`repodata.json`", "noarch/app-1.0-py_0.conda"},
		{"docker", "manifests of images, by tag or digest", "layers: `blobs/…`", "`tags/list`, referrers, `_catalog`, the ping `/v2/`", "v2/acme/app/manifests/1.0"},
		{"helm", "`.tgz` called as a chart", "–", "`index.yaml`", "charts/app-1.0.0.tgz"},
		{"hex", "`tarballs/….tar`", "sources: `docs/….tar.gz`", "`packages/…`", "tarballs/app-1.0.0.tar"},
		{"composer", "archives below `dist/`", "–", "`p2/….json`, lists of packages", "dist/acme/app/acme-app-1.0.0.zip"},
		{"terraform", "downloads of modules and providers", "`manifest.json`", "`versions`", "v1/modules/acme/app/aws/1.0.0/download"},
		{"generic", "every file that none of the others knows", "–", "–", "tools/app/1.0.0/app-linux.tar.xz"},
	}
}

// ClientsOf lists the names of the table of clients that are of a class.
func ClientsOf(class pkgmeter.Class) []string {
	return slices.DeleteFunc(agent.Names(), func(name string) bool {
		return pkgmeter.Class(agent.Parse(name).Class) != class
	})
}

// OwnClients is the number of the operator's own rules about clients.
func (s *Set) OwnClients() int { return len(s.own) }

// OwnRules are the operator's own rules about clients, the first of which that
// fits wins. Nobody may change them.
func (s *Set) OwnRules() []ClientRule { return s.own }
