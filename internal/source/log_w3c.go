package source

import (
	"bytes"
	"time"
)

// A logColumn is a field of a log that names its fields.
type logColumn uint8

const (
	noColumn logColumn = iota
	dateColumn
	timeColumn
	methodColumn
	stemColumn
	statusColumn
	bytesColumn
	agentColumn
	requestIDColumn
	rangeColumn
	addressColumn
	accountColumn
	logColumnCount
)

func logColumnOf(name []byte) logColumn {
	switch string(name) {
	case "date":
		return dateColumn
	case "time":
		return timeColumn
	case "cs-method":
		return methodColumn
	case "cs-uri-stem", "cs-uri":
		return stemColumn
	case "sc-status":
		return statusColumn
	case "sc-bytes":
		return bytesColumn
	case "cs(User-Agent)":
		return agentColumn
	case "x-edge-request-id":
		return requestIDColumn
	case "sc-range-start":
		return rangeColumn
	case "c-ip":
		return addressColumn
	case "cs-username":
		return accountColumn
	}
	return noColumn
}

// logColumns are the fields that the header lines say.
type logColumns struct {
	order []logColumn
	date  string // of lines that have only a time
	value [logColumnCount][]byte
}

// header takes in a line that begins with #.
func (c *logColumns) header(line []byte) {
	if names, ok := bytes.CutPrefix(line, []byte("#Fields:")); ok {
		c.order = c.order[:0]
		for name := range bytes.FieldsSeq(names) {
			c.order = append(c.order, logColumnOf(name))
		}
	}
	if date, ok := bytes.CutPrefix(line, []byte("#Date:")); ok {
		day, _, _ := bytes.Cut(bytes.TrimSpace(date), []byte(" "))
		c.date = string(day)
	}
}

// split finds the fields of a line, which is tabs or spaces apart.
func (c *logColumns) split(line []byte) error {
	if len(c.order) == 0 {
		return errNoFields
	}
	clear(c.value[:])
	separator := byte(' ')
	if bytes.IndexByte(line, '\t') >= 0 {
		separator = '\t'
	}
	n := 0
	for len(line) > 0 {
		if separator == ' ' && line[0] == ' ' {
			line = line[1:]
			continue
		}
		var field []byte
		field, line = cutColumn(line, separator)
		if n == len(c.order) {
			return errFieldCount
		}
		c.value[c.order[n]] = field
		n++
	}
	if n != len(c.order) {
		return errFieldCount
	}
	return nil
}

// cutColumn splits off a field. One in quotes has them doubled inside.
func cutColumn(line []byte, separator byte) (field, rest []byte) {
	if separator == ' ' && line[0] == '"' {
		for i := 1; i < len(line); i++ {
			if line[i] != '"' {
				continue
			}
			if i+1 < len(line) && line[i+1] == '"' {
				i++
				continue
			}
			return bytes.ReplaceAll(line[1:i], []byte(`""`), []byte(`"`)), line[min(i+2, len(line)):]
		}
	}
	if i := bytes.IndexByte(line, separator); i >= 0 {
		return line[:i], line[i+1:]
	}
	return line, nil
}

// said makes s what the fields say.
func (r *LogReader) columnsSaid(s *logSaid) error {
	v := &r.columns.value
	date := v[dateColumn]
	if len(date) == 0 {
		date = []byte(r.columns.date)
	}
	if !r.clock.isoDate(date) {
		return errNoTime
	}
	seconds, ok := logSeconds(v[timeColumn])
	if !ok {
		return errNoTime
	}
	s.time = time.Unix(r.clock.from+seconds, 0).UTC()
	s.method, s.target = logOrNone(v[methodColumn]), logOrNone(v[stemColumn])
	s.status, s.bytes, s.agent = v[statusColumn], v[bytesColumn], v[agentColumn]
	s.address, s.account = v[addressColumn], v[accountColumn]
	s.id, s.fromZero = v[requestIDColumn], string(v[rangeColumn]) == "0"
	if len(s.target) == 0 || len(s.method) > 0 && !isMethod(s.method) {
		return errNoRequest
	}
	return nil
}

// readW3C reads the extended log format, as IIS writes it: times are in UTC, and
// a plus in the agent stands for a space.
func readW3C(r *LogReader, line []byte, s *logSaid) error {
	if len(line) > 0 && line[0] == '#' {
		r.columns.header(line)
		return ErrHeader
	}
	if err := r.columns.split(line); err != nil {
		return err
	}
	if err := r.columnsSaid(s); err != nil {
		return err
	}
	if bytes.IndexByte(s.agent, ' ') < 0 {
		s.agent = bytes.ReplaceAll(s.agent, []byte("+"), []byte(" "))
	}
	return nil
}

// readCloudFront reads CloudFront's standard log, of tabs or of JSON. Paths and
// agents are encoded once more than they came.
func readCloudFront(r *LogReader, line []byte, s *logSaid) error {
	switch {
	case len(line) > 0 && line[0] == '#':
		r.columns.header(line)
		return ErrHeader
	case len(line) > 0 && line[0] == '{':
		if err := r.json.read(line, cloudFrontNames); err != nil {
			return err
		}
		for c := range r.columns.value {
			r.columns.value[c] = r.json.text(logField(c))
		}
	default:
		if err := r.columns.split(line); err != nil {
			return err
		}
	}
	if err := r.columnsSaid(s); err != nil {
		return err
	}
	s.target, s.agent = bytes.ReplaceAll(logPercent(s.target), []byte("?"), []byte("%3F")), logPercent(s.agent)
	return nil
}

// cloudFrontNames are those of the columns: so are the fields.
func cloudFrontNames(in logField, key []byte) logField {
	if in != ofNothing {
		return ofNothing
	}
	return logField(logColumnOf(key))
}

// looksW3C looks for the line that names the fields.
func looksW3C(line []byte) bool {
	var c logColumns
	c.header(line)
	has := [logColumnCount]bool{}
	for _, column := range c.order {
		has[column] = true
	}
	return has[stemColumn] && has[timeColumn]
}

func looksCloudFront(line []byte) bool {
	if bytes.HasPrefix(line, []byte("{")) {
		return bytes.Contains(line, []byte(`"cs-uri-stem"`)) && bytes.Contains(line, []byte(`"sc-status"`))
	}
	return looksW3C(line) && bytes.Contains(line, []byte("x-edge-"))
}

// wholeNever is for lines whose end cannot be told from a cut.
func wholeNever([]byte) bool { return false }

// maskColumns keeps of the fields only what cannot name a person: paths,
// numbers, dates and methods. Which field is which may be what is wrong.
func maskColumns(line []byte) []byte {
	if bytes.HasPrefix(line, []byte("{")) || bytes.HasPrefix(line, []byte("#")) {
		return line
	}
	separator := []byte(" ")
	if bytes.IndexByte(line, '\t') >= 0 {
		separator = []byte("\t")
	}
	fields := bytes.Split(line, separator)
	for i, f := range fields {
		if len(f) > 1 && f[0] != '/' && len(bytes.Trim(f, "0123456789-:")) > 0 && !bytes.Equal(f, bytes.ToUpper(f)) {
			fields[i] = []byte(masked)
		}
	}
	return bytes.Join(fields, separator)
}
