package demo

import (
	"math/rand/v2"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// LastRequest draws so many requests of a day that ends early, and returns the
// time of day of the last one.
func LastRequest(requests int, until time.Duration) time.Duration {
	rng := rand.New(rand.NewPCG(1, 1))
	t := newTraffic(rng, newRegistry(rng, requests, pkgmeter.FirstDay))
	drawn := t.day(300, requests, until)
	return time.Duration(drawn[len(drawn)-1].atMS) * time.Millisecond
}
