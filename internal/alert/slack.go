package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// maxBlock is the longest text of a block of Slack's, in bytes; theirs is 3,000
// characters.
const maxBlock = 2900

// escapeSlack takes their meaning from the three characters that have one in
// Slack's texts. Without them there are no mentions, no links and no commands.
var escapeSlack = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

type slackText struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Emoji *bool  `json:"emoji,omitempty"`
}

type slackBlock struct {
	Type string     `json:"type"`
	Text *slackText `json:"text,omitempty"`
}

// sendSlack posts news to an incoming webhook of Slack's. All that has a name from
// outside in it is of the type plain_text, where Slack reads no formatting.
func (a *Alerts) sendSlack(ctx context.Context, t Target, n News) error {
	body, err := slackBody(n)
	if err != nil {
		return final{err}
	}
	return a.post(ctx, t.URL, body, nil)
}

func slackBody(n News) ([]byte, error) {
	section := func(text string) slackBlock {
		return slackBlock{"section", &slackText{"plain_text", pkgmeter.Cut(escapeSlack.Replace(text), maxBlock), new(bool)}}
	}
	blocks := []slackBlock{section(n.Watch + ": " + n.Title)}
	if len(n.Lines) > 0 {
		blocks = append(blocks, section(strings.Join(n.Lines, "\n")))
	}
	if n.Week != nil {
		blocks = append(blocks, section(sums(n.Week)))
		for _, l := range n.Week.Lists {
			blocks = append(blocks, section(l.Title+"\n"+rows(l)))
		}
	}
	// The address is our own; names in it are escaped as in every address.
	link := strings.NewReplacer("<", "%3C", ">", "%3E", "|", "%7C").Replace(n.URL)
	if len(link) <= maxBlock-30 { // a longer one would make Slack refuse all of it
		blocks = append(blocks, slackBlock{"section", &slackText{Type: "mrkdwn", Text: "<" + link + "|Show the numbers>"}})
	}
	return json.Marshal(map[string]any{
		"text": escapeSlack.Replace(n.Watch + ": " + n.Title), "mrkdwn": false, "blocks": blocks, "unfurl_links": false, "unfurl_media": false,
	})
}

// sums writes the totals of a week, a line each.
func sums(w *Week) string {
	var b strings.Builder
	for _, s := range w.Totals {
		fmt.Fprintf(&b, "%s %s (%s)\n", number(s.Now), s.Name, s.Change())
	}
	return b.String()
}

func rows(l List) string {
	var b strings.Builder
	for _, r := range l.Rows {
		fmt.Fprintf(&b, "%s: %s\n", r.Name, r.Text)
	}
	return b.String()
}
