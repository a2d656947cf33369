package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

const (
	dialTimeout    = 5 * time.Second
	requestTimeout = 30 * time.Second
)

// client is one keep-alive connection. It is used instead of net/http's as
// that costs several times as much, which the server would then lack.
type client struct {
	address string
	conn    net.Conn
	r       *bufio.Reader
	armed   time.Time // when the deadline was last set
}

// connect makes the connection, unless it stands.
func (c *client) connect(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	d := net.Dialer{Timeout: dialTimeout}
	conn, err := d.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return err
	}
	c.conn, c.armed = conn, time.Time{}
	if c.r == nil {
		c.r = bufio.NewReaderSize(conn, 4<<10)
	} else {
		c.r.Reset(conn)
	}
	return nil
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// do sends a whole request and reads the whole answer. After an error the
// connection is gone.
func (c *client) do(request []byte, now time.Time) (status int, err error) {
	// Setting a deadline costs a timer: it need not be exact.
	if now.Sub(c.armed) > time.Second {
		c.armed = now
		err = c.conn.SetDeadline(now.Add(requestTimeout))
	}
	if err == nil {
		_, err = c.conn.Write(request)
	}
	stays := false
	if err == nil {
		status, stays, err = c.answer()
	}
	if err != nil || !stays {
		c.close()
	}
	return status, err
}

// answer reads an answer and reports whether the connection stays.
func (c *client) answer() (status int, stays bool, err error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, false, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, false, fmt.Errorf("not an answer: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, false, err
	}
	length, stays := -1, true
	for {
		line, err = c.r.ReadSlice('\n')
		if err != nil {
			return 0, false, err
		}
		if len(line) <= 2 {
			break
		}
		if v, ok := header(line, "Content-Length"); ok {
			if length, err = strconv.Atoi(string(v)); err != nil {
				return 0, false, err
			}
		} else if v, ok := header(line, "Connection"); ok {
			stays = !bytes.EqualFold(v, []byte("close"))
		}
	}
	if length < 0 {
		return 0, false, errors.New("an answer without Content-Length")
	}
	if _, err = c.r.Discard(length); errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return status, stays, err
}

// header returns the value of a header line if the header is the named one.
func header(line []byte, name string) ([]byte, bool) {
	n := len(name)
	if len(line) <= n || line[n] != ':' || !bytes.EqualFold(line[:n], []byte(name)) {
		return nil, false
	}
	return bytes.TrimSpace(line[n+1:]), true
}
