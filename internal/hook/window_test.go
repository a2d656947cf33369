package hook_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/hook"
)

const digest = "sha256:a172cedcae47474b615c54d510a5d84a8dea3032e958587430b413538be3f333"

// part is an event of a pull: what is "index", "child" or "tag", at seconds
// after 11:00.
type part struct {
	what, client, image string
	at                  float64
}

func (p part) String() string {
	target := map[string]string{
		"index": `"mediaType":"application/vnd.oci.image.index.v1+json","tag":"1"`,
		"child": `"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"` + digest + `"`,
		"tag":   `"mediaType":"application/vnd.oci.image.manifest.v1+json","tag":"1"`,
		"layer": `"mediaType":"application/octet-stream","digest":"` + digest + `"`,
	}[p.what]
	at := noon.Add(-time.Hour + time.Duration(p.at*float64(time.Second))).Format(time.RFC3339Nano)
	return fmt.Sprintf(`{"action":"pull","timestamp":%q,"target":{"repository":%q,%s},"request":{"method":"GET","addr":"%s:%d","useragent":"docker/25"}}`,
		at, p.image, target, p.client, 1000+int(p.at))
}

func envelope(parts ...part) string {
	var list []string
	for _, p := range parts {
		list = append(list, p.String())
	}
	return `{"events":[` + strings.Join(list, ",") + `]}`
}

// downloads is how many the deliveries count, and which are flagged.
func (s *senders) downloads() (n int64, collapsed string) {
	for _, d := range s.ledger.got {
		for _, e := range d.Entries {
			n += e.Counts.Downloads
			if e.Event.Flags&pkgmeter.Collapsed != 0 {
				collapsed += "x"
			} else {
				collapsed += "."
			}
		}
	}
	return n, collapsed
}

func TestAnImageForSeveralPlatformsIsOneDownload(t *testing.T) {
	t.Parallel()
	const a, b, app, web = "192.0.2.7", "192.0.2.8", "acme/app", "acme/web"
	for name, tt := range map[string]struct {
		parts []part
		want  string // x: flagged
		count int64
	}{
		"an index and its child":          {[]part{{"index", a, app, 0}, {"child", a, app, 0.4}}, ".x", 1},
		"within a minute":                 {[]part{{"index", a, app, 0}, {"child", a, app, 60}}, ".x", 1},
		"after a minute":                  {[]part{{"index", a, app, 0}, {"child", a, app, 60.001}}, "..", 2},
		"all children":                    {[]part{{"index", a, app, 0}, {"child", a, app, 1}, {"child", a, app, 2}}, ".xx", 1},
		"a child alone":                   {[]part{{"child", a, app, 0}}, ".", 1},
		"an index alone":                  {[]part{{"index", a, app, 0}}, ".", 1},
		"another client":                  {[]part{{"index", a, app, 0}, {"child", b, app, 1}}, "..", 2},
		"another image":                   {[]part{{"index", a, app, 0}, {"child", a, web, 1}}, "..", 2},
		"an image with a tag":             {[]part{{"index", a, app, 0}, {"tag", a, app, 1}}, "..", 2},
		"a layer":                         {[]part{{"index", a, app, 0}, {"layer", a, app, 1}}, "..", 1},
		"two pulls":                       {[]part{{"index", a, app, 0}, {"child", a, app, 1}, {"index", a, app, 30}, {"child", a, app, 31}}, ".x.x", 2},
		"two clients":                     {[]part{{"index", a, app, 0}, {"index", b, app, 0}, {"child", b, app, 1}, {"child", a, app, 1}}, "..xx", 2},
		"the child comes first":           {[]part{{"child", a, app, 1}, {"index", a, app, 0}}, ".x", 1},
		"two children come first":         {[]part{{"child", a, app, 1}, {"index", a, app, 0}, {"child", a, app, 2}}, ".xx", 1},
		"a child long before its index":   {[]part{{"child", a, app, 0}, {"index", a, app, 5}}, "..", 2},
		"a child is of one index only":    {[]part{{"child", a, app, 1}, {"index", a, app, 0}, {"index", a, app, 0.5}}, ".x.", 2},
		"an old index that is sent again": {[]part{{"index", a, app, 0}, {"index", a, app, 100}, {"index", a, app, 0}, {"child", a, app, 101}}, "...x", 3},
		"an index that is fetched alone":  {[]part{{"index", a, app, 0}, {"index", a, app, 10}, {"child", a, app, 65}}, "..x", 2},
		"at the same moment":              {[]part{{"index", a, app, 1}, {"child", a, app, 1}}, ".x", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSenders(t)
			for _, p := range tt.parts {
				if rec := s.send("distribution", envelope(p)); rec.Code != 200 {
					t.Fatalf("%d %s", rec.Code, rec.Body)
				}
			}
			if n, flags := s.downloads(); n != tt.count || flags != tt.want {
				t.Errorf("%d downloads, %s; want %d, %s", n, flags, tt.count, tt.want)
			}
		})
	}
}

func TestInOneEnvelopeTheOrderOfTheTimesCounts(t *testing.T) {
	t.Parallel()
	s := startSenders(t)
	s.send("distribution", envelope(part{"child", "192.0.2.7", "app", 1}, part{"index", "192.0.2.7", "app", 0}))
	s.send("distribution", envelope(part{"child", "192.0.2.8", "app", 1}, part{"index", "192.0.2.8", "app", 1}))
	if n, flags := s.downloads(); n != 2 || flags != "x.x." {
		t.Errorf("%d downloads, %s", n, flags)
	}
}

func TestThePullsOfTwoUsersAreTheirOwn(t *testing.T) {
	t.Parallel()
	s := startSenders(t)
	s.send("distribution", envelope(part{"index", "192.0.2.7", "app", 0}))
	s.user = "bob"
	s.send("distribution", envelope(part{"child", "192.0.2.7", "app", 1}))
	if n, flags := s.downloads(); n != 2 || flags != ".." {
		t.Errorf("%d downloads, %s", n, flags)
	}
}

func TestAPartThatCouldNotBeStoredIsForgotten(t *testing.T) {
	t.Parallel()
	s := startSenders(t)
	index, child := part{"index", "192.0.2.7", "app", 0}, part{"child", "192.0.2.7", "app", 1}
	s.ledger.fail = errors.New("disk I/O error")
	if rec := s.send("distribution", envelope(index)); rec.Code != 503 {
		t.Fatalf("%d", rec.Code)
	}
	s.ledger.fail = nil
	s.send("distribution", envelope(child))
	s.send("distribution", envelope(index)) // it is tried again
	if n, flags := s.downloads(); n != 1 || flags != ".x" {
		t.Errorf("%d downloads, %s", n, flags)
	}
}

func TestTheWindowOfPullsIsBounded(t *testing.T) {
	t.Parallel()
	s := startSenders(t)
	const each = 5000
	for n := 0; n < 3*hook.MaxPulls; n += each {
		var parts []part
		for i := range each {
			parts = append(parts, part{"index", "192.0.2.7", fmt.Sprint("app", n+i), 0})
		}
		s.ledger.got = nil
		if rec := s.send("distribution", envelope(parts...)); rec.Code != 200 {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		if s.Pulls() > 2*hook.MaxPulls {
			t.Fatalf("%d are remembered", s.Pulls())
		}
	}
	s.ledger.got = nil
	s.send("distribution", envelope(part{"child", "192.0.2.7", fmt.Sprint("app", 3*hook.MaxPulls-1), 1}, part{"child", "192.0.2.7", "app0", 1}))
	if _, flags := s.downloads(); flags != "x." {
		t.Errorf("%s: the newest has to be known, and the oldest not", flags)
	}
	for range 3 {
		s.now = s.now.Add(6 * time.Minute)
		s.send("distribution", envelope(part{"child", "192.0.2.9", "app", 1}))
	}
	if s.Pulls() > 2 {
		t.Errorf("%d are remembered for ever", s.Pulls())
	}
}
