package meteor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/coder/websocket"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/ddp/ejson"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// What is taken from another server. Real records are below 100 KiB, and real
// pages have at most 500 of each collection.
const (
	maxToken   = 4 << 10 // bytes
	maxRecord  = 1 << 20 // bytes
	maxRecords = 20_000  // of a page
	maxResets  = 3       // with nothing new between
	maxLogged  = 10      // unreadable records of a page that are logged one by one
)

// A remotePage is a page of another server's catalog, as it came.
type remotePage struct {
	Collections ejson.Raw `json:"collections"`
	Token       ejson.Raw `json:"syncToken"`
	UpToDate    bool      `json:"upToDate"`
	Reset       bool      `json:"resetData"`
}

// catchUp copies page by page until nothing is left. A page and the state after
// it are stored together, so that a crash repeats at most one page.
func (m *Mirror) catchUp(ctx context.Context, client *ddp.Client, state *pkgmeter.MirrorState) error {
	stored := state.Token
	resets := 0
	tokens := map[[sha256.Size]byte]bool{sha256.Sum256(state.Token): true}
	for {
		page, docs, err := m.fetch(ctx, client, state.Token)
		if err != nil {
			return err
		}
		if sum := sha256.Sum256(page.Token); !page.UpToDate {
			if tokens[sum] {
				return fmt.Errorf("%s sends the same token again, but says that there is more", m.url)
			}
			tokens[sum] = true
		}
		m.progress.Pages++
		if page.Reset {
			if resets++; resets > maxResets {
				return fmt.Errorf("%s says for the %dth time to begin anew", m.url, resets)
			}
			if err := m.beginAnew(ctx, state, page, len(docs) == 0); err != nil {
				return err
			}
			stored = state.Token
		}
		state.Token = page.Token
		// An empty page would begin anew. What it says is stored with the next.
		if news := state.Anew || !bytes.Equal(state.Token, stored); len(docs) > 0 || page.UpToDate && news {
			sum, err := m.put(ctx, pkgmeter.MirrorPage{State: *state, Documents: docs, Done: page.UpToDate})
			if err != nil {
				return err
			}
			if sum.Written > 0 {
				resets = 0
			}
			stored = state.Token
		}
		if page.UpToDate {
			state.Anew = false
		}
		m.progress.UpToDate = page.UpToDate
		m.tell()
		if page.UpToDate {
			return nil
		}
	}
}

// beginAnew notes that everything is named again from here on. If there are
// records in the page that says so, their server has to send them again when
// they are not stored: the token stays the one before.
func (m *Mirror) beginAnew(ctx context.Context, state *pkgmeter.MirrorState, page *remotePage, empty bool) error {
	m.log.Info("meteor: the other server says to begin anew", "url", m.url)
	state.Anew = true
	if empty {
		state.Token = page.Token
	}
	_, err := m.put(ctx, pkgmeter.MirrorPage{State: *state})
	return err
}

func (m *Mirror) put(ctx context.Context, page pkgmeter.MirrorPage) (pkgmeter.MirrorSum, error) {
	sum, err := m.store.PutMirrored(ctx, page)
	if err != nil {
		return sum, err
	}
	total := &m.progress.Sum
	total.Written += sum.Written
	total.Same += sum.Same
	total.Refused += sum.Refused
	total.Removed += sum.Removed
	return sum, nil
}

// fetch asks for what comes after a token.
func (m *Mirror) fetch(ctx context.Context, client *ddp.Client, token []byte) (*remotePage, []pkgmeter.Document, error) {
	var page remotePage
	err := m.within(ctx, func(ctx context.Context) error {
		return client.Call(ctx, "syncNewPackageData", &page, ddp.Raw(token))
	})
	switch {
	case errors.Is(err, websocket.ErrMessageTooBig):
		return nil, nil, fmt.Errorf("a page of %s has more than %d bytes: %w", m.url, m.opts.MaxPage, err)
	case err != nil:
		return nil, nil, err
	case !isObject(page.Token) || len(page.Token) > maxToken:
		return nil, nil, fmt.Errorf("a page of %s has no usable token", m.url)
	case !isObject(page.Collections):
		return nil, nil, fmt.Errorf("a page of %s has no collections", m.url)
	}
	docs, err := m.documents(page.Collections)
	return &page, docs, err
}

func isObject(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }

// documents reads the records of a page. Their bodies stay as they came. One
// that cannot be read is left out: other servers may know more kinds of records.
func (m *Mirror) documents(collections ejson.Raw) (docs []pkgmeter.Document, _ error) {
	lists, err := m.lists(collections)
	if err != nil {
		return nil, err
	}
	n, skipped := 0, 0
	for i, list := range lists {
		c := pkgmeter.Collection(i)
		for body := range ejson.Elements(list) {
			if n++; n > maxRecords {
				return nil, fmt.Errorf("a page of %s has more than %d records", m.url, maxRecords)
			}
			m.progress.Records[c]++
			m.progress.Bytes += int64(len(body))
			doc, err := readRecord(c, body)
			if err != nil {
				if skipped++; skipped <= maxLogged {
					m.log.Warn("meteor: a record of the other server was skipped", "url", m.url, "collection", c.String(), "record", excerpt(body), "err", err)
				}
				continue
			}
			docs = append(docs, doc)
		}
	}
	if skipped > maxLogged {
		m.log.Warn("meteor: records of the other server were skipped", "url", m.url, "count", skipped)
	}
	m.progress.Skipped += skipped
	return docs, nil
}

// lists finds the five collections, each of which may be missing.
func (m *Mirror) lists(collections ejson.Raw) (lists [pkgmeter.Collections]ejson.Raw, err error) {
	for name, list := range ejson.Members(collections) {
		for c := range pkgmeter.Collections {
			switch {
			case c.String() != name:
			case list[0] != '[':
				return lists, fmt.Errorf("a page of %s has %s that are no list", m.url, name)
			default:
				lists[c] = list
			}
		}
	}
	return lists, nil
}

func readRecord(c pkgmeter.Collection, body []byte) (pkgmeter.Document, error) {
	if len(body) > maxRecord {
		return pkgmeter.Document{}, fmt.Errorf("it has %d bytes", len(body))
	}
	doc, err := catalog.Read(c, body)
	doc.Collection, doc.Body, doc.Mirrored = c, body, true
	return doc, err
}

// excerpt returns the beginning of a record, for the log.
func excerpt(body []byte) string { return string(body[:min(len(body), 200)]) }
