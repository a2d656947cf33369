package alert

import "context"

// Look looks once at all watches.
func (a *Alerts) Look(ctx context.Context) { a.lookAtAll(ctx) }

// Send tries once what is due.
func (a *Alerts) Send(ctx context.Context) error { return a.sendDue(ctx) }

// SlackBody is what Slack gets of news.
func SlackBody(n News) ([]byte, error) { return slackBody(n) }

// Plain makes a line of a text.
func Plain(s string) string { return plain(s) }
