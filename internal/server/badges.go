package server

import (
	"context"
	"maps"
	"net/url"
	"strings"

	"github.com/pkgmeter/pkgmeter/internal/api"
	"github.com/pkgmeter/pkgmeter/internal/auth"
	"github.com/pkgmeter/pkgmeter/internal/web"
)

// badges makes addresses of badges for the page that builds them.
type badges struct {
	server  *Server
	answers *api.API
}

// Badge implements [web.Badges].
func (b badges) Badge(ctx context.Context, purl string, params url.Values, sign bool) (web.Badge, error) {
	path, err := api.BadgePathOf(purl, api.SVG)
	if err != nil {
		return web.Badge{}, err
	}
	shown, known, err := b.answers.Badge(ctx, path, params)
	if err != nil {
		return web.Badge{}, err
	}
	everyone := b.server.PublicStats
	if !everyone {
		if everyone, err = b.server.Store.AllPublic(ctx, params["repository"]); err != nil {
			return web.Badge{}, err
		}
	}
	made := web.Badge{Label: shown.Label, Known: known, Everyone: everyone, Signed: sign && !everyone}
	params = maps.Clone(params)
	if made.Signed {
		secret, err := b.server.Store.Secret(ctx)
		if err != nil {
			return web.Badge{}, err
		}
		signer, err := auth.NewSigner(secret, api.SignatureOf)
		if err != nil {
			return web.Badge{}, err
		}
		params.Set(api.Signature, signer.Sign(path.String(), api.Signed(params)))
	}
	below := path.Escaped()
	if len(params) > 0 {
		below += "?" + params.Encode()
	}
	made.Image, made.URL = b.server.Base+below, strings.TrimRight(b.server.PublicURL, "/")+below
	if b.server.PublicURL == "" {
		made.URL = made.Image
	}
	return made, nil
}
