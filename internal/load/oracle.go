package load

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// An Outcome is what a sender knows of an event.
type Outcome uint8

// The outcomes, in ascending order of what one request may add to another for
// the same id.
const (
	Refused  Outcome = iota // the server said that it is not stored
	Unknown                 // no answer, or one that says nothing: stored or not
	Acked                   // the server said that it is stored
	outcomes                // how many there are
)

// A line of the oracle is a sign, a space, the event's key and, behind a
// refusal, its status. The sign of the intention stands there before the
// request goes out, the other one after its end.
const intended = '>'

var signs = [outcomes]byte{Refused: '-', Unknown: '?', Acked: '+'}

// plainKey begins the keys of events without an id. Ids begin with
// Config.Process, which must differ.
const plainKey = "plain"

// oracle writes each line with one write(2) at the end of the file: as long as
// the machine lives nothing is lost, and lines of senders do not mix.
type oracle struct{ f *os.File }

func openOracle(path string) (*oracle, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("load: open the oracle: %w", err)
	}
	return &oracle{f}, nil
}

func (o *oracle) write(line []byte) error {
	_, err := o.f.Write(line)
	return err
}

func (o *oracle) close() error {
	if o == nil {
		return nil
	}
	return o.f.Close()
}

func appendLine(b []byte, sign byte, key string, status int) []byte {
	b = append(append(b, sign, ' '), key...)
	if sign == signs[Refused] {
		b = strconv.AppendInt(append(b, ' '), int64(status), 10)
	}
	return append(b, '\n')
}

// Outcomes is what an oracle file says.
type Outcomes struct {
	// IDs has each id that was sent, with the best outcome of its requests: one
	// acknowledgement is enough. A request without an outcome is Unknown.
	IDs map[string]Outcome

	// Plain counts the events without an id by outcome.
	Plain [outcomes]int
}

// ReadOracle reads an oracle file, which may still be written to: a last line
// that is not complete is left out.
func ReadOracle(path string) (Outcomes, error) {
	f, err := os.Open(path)
	if err != nil {
		return Outcomes{}, fmt.Errorf("load: read the oracle: %w", err)
	}
	defer f.Close()
	ids, plain := map[string]state{}, map[string]state{}
	r := bufio.NewReaderSize(f, 1<<20)
	for n := 1; ; n++ {
		line, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return outcomesOf(ids, plain), nil
		}
		if err != nil {
			return Outcomes{}, fmt.Errorf("load: read the oracle: %w", err)
		}
		to := ids
		if strings.HasPrefix(line[min(2, len(line)):], plainKey+"-") {
			to = plain
		}
		if !note(to, line) {
			return Outcomes{}, fmt.Errorf("load: line %d of the oracle is damaged: %q", n, line)
		}
	}
}

// state is what is known of a key. One sender has it, so its requests do not
// overlap.
type state struct {
	best Outcome
	open bool // a request was begun that has no outcome yet
}

func (s state) outcome() Outcome {
	if s.open {
		return max(s.best, Unknown)
	}
	return s.best
}

func outcomesOf(ids, plain map[string]state) Outcomes {
	out := Outcomes{IDs: make(map[string]Outcome, len(ids))}
	for key, s := range ids {
		out.IDs[key] = s.outcome()
	}
	for _, s := range plain {
		out.Plain[s.outcome()]++
	}
	return out
}

// note adds what a line says, and reports whether it could be read.
func note(to map[string]state, line string) bool {
	fields := strings.Fields(line)
	if len(fields) < 2 || len(fields[0]) != 1 {
		return false
	}
	sign, key := fields[0][0], fields[1]
	if sign == intended {
		to[key] = state{best: to[key].outcome(), open: true}
		return true
	}
	for o, s := range signs {
		if s == sign {
			to[key] = state{best: max(to[key].best, Outcome(o))}
			return true
		}
	}
	return false
}
