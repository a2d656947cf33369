package demo

import "github.com/pkgmeter/pkgmeter"

// A client is a way in which programs fetch from a repository.
type client struct {
	weight    float64
	team      bool // logs in, so that its team is known
	agents    []string
	countries []string
	steps     []step
}

// A step is one request of a client: for which part of the release, and how
// often it is made at all.
type step struct {
	part   int
	chance float64
	op     pkgmeter.Op
}

// Where clients are: people, and the regions of those who rent out machines.
var (
	people = []string{"DE", "US", "DE", "FR", "GB", "US", "NL", "PL", "CH", "IN", "SE", "ES", "BR", "CA", "JP"}
	clouds = []string{"US", "IE", "US", "DE", "SG"}
)

var (
	mavenAgents = []string{
		"Apache-Maven/3.9.9 (Java 21.0.5; Linux 6.8.0-49-generic)",
		"Apache-Maven/3.9.6 (Java 17.0.10; Mac OS X 14.4)",
		"Apache-Maven/3.8.8 (Java 11.0.22; Windows 11 10.0)",
	}
	mavenCI = []string{
		"Apache-Maven/3.9.9 (Java 21.0.5; Linux 6.5.0-1025-azure)",
		"Apache-Maven/3.9.6 (Java 17.0.13; Linux 6.1.0-1027-aws)",
	}
	gradleAgents = []string{
		"Gradle/8.10.2 (Linux;6.8.0-49-generic;amd64) (Eclipse Adoptium;21.0.5;21.0.5+11-LTS)",
		"Gradle/8.5 (Mac OS X;14.4;aarch64) (Azul Systems, Inc.;17.0.10;17.0.10+7-LTS)",
	}
	ideAgents = []string{"IntelliJ IDEA/2025.1 (Linux 6.8.0-49-generic; Java 21.0.5)"}
	pipPeople = []string{
		`pip/24.3.1 {"cpu":"x86_64","implementation":{"name":"CPython","version":"3.12.7"},"installer":{"name":"pip","version":"24.3.1"},"python":"3.12.7","system":{"name":"Linux"}}`,
		`pip/24.0 {"cpu":"AMD64","implementation":{"name":"CPython","version":"3.12.3"},"installer":{"name":"pip","version":"24.0"},"python":"3.12.3","system":{"name":"Windows"}}`,
	}
	pipMac = []string{`pip/25.0 {"cpu":"arm64","implementation":{"name":"CPython","version":"3.12.8"},"installer":{"name":"pip","version":"25.0"},"python":"3.12.8","system":{"name":"Darwin"}}`}
	pipCI  = []string{
		`pip/24.3.1 {"ci":true,"cpu":"x86_64","implementation":{"name":"CPython","version":"3.12.7"},"installer":{"name":"pip","version":"24.3.1"},"python":"3.12.7","system":{"name":"Linux"}}`,
		`pip/23.2.1 {"ci":true,"cpu":"x86_64","implementation":{"name":"CPython","version":"3.11.10"},"installer":{"name":"pip","version":"23.2.1"},"python":"3.11.10","system":{"name":"Linux"}}`,
	}
	uvAgents = []string{
		`uv/0.5.4 {"installer":{"name":"uv","version":"0.5.4"},"python":"3.12.7","system":{"name":"Linux"},"cpu":"x86_64","ci":true}`,
		`uv/0.5.4 {"installer":{"name":"uv","version":"0.5.4"},"python":"3.12.7","system":{"name":"Linux"},"cpu":"x86_64","ci":null}`,
	}
	scripts  = []string{"curl/8.5.0", "curl/7.88.1", "Wget/1.21.4", "Go-http-client/2.0", "python-requests/2.32.3"}
	browsers = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
		"Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
	}
	browsersMac = []string{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15"}
	mirrors     = []string{"Artifactory/7.98.8", "Nexus/3.74.0-05 (PRO; Linux; 5.15.0-125-generic; amd64; 17.0.13)"}
	pypiMirrors = []string{"bandersnatch/6.6.0 (cpython 3.12.7-final0, Linux x86_64)", "devpi-server/6.14.0 (py312; linux)"}
	bots        = []string{"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "renovate/39.42.4", "Dependabot/0.289.0"}
)

// teams fetch what they build with, and are named where builds and people log in.
var teams = []string{
	"payments", "search", "checkout", "mobile", "data-platform", "identity", "logistics", "risk", "web", "ops", "billing", "research",
}

// publishers upload releases.
var publishers = [...][]string{
	library:  mavenCI,
	snapshot: mavenCI,
	pure:     {"twine/5.1.1 CPython/3.12.7"},
	native:   {"twine/5.1.1 CPython/3.12.7"},
	tool:     {"curl/8.5.0"},
}

// flood is the job that fetched everything anew each minute.
var flood = client{agents: mavenCI[:1], countries: clouds[:1], steps: []step{
	{libMetadata, 1, pkgmeter.Get},
	{libPom, 1, pkgmeter.Get},
	{libPomSHA1, 1, pkgmeter.Get},
	{libJar, 1, pkgmeter.Get},
	{libJarSHA1, 1, pkgmeter.Get},
}}

var clients = [...][]client{
	library: {
		{30, true, mavenCI, clouds, []step{
			{libMetadata, 0.1, pkgmeter.Get},
			{libPom, 0.95, pkgmeter.Get},
			{libPomSHA1, 0.9, pkgmeter.Get},
			{libJar, 1, pkgmeter.Get},
			{libJarSHA1, 0.95, pkgmeter.Get},
		}},
		{18, true, mavenAgents, people, []step{
			{libPom, 0.95, pkgmeter.Get}, {libPomSHA1, 0.9, pkgmeter.Get}, {libJar, 1, pkgmeter.Get}, {libJarSHA1, 0.95, pkgmeter.Get},
		}},
		{24, true, gradleAgents, people, []step{
			{libModule, 0.9, pkgmeter.Get}, {libPom, 0.2, pkgmeter.Get}, {libJar, 0.1, pkgmeter.Head}, {libJar, 1, pkgmeter.Get},
		}},
		{6, true, ideAgents, people, []step{{libSources, 1, pkgmeter.Get}, {libSourcesSHA1, 0.8, pkgmeter.Get}}},
		{5, false, mirrors, clouds, []step{
			{libMetadata, 1, pkgmeter.Get},
			{libMetadataSHA1, 1, pkgmeter.Get},
			{libPom, 1, pkgmeter.Get},
			{libPomSHA1, 1, pkgmeter.Get},
			{libModule, 1, pkgmeter.Get},
			{libJar, 1, pkgmeter.Get},
			{libJarSHA1, 1, pkgmeter.Get},
			{libJarASC, 1, pkgmeter.Get},
			{libSources, 1, pkgmeter.Get},
			{libSourcesSHA1, 1, pkgmeter.Get},
		}},
		{3, false, bots, clouds, []step{{libMetadata, 1, pkgmeter.Get}, {libPom, 0.3, pkgmeter.Head}}},
		{1, false, browsers, people, []step{{libJar, 1, pkgmeter.Get}, {libJarASC, 0.2, pkgmeter.Get}}},
	},
	snapshot: {
		{8, true, mavenCI, clouds, []step{
			{snapMetadata, 1, pkgmeter.Get},
			{snapMetadataSHA1, 0.9, pkgmeter.Get},
			{snapPom, 0.8, pkgmeter.Get},
			{snapPomSHA1, 0.7, pkgmeter.Get},
			{snapJar, 0.8, pkgmeter.Get},
			{snapJarSHA1, 0.8, pkgmeter.Get},
		}},
		{3, true, mavenAgents, people, []step{{snapMetadata, 1, pkgmeter.Get}, {snapPom, 0.6, pkgmeter.Get}, {snapJar, 0.6, pkgmeter.Get}}},
	},
	pure: {
		{40, true, pipCI, clouds, []step{{pyIndex, 1, pkgmeter.Get}, {pyWheelMetadata, 0.8, pkgmeter.Get}, {pyWheel, 0.95, pkgmeter.Get}}},
		{22, true, pipPeople, people, []step{{pyIndex, 1, pkgmeter.Get}, {pyWheelMetadata, 0.7, pkgmeter.Get}, {pyWheel, 0.9, pkgmeter.Get}}},
		{12, true, uvAgents, clouds, []step{{pyIndex, 1, pkgmeter.Get}, {pyWheelMetadata, 1, pkgmeter.Get}, {pyWheel, 0.7, pkgmeter.Get}}},
		{5, false, pypiMirrors, clouds, []step{
			{pyIndex, 1, pkgmeter.Get},
			{pyWheel, 1, pkgmeter.Get},
			{pyWheelMetadata, 1, pkgmeter.Get},
			{pyProvenance, 0.8, pkgmeter.Get},
			{pySdist, 1, pkgmeter.Get},
		}},
		{3, false, scripts, people, []step{{pySdist, 1, pkgmeter.Get}}},
		{4, false, bots, clouds, []step{{pyIndex, 1, pkgmeter.Get}}},
	},
	native: {
		{45, true, pipCI, clouds, []step{{pyListing, 1, pkgmeter.Get}, {pyLinux + 1, 0.8, pkgmeter.Get}, {pyLinux, 0.95, pkgmeter.Get}}},
		{8, true, uvAgents, clouds, []step{{pyListing, 1, pkgmeter.Get}, {pyARM + 1, 1, pkgmeter.Get}, {pyARM, 0.9, pkgmeter.Get}}},
		{14, true, pipMac, people, []step{{pyListing, 1, pkgmeter.Get}, {pyMac + 1, 0.8, pkgmeter.Get}, {pyMac, 0.9, pkgmeter.Get}}},
		{9, true, pipPeople[1:], people, []step{{pyListing, 1, pkgmeter.Get}, {pyWindows + 1, 0.8, pkgmeter.Get}, {pyWindows, 0.9, pkgmeter.Get}}},
		{2, false, scripts, clouds, []step{{pySource, 1, pkgmeter.Get}}},
		{4, false, pypiMirrors, clouds, []step{
			{pyListing, 1, pkgmeter.Get},
			{pyLinux, 1, pkgmeter.Get},
			{pyARM, 1, pkgmeter.Get},
			{pyMac, 1, pkgmeter.Get},
			{pyWindows, 1, pkgmeter.Get},
			{pySource, 1, pkgmeter.Get},
		}},
	},
	tool: {
		{30, false, scripts, clouds, []step{{toolLinux, 1, pkgmeter.Get}, {toolLinux + 1, 0.7, pkgmeter.Get}}},
		{8, false, scripts, clouds, []step{{toolARM, 1, pkgmeter.Get}, {toolARM + 1, 0.7, pkgmeter.Get}}},
		{14, false, browsersMac, people, []step{{toolMac, 1, pkgmeter.Get}, {toolMac + 1, 0.1, pkgmeter.Get}}},
		{16, false, browsers, people, []step{{toolWindows, 1, pkgmeter.Get}, {toolWindows + 1, 0.1, pkgmeter.Get}}},
		{3, false, scripts, people, []step{{toolSBOM, 1, pkgmeter.Get}}},
		{3, false, bots, clouds, []step{{toolLinux, 1, pkgmeter.Head}}},
	},
}
