package meteor

import (
	"context"
	"math"
	"slices"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

// Rows of a page, of each collection. Clients of Meteor's own tests ask for
// short pages.
const (
	pageRows  = 500
	shortRows = 3
)

// maxFormat is the longest name of a token format, in bytes. The name goes back
// as it came.
const maxFormat = 64

// A question is what a client asks of the catalog.
type question struct {
	token    pkgmeter.SyncToken
	rows     int
	compress bool
}

// tokenArgument is a client's token as it comes. Clients store tokens as
// documents and may send more members; those are ignored.
type tokenArgument struct {
	Format          string  `json:"format"`
	LastDeletion    float64 `json:"lastDeletion"`
	Packages        float64 `json:"packages"`
	Versions        float64 `json:"versions"`
	Builds          float64 `json:"builds"`
	ReleaseTracks   float64 `json:"releaseTracks"`
	ReleaseVersions float64 `json:"releaseVersions"`
}

type optionsArgument struct {
	ShortPages    ejson.Raw `json:"shortPagesForTest"`
	UseShortPages ejson.Raw `json:"useShortPages"` // as some clients call it
	Compress      ejson.Raw `json:"compressCollections"`
}

// read reads a call's arguments, each of which may be null or missing.
func read(call *ddp.Call) (q question, err error) {
	token, options := &tokenArgument{}, &optionsArgument{}
	if err := call.Bind(&token, &options); err != nil {
		return q, err
	}
	if token == nil {
		token = &tokenArgument{}
	}
	if options == nil {
		options = &optionsArgument{}
	}
	if len(token.Format) > maxFormat || !token.finite() {
		return q, ddp.ErrMatchFailed
	}
	q = question{token: token.token(), rows: pageRows, compress: truthy(options.Compress)}
	if truthy(options.ShortPages) || truthy(options.UseShortPages) {
		q.rows = shortRows
	}
	return q, nil
}

// finite reports whether all numbers are some: EJSON has a form for those that
// are none.
func (t *tokenArgument) finite() bool {
	return !slices.ContainsFunc([]float64{t.LastDeletion, t.Packages, t.Versions, t.Builds, t.ReleaseTracks, t.ReleaseVersions}, func(f float64) bool {
		return math.IsNaN(f) || math.IsInf(f, 0)
	})
}

// token returns the token in whole numbers.
func (t *tokenArgument) token() pkgmeter.SyncToken {
	format := t.Format
	if format == "" {
		format = pkgmeter.SyncFormat
	}
	return pkgmeter.SyncToken{
		Format:       format,
		LastDeletion: deletion(t.LastDeletion),
		At: pkgmeter.Positions{
			position(t.Packages), position(t.Versions), position(t.Builds),
			position(t.ReleaseTracks), position(t.ReleaseVersions),
		},
	}
}

// position rounds towards what the client surely has; what is no position at
// all means that it has nothing. One beyond all integers stays ahead of every
// catalog.
func position(f float64) int64 {
	switch {
	case f <= 0:
		return 0
	case f >= math.MaxInt64:
		return math.MaxInt64
	}
	return int64(f)
}

// deletion returns the time of the last deletion, or one that no catalog has:
// it is compared for being the same, so it must not be rounded to another.
func deletion(f float64) int64 {
	if f != math.Trunc(f) || math.Abs(f) >= math.MaxInt64 {
		return -1
	}
	return int64(f)
}

// truthy reports whether JavaScript takes an option for true. raw is EJSON, or
// empty for an option that is not given.
func truthy(raw ejson.Raw) bool {
	if len(raw) == 0 {
		return false
	}
	v, err := ejson.Value(raw)
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case float64:
		return v != 0 && !math.IsNaN(v)
	case string:
		return v != ""
	}
	return err == nil
}

// sync answers one step of a client that catches up.
func (s *Server) sync(ctx context.Context, call *ddp.Call) (any, error) {
	q, err := read(call)
	if err != nil {
		return nil, err
	}
	state, _ := s.store.CatalogState()
	if page, ok := nothingNew(q.token, state); ok {
		return q.result(page)
	}
	result, err := s.page(ctx, call, q)
	if err == nil {
		return result, nil
	}
	// An error result would end whatever command the tool runs, while a lost
	// connection is only a warning there.
	if ctx.Err() == nil {
		s.log.Error("meteor: no page of the catalog", "session", call.Session.ID(), "err", err)
	}
	call.Session.Close()
	return nil, nil //nolint:nilnil // nobody reads it any more
}

// nothingNew answers a client that has everything as the store would, without
// asking it.
func nothingNew(t pkgmeter.SyncToken, s pkgmeter.CatalogState) (page pkgmeter.SyncPage, ok bool) {
	if t.Foreign(s) {
		return page, false
	}
	for c, at := range s.At {
		if at > t.At[c] {
			return page, false
		}
	}
	t.LastDeletion = s.LastDeletion
	return pkgmeter.SyncPage{Token: t, UpToDate: true}, true
}

// page returns a page with records: one that is kept, or else one that is made.
// Its bytes count until the client has read them or is gone. Clients that begin
// at once all want the same pages: one has them made, for all of them.
func (s *Server) page(ctx context.Context, call *ddp.Call, q question) (any, error) {
	if kept := s.streamed(call, q); kept != nil {
		return kept, nil
	}
	state, _ := s.store.CatalogState()
	others, forAll := s.pages.claim(q, state)
	if forAll {
		defer s.pages.unclaim(q, state)
	}
	if err := wait(ctx, others); err != nil {
		return nil, err
	}
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if kept := s.streamed(call, q); kept != nil { // made while this one waited
		return kept, nil
	}
	return s.inMemory(ctx, call, q, forAll)
}

// wait waits until others have made a page; nil: there are none.
func wait(ctx context.Context, others <-chan struct{}) error {
	if others == nil {
		return nil
	}
	select {
	case <-others:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// inMemory returns a page that takes memory until it is sent. One that is for all
// is as large as it may be while there is room, since smaller ones are not kept.
func (s *Server) inMemory(ctx context.Context, call *ddp.Call, q question, forAll bool) (any, error) {
	size := int64(largestPage)
	if !forAll || !s.memory.whole() {
		size = s.memory.reserve()
	}
	counted := size
	call.OnSent(func() { s.memory.add(-counted) })
	state, _ := s.store.CatalogState()
	if kept := s.pages.get(q, state, size); kept != nil {
		call.OnSent(kept.release)
		counted = kept.Size()
		s.memory.add(counted - size)
		return kept, nil
	}
	result, err := s.made(ctx, q, size)
	if err == nil {
		counted = int64(len(result))
		s.memory.add(counted - size)
	}
	return result, err
}

// streamed returns a page that is kept and takes no memory on its way, or nil.
func (s *Server) streamed(call *ddp.Call, q question) ddp.Stream {
	if !call.Streams() {
		return nil
	}
	state, _ := s.store.CatalogState()
	kept := s.pages.get(q, state, maxFrame)
	if kept == nil {
		return nil
	}
	call.OnSent(kept.release)
	return kept
}

// made makes a page of at most so many bytes of records.
func (s *Server) made(ctx context.Context, q question, size int64) (ddp.Raw, error) {
	state, _ := s.store.CatalogState()
	page, err := s.store.Sync(ctx, q.token, pkgmeter.SyncLimit{Rows: q.rows, Bytes: int(size)})
	if err != nil {
		return nil, err
	}
	result, err := q.result(page)
	if err == nil && size == largestPage { // smaller ones are cut elsewhere each time
		s.pages.put(q, page, state, result)
	}
	return result, err
}
