package sqlite

import (
	"context"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/cells"
)

func (q *question) byCountry() bool { return q.by != nil && *q.by == pkgmeter.ByCountry }

// plain puts the same question ungrouped.
func (q *question) plain(ctx context.Context) (*question, error) {
	other := *q
	other.by = nil
	return &other, other.resolve(ctx)
}

// restKey returns the key of the events of which no country or no consumer is
// known, if the answer has such a key.
func (q *question) restKey() (id uint32, ok bool) {
	f := q.query.Filter
	switch {
	case q.byCountry():
		return noCountry, f.Countries == nil
	case q.by != nil && *q.by == pkgmeter.ByConsumer:
		return noConsumer, f.Consumers == nil
	}
	return 0, false
}

// addUnknown adds to the sums what is left of all: the events of which no
// country or consumer is known, those from before it was asked for among them.
func (q *question) addUnknown(ctx context.Context, key uint32, sums []pkgmeter.Measures) error {
	p, err := q.plain(ctx)
	if err != nil {
		return err
	}
	var all, known pkgmeter.Measures
	if err := p.eachRun(ctx, p.cut(), false, func(_ pkgmeter.Day, _ uint32, c *cells.Columns) { all.Add(p.sum(c)) }); err != nil {
		return err
	}
	for _, m := range sums {
		known.Add(m)
	}
	sums[key] = rest(all, known)
	return nil
}

// addUnknownLine is addUnknown for the line of a series that is for the events
// of no known country or consumer, among the lines of all others.
func (q *question) addUnknownLine(ctx context.Context, unknown *dense, lines []*dense) error {
	p, err := q.plain(ctx)
	if err != nil {
		return err
	}
	all := newDense(q.span, unknown.grain)
	if err := p.seriesInto(ctx, all); err != nil {
		return err
	}
	for i := range all.points {
		var known pkgmeter.Measures
		for _, l := range lines {
			known.Add(l.points[i].Measures)
		}
		unknown.points[i].Add(rest(all.points[i].Measures, known))
	}
	return nil
}

func rest(all, known pkgmeter.Measures) pkgmeter.Measures {
	return pkgmeter.Measures{
		Downloads: all.Downloads - known.Downloads, Hits: all.Hits - known.Hits,
		Bytes: max(0, all.Bytes-known.Bytes), // of bytes there are only so many
	}
}
