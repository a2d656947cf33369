package demo

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// Days is the length of the year that is invented.
const Days = 365

// What happened that year, in days from its first one.
const (
	outageFirst, outageLast = 127, 128 // the registry was down, and nothing was heard of it
	burstFirst, burstLast   = 248, 250 // a CI job fetched everything anew each minute
)

func isOut(day int) bool   { return day >= outageFirst && day <= outageLast }
func isBurst(day int) bool { return day >= burstFirst && day <= burstLast }

func weekday(first pkgmeter.Day, day int) time.Weekday {
	return (first + pkgmeter.Day(day)).Start().Weekday()
}

// byWeekday is the traffic of a day against that of a Monday.
var byWeekday = [7]float64{
	time.Sunday: 0.42, time.Monday: 1, time.Tuesday: 1.08, time.Wednesday: 1.1, time.Thursday: 1.05, time.Friday: 0.9, time.Saturday: 0.38,
}

// quotas shares out the events among the days, exactly. The last day gets what
// falls into it until now.
func quotas(rng *rand.Rand, events int, first pkgmeter.Day, now time.Time) []int {
	weights := make([]float64, Days)
	sum := 0.0
	for day := range weights {
		w := byWeekday[weekday(first, day)] * math.Exp(0.9*(float64(day)/Days-0.5)) * math.Exp(0.08*rng.NormFloat64())
		if at := (first + pkgmeter.Day(day)).Start(); at.YearDay() == 1 || at.Month() == time.December && at.Day() >= 24 {
			w *= 0.35 // holidays
		}
		switch {
		case isOut(day):
			w = 0
		case isBurst(day):
			w *= 2.6
		case day == Days-1:
			w *= shareBefore(now.Sub(pkgmeter.DayOf(now).Start()))
		}
		weights[day] = w
		sum += w
	}
	return apportion(events, weights, sum)
}

// apportion rounds shares of n so that they sum up to it: what rounding down
// leaves goes to the largest remainders. The first and the last share get one
// each, so that the days of a thin year span it.
func apportion(n int, weights []float64, sum float64) []int {
	shares := make([]int, len(weights))
	remainder := make([]float64, len(weights))
	order := make([]int, len(weights))
	left := n
	for _, end := range []int{len(weights) - 1, 0} {
		if left > 0 {
			shares[end]++
			left--
		}
	}
	spread := left
	for i, w := range weights {
		exact := float64(spread) * w / sum
		shares[i] += int(exact)
		left -= int(exact)
		remainder[i], order[i] = exact-math.Floor(exact), i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case remainder[a] > remainder[b]:
			return -1
		case remainder[a] < remainder[b]:
			return 1
		}
		return 0
	})
	for i := range left {
		shares[order[i]]++
	}
	return shares
}

// byHour is the share of a day's events in each hour, UTC, in percent: people
// in Europe and America, and nightly builds.
var byHour = [24]float64{2.5, 2.5, 4, 3, 2.5, 2.5, 3.5, 5, 6, 6.5, 6, 5, 5, 6, 7, 6.5, 5.5, 4.5, 3.5, 3, 3, 2.5, 2.5, 2}

// shareBefore is the share of a day's events before a time of day.
func shareBefore(at time.Duration) float64 {
	sum := 0.0
	for hour, percent := range byHour {
		part := (at - time.Duration(hour)*time.Hour).Hours()
		sum += percent / 100 * min(1, max(0, part))
	}
	return sum
}

// timeOfShare is the time of day before which a share of the events lies.
func timeOfShare(share float64) time.Duration {
	for hour, percent := range byHour {
		if p := percent / 100; share >= p {
			share -= p
			continue
		}
		part := share / (percent / 100)
		return time.Duration((float64(hour) + part) * float64(time.Hour))
	}
	return 24*time.Hour - time.Millisecond
}
