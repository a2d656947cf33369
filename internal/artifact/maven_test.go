package artifact_test

import (
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/artifact"
)

var mavenPaths = map[string]golden{
	"jar":                               {"com/acme/app/1.0/app-1.0.jar", "pkg:maven/com.acme/app 1.0 primary maven-path"},
	"leading slash":                     {"/com/acme/app/1.0/app-1.0.jar", "pkg:maven/com.acme/app 1.0 primary maven-path"},
	"group of one segment":              {"junit/junit/4.13.2/junit-4.13.2.jar", "pkg:maven/junit/junit 4.13.2 primary maven-path"},
	"group of five segments":            {"org/apache/maven/plugins/x/maven-jar-plugin/3.3.0/maven-jar-plugin-3.3.0.jar", "pkg:maven/org.apache.maven.plugins.x/maven-jar-plugin 3.3.0 primary maven-path"},
	"version in the artifact":           {"org/apache/logging/log4j/log4j-1.2-api/2.17.1/log4j-1.2-api-2.17.1.jar", "pkg:maven/org.apache.logging.log4j/log4j-1.2-api 2.17.1 primary maven-path"},
	"scala version in the artifact":     {"com/typesafe/akka/akka-actor_2.13/2.6.20/akka-actor_2.13-2.6.20.jar", "pkg:maven/com.typesafe.akka/akka-actor_2.13 2.6.20 primary maven-path"},
	"upper case is kept":                {"org/JSON/JSON-java/1.0.Final/JSON-java-1.0.Final.jar", "pkg:maven/org.JSON/JSON-java 1.0.Final primary maven-path"},
	"version without a number":          {"org/springframework/cloud/deps/Greenwich.RELEASE/deps-Greenwich.RELEASE.pom", "pkg:maven/org.springframework.cloud/deps Greenwich.RELEASE metadata maven-path"},
	"pom":                               {"com/acme/app/1.0/app-1.0.pom", "pkg:maven/com.acme/app 1.0 metadata maven-path"},
	"gradle module":                     {"com/acme/app/1.0/app-1.0.module", "pkg:maven/com.acme/app 1.0 metadata maven-path"},
	"sources":                           {"com/acme/app/1.0/app-1.0-sources.jar", "pkg:maven/com.acme/app 1.0 sources maven-path"},
	"javadoc":                           {"com/acme/app/1.0/app-1.0-javadoc.jar", "pkg:maven/com.acme/app 1.0 sources maven-path"},
	"test sources":                      {"com/acme/app/1.0/app-1.0-test-sources.jar", "pkg:maven/com.acme/app 1.0 sources maven-path"},
	"test javadoc":                      {"com/acme/app/1.0/app-1.0-test-javadoc.jar", "pkg:maven/com.acme/app 1.0 sources maven-path"},
	"tests are installed":               {"com/acme/app/1.0/app-1.0-tests.jar", "pkg:maven/com.acme/app 1.0 primary maven-path"},
	"native classifier":                 {"io/netty/netty-tcnative/2.0.61/netty-tcnative-2.0.61-linux-x86_64-fedora.jar", "pkg:maven/io.netty/netty-tcnative 2.0.61 primary maven-path"},
	"classifier with a dot":             {"com/acme/app/1.0/app-1.0-jdk1.8.jar", "pkg:maven/com.acme/app 1.0 primary maven-path"},
	"archive of two extensions":         {"org/apache/maven/apache-maven/3.9.6/apache-maven-3.9.6-bin.tar.gz", "pkg:maven/org.apache.maven/apache-maven 3.9.6 primary maven-path"},
	"archive without classifier":        {"com/acme/app/1.0/app-1.0.tar.bz2", "pkg:maven/com.acme/app 1.0 primary maven-path"},
	"extension that begins with 7":      {"com/acme/app/1.0/app-1.0.7z", "pkg:maven/com.acme/app 1.0 primary maven-path"},
	"zip in the layout":                 {"com/acme/app/1.0/app-1.0.zip", "pkg:maven/com.acme/app 1.0 primary maven-path"},
	"aar":                               {"androidx/core/core/1.12.0/core-1.12.0.aar", "pkg:maven/androidx.core/core 1.12.0 primary maven-path"},
	"snapshot by name":                  {"com/acme/app/1.0-SNAPSHOT/app-1.0-SNAPSHOT.jar", "pkg:maven/com.acme/app 1.0-SNAPSHOT primary maven-path"},
	"deployed snapshot":                 {"com/acme/app/1.0-SNAPSHOT/app-1.0-20240131.235959-7.jar", "pkg:maven/com.acme/app 1.0-SNAPSHOT primary maven-path"},
	"deployed snapshot, two-digit":      {"com/acme/app/1.0-SNAPSHOT/app-1.0-20240131.235959-17.pom", "pkg:maven/com.acme/app 1.0-SNAPSHOT metadata maven-path"},
	"deployed snapshot with classifier": {"com/acme/app/1.0-SNAPSHOT/app-1.0-20240131.235959-7-sources.jar", "pkg:maven/com.acme/app 1.0-SNAPSHOT sources maven-path"},
	"snapshot of a release candidate":   {"com/acme/app/1.0-rc-1-SNAPSHOT/app-1.0-rc-1-20240131.235959-7.jar", "pkg:maven/com.acme/app 1.0-rc-1-SNAPSHOT primary maven-path"},
	"artifact that ends like a version": {"com/acme/app-1.0/1.0/app-1.0-1.0.jar", "pkg:maven/com.acme/app-1.0 1.0 primary maven-path"},
	"plus in the version":               {"com/acme/app/1.0+build.5/app-1.0+build.5.jar", "pkg:maven/com.acme/app 1.0+build.5 primary maven-path"},
	"escaped plus in the version":       {"com/acme/app/1.0%2Bb/app-1.0%2Bb.jar", "pkg:maven/com.acme/app 1.0+b primary maven-path"},
	"escaped slashes":                   {"com%2Facme/app/1.0/app-1.0.jar", "pkg:maven/com.acme/app 1.0 primary maven-path"},
	"doubled slashes":                   {"com//acme/app/1.0//app-1.0.jar", "pkg:maven/com.acme/app 1.0 primary maven-path"},
	"segment of one dot":                {"./com/acme/./app/1.0/app-1.0.jar", "pkg:maven/com.acme/app 1.0 primary maven-path"},
	"space in the artifact":             {"com/acme/my app/1.0/my app-1.0.jar", "pkg:maven/com.acme/my%20app 1.0 primary maven-path"},
	"umlaut in the group":               {"de/m%C3%BCller/app/1.0/app-1.0.jar", "pkg:maven/de.m%C3%BCller/app 1.0 primary maven-path"},
	"gradle plugin marker":              {"com/acme/x/com.acme.x.gradle.plugin/1.0/com.acme.x.gradle.plugin-1.0.pom", "pkg:maven/com.acme.x/com.acme.x.gradle.plugin 1.0 metadata maven-path"},
	"group called pypi":                 {"com/pypi/simple/1.0/simple-1.0.jar", "pkg:maven/com.pypi/simple 1.0 primary maven-path"},
	"artifact called maven-metadata":    {"com/acme/maven-metadata/1.0/maven-metadata-1.0.xml", "pkg:maven/com.acme/maven-metadata 1.0 primary maven-path"},
}

var mavenNames = map[string]golden{
	"jar":                                 {"app-1.0.jar", "pkg:maven/app 1.0 primary maven-name"},
	"without version":                     {"app.jar", "pkg:maven/app - primary maven-name"},
	"without version, with hyphens":       {"my-app-server.war", "pkg:maven/my-app-server - primary maven-name"},
	"rightmost version":                   {"log4j-1.2-api-2.17.1.jar", "pkg:maven/log4j-1.2-api 2.17.1 primary maven-name"},
	"scala version in the artifact":       {"akka-actor_2.13-2.6.20.jar", "pkg:maven/akka-actor_2.13 2.6.20 primary maven-name"},
	"digit in the artifact":               {"commons-lang3-3.12.0.jar", "pkg:maven/commons-lang3 3.12.0 primary maven-name"},
	"number for a version":                {"javax.inject-1.jar", "pkg:maven/javax.inject 1 primary maven-name"},
	"qualifier behind a dot":              {"hibernate-core-5.6.15.Final.jar", "pkg:maven/hibernate-core 5.6.15.Final primary maven-name"},
	"qualifier behind a hyphen":           {"guava-31.1-jre.jar", "pkg:maven/guava 31.1-jre primary maven-name"},
	"android":                             {"guava-31.1-android.jar", "pkg:maven/guava 31.1-android primary maven-name"},
	"milestone":                           {"spring-core-6.0.0-M2.jar", "pkg:maven/spring-core 6.0.0-M2 primary maven-name"},
	"qualifier with a number of its own":  {"plexus-container-default-1.0-alpha-9.jar", "pkg:maven/plexus-container-default 1.0-alpha-9 primary maven-name"},
	"two qualifiers":                      {"app-2.0-rc1-SNAPSHOT.jar", "pkg:maven/app 2.0-rc1-SNAPSHOT primary maven-name"},
	"snapshot":                            {"app-1.0-SNAPSHOT.jar", "pkg:maven/app 1.0-SNAPSHOT primary maven-name"},
	"deployed snapshot is the snapshot":   {"app-1.0-20240131.235959-7.jar", "pkg:maven/app 1.0-SNAPSHOT primary maven-name"},
	"deployed snapshot with classifier":   {"app-1.0-20240131.235959-7-sources.jar", "pkg:maven/app 1.0-SNAPSHOT sources maven-name"},
	"deployed snapshot without a version": {"app-20240131.235959-7.jar", "pkg:maven/app 20240131.235959-7 primary maven-name"},
	"deployed snapshot of nothing":        {"-20240131.235959-7.jar", "pkg:maven/-20240131.235959 7 primary maven-name"},
	"date for a version":                  {"json-20240131.jar", "pkg:maven/json 20240131 primary maven-name"},
	"pom":                                 {"app-1.0.pom", "pkg:maven/app 1.0 metadata maven-name"},
	"module":                              {"app-1.0.module", "pkg:maven/app 1.0 metadata maven-name"},
	"sources":                             {"app-1.0-sources.jar", "pkg:maven/app 1.0 sources maven-name"},
	"test sources":                        {"app-1.0-test-sources.jar", "pkg:maven/app 1.0 sources maven-name"},
	"tests":                               {"app-1.0-tests.jar", "pkg:maven/app 1.0 primary maven-name"},
	"sources without version":             {"app-sources.jar", "pkg:maven/app - sources maven-name"},
	"all is a classifier":                 {"app-1.0-all.jar", "pkg:maven/app 1.0 primary maven-name"},
	"all is part of the artifact":         {"netty-all-4.1.100.Final.jar", "pkg:maven/netty-all 4.1.100.Final primary maven-name"},
	"all without version":                 {"netty-all.jar", "pkg:maven/netty-all - primary maven-name"},
	"native classifier":                   {"netty-tcnative-2.0.61.Final-linux-x86_64.jar", "pkg:maven/netty-tcnative 2.0.61.Final primary maven-name"},
	"letters behind the number":           {"app-1.0-bam.jar", "pkg:maven/app-1.0-bam - primary maven-name"},
	"hyphen first":                        {"-1.0.jar", "pkg:maven/-1.0 - primary maven-name"},
	"upper case extension":                {"App-1.0.JAR", "pkg:maven/App 1.0 primary maven-name"},
	"jenkins plugin":                      {"git-5.2.1.hpi", "pkg:maven/git 5.2.1 primary maven-name"},
	"kotlin library":                      {"lib-1.9.22.klib", "pkg:maven/lib 1.9.22 primary maven-name"},
	"leading slash":                       {"/app-1.0.jar", "pkg:maven/app 1.0 primary maven-name"},
}

// mavenTable: what a path names for group, artifact and version, and where a
// bare name splits.
var mavenTable = table{
	typ: "maven", paths: mavenPaths, names: mavenNames,
	pieces: []string{".jar", ".pom", "-sources", "-SNAPSHOT", "-20240131.235959-7", "maven-metadata.xml", ".module", ".Final"},
}

func TestMaven(t *testing.T) { mavenTable.check(t) }

func FuzzMaven(f *testing.F) { mavenTable.fuzz(f) }

var indexes = map[string]golden{
	"artifact":               {"com/acme/app/maven-metadata.xml", "pkg:maven/com.acme/app - index maven-metadata"},
	"artifact, mirrored":     {"com/acme/app/maven-metadata-central.xml", "pkg:maven/com.acme/app - index maven-metadata"},
	"snapshot":               {"com/acme/app/1.0-SNAPSHOT/maven-metadata.xml", "pkg:maven/com.acme/app 1.0-SNAPSHOT index maven-metadata"},
	"release has no index":   {"com/acme/app/1.0/maven-metadata.xml", "pkg:maven/com.acme.app/1.0 - index maven-metadata"},
	"artifact without group": {"app/maven-metadata.xml", "pkg:maven/app - index maven-metadata"},
	"artifact called simple": {"simple/maven-metadata.xml", "pkg:maven/simple - index maven-metadata"},
	"simple project":         {"/simple/Foo_Bar/", "pkg:pypi/foo-bar - index pypi-index"},
	"simple, no slash":       {"/simple/zope.interface", "pkg:pypi/zope-interface - index pypi-index"},
	"simple, static page":    {"/simple/foo/index.html", "pkg:pypi/foo - index pypi-index"},
	"simple, static JSON":    {"/simple/foo/index.json", "pkg:pypi/foo - index pypi-index"},
	"simple below pypi":      {"/pypi/simple/foo/", "pkg:pypi/foo - index pypi-index"},
	"simple of artifactory":  {"/api/pypi/local/simple/foo/", "pkg:pypi/foo - index pypi-index"},
	"simple of devpi":        {"/root/pypi/+simple/foo/", "pkg:pypi/foo - index pypi-index"},
	"simple of devpi stage":  {"/alice/dev/+simple/foo/", "pkg:pypi/foo - index pypi-index"},
	"JSON":                   {"/pypi/Foo.Bar/json", "pkg:pypi/foo-bar - index pypi-index"},
	"JSON of a version":      {"/pypi/foo/1.0/json", "pkg:pypi/foo 1.0 index pypi-index"},
}

func TestAListingIsAnIndexOfItsPackage(t *testing.T) {
	t.Parallel()
	checkGoldens(t, indexes, artifact.Certain)
}
