package pkgmeter

import (
	"fmt"
	"time"
)

// A Day is a UTC calendar day, counted from 1970-01-01. The zero Day means
// "not given" wherever a day is optional: nothing is older than [FirstDay].
type Day int32

// FirstDay is the oldest day that an event may have: 2000-01-01.
const FirstDay Day = 10957

const daySeconds = 24 * 60 * 60

// DayOf returns the UTC day in which t lies.
func DayOf(t time.Time) Day {
	s := t.Unix()
	d := s / daySeconds
	if s%daySeconds < 0 {
		d--
	}
	return Day(d)
}

// ParseDay reads YYYY-MM-DD, and nothing else.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || len(s) != len(time.DateOnly) {
		return 0, Errorf(Invalid, "%q is not a day: want YYYY-MM-DD", s)
	}
	return DayOf(t), nil
}

// Start returns the first moment of d.
func (d Day) Start() time.Time { return time.Unix(int64(d)*daySeconds, 0).UTC() }

// End returns the first moment after d.
func (d Day) End() time.Time { return (d + 1).Start() }

// String returns d as YYYY-MM-DD.
func (d Day) String() string { return d.Start().Format(time.DateOnly) }

// Week returns the Monday of d's week, which names it.
func (d Day) Week() Day { return d - Day((int(d.Start().Weekday())+6)%7) }

// Month returns the first day of d's month, which names it.
func (d Day) Month() Day { return d - Day(d.Start().Day()-1) }

// NextMonth returns the first day of the month after d's.
func (d Day) NextMonth() Day {
	t := d.Start()
	return DayOf(time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC))
}

// MarshalText writes d as YYYY-MM-DD.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads YYYY-MM-DD.
func (d *Day) UnmarshalText(b []byte) error {
	got, err := ParseDay(string(b))
	if err != nil {
		return fmt.Errorf("day: %w", err)
	}
	*d = got
	return nil
}
