package web

import (
	"fmt"
	"math"

	"github.com/pkgmeter/pkgmeter"
)

// tile is one of the large numbers at the top of a page.
type tile struct {
	Title  string
	Value  string
	About  string
	Change *change // nil where there is nothing to compare with
	What   string  // ID of the rule, "" for none
}

// change compares a range with the one of the same length before it.
type change struct {
	Percent int // of the number before, rounded; 0 for about the same
	Days    int
	Less    string // "less" of what is measured, "fewer" of what is counted
}

// Fewer returns how many percent are missing.
func (c change) Fewer() int { return -c.Percent }

// Before names what is compared with.
func (c change) Before() string {
	if c.Days == 1 {
		return "the day before"
	}
	return fmt.Sprintf("the %d days before", c.Days)
}

func percent(now, before int64) int {
	return int(math.Round(float64(now-before) / float64(before) * 100))
}

// newChange returns nil if there was nothing before.
func newChange(now, before int64, days pkgmeter.Day, less string) *change {
	if before <= 0 {
		return nil
	}
	return &change{percent(now, before), int(days), less}
}

// earlier returns the question for the days before the span, of the same
// length; ok is false where the store does not have all of them.
func earlier(query pkgmeter.Query, span pkgmeter.Span, first pkgmeter.Day) (before pkgmeter.Query, ok bool) {
	n := span.To - span.From + 1
	before = query
	before.From, before.To = span.From-n, span.From-1
	return before, n > 0 && !span.Empty() && before.From >= first
}

// tiles are the numbers of the overview; before is nil where there is nothing
// to compare with.
func (v *statsView) tiles(before *pkgmeter.Totals) (all []tile) {
	about := "brought along"
	if v.All.Span.From != 0 {
		about = "since " + v.All.Span.From.String()
	}
	if v.All.Opening > 0 {
		about += fmt.Sprintf("; of %s hits, %s are from before, without a date", count(v.All.Hits), count(v.All.Opening))
	}
	all = append(all, tile{Title: "Downloads in all", Value: count(v.All.Downloads), About: about, What: "downloads"})
	if !v.Range.All {
		all = append(all, tile{Title: "Downloads", Value: count(v.Total.Downloads), About: v.Range.Title, What: "downloads"})
	}
	hits := v.Range.Title
	if v.Range.All && v.Total.Opening > 0 {
		hits += ", " + count(v.Total.Opening) + " without a date"
	}
	all = append(all,
		tile{Title: "Hits", Value: count(v.Total.Hits), About: hits, What: "hits"},
		tile{Title: "Sent", Value: size(v.Total.Bytes), About: v.Range.Title + ", as far as senders said", What: "bytes"})
	if n := len(all); before != nil {
		days := v.Total.Span.To - v.Total.Span.From + 1
		all[n-3].Change = newChange(v.Total.Downloads, before.Downloads, days, "fewer")
		all[n-2].Change = newChange(v.Total.Hits, before.Hits, days, "fewer")
		all[n-1].Change = newChange(v.Total.Bytes, before.Bytes, days, "less")
	}
	return all
}
