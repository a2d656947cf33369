package daily_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/daily"
)

// A fake keeps days in memory, and insists on their order.
type fake struct {
	mu        sync.Mutex
	latest    pkgmeter.Day
	closed    pkgmeter.Day
	published []string
	failing   int // how many publications fail yet
}

func (f *fake) UseDays() (earliest, latest pkgmeter.Day, changed <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.latest, f.latest, nil
}

func (f *fake) CloseUseDay(_ context.Context, day pkgmeter.Day) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if day != f.closed && day != f.closed+1 {
		return fmt.Errorf("%s after %s", day, f.closed)
	}
	f.closed = day
	return nil
}

func (f *fake) UseOfDay(_ context.Context, day pkgmeter.Day) ([]pkgmeter.DailyUse, error) {
	return []pkgmeter.DailyUse{{Package: "pkg:meteor/a/b", Version: "1.0.0", Direct: 1, Total: int64(day) % 7}}, nil
}

func (f *fake) PublishUseDay(_ context.Context, day pkgmeter.Day, body []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failing > 0 {
		f.failing--
		return errors.New("no room")
	}
	if day != f.closed || day != f.latest+1 || !strings.HasPrefix(string(body), `{"name":"a:b"`) {
		return fmt.Errorf("%s: %s", day, body)
	}
	f.latest = day
	f.published = append(f.published, day.String())
	return nil
}

func (f *fake) said() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.published, " ")
}

// The clock of a bubble begins at 2000-01-01T00:00:00Z.
func TestDaysArePublishedSoonAfterTheirEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		today := pkgmeter.DayOf(time.Now())
		f := &fake{latest: today - 4, closed: today - 4, failing: 1}
		ctx, cancel := context.WithCancel(t.Context())
		var failures int
		done := make(chan struct{})
		go func() {
			defer close(done)
			daily.Run(ctx, f, time.Now, func(error) { failures++ })
		}()
		synctest.Wait()
		if f.said() != "" || failures != 1 {
			t.Errorf("published %q, %d failures", f.said(), failures)
		}
		// Five minutes after midnight it is tried again, for all that is missing.
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		if f.said() != "1999-12-29 1999-12-30 1999-12-31" {
			t.Errorf("published %q", f.said())
		}
		time.Sleep(24*time.Hour - 2*time.Minute)
		synctest.Wait()
		if strings.HasSuffix(f.said(), "2000-01-01") {
			t.Error("a day was published before five minutes past midnight")
		}
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		if !strings.HasSuffix(f.said(), " 2000-01-01") {
			t.Errorf("published %q", f.said())
		}
		cancel()
		<-done
	})
}

func TestAClockThatStepsBackPublishesNothingTwice(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	f := &fake{latest: pkgmeter.DayOf(now) - 3, closed: pkgmeter.DayOf(now) - 3}
	for _, step := range []struct {
		days, want int
	}{{0, 2}, {-5, 0}, {0, 0}, {1, 1}, {0, 0}, {3, 2}} {
		n, err := daily.Publish(t.Context(), f, now.AddDate(0, 0, step.days))
		if err != nil || n != step.want {
			t.Errorf("%+d days: %d, %v, want %d", step.days, n, err, step.want)
		}
	}
}

func TestAFileIsSortedByNameAndVersion(t *testing.T) {
	t.Parallel()
	body, err := daily.Body([]pkgmeter.DailyUse{
		{Package: "pkg:meteor/z", Version: "1.10.0", Direct: 0, Total: 2},
		{Package: "pkg:meteor/z", Version: "1.9.0", Direct: 1, Total: 1},
		{Package: "pkg:meteor/alice/foo", Version: "1.0.0", Direct: 3, Total: 5},
	})
	want := `{"name":"alice:foo","version":"1.0.0","totalAdds":5,"directAdds":3}
{"name":"z","version":"1.9.0","totalAdds":1,"directAdds":1}
{"name":"z","version":"1.10.0","totalAdds":2,"directAdds":0}
`
	if err != nil || string(body) != want {
		t.Errorf("%s, %v", body, err)
	}
	uses, tidy, err := daily.Parse(body)
	if err != nil || string(tidy) != want || len(uses) != 3 || uses[0] != (pkgmeter.DailyUse{Package: "pkg:meteor/alice/foo", Version: "1.0.0", Direct: 3, Total: 5}) {
		t.Errorf("%+v, %v", uses, err)
	}
	if body, err := daily.Body(nil); err != nil || len(body) != 0 {
		t.Errorf("a quiet day is %q, %v", body, err)
	}
}

func TestParseNamesTheLineThatIsWrong(t *testing.T) {
	t.Parallel()
	const ok = `{"name":"a","version":"1.0.0","totalAdds":1,"directAdds":0}` + "\n"
	for bad, says := range map[string]string{
		`{`: "line 2: it is no JSON object",
		`{"name":"a","version":"1.0.0","totalAdds":1}`:                      "is missing",
		`{"name":"A b","version":"1.0.0","totalAdds":1,"directAdds":0}`:     "is no name",
		`{"name":"a","version":"","totalAdds":1,"directAdds":0}`:            "is no version",
		`{"name":"a","version":"1.0.0","totalAdds":1,"directAdds":2}`:       "cannot be",
		`{"name":"a","version":"1.0.0","totalAdds":1,"directAdds":-1}`:      "cannot be",
		`{"name":"a","version":"1.0.0","totalAdds":1.5,"directAdds":1}`:     "line 2",
		`{"name":"a","version":"1.0.0","totalAdds":1e300,"directAdds":1}`:   "line 2",
		`{"name":"a","version":"1.0.0","totalAdds":null,"directAdds":null}`: "is missing",
	} {
		if _, _, err := daily.Parse([]byte(ok + bad + "\n")); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", bad, err, says)
		}
	}
}

// Clients feed each line to a parser of JSON, and some never recover from a blank
// one.
func TestParseTidiesTheFileOfAnotherServer(t *testing.T) {
	t.Parallel()
	const (
		first  = `{"version":"1.9.0", "name":"b","directAdds":0,"totalAdds":1}`
		second = `{"name":"b","version":"1.10.0","totalAdds":1,"directAdds":0,"other":"<>"}`
		third  = `{"name":"b-b:c","version":"1.0.0","totalAdds":1,"directAdds":0}`
	)
	given := "\n" + second + "\r\n\t\r\n" + first + " \n\n" + third
	uses, tidy, err := daily.Parse([]byte(given))
	want := first + "\n" + second + "\n" + third + "\n"
	if err != nil || string(tidy) != want || len(uses) != 3 {
		t.Errorf("%q, %v", tidy, err)
	}
	if _, tidy, err := daily.Parse([]byte("\n\r\n")); err != nil || len(tidy) != 0 {
		t.Errorf("a file of blank lines is %q, %v", tidy, err)
	}
}
