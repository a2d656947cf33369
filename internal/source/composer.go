package source

import (
	"net/http"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/purl"
)

// Composer reads what Composer posts to the notify-batch address of a
// repository: the packages that it has just installed, from wherever. Each is a
// download, from the client's cache too, and none has an id.
//
// The client is the sender itself, by its User-Agent. Versions stay as they are
// sent, which is normalised: 1.2.0.0 for 1.2.
func Composer(p Post) (Decoded, error) {
	d := composer{p.collector(), p.header("User-Agent"), ""}
	if p.People.Country != nil && p.Address.IsValid() {
		d.country = p.People.Country(p.Address)
	}
	var t tree
	if !d.parse(&t, p.Body) {
		return d.decoded(), nil
	}
	list := t.get(0, "downloads")
	switch {
	case t.is(list, array):
		if err := p.tooMany(t.count(list, p.Most)); err != nil {
			return Decoded{}, err
		}
		for i := range t.children(list) {
			d.item(&t, i)
		}
	case t.nodes[0].kind != object:
		d.reject(wrongKind(t.nodes[0].kind), t.raw(0))
	default:
		d.reject(reason("there is no list of downloads"), t.raw(0))
	}
	return d.decoded(), nil
}

// composer is the reading of one body.
type composer struct {
	collector
	agent   string
	country string
}

// item keeps the package at node i.
func (d *composer) item(t *tree, i int) {
	if k := t.nodes[i].kind; k != object {
		d.reject(wrongKind(k), t.raw(i))
		return
	}
	hint := composerHint(t.str(i, "name"), t.str(i, "version"))
	if hint == "" {
		d.reject(reason("the name or the version is none of a package: want vendor/name"), t.raw(i))
		return
	}
	d.add(pkgmeter.Event{
		Hint: hint, Agent: d.agent, Country: d.country, Status: http.StatusOK,
		// What comes from the cache is false, and what is not known "?".
		Bytes: t.amount(i, "downloaded"),
	}, t.raw(i))
}

// composerHint returns the purl of a version of a package, "" for what is none.
func composerHint(name, version string) string {
	if len(name) > pkgmeter.MaxName || len(version) > pkgmeter.MaxName || strings.ContainsFunc(version, isControl) {
		return ""
	}
	vendor, rest, ok := strings.Cut(name, "/")
	if !ok || vendor == "" || rest == "" || strings.ContainsFunc(name, notComposer) || strings.Contains(rest, "/") {
		return ""
	}
	pkg := purl.Of("composer", vendor, rest)
	hint := purl.WithVersion(pkg, version)
	// What cannot be read again is spelled in a way that no package is.
	if again, _, v, err := purl.Split(hint); err != nil || again != pkg || v != version {
		return ""
	}
	return hint
}

// notComposer reports what no name of a package has.
func notComposer(r rune) bool { return isControl(r) || strings.ContainsRune(" @?#:", r) }

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
