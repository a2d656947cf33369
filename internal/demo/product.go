package demo

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// A layout says which files a release has and where, and how fast users move
// to it.
type layout struct {
	repository   string
	parts        []part
	listings     int // of the parts, how many are the same file for several releases
	adoptionDays float64
	stay         float64 // weight of those who stay with a release for ever
}

// A part is one file of a release. Its size is a share of the product's, or
// fixed.
type part struct {
	path  string
	share float64
	bytes int64
}

// newFiles is how many files a release adds.
func (l layout) newFiles() int { return len(l.parts) - l.listings }

type layoutID uint8

const (
	library layoutID = iota
	snapshot
	pure
	native
	tool
)

// The parts of a library, by their place in the layout.
const (
	libJar = iota
	libJarSHA1
	libJarASC
	libPom
	libPomSHA1
	libModule
	libSources
	libSourcesSHA1
	libMetadata
	libMetadataSHA1
)

// The parts of a snapshot build.
const (
	snapJar = iota
	snapJarSHA1
	snapPom
	snapPomSHA1
	snapMetadata
	snapMetadataSHA1
)

// The parts of a Python package without compiled code.
const (
	pyWheel = iota
	pyWheelMetadata
	pyProvenance
	pySdist
	pyIndex
)

// The parts of a Python package with compiled code. Each wheel is followed by
// its metadata.
const (
	pyLinux   = 0
	pyARM     = 2
	pyMac     = 4
	pyWindows = 6
	pySource  = 8
	pyListing = 9
)

// The parts of a program for people's machines. Each archive is followed by
// its checksum.
const (
	toolLinux   = 0
	toolARM     = 2
	toolMac     = 4
	toolWindows = 6
	toolSBOM    = 8
)

var layouts = [...]layout{
	library: {repository: "releases", listings: 2, adoptionDays: 12, stay: 0.004, parts: []part{
		libJar:          {path: "{dir}/{name}/{version}/{name}-{file}.jar", share: 1},
		libJarSHA1:      {path: "{dir}/{name}/{version}/{name}-{file}.jar.sha1", bytes: 40},
		libJarASC:       {path: "{dir}/{name}/{version}/{name}-{file}.jar.asc", bytes: 833},
		libPom:          {path: "{dir}/{name}/{version}/{name}-{file}.pom", bytes: 3_412},
		libPomSHA1:      {path: "{dir}/{name}/{version}/{name}-{file}.pom.sha1", bytes: 40},
		libModule:       {path: "{dir}/{name}/{version}/{name}-{file}.module", bytes: 5_127},
		libSources:      {path: "{dir}/{name}/{version}/{name}-{file}-sources.jar", share: 0.4},
		libSourcesSHA1:  {path: "{dir}/{name}/{version}/{name}-{file}-sources.jar.sha1", bytes: 40},
		libMetadata:     {path: "{dir}/{name}/maven-metadata.xml", bytes: 1_240},
		libMetadataSHA1: {path: "{dir}/{name}/maven-metadata.xml.sha1", bytes: 40},
	}},
	snapshot: {repository: "snapshots", listings: 2, adoptionDays: 0.4, parts: []part{
		snapJar:          {path: "{dir}/{name}/{version}/{name}-{file}.jar", share: 1},
		snapJarSHA1:      {path: "{dir}/{name}/{version}/{name}-{file}.jar.sha1", bytes: 40},
		snapPom:          {path: "{dir}/{name}/{version}/{name}-{file}.pom", bytes: 3_377},
		snapPomSHA1:      {path: "{dir}/{name}/{version}/{name}-{file}.pom.sha1", bytes: 40},
		snapMetadata:     {path: "{dir}/{name}/{version}/maven-metadata.xml", bytes: 1_031},
		snapMetadataSHA1: {path: "{dir}/{name}/{version}/maven-metadata.xml.sha1", bytes: 40},
	}},
	pure: {repository: "pypi", listings: 1, adoptionDays: 7, stay: 0.005, parts: []part{
		pyWheel:         {path: "packages/{name}/{version}/{module}-{file}-py3-none-any.whl", share: 1},
		pyWheelMetadata: {path: "packages/{name}/{version}/{module}-{file}-py3-none-any.whl.metadata", bytes: 4_210},
		pyProvenance:    {path: "packages/{name}/{version}/{module}-{file}-py3-none-any.whl.provenance", bytes: 8_655},
		pySdist:         {path: "packages/{name}/{version}/{module}-{file}.tar.gz", share: 0.9},
		pyIndex:         {path: "simple/{name}/", bytes: 6_480},
	}},
	native: {repository: "pypi", listings: 1, adoptionDays: 7, stay: 0.005, parts: []part{
		pyLinux:       {path: "packages/{name}/{version}/{module}-{file}-cp312-cp312-manylinux_2_28_x86_64.whl", share: 1},
		pyLinux + 1:   {path: "packages/{name}/{version}/{module}-{file}-cp312-cp312-manylinux_2_28_x86_64.whl.metadata", bytes: 6_020},
		pyARM:         {path: "packages/{name}/{version}/{module}-{file}-cp312-cp312-manylinux_2_28_aarch64.whl", share: 0.95},
		pyARM + 1:     {path: "packages/{name}/{version}/{module}-{file}-cp312-cp312-manylinux_2_28_aarch64.whl.metadata", bytes: 6_020},
		pyMac:         {path: "packages/{name}/{version}/{module}-{file}-cp312-cp312-macosx_14_0_arm64.whl", share: 0.8},
		pyMac + 1:     {path: "packages/{name}/{version}/{module}-{file}-cp312-cp312-macosx_14_0_arm64.whl.metadata", bytes: 6_020},
		pyWindows:     {path: "packages/{name}/{version}/{module}-{file}-cp312-cp312-win_amd64.whl", share: 0.85},
		pyWindows + 1: {path: "packages/{name}/{version}/{module}-{file}-cp312-cp312-win_amd64.whl.metadata", bytes: 6_020},
		pySource:      {path: "packages/{name}/{version}/{module}-{file}.tar.gz", share: 0.2},
		pyListing:     {path: "simple/{name}/", bytes: 14_900},
	}},
	tool: {repository: "downloads", adoptionDays: 5, stay: 0.006, parts: []part{
		toolLinux:       {path: "{name}/v{version}/{name}_{file}_linux_amd64.tar.gz", share: 1},
		toolLinux + 1:   {path: "{name}/v{version}/{name}_{file}_linux_amd64.tar.gz.sha256", bytes: 64},
		toolARM:         {path: "{name}/v{version}/{name}_{file}_linux_arm64.tar.gz", share: 0.95},
		toolARM + 1:     {path: "{name}/v{version}/{name}_{file}_linux_arm64.tar.gz.sha256", bytes: 64},
		toolMac:         {path: "{name}/v{version}/{name}_{file}_darwin_arm64.zip", share: 1.02},
		toolMac + 1:     {path: "{name}/v{version}/{name}_{file}_darwin_arm64.zip.sha256", bytes: 64},
		toolWindows:     {path: "{name}/v{version}/{name}_{file}_windows_amd64.zip", share: 1.05},
		toolWindows + 1: {path: "{name}/v{version}/{name}_{file}_windows_amd64.zip.sha256", bytes: 64},
		toolSBOM:        {path: "{name}/v{version}/{name}_{file}_linux_amd64.tar.gz.sbom.json", bytes: 31_870},
	}},
}

// A product is what Acme publishes under one name.
type product struct {
	layout layoutID
	dir    string // the group, of a Maven artifact
	name   string
	bytes  int64   // of its main file in the middle of the year, about
	major  int     // of the version at the beginning of the year
	launch int     // day of the first release, 0 for what is older
	trend  float64 // growth against the others: above 0 it wins users, below it loses them
}

// products are in the order of their popularity.
var products = []product{
	{layout: library, dir: "com/acme", name: "acme-core", bytes: 1_480_000, major: 4},
	{layout: pure, name: "acme-sdk", bytes: 212_000, major: 2, trend: 0.5},
	{layout: library, dir: "com/acme", name: "acme-http-client", bytes: 644_000, major: 3},
	{layout: tool, name: "acme-cli", bytes: 18_400_000, major: 1, trend: 0.3},
	{layout: library, dir: "com/acme", name: "acme-json", bytes: 391_000, major: 2, trend: -0.3},
	{layout: native, name: "acme-numerics", bytes: 11_700_000, major: 1, trend: 0.7},
	{layout: library, dir: "com/acme/security", name: "acme-auth", bytes: 288_000, major: 5},
	{layout: snapshot, dir: "com/acme", name: "acme-core", bytes: 1_510_000, major: 4},
	{layout: pure, name: "acme-pipelines", bytes: 174_000, major: 0, trend: 0.4},
	{layout: library, dir: "com/acme/data", name: "acme-jdbc", bytes: 902_000, major: 8},
	{layout: library, dir: "com/acme/cloud", name: "acme-storage", bytes: 1_120_000, major: 2, trend: 0.4},
	{layout: pure, name: "acme-auth", bytes: 61_000, major: 1},
	{layout: tool, name: "acme-agent", bytes: 42_600_000, major: 6},
	{layout: library, dir: "com/acme/ai", name: "acme-embeddings", bytes: 3_900_000, major: 0, launch: 150, trend: 2},
	{layout: library, dir: "com/acme", name: "acme-logging", bytes: 120_000, major: 1, trend: -0.8},
	{layout: native, name: "acme-tokenizer", bytes: 3_200_000, major: 0, launch: 95, trend: 1.5},
	{layout: library, dir: "com/acme/messaging", name: "acme-queue", bytes: 530_000, major: 3},
	{layout: snapshot, dir: "com/acme/gateway", name: "acme-gateway", bytes: 24_800_000, major: 2},
	{layout: library, dir: "com/acme/testing", name: "acme-test-kit", bytes: 205_000, major: 2},
	{layout: pure, name: "acme-metrics", bytes: 48_000, major: 3},
	{layout: library, dir: "com/acme/gateway", name: "acme-gateway", bytes: 24_500_000, major: 2, trend: 0.2},
	{layout: pure, name: "acme-notebook", bytes: 1_310_000, major: 0, trend: 0.6},
	{layout: library, dir: "com/acme/gradle", name: "acme-gradle-plugin", bytes: 97_000, major: 1},
	{layout: tool, name: "acme-desktop", bytes: 96_000_000, major: 5, trend: -0.2},
	{layout: library, dir: "com/acme/legacy", name: "acme-soap", bytes: 2_240_000, major: 1, trend: -2},
	{layout: snapshot, dir: "com/acme/ai", name: "acme-embeddings", bytes: 3_950_000, major: 0, launch: 120},
	{layout: pure, name: "acme-lint", bytes: 33_000, major: 0, launch: 230, trend: 2},
	{layout: library, dir: "com/acme/scheduler", name: "acme-scheduler", bytes: 415_000, major: 1},
	{layout: native, name: "acme-geo", bytes: 7_800_000, major: 2},
	{layout: library, dir: "com/acme/cloud", name: "acme-secrets", bytes: 150_000, major: 1, launch: 60, trend: 0.8},
	{layout: pure, name: "acme-airlock", bytes: 27_000, major: 0, launch: 300},
	{layout: tool, name: "acme-migrate", bytes: 9_900_000, major: 0},
	{layout: library, dir: "com/acme/mobile", name: "acme-push", bytes: 77_000, major: 2},
}

// versions counts up the versions of a product.
type versions struct {
	rng                 *rand.Rand
	first               pkgmeter.Day
	snapshot            bool
	major, minor, patch int
	builds              int
}

func newVersions(rng *rand.Rand, p product, first pkgmeter.Day) *versions {
	return &versions{rng: rng, first: first, snapshot: p.layout == snapshot, major: p.major, minor: rng.IntN(4)}
}

// next returns the version of the next release, and how its files spell it.
func (v *versions) next(day int) (version, file string) {
	if v.snapshot {
		return v.nextBuild(day)
	}
	version = fmt.Sprintf("%d.%d.%d", v.major, v.minor, v.patch)
	switch u := v.rng.Float64(); {
	case u < 0.62:
		v.patch++
	case u < 0.96:
		v.minor, v.patch = v.minor+1, 0
	default:
		v.major, v.minor, v.patch = v.major+1, 0, 0
	}
	return version, version
}

// nextBuild names a snapshot's files by the time of their deployment.
func (v *versions) nextBuild(day int) (version, file string) {
	const buildsOfVersion = 40
	v.builds++
	if v.builds > buildsOfVersion {
		v.builds, v.minor = 1, v.minor+1
	}
	base := fmt.Sprintf("%d.%d.0", v.major, v.minor)
	at := (v.first + pkgmeter.Day(day)).Start().Add(time.Duration(v.rng.IntN(20*60*60)) * time.Second)
	return base + "-SNAPSHOT", fmt.Sprintf("%s-%s-%d", base, at.Format("20060102.150405"), v.builds)
}
