package daily

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// Store is where days are closed, read and published.
type Store interface {
	// UseDays returns the first and the last published day, and a channel that
	// closes when that changes.
	UseDays() (earliest, latest pkgmeter.Day, changed <-chan struct{})

	// CloseUseDay has reports count for later days from then on. The day is the
	// one after the last closed day, or that one again.
	CloseUseDay(ctx context.Context, day pkgmeter.Day) error

	// UseOfDay returns the adds of a day, in no order.
	UseOfDay(ctx context.Context, day pkgmeter.Day) ([]pkgmeter.DailyUse, error)

	// PublishUseDay keeps the file of a closed day for ever.
	PublishUseDay(ctx context.Context, day pkgmeter.Day, body []byte) error
}

// runAt is when the day before is published, after midnight in UTC: the reports
// of that day have their answers by then.
const runAt = 5 * time.Minute

// check is the longest time without a look at the clock, which may be set.
const check = time.Minute

// Publish publishes every day that is over and not published yet, in order, and
// returns how many those were.
func Publish(ctx context.Context, store Store, now time.Time) (n int, err error) {
	today := pkgmeter.DayOf(now)
	for {
		_, latest, _ := store.UseDays()
		day := latest + 1
		if day >= today {
			return n, nil
		}
		if err := publish(ctx, store, day); err != nil {
			return n, err
		}
		n++
	}
}

func publish(ctx context.Context, store Store, day pkgmeter.Day) error {
	if err := store.CloseUseDay(ctx, day); err != nil {
		return err
	}
	uses, err := store.UseOfDay(ctx, day)
	if err != nil {
		return fmt.Errorf("read the adds of %s: %w", day, err)
	}
	body, err := Body(uses)
	if err != nil {
		return fmt.Errorf("write the adds of %s: %w", day, err)
	}
	return store.PublishUseDay(ctx, day, body)
}

// Run publishes what is missing, and then each day five minutes after its end,
// until ctx ends. report hears of failures, after which it tries again within a
// minute.
func Run(ctx context.Context, store Store, now func() time.Time, report func(error)) {
	first := true
	for {
		at := now()
		// At the start a missed day is published whatever the time is.
		if first || at.Sub(pkgmeter.DayOf(at).Start()) >= runAt {
			if _, err := Publish(ctx, store, at); err != nil && ctx.Err() == nil {
				report(err)
			}
		}
		first = false
		timer := time.NewTimer(untilNext(now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// untilNext is how long nothing is to be done.
func untilNext(now time.Time) time.Duration {
	next := pkgmeter.DayOf(now).Start().Add(runAt)
	if !now.Before(next) {
		next = pkgmeter.DayOf(now).End().Add(runAt)
	}
	return min(max(next.Sub(now), time.Second), check)
}

// A row is a line of a file.
type row struct {
	Name       string `json:"name"`
	Version    string `json:"version"`
	TotalAdds  int64  `json:"totalAdds"`
	DirectAdds int64  `json:"directAdds"`
}

// compare orders the lines of a file: by name, bytewise, and then by version.
func (r row) compare(o row) int {
	return cmp.Or(strings.Compare(r.Name, o.Name), catalog.CompareVersions(r.Version, o.Version))
}

// Body writes the file of a day: a JSON object a line, in order.
func Body(uses []pkgmeter.DailyUse) ([]byte, error) {
	rows := make([]row, len(uses))
	for i, u := range uses {
		name, err := catalog.PackageOf(u.Package)
		if err != nil {
			return nil, err
		}
		rows[i] = row{name, u.Version, u.Total, u.Direct}
	}
	slices.SortFunc(rows, row.compare)
	var b []byte
	for _, r := range rows {
		line, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		b = append(append(b, line...), '\n')
	}
	return b, nil
}
