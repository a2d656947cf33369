// Package intake imports files of events: it opens and unpacks them, knows
// their format by their content, cuts them into chunks of whole lines, and makes
// deliveries of these. A ticket that is stored with each chunk says up to where
// a file is read, so that an import that was broken off at any moment, or whose
// file has grown since, goes on there.
//
// It does not know how deliveries are stored, nor how chunks get from the
// process that reads the file to the one that holds the store. What a line says
// is for package source.
package intake

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// Limits of a chunk and of its lines, in bytes but for MaxLines.
const (
	MaxLines = 4096
	MaxChunk = 1 << 20
	MaxLine  = 1 << 20 // of one line; a longer one is rejected

	maxHeld  = 16 << 10 // of a line that goes to quarantine
	longHead = 64 << 10 // read of a line that is too long: what is masked in it may come before the cut
)

// rejectKind is what a line in quarantine is called.
const rejectKind = "import"

// A Chunk is some lines of a file, in a row, with how far the file is read
// after them.
type Chunk struct {
	// Ticket has all but the ID of a file that is new.
	Ticket pkgmeter.Ticket `json:"ticket"`

	// Repository is that of lines that name none.
	Repository string `json:"repository,omitempty"`

	// Lines are those that are not blank, each with a line feed at its end. Of
	// the ones that Cut counts up, from 0, only the beginning is there: they are
	// too long.
	Lines []byte `json:"lines"`
	Cut   []int  `json:"cut,omitempty"`

	// Header are the lines before these that say how to read them.
	Header []byte `json:"header,omitempty"`

	// Head comes with the first chunk of a new file, and Seen are the tickets of
	// files with this head that are others.
	Head []byte  `json:"head,omitempty"`
	Seen []int64 `json:"seen,omitempty"`

	lines    int
	delivery *pkgmeter.Delivery // once it is prepared
	next     []*Chunk           // those behind it that are taken with it, prepared too
}

// An Outcome is what became of a chunk.
type Outcome struct {
	Ticket   int64 `json:"ticket"`
	New      int64 `json:"new"`
	Known    int64 `json:"known"`
	Rejected int64 `json:"rejected"`
}

// Store is what an intake needs of a store.
type Store interface {
	Tickets(ctx context.Context, source string, head []byte) ([]pkgmeter.Ticket, error)
	Write(ctx context.Context, batch []*pkgmeter.Delivery) error
}

// Intake takes chunks into a store. Events are dated by the clock of the
// process that holds the store. It may be used concurrently.
type Intake struct {
	Store Store
	Rules *rule.Cache
	Now   func() time.Time

	// People says what is kept of who fetched files.
	People source.People

	// Pulls goes on where another intake left off. Nil: this one has its own.
	Pulls *Pulls

	// first is held from the look for other tickets of a new file until its own
	// is stored: two commands that import the same new file at the same time
	// would both count it.
	first sync.Mutex
	looks looks
	own   Pulls
}

// Tickets implements [Taker].
func (in *Intake) Tickets(ctx context.Context, source string, head []byte) ([]pkgmeter.Ticket, error) {
	in.looks.look(source, head)
	return in.Store.Tickets(ctx, source, head)
}

// Prepare reads the lines of c. It needs no store, and may go on while chunks
// before c are taken in. Chunks of a file come in their order, one at a time.
func (in *Intake) Prepare(c *Chunk) error {
	format, err := FormatNamed(c.Ticket.Format)
	if err != nil {
		return err
	}
	if !format.Lines() {
		return pkgmeter.Errorf(pkgmeter.Invalid, "files of format %s have no lines", format.Name)
	}
	d := &pkgmeter.Delivery{Received: in.Now().UTC()}
	d.Entries = make([]pkgmeter.Entry, 0, c.lines)
	read := format.reader(c.Ticket.Source, d.Received, in.People)
	inPull := cmp.Or(in.Pulls, &in.own).noter(c, read)
	for line := range bytes.Lines(c.Header) {
		_, _ = read.Line(line) // it is no event
	}
	i := 0
	for line := range bytes.Lines(c.Lines) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if slices.Contains(c.Cut, i) {
			d.Rejects = append(d.Rejects, reject(c, format, line, fmt.Sprintf("the line is longer than %d bytes", MaxLine)))
		} else if e, err := read.Line(line); errors.Is(err, source.ErrHeader) {
			// It is read; those after it go by it.
		} else if err != nil {
			d.Rejects = append(d.Rejects, reject(c, format, line, err.Error()))
		} else {
			if e.Repository == "" {
				e.Repository = c.Repository
			}
			inPull(&e)
			d.Entries = append(d.Entries, pkgmeter.Entry{Event: e})
		}
		i++
	}
	in.Rules.ApplyAll(d.Entries)
	c.delivery, c.Lines = d, nil // many chunks may wait for the disk
	return nil
}

// reject keeps a line for a person to look at. It is masked before it is cut,
// so that the cut does not hide from the mask what it is about.
func reject(c *Chunk, format Format, line []byte, reason string) pkgmeter.Reject {
	body := format.mask(line)
	return pkgmeter.Reject{Source: c.Ticket.Source, Kind: rejectKind, Reason: reason, Body: body[:min(len(body), maxHeld)]}
}

// Take stores c with its ticket and what goes with it, whole or not at all. After
// an error of which it is not known whether it came before or after the commit,
// the tickets tell.
func (in *Intake) Take(ctx context.Context, c *Chunk) (Outcome, error) {
	if c.delivery == nil {
		if err := in.Prepare(c); err != nil {
			return Outcome{}, err
		}
	}
	if c.Ticket.ID == 0 {
		in.first.Lock()
		defer in.first.Unlock()
		if err := in.stillNew(ctx, c); err != nil {
			return Outcome{}, err
		}
	}
	isNew, batch := c.Ticket.ID == 0, c.deliveries()
	if err := in.Store.Write(ctx, batch); err != nil {
		return Outcome{}, err
	}
	if isNew {
		in.looks.begin(c.Ticket.Source, c.Head)
	}
	out := Outcome{Ticket: c.Ticket.ID}
	for _, d := range batch {
		out.New += int64(d.New)
		out.Known += int64(d.Known)
		out.Rejected += int64(len(d.Rejects))
	}
	return out, nil
}

// deliveries returns c and what goes with it, each with its ticket: in one
// commit, one ticket goes on where that before it ends.
func (c *Chunk) deliveries() []*pkgmeter.Delivery {
	all := make([]*pkgmeter.Delivery, 0, 1+len(c.next))
	for _, c := range append([]*Chunk{c}, c.next...) {
		c.delivery.Ticket = &c.Ticket
		all = append(all, c.delivery)
	}
	return all
}

// stillNew fails if somebody has begun with this file since c's importer looked.
func (in *Intake) stillNew(ctx context.Context, c *Chunk) error {
	tickets, err := in.Store.Tickets(ctx, c.Ticket.Source, c.Head)
	if err != nil {
		return err
	}
	for _, t := range tickets {
		if !slices.Contains(c.Seen, t.ID) {
			return errBusy
		}
	}
	if in.looks.begunSince(c.Ticket.Source, c.Ticket.HeadLen, c.Head) {
		return errBusy
	}
	return nil
}

var errBusy = pkgmeter.Errorf(pkgmeter.Conflict, "this file is being imported by another command: wait for it, then try again")
