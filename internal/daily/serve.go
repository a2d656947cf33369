package daily

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

// Files is where published days are read.
type Files interface {
	// PublishedUse returns the file of a day; code not_found for one that is not
	// published.
	PublishedUse(ctx context.Context, day pkgmeter.Day) (pkgmeter.UseDay, error)

	// EachUseDay calls visit for every published day in order, without bodies.
	EachUseDay(ctx context.Context, visit func(pkgmeter.UseDay) error) error
}

const textType = "text/plain; charset=utf-8"

// ServeDay serves GET /stats/v1/{day}. All clients take anything but 200 for a
// day without statistics.
func ServeDay(files Files) http.Handler {
	return httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		day, err := pkgmeter.ParseDay(r.PathValue("day"))
		if err != nil {
			return none(w)
		}
		d, err := files.PublishedUse(r.Context(), day)
		if pkgmeter.CodeOf(err) == pkgmeter.NotFound {
			return none(w)
		}
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", textType)
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Header().Set("ETag", `"`+hex.EncodeToString(d.SHA256[:])+`"`)
		// The file was written soon after the end of its day, at the earliest.
		http.ServeContent(w, r, "", day.End().Add(time.Second), bytes.NewReader(d.Body))
		return nil
	})
}

func none(w http.ResponseWriter) error {
	w.Header().Set("Cache-Control", "no-store")
	httpx.Write(w, http.StatusNotFound, textType, []byte("There are no statistics of this day.\n"))
	return nil
}

// ServeIndex serves GET /stats/v1/: a line a day, with the SHA-256 of its file
// and of the chain up to it. The chain of a day is the SHA-256 of a line with
// the chain of the day before, or 64 zeros, the day, and the SHA-256 of its
// file. Days that another server published have none.
func ServeIndex(files Files) http.Handler {
	return httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		var b strings.Builder
		err := files.EachUseDay(r.Context(), func(d pkgmeter.UseDay) error {
			chain := "-"
			if !d.Foreign {
				chain = hex.EncodeToString(d.Chain[:])
			}
			fmt.Fprintf(&b, "%x  %s  %s\n", d.SHA256, d.Day, chain)
			return nil
		})
		if err != nil {
			return err
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cache-Control", "no-cache")
		httpx.Write(w, http.StatusOK, textType, []byte(b.String()))
		return nil
	})
}
