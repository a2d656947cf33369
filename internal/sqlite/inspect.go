package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/klauspost/compress/zstd"
	"github.com/pkgmeter/pkgmeter"
)

const heldColumns = `q.id, s.name, q.kind, q.reason, q.at_ms, q.body FROM quarantine q JOIN source s ON s.id = q.source_id`

func scanHeld(scan func(...any) error) (h pkgmeter.Held, err error) {
	var atMS int64
	var packed []byte
	if err := scan(&h.ID, &h.Source, &h.Kind, &h.Reason, &atMS, &packed); err != nil {
		return h, err
	}
	h.At = fromMS(atMS)
	h.Body, err = unzstd(packed)
	return h, err
}

// unzstd unpacks what the writer packed.
func unzstd(packed []byte) ([]byte, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return z.DecodeAll(packed, nil)
}

// Held returns up to limit items of quarantine, the newest first, of those
// before the given id; 0 begins with the newest.
func (s *Store) Held(ctx context.Context, before int64, limit int) (items []pkgmeter.Held, err error) {
	if before == 0 {
		before = math.MaxInt64
	}
	err = eachRow(ctx, s.side, func(rows *sql.Rows) error {
		h, err := scanHeld(rows.Scan)
		items = append(items, h)
		return err
	}, `SELECT `+heldColumns+` WHERE q.id < ? ORDER BY q.id DESC LIMIT ?`, before, limit)
	return items, err
}

// HeldItem returns an item of quarantine; one that there is not is
// [pkgmeter.NotFound].
func (s *Store) HeldItem(ctx context.Context, id int64) (pkgmeter.Held, error) {
	h, err := scanHeld(s.side.QueryRowContext(ctx, `SELECT `+heldColumns+` WHERE q.id = ?`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return h, pkgmeter.Errorf(pkgmeter.NotFound, "item %d is not in quarantine (any more)", id)
	}
	return h, err
}

// sample keeps a payload of a source that has fewer than enough.
func (w *writer) sample(ctx context.Context, p *pkgmeter.Sample) error {
	if p == nil {
		return nil
	}
	source, err := w.source.id(ctx, p.Source)
	if err != nil {
		return err
	}
	_, err = w.conn.ExecContext(ctx, `
		INSERT INTO sample (source_id, slot, at_ms, kind, body)
		SELECT ?1, n, ?2, ?3, ?4 FROM (SELECT count(*) AS n FROM sample WHERE source_id = ?1) WHERE n < ?5`,
		source, p.At.UnixMilli(), p.Kind, w.zstd.EncodeAll(p.Body, nil), pkgmeter.MaxSamples)
	return err
}

// Samples returns the payloads that are kept of each source.
func (s *Store) Samples(ctx context.Context) (samples []pkgmeter.Sample, err error) {
	err = eachRow(ctx, s.side, func(rows *sql.Rows) error {
		var p pkgmeter.Sample
		var atMS int64
		var packed []byte
		if err := rows.Scan(&p.Source, &p.Kind, &atMS, &packed); err != nil {
			return err
		}
		p.At = fromMS(atMS)
		var err error
		p.Body, err = unzstd(packed)
		samples = append(samples, p)
		return err
	}, `SELECT s.name, p.kind, p.at_ms, p.body FROM sample p JOIN source s ON s.id = p.source_id ORDER BY s.name, p.slot`)
	return samples, err
}

// Mapping returns which keys of a source's payloads mean what, as an operator
// has set it: field → key. A source without one has an empty mapping.
func (s *Store) Mapping(ctx context.Context, source string) (map[string]string, error) {
	var text string
	err := s.side.QueryRowContext(ctx, `SELECT mapping FROM source WHERE name = ?`, source).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) || err == nil && text == "" {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	var keys map[string]string
	if err := json.Unmarshal([]byte(text), &keys); err != nil {
		return nil, fmt.Errorf("mapping of %s: %w", source, err)
	}
	return keys, nil
}

// SetMapping sets it. Events that came before keep what was read of them.
func (s *Store) SetMapping(ctx context.Context, source string, keys map[string]string) error {
	text, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	return s.update(ctx, func(ctx context.Context, w *writer) error {
		id, err := w.source.id(ctx, source)
		if err != nil {
			return err
		}
		var was string
		if err := w.conn.QueryRowContext(ctx, `SELECT mapping FROM source WHERE id = ?`, id).Scan(&was); err != nil || was == string(text) {
			return err
		}
		if _, err := w.conn.ExecContext(ctx, `UPDATE source SET mapping = ? WHERE id = ?`, string(text), id); err != nil {
			return err
		}
		return w.audit(ctx, "source.mapping", source, cmp.Or(was, "{}")+" → "+string(text))
	})
}
