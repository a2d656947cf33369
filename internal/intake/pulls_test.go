package intake_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
)

// pulled is a line of a log: a request at a second of an hour.
type pulled struct {
	at         int
	what, from string
}

const (
	here  = `192.0.2.7 "docker/25"`
	there = `192.0.2.8 "docker/25"`
	digA  = "o/x/manifests/sha256:99a072cedcae47474b615c54d510a5d84a8dea3032e958587430b413538be3f3"
	digB  = "o/x/manifests/sha256:88a072cedcae47474b615c54d510a5d84a8dea3032e958587430b413538be3f3"
	tag   = "o/x/manifests/1.0"
)

func (p pulled) combined() string {
	address, agent, _ := strings.Cut(p.from, " ")
	return fmt.Sprintf("%s - - [28/Feb/2026:10:%02d:%02d +0000] \"GET /v2/%s HTTP/1.1\" 200 512 \"-\" %s\n", address, p.at/60, p.at%60, p.what, agent)
}

func (p pulled) json() string {
	address, agent, _ := strings.Cut(p.from, " ")
	return fmt.Sprintf("{\"time_iso8601\":\"2026-02-28T10:%02d:%02dZ\",\"remote_addr\":%q,\"request\":\"GET /v2/%s HTTP/1.1\",\"status\":200,\"body_bytes_sent\":512,\"http_user_agent\":%s}\n", p.at/60, p.at%60, address, p.what, agent)
}

func (p pulled) artifactory() string {
	address, agent, _ := strings.Cut(p.from, " ")
	path := strings.Replace("/api/docker/o/v2/"+p.what, "v2/o/", "v2/", 1)
	return fmt.Sprintf("2026-02-28T10:%02d:%02d.000Z|af%d|%s|anonymous|GET|%s|200|-1|512|7|%s\n", p.at/60, p.at%60, p.at, address, path, strings.Trim(agent, `"`))
}

// flagged is what was stored, in order: x is a part of a pull that counts already.
func (m *memory) flagged() string {
	var b strings.Builder
	for _, e := range m.entries {
		collapsed := e.Event.Flags&pkgmeter.Collapsed != 0
		switch {
		case collapsed && e.Counts.Hits == 1 && e.Counts.Downloads == 0:
			b.WriteByte('x')
		case collapsed:
			b.WriteByte('!')
		default:
			b.WriteByte('.')
		}
	}
	return b.String()
}

func TestAPullInALogIsOneDownload(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lines []pulled
		want  string
	}{
		"an index and a child":            {[]pulled{{0, tag, here}, {1, digA, here}}, ".x"},
		"at the same second":              {[]pulled{{0, tag, here}, {0, digA, here}}, ".x"},
		"the last second":                 {[]pulled{{0, tag, here}, {60, digA, here}}, ".x"},
		"too late":                        {[]pulled{{0, tag, here}, {61, digA, here}}, ".."},
		"two children":                    {[]pulled{{0, tag, here}, {1, digA, here}, {2, digB, here}}, ".xx"},
		"by another digest":               {[]pulled{{0, digA, here}, {1, digB, here}}, ".x"},
		"the same digest twice":           {[]pulled{{0, digA, here}, {1, digA, here}}, ".."},
		"a digest twice, and its child":   {[]pulled{{0, digA, here}, {50, digA, here}, {100, digB, here}}, "..x"},
		"two tags":                        {[]pulled{{0, tag, here}, {1, "o/x/manifests/1.1", here}}, ".."},
		"two pulls":                       {[]pulled{{0, tag, here}, {1, digA, here}, {9, tag, here}, {10, digA, here}}, ".x.x"},
		"another client":                  {[]pulled{{0, tag, here}, {1, digA, there}}, ".."},
		"another agent":                   {[]pulled{{0, tag, here}, {1, digA, `192.0.2.7 "podman/5"`}}, ".."},
		"another image":                   {[]pulled{{0, tag, here}, {1, strings.Replace(digA, "o/x", "o/y", 1), here}}, ".."},
		"no agent":                        {[]pulled{{0, tag, `192.0.2.7 "-"`}, {1, digA, `192.0.2.7 "-"`}}, ".."},
		"a child before, then its tag":    {[]pulled{{1, digA, here}, {0, tag, here}}, ".x"},
		"a child, then a tag":             {[]pulled{{0, digA, here}, {1, tag, here}}, ".."},
		"a child, then a tag, one second": {[]pulled{{0, digA, here}, {0, tag, here}}, ".."},
		"late lines of others between":    {[]pulled{{30, tag, there}, {0, tag, here}, {31, digA, there}, {1, digA, here}}, "..xx"},
		"layers are none":                 {[]pulled{{0, tag, here}, {1, strings.Replace(digA, "manifests", "blobs", 1), here}}, ".."},
		"signatures are no index":         {[]pulled{{0, "o/x/manifests/sha256-99a072cedcae47474b615c54d510a5d84a8dea3032e958587430b413538be3f3.sig", here}, {1, digA, here}}, ".."},
	}
	formats := map[string]func(pulled) string{"combined": pulled.combined, "nginx-json": pulled.json, "artifactory": pulled.artifactory}
	for name, tt := range tests {
		for format, line := range formats {
			m := &memory{format: format}
			var text strings.Builder
			for _, l := range tt.lines {
				text.WriteString(line(l))
			}
			got, err := m.content(t, []byte(text.String()))
			m.want(t, got, err, int64(len(tt.lines)), 0, 0)
			if m.flagged() != tt.want {
				t.Errorf("%s, %s: %s, want %s", format, name, m.flagged(), tt.want)
			}
		}
	}
}

func TestALineWithoutAnAddressIsNoPartOfAPull(t *testing.T) {
	t.Parallel()
	m := &memory{format: "nginx-json"}
	text := pulled{0, tag, here}.json() + pulled{1, digA, here}.json()
	got, err := m.content(t, []byte(strings.ReplaceAll(text, `"remote_addr":"192.0.2.7",`, "")))
	if m.want(t, got, err, 2, 0, 0); m.flagged() != ".." {
		t.Errorf("%s, want ..", m.flagged())
	}
}

func TestAPullGoesOnInTheNextChunk(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	// One line more has a pull lie on both sides of where a chunk of 4096 ends.
	text.WriteString(pulled{0, digB, here}.combined())
	want := "."
	for i := range 3000 {
		text.WriteString(pulled{i % 3000, "o/x/manifests/" + fmt.Sprint(i), here}.combined() + pulled{i % 3000, digA, here}.combined())
		want += ".x"
	}
	for range 3 { // whatever is prepared beside what
		m := &memory{format: "combined"}
		got, err := m.content(t, []byte(text.String()))
		if m.want(t, got, err, 6001, 0, 0); m.flagged() != want {
			t.Error("not every second line is a part of the pull before")
		}
	}
}

// What is read on is decided as it would be by an import that begins there, as
// who was asked for by what is not kept.
func TestAPullThatAnotherImportBeganIsNotKnown(t *testing.T) {
	t.Parallel()
	m := &memory{format: "combined"}
	text := pulled{0, tag, here}.combined()
	got, err := m.content(t, []byte(text))
	m.want(t, got, err, 1, 0, 0)
	got, err = m.content(t, []byte(text+pulled{1, digA, here}.combined()+pulled{2, digB, here}.combined()))
	if m.want(t, got, err, 2, 1, 0); m.flagged() != "..x" {
		t.Errorf("%s, want ..x", m.flagged())
	}
}
