package backup

import (
	"context"
	"time"
)

// A Pace keeps a copy from taking the disk away from others.
type Pace struct {
	Rate int64 // bytes a second; 0 for no limit

	began time.Time
	done  int64 // bytes since then
}

// Wait waits until so many bytes more may be copied. Time that was lost is not
// made up for.
func (p *Pace) Wait(ctx context.Context, bytes int) error {
	if p.Rate <= 0 {
		return ctx.Err()
	}
	if late := time.Since(p.due()); late > time.Second {
		p.began, p.done = time.Now(), 0
	}
	p.done += int64(bytes)
	t := time.NewTimer(time.Until(p.due()))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// due is when what was copied would have taken its time.
func (p *Pace) due() time.Time {
	return p.began.Add(time.Duration(float64(p.done) / float64(max(p.Rate, 1)) * float64(time.Second)))
}
