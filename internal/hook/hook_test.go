package hook_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/hook"
	"github.com/pkgmeter/pkgmeter/internal/ingest"
	"github.com/pkgmeter/pkgmeter/internal/rule"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// queue is a strict fake: it keeps what was added, or fails.
type queue struct {
	t    *testing.T
	got  []*pkgmeter.Delivery
	fail error
}

func (q *queue) Add(_ context.Context, d *pkgmeter.Delivery, weight int, size int64) error {
	if weight != len(d.Entries)+len(d.Rejects) || size < int64(weight)*100 {
		q.t.Errorf("a delivery of %d events and %d rejects weighs %d and takes %d bytes", len(d.Entries), len(d.Rejects), weight, size)
	}
	if q.fail != nil {
		return q.fail
	}
	q.got = append(q.got, d)
	return nil
}

func start(t *testing.T) (*hook.Callback, *queue) {
	q := &queue{t: t}
	return &hook.Callback{Rules: rule.NewCache(rule.Default(), rule.ServerCache), Queue: q, Now: func() time.Time { return noon }, Large: hook.NewLarge()}, q
}

func post(c *hook.Callback, body string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	c.ServeHTTP(rec, httptest.NewRequest("POST", "/callback", strings.NewReader(body)))
	return rec
}

func TestWhateverKeepsADeliveryFromTheDiskTheSenderIsToComeAgain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		body string
	}{
		"a full queue":   {ingest.ErrFull, `{"success":false,"error":"busy: try again"}`},
		"a stop":         {ingest.ErrClosed, `{"success":false,"error":"stopping: try again"}`},
		"a full disk":    {pkgmeter.Errorf(pkgmeter.Unavailable, "the disk is full"), `{"success":false,"error":"the disk is full"}`},
		"a failed fsync": {errors.New("disk I/O error"), `{"success":false,"error":"the delivery could not be stored: try again"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, q := start(t)
			q.fail = tt.err
			for _, body := range []string{`{"file-name":"a.jar"}`, "unreadable"} {
				rec := post(c, body)
				if rec.Code != http.StatusServiceUnavailable || rec.Header().Get("Retry-After") == "" || strings.TrimSpace(rec.Body.String()) != tt.body {
					t.Errorf("%d %s", rec.Code, rec.Body)
				}
			}
		})
	}
}

func TestADeliveryOfTooManyEventsIsRefusedWhole(t *testing.T) {
	t.Parallel()
	c, q := start(t)
	if rec := post(c, "["+strings.Repeat(`{"file":1},`, hook.MaxEvents-1)+`{"file":1}]`); rec.Code != 200 || len(q.got) != 1 || len(q.got[0].Entries) != hook.MaxEvents {
		t.Errorf("at the limit: %d %s", rec.Code, rec.Body)
	}
	if rec := post(c, "["+strings.Repeat(`{"file":1},`, hook.MaxEvents)+`{"file":1}]`); rec.Code != 413 || len(q.got) != 1 {
		t.Errorf("beyond it: %d %s", rec.Code, rec.Body)
	}
}

func TestLargeBodiesWaitForRoomAndSmallOnesDoNot(t *testing.T) {
	t.Parallel()
	c, _ := start(t)
	if !c.Large.Take(hook.MaxLarge) {
		t.Fatal("no room at the start")
	}
	if rec := post(c, `{"file-name":"a.jar"}`); rec.Code != 200 {
		t.Errorf("a small body: %d", rec.Code)
	}
	large := `{"file-name":"a.jar"}` + strings.Repeat(" ", 9<<10)
	if rec := post(c, large); rec.Code != 503 {
		t.Errorf("a large body without room: %d", rec.Code)
	}
	c.Large.Give(1)
	if rec := post(c, large); rec.Code != 200 {
		t.Errorf("a large body with room: %d", rec.Code)
	}
	if !c.Large.Take(1) || c.Large.Take(1) {
		t.Error("the place was not given back, or twice")
	}
}

func TestTheFirstPayloadsAreOfferedAsSamplesMasked(t *testing.T) {
	t.Parallel()
	c, q := start(t)
	for range 15 {
		post(c, `{"file-name":"a.jar","user":"ann@example.com"}`)
	}
	for i, d := range q.got {
		if (d.Sample != nil) != (i < pkgmeter.MaxSamples) {
			t.Errorf("delivery %d: sample %v", i, d.Sample)
		}
		if d.Sample != nil && (strings.Contains(string(d.Sample.Body), "ann") || !strings.Contains(string(d.Sample.Body), "a.jar") || d.Sample.Source != "cloudrepo") {
			t.Errorf("sample %s", d.Sample.Body)
		}
	}
}

func TestASecondTryReadsUnderTheMappingOfNow(t *testing.T) {
	t.Parallel()
	c, q := start(t)
	item := pkgmeter.Held{ID: 7, Source: "cloudrepo", At: noon.AddDate(0, 0, -3), Body: []byte(`{"asset":"a.jar","id":"x"}`)}
	if err := c.Retry(t.Context(), item); pkgmeter.CodeOf(err) != pkgmeter.Invalid || len(q.got) != 0 {
		t.Fatalf("%v, %d deliveries", err, len(q.got))
	}
	m, err := source.NewMapping(map[string]string{"file": "asset"})
	if err != nil {
		t.Fatal(err)
	}
	c.Mapping.Store(&m)
	if err := c.Retry(t.Context(), item); err != nil || len(q.got) != 1 {
		t.Fatalf("%v, %d deliveries", err, len(q.got))
	}
	if d := q.got[0]; d.Held != 7 || len(d.Entries) != 1 || d.Entries[0].Event.Path != "a.jar" || d.Entries[0].Event.ID != "x" || !d.Entries[0].Event.Time.Equal(item.At) {
		t.Errorf("%+v", d)
	}
	if rec := post(c, `{"asset":"b.jar"}`); rec.Code != 200 || q.got[1].Entries[0].Event.Path != "b.jar" {
		t.Errorf("a new event: %d", rec.Code)
	}
	q.fail = ingest.ErrFull
	if err := c.Retry(t.Context(), item); pkgmeter.CodeOf(err) != pkgmeter.Unavailable {
		t.Errorf("%v", err)
	}
}
