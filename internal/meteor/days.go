package meteor

import "time"

// StatsDays are the days of a server that has no statistics yet: the one before
// its first start, whose file is empty.
type StatsDays struct{ day string }

// NewStatsDays returns the days of a server that first started at the time.
func NewStatsDays(firstStart time.Time) StatsDays {
	return StatsDays{firstStart.UTC().AddDate(0, 0, -1).Format(time.DateOnly)}
}

// Days implements [Days]. They never change.
func (d StatsDays) Days() (earliest, latest string, changed <-chan struct{}) {
	return d.day, d.day, nil
}
