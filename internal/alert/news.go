package alert

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/pkgmeter/pkgmeter"
)

// News is what is told of one thing that happened. Its JSON is what webhooks get as
// their data.
type News struct {
	Watch string   `json:"watch"`
	Kind  Kind     `json:"kind"`
	Title string   `json:"title"`
	Lines []string `json:"lines,omitempty"`
	URL   string   `json:"url"` // of the view that explains it

	Day    string   `json:"day,omitempty"`
	Value  *int64   `json:"value,omitempty"`
	Usual  *float64 `json:"usual,omitempty"`
	Source string   `json:"source,omitempty"`
	Names  []string `json:"names,omitempty"` // of versions or consumers, as they are

	Week *Week `json:"week,omitempty"` // of a digest

	key  string // names what happened
	path string // of the view, below the public address
}

// payload is the body of a webhook, as Standard Webhooks has it.
type payload struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      News      `json:"data"`
}

// notices makes a notice of news for each receiver.
func (a *Alerts) notices(w Watch, news []*News) (all []pkgmeter.Notice, err error) {
	now := a.opt.Now().UTC()
	ask, err := json.Marshal(w.Ask)
	if err != nil {
		return nil, err
	}
	of := "@" + digest(string(w.Kind)+string(ask)) // what the watch was changed to has told nothing yet
	for _, n := range news {
		n.Watch, n.Kind, n.URL = plain(w.Name), w.Kind, a.opt.PublicURL+n.path
		n.Title = plain(n.Title)
		for i, l := range n.Lines {
			n.Lines[i] = plain(l)
		}
		typ := "alert." + string(w.Kind)
		if strings.HasPrefix(n.key, "test:") {
			typ = "alert.test"
		}
		body, err := json.Marshal(payload{typ, now, *n})
		if err != nil {
			return nil, err
		}
		for _, t := range w.Targets {
			all = append(all, pkgmeter.Notice{WatchID: w.ID, Key: n.key + of, Target: t.id(), UID: "msg_" + rand.Text(), At: now, Body: string(body)})
		}
	}
	return all, nil
}

// ReadNews reads the body of a notice.
func ReadNews(body string) (News, error) {
	var p payload
	err := json.Unmarshal([]byte(body), &p)
	return p.Data, err
}

// maxPlain bounds a line of text, in bytes: names can be long.
const maxPlain = 400

// plain makes one line of text that shows all there is in it: names come from
// outside, and must neither end a header, nor turn the direction of what follows,
// nor hide.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == ' ':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) > maxPlain {
		s = pkgmeter.Cut(s, maxPlain-3) + "…"
	}
	return s
}

// short is plain for a name among others in a line.
func short(name string) string {
	const most = 120
	name = plain(name)
	if len(name) > most {
		name = pkgmeter.Cut(name, most-3) + "…"
	}
	return name
}

// listed joins names, of which it shows the first.
func listed(names []string, most int) string {
	var b strings.Builder
	for i, n := range names {
		if i == most {
			b.WriteString(" and " + strconv.Itoa(len(names)-most) + " more")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(short(n))
	}
	return b.String()
}

// number writes a number with thin spaces between thousands.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

func decimal(f float64) string {
	if f == float64(int64(f)) {
		return number(int64(f))
	}
	return strconv.FormatFloat(f, 'f', 1, 64)
}

// digest is a short name of a text that is too long to remember.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
