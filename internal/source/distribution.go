package source

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// Distribution reads notifications of the CNCF registry and of what is built
// from it: an envelope of events, or one event alone, as some hosts send it.
//
// A pull of a manifest is a fetch, and a HEAD stays one: clients ask so whether
// they have to pull. Blobs are layers. Address and account of the client are
// used for [Pull] and for the flag of robots, and then forgotten.
func Distribution(p Post) (Decoded, error) {
	d := distribution{p.collector()}
	var t tree
	if !d.parse(&t, p.Body) {
		return d.decoded(), nil
	}
	list := t.get(0, "events")
	switch {
	case t.is(list, array):
		if err := p.tooMany(t.count(list, p.Most)); err != nil {
			return Decoded{}, err
		}
		for i := range t.children(list) {
			d.item(&t, i)
		}
	case t.is(list, null): // how Go writes an empty list
	case t.nodes[0].kind != object:
		d.reject(wrongKind(t.nodes[0].kind), t.raw(0))
	case list == absent && t.is(t.get(0, "target"), object):
		d.item(&t, 0)
	default:
		d.reject(reason("there is no list of events"), t.raw(0))
	}
	return d.decoded(), nil
}

// distribution is the reading of one body.
type distribution struct{ collector }

// item keeps the event at node i.
func (d *distribution) item(t *tree, i int) {
	if k := t.nodes[i].kind; k != object {
		d.reject(wrongKind(k), t.raw(i))
		return
	}
	target, request := t.get(i, "target"), t.get(i, "request")
	op, ok := registryOp(t.str(i, "action"), t.str(request, "method"))
	if !ok {
		d.reject(reason("the action is none of pull, push, mount and delete"), t.raw(i))
		return
	}
	actor := t.str(t.get(i, "actor"), "name")
	e := pkgmeter.Event{
		ID: fitID(t.str(i, "id")), Op: op, Agent: t.str(request, "useragent"), Time: t.when(i, "timestamp"),
		Status: http.StatusOK, Flags: robot(actor),
	}
	if op != pkgmeter.Head { // it has no body
		e.Bytes = t.amount(target, "size", "length")
	}
	image := t.str(target, "repository")
	part := t.part(target)
	e.Path = imagePath(image, part, t.str(target, "tag"), t.str(target, "digest"))
	if e.Path == "" && op == pkgmeter.Delete && t.str(target, "tag")+t.str(target, "digest") == "" {
		e.Hint = imageHint(image) // all of it was deleted
	}
	if e.Path == "" && e.Hint == "" {
		d.reject(reason("the target is no part of an image: want repository and tag or digest"), t.raw(i))
		return
	}
	d.people.set(&e, []byte(t.str(request, "addr")), []byte(actor))
	n := len(d.Events)
	d.add(e, t.raw(i))
	if len(d.Events) > n && op == pkgmeter.Get && part == manifests {
		d.pull(image, t.str(request, "addr"), actor, isIndex(t.str(target, "mediaType")))
	}
}

// pull notes what the last event can be a part of. A manifest that is asked for
// by a tag is a pull by itself, and so is that of a client of which nothing is
// known.
func (d *distribution) pull(image, addr, actor string, index bool) {
	n := len(d.Events) - 1
	e := &d.Events[n]
	byDigest := strings.Contains(e.Path, ":") // neither a name nor a tag has one
	if addr == "" && actor == "" || !index && !byDigest {
		return
	}
	d.Pulls = append(d.Pulls, Pull{Event: n, Client: clientHash(addr, e.Agent, actor), Image: image, Index: index})
}

// withoutPort returns the host of an address: each connection has a port of its
// own. A proxy may have said the address, and then it has none.
func withoutPort(addr string) string {
	if a, err := netip.ParseAddrPort(addr); err == nil {
		return a.Addr().Unmap().String()
	}
	if a, err := netip.ParseAddr(addr); err == nil {
		return a.Unmap().String()
	}
	if i := strings.LastIndexByte(addr, ':'); i > 0 && strings.IndexByte(addr, ':') == i {
		return addr[:i]
	}
	return addr
}

// registryOp returns what an action did. A registry says pull of every request
// that looks at content, also while something is pushed; without a method it
// was one.
func registryOp(action, method string) (op pkgmeter.Op, ok bool) {
	switch action {
	case "pull":
		switch strings.ToUpper(method) {
		case http.MethodGet, "":
			return pkgmeter.Get, true
		case http.MethodHead:
			return pkgmeter.Head, true
		}
		return pkgmeter.Other, true
	case "push":
		return pkgmeter.Upload, true
	case "delete":
		return pkgmeter.Delete, true
	case "mount": // a layer that the registry has already, in another image
		return pkgmeter.Other, true
	}
	return op, false
}

// part returns which part of an image the target at node i is. Where it was
// asked for says more than its type: a manifest can be fetched as a blob. What
// says neither is a manifest: so are the targets of a deletion.
func (t *tree) part(i int) string {
	url, _, _ := strings.Cut(t.str(i, "url"), "?")
	asManifest, asBlob := strings.LastIndex(url, "/"+manifests+"/"), strings.LastIndex(url, "/"+blobs+"/")
	media := t.str(i, "mediaType")
	switch {
	case asManifest > asBlob:
		return manifests
	case asBlob >= 0:
		return blobs
	case media == "", t.str(i, "tag") != "", isIndex(media), strings.Contains(media, ".manifest."):
		return manifests
	}
	return blobs
}

// isIndex reports whether a media type is that of a list of manifests, one for
// each platform.
func isIndex(media string) bool {
	media, _, _ = strings.Cut(media, ";")
	switch strings.ToLower(strings.TrimSpace(media)) {
	case "application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.index.v1+json":
		return true
	}
	return false
}
