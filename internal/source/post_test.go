package source_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// A poster is a sender under test.
type poster struct {
	name   string // of its payloads
	decode func(source.Post) (source.Decoded, error)
	list   string // the member of the body that holds the items, if one does
}

var (
	distribution = poster{"distribution", source.Distribution, "events"}
	harbor       = poster{"harbor", source.Harbor, ""}
	composer     = poster{"composer", source.Composer, "downloads"}
	cloudEvents  = poster{"cloudevents", source.CloudEvents, ""}
	posters      = []poster{distribution, harbor, composer, cloudEvents}
)

// most is how many items the posts of the tests may have.
const most = 20

func (p poster) read(t *testing.T, body string, headers ...string) source.Decoded {
	t.Helper()
	d, err := p.decode(post(body, headers...))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return d
}

// post returns a post; headers are names and values in turn.
func post(body string, headers ...string) source.Post {
	return source.Post{
		Source: "kind:ann", Body: []byte(body), Received: now, Most: most,
		Header: func(name string) string {
			for i := 0; i < len(headers); i += 2 {
				if headers[i] == name {
					return headers[i+1]
				}
			}
			return ""
		},
	}
}

func (p poster) payloads(tb testing.TB) map[string]string {
	tb.Helper()
	files, err := filepath.Glob("testdata/" + p.name + "/*")
	if err != nil || len(files) == 0 {
		tb.Fatal("no payloads", err)
	}
	m := map[string]string{}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		m[filepath.Base(name)] = string(b)
	}
	return m
}

func (p poster) corpus(tb testing.TB) (list []string) {
	tb.Helper()
	for _, body := range p.payloads(tb) {
		list = append(list, body)
	}
	return list
}

// digests are those in the payloads.
var digests = strings.NewReplacer(
	"sha256:a172cedcae47474b615c54d510a5d84a8dea3032e958587430b413538be3f333", "APP",
	"sha256:81d93757457f988523814ae0009837ae893f38d3fe123f2c37896f118b4c7804", "DEBIAN",
	"sha256:aa934d11373a9be26781639e036866c739f262d7aa4134cf8bb685090d7b2cb1", "AMD64",
	"sha256:af3fe2cf543a71d26c2475cb626a50058dbc7f367dc16a936b9c5b5803d3595d", "INDEX",
	"sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85", "LAYER",
	"3f0c8a52-7d1e-4b7a-9d1c-", "#", "sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa", "OTHER",
)

// spell writes what was said, one item to a line: the operation, the file, and
// what else an event has.
func spell(d source.Decoded) string {
	var lines []string
	for _, e := range d.Events {
		s := e.Op.String() + " " + e.Path
		for _, more := range []struct{ name, value string }{
			{"repository", e.Repository}, {"hint", e.Hint}, {"id", e.ID}, {"agent", strings.SplitN(e.Agent, "/", 2)[0]},
		} {
			if more.value != "" {
				s += " " + more.name + "=" + more.value
			}
		}
		if e.Bytes > 0 {
			s += fmt.Sprint(" bytes=", e.Bytes)
		}
		if e.Flags > 0 {
			s += fmt.Sprint(" flags=", e.Flags)
		}
		if !e.Time.Equal(now) {
			s += " at=" + e.Time.Format(time.RFC3339)
		}
		lines = append(lines, strings.ReplaceAll(digests.Replace(s), " at=2026-03-01T11:58:0", " at="))
	}
	for _, r := range d.Refused {
		lines = append(lines, fmt.Sprintf("%d: %s", r.Index, r.Error))
	}
	return strings.Join(lines, "\n")
}

// checkSaid compares what was said with what is wanted, one item to a line.
func checkSaid(t *testing.T, d source.Decoded, want string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(want) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if got := spell(d); got != strings.Join(lines, "\n") {
		t.Errorf("said\n%s\nwant\n%s", got, strings.Join(lines, "\n"))
	}
}

// checkPayloads reads each payload of a sender, and wants no other ones.
func (p poster) checkPayloads(t *testing.T, want map[string]string) {
	t.Helper()
	payloads := p.payloads(t)
	if len(payloads) != len(want) {
		t.Errorf("%d payloads, %d wanted", len(payloads), len(want))
	}
	for name, said := range want {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := p.read(t, payloads[name], "User-Agent", "Composer/2.7.1 (Linux; CI)")
			checkSaid(t, d, said)
			if len(d.Rejects) != 0 {
				t.Errorf("rejects %q", d.Rejects)
			}
		})
	}
}

// secrets are the people and addresses in the payloads, or enough of them.
var secrets = []string{"ada.l", "192.0.2", "2001:db8", "acme+deploy", "test+ci"}

func secretIn(text string) string {
	for _, s := range secrets {
		if strings.Contains(text, s) {
			return s
		}
	}
	return ""
}

// output is all that leaves a decoder and is kept or told.
func output(d source.Decoded) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%+v %+v ", d.Events, d.Refused)
	for _, r := range d.Rejects {
		fmt.Fprintf(&b, "%s %s %s %s\n", r.Source, r.Kind, r.Reason, r.Body)
	}
	return b.String()
}

// hidesSecrets reports whether people and addresses stand only where they
// belong, under the names that mean them.
func hidesSecrets(v any) bool {
	switch v := v.(type) {
	case string:
		return secretIn(v) == ""
	case []any:
		for _, item := range v {
			if !hidesSecrets(item) {
				return false
			}
		}
	case []source.Member:
		for _, m := range v {
			switch m.Name {
			case "actor", "addr", "operator", "consumer":
				continue
			}
			if secretIn(m.Name) != "" || !hidesSecrets(m.Value) {
				return false
			}
		}
	}
	return true
}

// check holds a decoder to what it promises for any body.
func (p poster) check(t *testing.T, body []byte, headers ...string) {
	t.Helper()
	original := bytes.Clone(body)
	in := post("", headers...)
	in.Body = body
	d, err := p.decode(in)
	if !bytes.Equal(body, original) {
		t.Fatalf("%q was changed to %q", original, body)
	}
	if err != nil {
		if pkgmeter.CodeOf(err) != pkgmeter.TooLarge || d.Events != nil || d.Rejects != nil || d.Refused != nil {
			t.Fatalf("%q: %v beside %+v", body, err, d)
		}
		return
	}
	checkPosted(t, body, d)
	checkRefused(t, body, d)
	p.checkItems(t, body, d)
	if v, err := source.Parse(bytes.TrimPrefix(body, []byte("\ufeff"))); err == nil && hidesSecrets(v) {
		if s := secretIn(output(d)); s != "" {
			t.Fatalf("%q\nshows %s in %s", body, s, output(d))
		}
	}
}

func checkPosted(t *testing.T, body []byte, d source.Decoded) {
	t.Helper()
	for _, e := range d.Events {
		again := e
		if err := again.Settle(now); err != nil || !again.Time.Equal(e.Time) || again.Flags != e.Flags {
			t.Fatalf("%q: event %+v settles as %+v, %v", body, e, again, err)
		}
		if e.Source != "kind:ann" || e.Path == "" && e.Hint == "" || strings.ContainsRune(e.Path+e.Hint+e.ID+e.Agent+e.Repository, 0) || e.Consumer != "" {
			t.Fatalf("%q: event %+v", body, e)
		}
	}
	last := -1
	for _, pull := range d.Pulls {
		if pull.Event <= last || pull.Event >= len(d.Events) || d.Events[pull.Event].Op != pkgmeter.Get || pull.Image == "" || pull.Client == [16]byte{} {
			t.Fatalf("%q: pull %+v", body, pull)
		}
		last = pull.Event
	}
}

func checkRefused(t *testing.T, body []byte, d source.Decoded) {
	t.Helper()
	total, last := len(d.Events)+len(d.Refused), -1
	for _, r := range d.Refused {
		if r.Index <= last || r.Index >= total || r.Error == "" || strings.ContainsAny(r.Error, "\n\x00") {
			t.Fatalf("%q: refused %+v of %d", body, r, total)
		}
		last = r.Index
	}
	if kept := len(d.Refused) - d.Skipped; kept != len(d.Rejects) {
		t.Fatalf("%q: %d rejects for %d refused items", body, len(d.Rejects), kept)
	}
	for _, r := range d.Rejects {
		if r.Source != "kind:ann" || r.Kind != "hook" || r.Reason == "" || strings.Contains(r.Reason, "\n") || r.Body == nil {
			t.Fatalf("%q: reject %+v", body, r)
		}
	}
}

// checkItems counts the items with another reader of JSON.
func (p poster) checkItems(t *testing.T, body []byte, d source.Decoded) {
	t.Helper()
	n := len(d.Events) + len(d.Refused)
	var members map[string]json.RawMessage
	var list []json.RawMessage
	if p.list == "" {
		if n == 0 && json.Unmarshal(body, &list) != nil {
			t.Fatalf("%q: nothing is said", body)
		}
		return
	}
	if json.Unmarshal(body, &members) != nil || json.Unmarshal(members[p.list], &list) != nil || list == nil {
		if n == 0 && !bytes.Contains(body, []byte("null")) {
			t.Fatalf("%q: nothing is said", body)
		}
		return
	}
	if n != len(list) && n != 1 { // 1: what the other reader takes is nested too deep, or no UTF-8
		t.Fatalf("%q: %d items became %d", body, len(list), n)
	}
}

func fuzz(f *testing.F, p poster) {
	for _, body := range append(p.corpus(f), scannerCorpus...) {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) { p.check(t, body) })
}

func FuzzDistribution(f *testing.F) { fuzz(f, distribution) }
func FuzzHarbor(f *testing.F)       { fuzz(f, harbor) }
func FuzzComposer(f *testing.F)     { fuzz(f, composer) }

func FuzzCloudEvents(f *testing.F) {
	for _, body := range append(cloudEvents.corpus(f), scannerCorpus...) {
		f.Add([]byte(body), "")
	}
	f.Add([]byte(`{"path":"a.jar","consumer":"ada.lovelace"}`), "A-%20")
	f.Fuzz(func(t *testing.T, body []byte, id string) {
		cloudEvents.check(t, body, "Ce-Id", id, "Ce-Source", "urn:x", "Ce-Specversion", id)
	})
}

func TestMutatedPostsKeepTheContract(t *testing.T) {
	t.Parallel()
	for _, p := range posters {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			payloads := append(p.corpus(t), scannerCorpus...)
			rnd := rand.New(rand.NewPCG(7, 8))
			for range 20_000 {
				p.check(t, mutate(rnd, payloads))
			}
		})
	}
}

func TestACutPostShowsNobody(t *testing.T) {
	t.Parallel()
	for _, p := range posters {
		for name, body := range p.payloads(t) {
			for i := range len(body) {
				d := p.read(t, body[:i])
				if s := secretIn(output(d)); s != "" {
					t.Fatalf("%s, cut at %d: %s in %s", name, i, s, output(d))
				}
			}
		}
	}
}

func TestAPostOfTooManyItemsIsRefusedWhole(t *testing.T) {
	t.Parallel()
	items := func(n int) string { return strings.Repeat("{},", n-1) + "{}" }
	for _, p := range []struct {
		poster
		body string
	}{
		{distribution, `{"events":[%s]}`},
		{harbor, `{"type":"PULL_ARTIFACT","event_data":{"resources":[%s]}}`},
		{composer, `{"downloads":[%s]}`},
		{cloudEvents, `[%s]`},
		{poster{name: "cloudrepo", decode: func(p source.Post) (source.Decoded, error) {
			return source.Mapping{}.CloudRepoPost(p, "")
		}}, `[%s]`},
	} {
		if d := p.read(t, fmt.Sprintf(p.body, items(most))); len(d.Refused) != most {
			t.Errorf("%s: %d refused", p.name, len(d.Refused))
		}
		if _, err := p.decode(post(fmt.Sprintf(p.body, items(most+1)))); pkgmeter.CodeOf(err) != pkgmeter.TooLarge {
			t.Errorf("%s: %v", p.name, err)
		}
	}
}

func TestABodyThatIsNoneIsOneReject(t *testing.T) {
	t.Parallel()
	for _, p := range posters {
		for body, want := range map[string]string{
			"": "the body is empty", " \n": "the body is empty", "\ufeff": "the body is empty",
			"x": "not JSON", `"x"`: "want an object, got a string", "7": "want an object, got a number", "null": "want an object, got null",
			"{\x00}\x00": "the body is UTF-16", `{"a":"ada`: "unterminated", "{} {}": "not JSON", "\xff": "", "{": "unterminated",
			strings.Repeat("[", 1000): "nested deeper",
		} {
			d := p.read(t, body)
			if len(d.Events) != 0 || len(d.Rejects) != 1 || len(d.Refused) != 1 || d.Refused[0].Index != 0 || !strings.Contains(d.Refused[0].Error, want) {
				t.Errorf("%s, %.20q: %+v", p.name, body, d)
			}
		}
	}
}

func TestCloudRepoTellsTheSenderWhichItemsItRefused(t *testing.T) {
	t.Parallel()
	p := poster{decode: func(p source.Post) (source.Decoded, error) {
		m, err := source.NewMapping(map[string]string{"file": "asset"})
		if err != nil {
			t.Fatal(err)
		}
		return m.CloudRepoPost(p, "delivery")
	}}
	d := p.read(t, `[{"asset":"a.jar"},{"user":"ada.lovelace"},7,{"asset":"b.jar","id":"x"}]`)
	checkSaid(t, d, `
		get a.jar
		get b.jar id=x
		1: no file is named
		2: want an object, got a number`)
	if len(d.Rejects) != 2 || d.Rejects[0].Kind != "callback" || d.Rejects[0].Source != "kind:ann" || secretIn(output(d)) != "" {
		t.Errorf("%s", output(d))
	}
	checkSaid(t, p.read(t, `{"asset":"a.jar"}`), "get a.jar id=delivery")
	checkSaid(t, p.read(t, "{\"asset\":\"a.jar\"}\n{\"asset\":"), "get a.jar\n1: unterminated JSON: it ends at offset 27 where a value should be")
}

// worstPosts are bodies of 1 MiB that are made to cost time.
func worstPosts() map[string]string {
	const size, many = 1 << 20, 8000
	long := strings.Repeat("v2/", size/3)
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	return map[string]string{
		"brackets":                   fill("["),
		"numbers":                    "[" + fill("0,") + "0]",
		"members":                    "{" + fill(`"id":1,`) + `"events":[],"downloads":[],"type":"PULL_ARTIFACT"}`,
		"a long image":               `{"events":[{"action":"pull","target":{"repository":"` + long + `","tag":"1"}}]}`,
		"a long package":             `{"downloads":[{"name":"a/` + long + `","version":"1"}]}`,
		"events without anything":    `{"events":[` + strings.Repeat(`{},`, many) + `{}]}`,
		"resources and an operator":  `{"type":"PULL_ARTIFACT","operator":"` + long + `","event_data":{"resources":[` + strings.Repeat(`{},`, many) + `{}]}}`,
		"resources of a long image":  `{"type":"PULL_ARTIFACT","event_data":{"repository":{"repo_full_name":"` + long + `"},"resources":[` + strings.Repeat(`{"tag":"1"},`, many) + `{}]}}`,
		"resources of a long chart":  `{"type":"DOWNLOAD_CHART","event_data":{"repository":{"name":"` + long + `","namespace":"x"},"resources":[` + strings.Repeat(`{"tag":"1"},`, many) + `{}]}}`,
		"resources of a wide object": `{"type":"PULL_ARTIFACT","event_data":{"repository":{` + fill(`"x":1,`) + `"x":1},"resources":[` + strings.Repeat(`{"tag":"1"},`, many) + `{}]}}`,
		"cloud events":               "[" + strings.Repeat(`{"specversion":"1.0","source":"s","id":"1","data":{"path":1}},`, many) + "1]",
		"a cloud event":              `{"specversion":"1.0","source":"s","id":"` + long + `","data":{"path":"` + long + `"}}`,
	}
}

func TestNoPostTakesLong(t *testing.T) {
	// Not parallel, as it measures time. The bound is far above what any body
	// takes, even with a race detector on a busy machine, and far below what
	// quadratic work on 1 MiB would.
	const bound = 5 * time.Second
	for name, body := range worstPosts() {
		for _, p := range posters {
			in := post(body)
			in.Most = 10_000
			start := time.Now()
			d, err := p.decode(in)
			if took := time.Since(start); took > bound {
				t.Errorf("%s, %s: %v", p.name, name, took)
			}
			if err == nil && len(d.Events)+len(d.Refused) == 0 && !strings.Contains(body, ":[],") {
				t.Errorf("%s, %s: nothing is said", p.name, name)
			}
		}
	}
}
