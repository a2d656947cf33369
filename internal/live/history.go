package live

import (
	"context"
	"strconv"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// id names a message: the ledger, and the number of the last event of which it
// tells.
func (h *Hub) id(number int64) string { return h.name + "-" + strconv.FormatInt(number, 10) }

// number is the inverse of id. ours is false if the id is one of another ledger,
// or of a time that this one has not come to: a backup was restored.
func (h *Hub) number(id string, end int64) (n int64, ours bool, err error) {
	name, digits, ok := strings.Cut(id, "-")
	n, numErr := strconv.ParseInt(digits, 10, 64)
	if !ok || numErr != nil || n < 0 || len(name) != len(h.name) {
		return 0, false, pkgmeter.Errorf(pkgmeter.Invalid, "after: want the id of a message of this stream")
	}
	return n, name == h.name && n <= end, nil
}

// history returns what a reader gets before what is new: what it has missed, or
// the last few events if it begins.
func (h *Hub) history(ctx context.Context, q *Question, end int64) (all []message, err error) {
	if q.After == "" {
		return h.past(ctx, q, max(0, end-lookBack), end, firstSeen)
	}
	n, ours, err := h.number(q.After, end)
	switch away := end - n; {
	case err != nil:
		return nil, err
	case !ours:
		all, err := h.past(ctx, q, max(0, end-lookBack), end, firstSeen)
		return append([]message{{kind: kindReset, data: []byte("{}")}}, all...), err
	case away <= maxAway:
		return h.past(ctx, q, n, end, maxAway)
	default:
		all, err := h.past(ctx, q, end-afterAway, end, afterAway)
		return append([]message{skippedMessage(end-afterAway, away-afterAway)}, all...), err
	}
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
	return events, h.id(end), nil
}
