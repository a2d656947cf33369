package alert

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
)

// Look looks once at all watches.
func (a *Alerts) Look(ctx context.Context) { a.lookAtAll(ctx) }

// Send tries once what is due.
func (a *Alerts) Send(ctx context.Context) error { return a.sendDue(ctx) }

// SlackBody is what Slack gets of news.
func SlackBody(n News) ([]byte, error) { return slackBody(n) }

// Plain makes a line of a text.
func Plain(s string) string { return plain(s) }

// Post posts through a dialer of the test's.
func (a *Alerts) Post(ctx context.Context, to string, dial func(ctx context.Context, network, addr string) (net.Conn, error)) error {
	a.client.Transport.(*http.Transport).DialContext = dial
	return a.post(ctx, to, []byte("{}"), nil)
}

// MailOf writes the mail of news.
func (m *Mail) MailOf(to string, n pkgmeter.Notice, news News) (string, error) {
	msg, err := m.message(to, n, news)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	_, err = msg.WriteTo(&b)
	return b.String(), err
}

// Hurry has nothing take longer than most.
func (a *Alerts) Hurry(most time.Duration) {
	a.limits = limits{look: most, step: most, call: 3 * most}
	a.client = newClient(a.limits)
	if a.opt.Mail != nil {
		a.opt.Mail.most = most
	}
}

// Unstored counts tries whose outcome waits for the disk.
func (a *Alerts) Unstored() (n int) {
	a.unstored.Range(func(any, any) bool { n++; return true })
	return n
}
