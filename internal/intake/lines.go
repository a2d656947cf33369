package intake

import (
	"bufio"
	"bytes"
	"errors"
	"hash"
	"io"
)

// lines cuts a file into chunks.
type lines struct {
	r      *bufio.Reader
	hash   hash.Hash // of all bytes up to at
	header *header   // of the lines up to at
	at     int64
	whole  func(line []byte) bool

	// What was read and did not fit into the chunk before. The line is valid
	// until the next read.
	held    []byte
	heldErr error

	half bool // the last line is not there yet
	size int  // of the lines of the chunk before
}

// newLines returns the lines of a file from p on.
func newLines(p place, whole func([]byte) bool) *lines {
	const ends = 2 // CR, LF
	return &lines{r: bufio.NewReaderSize(p.r, MaxLine+ends), hash: p.hash, header: p.header, at: p.ticket.Offset, whole: whole}
}

// next returns the next chunk, whose ticket has From, Offset and SHA256. After
// the last one it returns io.EOF. Any other error comes after the chunk with
// the last line before it.
func (l *lines) next() (*Chunk, error) {
	c := &Chunk{Lines: make([]byte, 0, l.size), Header: l.header.lines()}
	c.Ticket.From = l.at
	for c.lines < MaxLines {
		line, err := l.line()
		begun := l.at > c.Ticket.From
		if begun && (err != nil && len(line) == 0 || l.at-c.Ticket.From+int64(len(line)) > MaxChunk) {
			l.held, l.heldErr = line, err
			break
		}
		if err = l.add(c, line, err); err == nil {
			continue
		}
		if !begun {
			return nil, err
		}
		l.heldErr = err
		break
	}
	l.size = len(c.Lines)
	c.Ticket.Offset = l.at
	c.Ticket.SHA256 = [32]byte(l.hash.Sum(nil))
	return c, nil
}

// line returns the next line with its end. Without one, the error says why.
func (l *lines) line() ([]byte, error) {
	if l.held == nil && l.heldErr == nil {
		return l.r.ReadSlice('\n')
	}
	line, err := l.held, l.heldErr
	l.held, l.heldErr = nil, nil
	return line, err
}

// add adds a line to c, or returns why there is none. A long one comes first in
// its chunk: where it turns out to have no end, nothing of it is hashed that
// goes into a ticket.
func (l *lines) add(c *Chunk, line []byte, err error) error {
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return l.addLong(c, line)
	case errors.Is(err, io.EOF):
		text := trim(line)
		if len(text) == 0 || !l.whole(text) {
			l.half = l.half || len(text) > 0
			return io.EOF
		}
	case err != nil:
		return err
	}
	l.take(line)
	if text := trim(line); len(text) > 0 {
		c.add(text)
	}
	return nil
}

// addLong reads a line to its end without keeping it, and adds its beginning.
func (l *lines) addLong(c *Chunk, line []byte) error {
	begin := bytes.Clone(trim(line[:longHead]))
	for {
		l.take(line)
		if bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		var err error
		if line, err = l.r.ReadSlice('\n'); err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			l.half = errors.Is(err, io.EOF)
			return err
		}
	}
	c.Cut = append(c.Cut, c.lines)
	c.add(begin)
	return nil
}

func (l *lines) take(read []byte) {
	l.hash.Write(read)
	l.header.Write(read) //nolint:errcheck // it never fails
	l.at += int64(len(read))
}

func (c *Chunk) add(text []byte) {
	c.Lines = append(append(c.Lines, text...), '\n')
	c.lines++
}
