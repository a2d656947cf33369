package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/badge"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

// badgePolicy lets an SVG that is opened by itself draw, and do nothing else.
const badgePolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

// For how long a badge, and that there is none, may be kept.
const (
	keepBadge   = "max-age=300"
	keepNothing = "max-age=60"
)

// badge serves badges. There is no challenge: a picture on another site must not
// make browsers ask for a password.
func (s *Server) badge(answers *api.API) http.Handler {
	return httpx.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Vary", varyByAsker)
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		path, err := api.ParseBadgePath(r.PathValue("type"), r.PathValue("name"))
		if err != nil {
			return err
		}
		params, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return &pkgmeter.Error{Code: pkgmeter.Invalid, Msg: "the query string is malformed", Err: err}
		}
		everyone, err := s.maySee(r, path, params)
		if err != nil {
			setRetryAfter(w, err)
			return err
		}
		if everyone {
			anyOrigin(h)
		}
		b, known, err := answers.Badge(r.Context(), path, params)
		if err != nil {
			return err
		}
		return writeBadge(w, r, path.Form, b, known, everyone)
	})
}

func writeBadge(w http.ResponseWriter, r *http.Request, form string, b badge.Badge, known, everyone bool) error {
	h := w.Header()
	keep := "private, "
	if everyone {
		keep = "public, "
	}
	h.Set("Cache-Control", keep+keepBadge)
	if !known {
		h.Set("Cache-Control", keep+keepNothing)
	}
	if form == api.JSON {
		if !known {
			return pkgmeter.Errorf(pkgmeter.NotFound, "there is no such package")
		}
		body, err := json.Marshal(api.Endpoint(b))
		if err != nil {
			return err
		}
		serve(w, r, "application/json", append(body, '\n'))
		return nil
	}
	h.Set("Content-Security-Policy", badgePolicy)
	if !known {
		httpx.Write(w, http.StatusNotFound, svgType, b.SVG())
		return nil
	}
	serve(w, r, svgType, b.SVG())
	return nil
}

const svgType = "image/svg+xml"

// serve answers with a body, or with 304 to who has it.
func serve(w http.ResponseWriter, r *http.Request, contentType string, body []byte) {
	sum := sha256.Sum256(body)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	w.Header().Set("Content-Type", contentType)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}
