package live

import (
	"context"

	"github.com/pkgmeter/pkgmeter"
)

// history returns what a reader gets before what is new: what it has missed, or
// the last few events if it begins.
func (h *Hub) history(ctx context.Context, q *Question, end int64) (all []message, err error) {
	if q.After == "" {
		return h.past(ctx, q, max(0, end-lookBack), end, firstSeen)
	}
	n, ours, err := h.ids.open(q.After, end)
	switch away := end - n; {
	case err != nil:
		return nil, err
	case !ours:
		all, err := h.past(ctx, q, max(0, end-lookBack), end, firstSeen)
		return append([]message{{kind: kindReset, data: []byte("{}")}}, all...), err
	case away <= maxAway:
		return h.past(ctx, q, n, end, maxAway)
	case q.partial():
		return h.pastInPart(ctx, q, max(n, end-lookBack), end)
	default:
		all, err := h.past(ctx, q, end-afterAway, end, afterAway)
		return append([]message{skippedMessage(end-afterAway, away-afterAway)}, all...), err
	}
}

// pastInPart returns the last events that the filter lets pass, and says how many
// others there were of these only.
func (h *Hub) pastInPart(ctx context.Context, q *Question, after, upTo int64) ([]message, error) {
	all, err := h.past(ctx, q, after, upTo, lookBack)
	more := len(all) - afterAway
	if err != nil || more <= 0 {
		return all, err
	}
	return append([]message{skippedMessage(all[more-1].number, int64(more))}, all[more:]...), nil
}

// past returns the last events, at most so many, of those that the filter lets
// pass.
func (h *Hub) past(ctx context.Context, q *Question, after, upTo int64, most int) ([]message, error) {
	items, err := h.last(ctx, q, after, upTo, most)
	if err != nil {
		return nil, err
	}
	all := make([]message, len(items))
	for i := range items {
		all[i] = message{number: items[i].Number, data: items[i].json(q.People)}
	}
	return all, nil
}

func (h *Hub) last(ctx context.Context, q *Question, after, upTo int64, most int) (items []item, err error) {
	if after >= upTo {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	var clients clientCache
	err = h.ledger.Recorded(ctx, after, upTo, func(r pkgmeter.Recorded) error {
		if it := h.item(r, clients.of(h.rules, r.Event.Agent, r.Event.Flags)); passes(&q.Filter, &it) {
			items = append(items, it)
		}
		return nil
	})
	return items[max(0, len(items)-most):], err
}

// Last returns the last events that a filter lets pass, newest first, at most
// so many, and the id after which a stream goes on from them. It looks for them
// among the last few thousand.
func (h *Hub) Last(ctx context.Context, q Question, most int) (events []Event, after string, err error) {
	end, _ := h.ledger.LedgerEnd()
	items, err := h.last(ctx, &q, max(0, end-lookBack), end, most)
	if err != nil {
		return nil, "", err
	}
	for i := range items {
		events = append(events, items[len(items)-1-i].shown(q.People))
	}
	return events, h.ids.seal(end), nil
}
