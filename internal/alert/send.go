package alert

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// How often a notice is tried, and how long is waited in between: from the first
// to the last try there are some two days.
const (
	MaxTries  = 14
	firstWait = 10 * time.Second
	maxWait   = 6 * time.Hour
)

// backOff returns how long to wait after a number of tries that failed. No two
// notices wait equally long, so that a receiver that comes back is not overrun.
func backOff(tries int) time.Duration {
	wait := firstWait
	for range tries - 1 {
		wait = min(wait*3, maxWait)
	}
	return time.Duration(float64(wait) * (0.8 + 0.4*rand.Float64()))
}

// final marks errors after which another try is of no use.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

func isFinal(err error) bool {
	_, ok := errors.AsType[final](err)
	return ok
}

// reason is what the history says of an error. Addresses of receivers are secrets.
func reason(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return plain(strings.ReplaceAll(err.Error(), "\n", "; "))
}

// deliver sends a notice to its receiver. Nil means that the receiver has it.
func (a *Alerts) deliver(ctx context.Context, stored pkgmeter.Watch, n pkgmeter.Notice) error {
	w, _, err := readWatch(stored)
	if err != nil {
		return final{err}
	}
	for _, t := range w.Targets {
		if t.id() != n.Target {
			continue
		}
		news, err := ReadNews(n.Body)
		if err != nil {
			return final{err}
		}
		switch t.To {
		case ToWebhook:
			return a.sendWebhook(ctx, t, n)
		case ToSlack:
			return a.sendSlack(ctx, t, news)
		case ToMail:
			if a.opt.Mail == nil {
				return fmt.Errorf("this server was started without --smtp-url")
			}
			return a.opt.Mail.send(ctx, t.Address, n, news)
		}
	}
	return final{errors.New("the watch does not tell this receiver any more")}
}
