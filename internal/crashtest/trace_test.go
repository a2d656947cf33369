//go:build linux

package crashtest_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// traced are the calls that a trace has to have: what changes files, what makes
// that durable, and what is read from and written to sockets. Some of them the
// program does not use on its files; a trace with one fails, as what it did
// would be unknown.
const traced = "openat,open,creat,close,lseek,read,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendfile,copy_file_range," +
	"ftruncate,truncate,fallocate,sync_file_range,fsync,fdatasync,rename,renameat,renameat2,link,linkat,symlink,symlinkat," +
	"unlink,unlinkat,rmdir,mkdir,mkdirat"

// traceArgs is the command below which a program writes down such calls, with
// all that it writes.
func traceArgs(log string) []string {
	return []string{"strace", "-f", "-qq", "--seccomp-bpf", "-y", "-s", "4194304", "-o", log, "-e", "trace=" + traced, "-e", "signal=none"}
}

// A kind is what a step of a trace does.
type kind uint8

const (
	opens     kind = iota // makes a file, or empties it
	writes                // begins to write
	wrote                 // a write has returned
	truncates             // changes the size
	syncs                 // begins to sync
	synced                // a sync has returned
	renames
	unlinks
	mkdirs
	answers // begins to write an answer to a delivery
)

// A step is one thing that a traced program did to a file or a sender.
type step struct {
	kind     kind
	path, to string // the file, and its new name
	call     int    // joins the begin of a call with its end
	off      int64  // of a write, or a new size
	data     []byte
	key      string // what the delivery that is answered was about
	status   int
}

// A tracer reads what strace wrote.
type tracer struct {
	dir   string // whose files are of interest
	steps []step

	calls  int
	open   map[string]string // by thread: a call that has begun
	number map[string]int    // by thread: its number
	offset map[string]int64  // by descriptor
	asked  map[string]string // by socket: the request that is not answered yet
}

// readTrace returns what a program did to the files below a folder, and to
// senders. Threads are in the order in which strace saw them: what a thread does
// because another's call has returned stands behind that.
func readTrace(log, dir string) ([]step, error) {
	f, err := os.Open(log)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t := &tracer{dir: dir, open: map[string]string{}, number: map[string]int{}, offset: map[string]int64{}, asked: map[string]string{}}
	r := bufio.NewReaderSize(f, 1<<20)
	for n := 1; ; n++ {
		line, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) { // what is cut was cut by a kill
			return t.steps, nil
		}
		if err == nil {
			err = t.line(strings.TrimSuffix(line, "\n"))
		}
		if err != nil {
			return nil, fmt.Errorf("line %d of the trace: %w: %.300s", n, err, line)
		}
	}
}

const unfinished = " <unfinished ...>"

var resumed = regexp.MustCompile(`^<\.\.\. \w+ resumed>`)

func (t *tracer) line(line string) error {
	thread, rest, ok := strings.Cut(line, " ")
	if rest = strings.TrimLeft(rest, " "); !ok || strings.HasPrefix(rest, "+++") || strings.HasPrefix(rest, "---") {
		return nil
	}
	if text, cut := strings.CutSuffix(rest, unfinished); cut {
		t.calls++
		t.open[thread], t.number[thread] = text, t.calls
		return t.call(text, t.calls, true, false)
	}
	if again := resumed.FindString(rest); again != "" {
		text := t.open[thread] + rest[len(again):]
		delete(t.open, thread)
		return t.call(text, t.number[thread], false, true)
	}
	t.calls++
	return t.call(rest, t.calls, true, true)
}

// call adds the steps of the begin and the end of a call, or one of them.
func (t *tracer) call(text string, number int, begins, ends bool) error {
	name, args, answer, err := splitCall(text)
	if err != nil {
		return err
	}
	result, failed := int64(0), true
	if ends {
		word, _, _ := strings.Cut(strings.TrimLeft(answer, " =")+" ", " ")
		word, _, _ = strings.Cut(word, "<")
		if n, err := strconv.ParseInt(word, 10, 64); err == nil {
			result, failed = n, n < 0
		}
	}
	done := ends && !failed
	fd, path := "", ""
	if len(args) > 0 {
		fd, path = descriptor(args[0])
	}
	switch name {
	case "read":
		if done && strings.HasPrefix(path, "socket:") && len(args) > 1 {
			t.asks(path, unquote(args[1]))
		}
		return nil
	case "lseek":
		if done {
			t.offset[fd] = result
		}
		return nil
	case "close":
		return nil
	case "write", "pwrite64":
		return t.write(name, fd, path, args, number, begins, ends)
	case "fsync", "fdatasync":
		if begins && t.inside(path) {
			t.add(step{kind: syncs, path: path, call: number})
		}
		if done && t.inside(path) {
			t.add(step{kind: synced, path: path, call: number})
		}
		return nil
	case "ftruncate":
		if begins && t.inside(path) {
			size, err := strconv.ParseInt(args[1], 10, 64)
			t.add(step{kind: truncates, path: path, off: size})
			return err
		}
		return nil
	}
	if !done {
		return nil
	}
	return t.name(name, args, answer)
}

// name adds the steps of the calls that change names.
func (t *tracer) name(name string, args []string, answer string) error {
	switch name {
	case "open", "openat":
		fd, path := descriptor(strings.TrimLeft(answer, " ="))
		t.offset[fd] = 0
		flags := args[1]
		if name == "openat" {
			flags = args[2]
		}
		if !t.inside(path) || !strings.Contains(flags, "O_CREAT") && !strings.Contains(flags, "O_TRUNC") {
			return nil
		}
		if strings.Contains(flags, "O_APPEND") {
			return errors.New("a file of the folder is appended to")
		}
		s := step{kind: opens, path: path}
		if strings.Contains(flags, "O_TRUNC") {
			s.status = 1
		}
		t.add(s)
	case "rename":
		t.two(renames, resolve("", args[0]), resolve("", args[1]))
	case "renameat", "renameat2":
		t.two(renames, resolve(args[0], args[1]), resolve(args[2], args[3]))
	case "unlink", "rmdir":
		t.two(unlinks, resolve("", args[0]), "")
	case "unlinkat":
		t.two(unlinks, resolve(args[0], args[1]), "")
	case "mkdir":
		t.two(mkdirs, resolve("", args[0]), "")
	case "mkdirat":
		t.two(mkdirs, resolve(args[0], args[1]), "")
	default:
		for _, a := range args {
			if _, path := descriptor(a); t.inside(path) || t.inside(unquote(a)) {
				return errors.New("this rig does not know what that call does")
			}
		}
	}
	return nil
}

func (t *tracer) add(s step) { t.steps = append(t.steps, s) }

func (t *tracer) two(k kind, path, to string) {
	if t.inside(path) || t.inside(to) {
		t.add(step{kind: k, path: path, to: to})
	}
}

// inside reports whether a path is the folder or below it. The index of the WAL
// is memory that happens to have a name: no start after a power cut reads it.
// What has no name any more nobody reads either.
func (t *tracer) inside(path string) bool {
	return (path == t.dir || strings.HasPrefix(path, t.dir+"/")) && !strings.HasSuffix(path, "-shm") && !strings.HasSuffix(path, " (deleted)")
}

func (t *tracer) write(name, fd, path string, args []string, number int, begins, ends bool) error {
	if strings.HasPrefix(path, "socket:") {
		if begins {
			t.answer(path, []byte(unquote(args[1])))
		}
		return nil
	}
	if !t.inside(path) {
		return nil
	}
	if begins {
		if strings.HasSuffix(args[1], "...") {
			return errors.New("what was written is not all there")
		}
		data := []byte(unquote(args[1]))
		off := t.offset[fd]
		if name == "pwrite64" {
			var err error
			if off, err = strconv.ParseInt(args[3], 10, 64); err != nil {
				return err
			}
		} else {
			t.offset[fd] += int64(len(data))
		}
		t.add(step{kind: writes, path: path, call: number, off: off, data: data})
	}
	if ends {
		t.add(step{kind: wrote, path: path, call: number})
	}
	return nil
}

var delivery = regexp.MustCompile(`^POST /callback(?s:.*)(?:"event-id":"([^"]+)"|(bad-[0-9]+) )`)

// asks notes what came over a socket. A request comes in parts.
func (t *tracer) asks(socket, text string) { t.asked[socket] += text }

func (t *tracer) answer(socket string, text []byte) {
	status, ok := strings.CutPrefix(string(text[:min(len(text), 12)]), "HTTP/1.1 ")
	if !ok {
		return
	}
	if m := delivery.FindStringSubmatch(t.asked[socket]); m != nil {
		n, _ := strconv.Atoi(status)
		t.add(step{kind: answers, key: m[1] + m[2], status: n})
	}
	delete(t.asked, socket)
}

// splitCall takes `name(arg, arg) = answer` apart; of a call that has not
// returned there is the first part alone.
func splitCall(text string) (name string, args []string, answer string, err error) {
	at := strings.IndexByte(text, '(')
	if at < 0 {
		return "", nil, "", errors.New("not a call")
	}
	name, text = text[:at], text[at+1:]
	from, depth := 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '<': // the path of a descriptor
			if end := strings.IndexByte(text[i:], '>'); end > 0 {
				i += end
			}
		case '[', '{', '(':
			depth++
		case ']', '}':
			depth--
		case ')':
			if depth--; depth < 0 {
				return name, append(args, strings.TrimSpace(text[from:i])), text[i+1:], nil
			}
		case ',':
			if depth == 0 {
				args = append(args, strings.TrimSpace(text[from:i]))
				from = i + 1
			}
		}
	}
	if from < len(text) {
		args = append(args, strings.TrimSpace(text[from:]))
	}
	return name, args, "", nil
}

// descriptor takes `9</path>` apart.
func descriptor(arg string) (fd, path string) {
	fd, path, _ = strings.Cut(arg, "<")
	if end := strings.LastIndexByte(path, '>'); end >= 0 {
		path = path[:end] + path[end+1:]
	}
	return fd, path
}

// resolve returns the path that a call names below a folder that is open.
func resolve(dir, name string) string {
	name = unquote(name)
	if !filepath.IsAbs(name) && dir != "" {
		_, at := descriptor(dir)
		name = filepath.Join(at, name)
	}
	return filepath.Clean(name)
}

// unquote reads a string as strace writes it.
func unquote(s string) string {
	s = strings.TrimSuffix(s, "...")
	if len(s) < 2 || s[0] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '\\' || i+1 == len(s) {
			b = append(b, c)
			continue
		}
		i++
		switch c = s[i]; {
		case c >= '0' && c <= '7':
			v := 0
			for end := min(i+3, len(s)); i < end && s[i] >= '0' && s[i] <= '7'; i++ {
				v = v*8 + int(s[i]-'0')
			}
			i--
			b = append(b, byte(v))
		default:
			if at := strings.IndexByte("tnvfr", c); at >= 0 {
				c = "\t\n\v\f\r"[at]
			}
			b = append(b, c)
		}
	}
	return string(b)
}
