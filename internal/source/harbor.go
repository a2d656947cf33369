package source

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/purl"
)

// Harbor reads a webhook of Harbor, in its own format or as a CloudEvent: one
// event that is about one or more resources, each of which becomes one here.
//
// Harbor says neither the client's address nor its agent nor what a manifest
// is, so the parts of one pull cannot be told from pulls. Of the operator
// nothing is kept but whether it is a robot.
func Harbor(p Post) (Decoded, error) {
	d := harbor{collector: p.collector()}
	var t tree
	if !d.parse(&t, p.Body) {
		return d.decoded(), nil
	}
	if k := t.nodes[0].kind; k != object {
		d.reject(wrongKind(k), t.raw(0))
		return d.decoded(), nil
	}
	word := t.str(0, "type")
	op, counted := harborOps[word]
	switch {
	case counted:
	case isHarborNews(word):
		d.refuse(reason("the event is about no download, upload or deletion: it is not counted"))
		d.Skipped++
		return d.decoded(), nil
	default:
		d.reject(reason("the type is none of Harbor's"), t.raw(0))
		return d.decoded(), nil
	}
	data := t.get(0, "event_data")
	if data == absent {
		data = t.get(0, "data")
	}
	list := t.get(data, "resources")
	if !t.is(list, array) || t.count(list, 0) == 0 {
		d.reject(reason("no resource is named"), t.raw(0))
		return d.decoded(), nil
	}
	n := t.count(list, p.Most)
	if err := p.tooMany(n); err != nil {
		return Decoded{}, err
	}
	d.op, d.chart = op, isChart(word)
	d.head(&t, t.get(data, "repository"), n > 1)
	for i := range t.children(list) {
		d.item(&t, i)
	}
	return d.decoded(), nil
}

// harborOps are the types of events that are about an artifact or a chart, as
// Harbor 1, Harbor 2 and CloudEvents spell them.
var harborOps = map[string]pkgmeter.Op{
	"PULL_ARTIFACT": pkgmeter.Get, "pullImage": pkgmeter.Get, "harbor.artifact.pulled": pkgmeter.Get,
	"DOWNLOAD_CHART": pkgmeter.Get, "downloadChart": pkgmeter.Get, "harbor.chart.downloaded": pkgmeter.Get,
	"PUSH_ARTIFACT": pkgmeter.Upload, "pushImage": pkgmeter.Upload, "harbor.artifact.pushed": pkgmeter.Upload,
	"UPLOAD_CHART": pkgmeter.Upload, "uploadChart": pkgmeter.Upload, "harbor.chart.uploaded": pkgmeter.Upload,
	"DELETE_ARTIFACT": pkgmeter.Delete, "deleteImage": pkgmeter.Delete, "harbor.artifact.deleted": pkgmeter.Delete,
	"DELETE_CHART": pkgmeter.Delete, "deleteChart": pkgmeter.Delete, "harbor.chart.deleted": pkgmeter.Delete,
}

// isHarborNews reports whether a type is one of those that tell of scans,
// quotas, replication and retention. Who ticks all boxes gets them too.
func isHarborNews(word string) bool {
	for _, prefix := range []string{
		"SCANNING_", "QUOTA_", "REPLICATION", "TAG_RETENTION", "scanning",
		"harbor.scan.", "harbor.quota.", "harbor.replication.", "harbor.tag_retention.",
	} {
		if strings.HasPrefix(word, prefix) {
			return true
		}
	}
	return false
}

func isChart(word string) bool { return strings.Contains(strings.ToLower(word), "chart") }

// harbor is the reading of one body. What holds for all resources is read once:
// each look at it takes time by its size.
type harbor struct {
	collector
	op      pkgmeter.Op
	at      time.Time
	flags   pkgmeter.Flags
	account string // under its key, if consumers are kept
	chart   bool   // the resources are charts of the old kind
	several bool

	// The image or chart: the whole name, or a project and a name in it.
	full, project, name string

	// The id is said, or what all resources have in common is hashed with what
	// they have not.
	id, common string
}

// head reads what holds for all resources. An id that several would share is a
// part of theirs.
func (d *harbor) head(t *tree, repository int, several bool) {
	word, operator := t.str(0, "type"), t.str(0, "operator")
	d.flags, d.several, d.account = robot(operator), several, d.people.key([]byte(operator))
	d.full, d.project, d.name = begin(t.str(repository, "repo_full_name")), begin(t.str(repository, "namespace")), begin(t.str(repository, "name"))
	when := "occur_at"
	if t.str(0, "specversion") != "" {
		when = "time"
	}
	d.at = t.when(0, when)
	said := ""
	if c := t.get(0, when); c != absent {
		s, _ := t.scalar(c)
		said = string(s)
	}
	d.common = hashed(word, said, operator)
	if id, from := t.str(0, "id"), t.str(0, "source"); when == "time" && id != "" && from != "" {
		if d.id = cloudID(from, id); several {
			d.common, d.id = d.id, ""
		}
	}
}

// begin cuts a name that is too long for a path anyway: it is looked at for each
// resource.
func begin(name string) string { return name[:min(len(name), 4*pkgmeter.MaxPath)] }

// item keeps what happened to the resource at node i.
func (d *harbor) item(t *tree, i int) {
	if k := t.nodes[i].kind; k != object {
		d.reject(wrongKind(k), t.raw(i))
		return
	}
	raw := t.raw(0) // of several each is rejected with its own bytes
	if d.several {
		raw = t.raw(i)
	}
	url, tag, digest := t.str(i, "resource_url"), t.str(i, "tag"), t.str(i, "digest")
	e := pkgmeter.Event{ID: d.id, Op: d.op, Time: d.at, Flags: d.flags, Consumer: d.account, Status: http.StatusOK}
	if e.ID == "" {
		e.ID = hashed(d.common, url, digest)
	}
	if d.chart {
		e.Path, e.Hint, e.Repository = d.chartFile(tag)
	} else {
		e.Path = d.manifest(url, tag, digest)
	}
	if e.Path == "" {
		d.reject(reason("the resource is no artifact: want its repository, and a tag or a digest"), raw)
		return
	}
	d.add(e, raw)
}

// manifest returns the path of the manifest of a resource, "" if it is none.
// The tag may be a digest: it is what the client asked for.
func (d *harbor) manifest(url, tag, digest string) string {
	image := d.full
	if image == "" && d.name != "" && d.project != "" && len(d.name)+len(d.project) < pkgmeter.MaxName {
		image = d.project + "/" + d.name
	}
	if _, after, ok := strings.Cut(url, "://"); ok {
		url = after
	}
	_, rest, _ := strings.Cut(url, "/") // behind the host
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		digest, rest = cmp.Or(digest, rest[at+1:]), rest[:at]
	}
	if at := strings.LastIndexByte(rest, ':'); at > strings.LastIndexByte(rest, '/') {
		if tag == "" && digest == "" {
			tag = rest[at+1:]
		}
		rest = rest[:at]
	}
	return imagePath(cmp.Or(image, rest), manifests, tag, digest)
}

// chartFile returns the file of a chart where Harbor serves it, its purl and
// its project, or nothing if it is none.
func (d *harbor) chartFile(version string) (path, hint, repository string) {
	if d.name == "" || version == "" || d.project == "" || len(d.name)+len(version)+len(d.project) > pkgmeter.MaxName {
		return "", "", ""
	}
	name := d.name[strings.LastIndexByte(d.name, '/')+1:]
	path = "/chartrepo/" + d.project + "/charts/" + name + "-" + version + ".tgz"
	return path, purl.WithVersion(purl.Of("helm", "", name), version), d.project
}

// hashed returns an id made of parts, which may hold anything.
func hashed(parts ...string) string {
	sum := sha256.New()
	for _, s := range parts {
		sum.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}
