package source

import (
	"encoding/base64"
	"net/url"
	"strings"
	"time"
)

// CloudEvents reads CloudEvents in JSON: one, a batch of them, or the data of
// one whose attributes are in headers. The data is an event in the program's
// own format, as [EventLine] says; its id is the source and the id of the
// CloudEvent, and its time the CloudEvent's unless the data has one.
//
// The type of a CloudEvent is not looked at: senders choose it freely, and what
// happened is said in the data.
func CloudEvents(p Post) (Decoded, error) {
	d := cloudEvents{collector: p.collector(), reader: EventReader{Source: p.Source, Received: p.Received, People: p.People}}
	if !isStructured(p.header("Content-Type")) && p.header("Ce-Specversion")+p.header("Ce-Id") != "" {
		d.binary(&p)
		return d.decoded(), nil
	}
	var t tree
	if !d.parse(&t, p.Body) {
		return d.decoded(), nil
	}
	if t.nodes[0].kind != array {
		d.item(&t, 0)
		return d.decoded(), nil
	}
	if err := p.tooMany(t.count(0, p.Most)); err != nil {
		return Decoded{}, err
	}
	for i := range t.children(0) {
		d.item(&t, i)
	}
	return d.decoded(), nil
}

// isStructured reports whether a body of that type has the attributes in it,
// whatever the headers repeat.
func isStructured(contentType string) bool {
	const media = "application/cloudevents"
	return len(contentType) >= len(media) && strings.EqualFold(contentType[:len(media)], media)
}

// cloudEvents is the reading of one body.
type cloudEvents struct {
	collector
	reader EventReader
}

// cloudHead is the attributes of a CloudEvent that matter.
type cloudHead struct{ version, source, id, time string }

// binary reads data whose attributes are in headers, escaped as in a URL.
func (d *cloudEvents) binary(p *Post) {
	attribute := func(name string) string {
		value := p.header(name)
		if plain, err := url.PathUnescape(value); err == nil {
			return plain
		}
		return value
	}
	d.event(cloudHead{attribute("Ce-Specversion"), attribute("Ce-Source"), attribute("Ce-Id"), attribute("Ce-Time")},
		p.Body[skipMark(p.Body):], p.Body)
}

// item reads the CloudEvent at node i.
func (d *cloudEvents) item(t *tree, i int) {
	if k := t.nodes[i].kind; k != object {
		d.reject(wrongKind(k), t.raw(i))
		return
	}
	if c := t.get(i, "time"); c != absent && t.nodes[c].kind != null && t.str(i, "time") == "" {
		d.reject(reason("time: want RFC 3339"), t.raw(i))
		return
	}
	d.event(cloudHead{t.str(i, "specversion"), t.str(i, "source"), t.str(i, "id"), t.str(i, "time")}, t.data(i), t.raw(i))
}

// data returns the data of the CloudEvent at node i. It may be bytes in base64,
// or text that holds JSON.
func (t *tree) data(i int) []byte {
	if c := t.get(i, "data"); c != absent && t.nodes[c].kind != null {
		if s, ok := t.scalar(c); ok && t.nodes[c].kind == text {
			return s
		}
		return t.raw(c)
	}
	data, err := base64.StdEncoding.DecodeString(t.str(i, "data_base64"))
	if err != nil {
		return nil
	}
	return data
}

// event keeps the event that data says.
func (d *cloudEvents) event(head cloudHead, data, raw []byte) {
	at, err := head.check()
	if err != nil {
		d.reject(err, raw)
		return
	}
	if blank(data) {
		d.reject(reason("there is no data"), raw)
		return
	}
	e, err := d.reader.Line(data)
	if err != nil {
		// It may repeat a part of the data, and is kept with what is masked.
		d.reject(reason("data: "+string(Mask([]byte(err.Error())))), raw)
		return
	}
	e.ID = cloudID(head.source, head.id)
	if d.reader.said[timeMember] == (said{}) && !at.IsZero() {
		e.Time = at
	}
	d.add(e, raw)
}

// check reports what keeps it from being the head of a CloudEvent, and else its
// time.
func (h *cloudHead) check() (at time.Time, err error) {
	for _, a := range []struct{ name, value string }{{"specversion", h.version}, {"source", h.source}, {"id", h.id}} {
		if a.value == "" {
			return at, reason("no CloudEvent: there is no " + a.name)
		}
	}
	if strings.ContainsFunc(h.source, func(r rune) bool { return r <= ' ' }) {
		return at, reason("no CloudEvent: the source is no URI")
	}
	if h.time == "" {
		return at, nil
	}
	at, ok := rfc3339([]byte(h.time))
	if !ok || at.IsZero() {
		return at, reason("time: want RFC 3339, from 2000-01-01 on")
	}
	return at, nil
}

// cloudID returns the id of the event that a CloudEvent is. A source, being a
// URI, has no space: no two pairs are the same text.
func cloudID(source, id string) string {
	if strings.ContainsRune(source, ' ') { // Harbor's is not checked
		return hashed(source, id)
	}
	return fitID(source + " " + id)
}
