package meteor

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"strconv"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

// errLargeRecord means a record that fits in no message.
var errLargeRecord = errors.New("a record is larger than the largest message")

// result writes a page as clients read it. All five collections are there, even
// if empty: the tool takes each of them for an array.
func (q question) result(page pkgmeter.SyncPage) (ddp.Raw, error) {
	size := 512
	for _, records := range page.Records {
		size += len(records)
	}
	var b []byte
	if q.compress {
		b = appendCompressed(make([]byte, 0, size/2), page)
	} else {
		b = append(make([]byte, 0, size), `{"collections":`...)
		b = appendCollections(b, page)
	}
	b = append(b, `,"syncToken":`...)
	b = appendToken(b, page.Token)
	b = strconv.AppendBool(append(b, `,"upToDate":`...), page.UpToDate)
	b = strconv.AppendBool(append(b, `,"resetData":`...), page.Reset)
	if len(b) > maxFrame-512 { // the rest is for the frame around
		return nil, errLargeRecord
	}
	return append(b, '}'), nil
}

func appendCollections(b []byte, page pkgmeter.SyncPage) []byte {
	for c, records := range page.Records {
		b = appendName(b, pkgmeter.Collection(c), '{')
		b = append(append(append(b, '['), records...), ']')
	}
	return append(b, '}')
}

// appendName appends the name of a member that is one of the five; before the
// first one comes start.
func appendName(b []byte, c pkgmeter.Collection, start byte) []byte {
	if c > 0 {
		start = ','
	}
	b = append(append(b, start, '"'), c.String()...)
	return append(b, '"', ':')
}

// appendToken appends a token. Its numbers are plain integers: a client
// compares them with those it has to see whether anything is new.
func appendToken(b []byte, t pkgmeter.SyncToken) []byte {
	b = ejson.AppendString(append(b, `{"format":`...), t.Format)
	b = strconv.AppendInt(append(b, `,"lastDeletion":`...), t.LastDeletion, 10)
	for c, at := range t.At {
		b = strconv.AppendInt(appendName(b, pkgmeter.Collection(c), ','), at, 10)
	}
	return append(b, '}')
}

// appendCompressed appends the collections as base64 of gzip of JSON, for tools
// that ask for that. They read it without EJSON.
func appendCompressed(b []byte, page pkgmeter.SyncPage) []byte {
	buf := bytes.NewBuffer(append(b, `{"collectionsCompressed":"`...))
	text := base64.NewEncoder(base64.StdEncoding, buf)
	zip := gzip.NewWriter(text)
	for c, records := range page.Records {
		page.Records[c] = appendPlain(make([]byte, 0, len(records)), records)
	}
	// Writing to memory does not fail.
	_, _ = zip.Write(appendCollections(nil, page))
	_ = zip.Close()
	_ = text.Close()
	buf.WriteByte('"')
	return buf.Bytes()
}
