package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"

	"github.com/pkgmeter/pkgmeter/internal/geo"
	"github.com/pkgmeter/pkgmeter/internal/source"
	"github.com/pkgmeter/pkgmeter/internal/sqlite"
	"github.com/pkgmeter/pkgmeter/internal/terminal"
)

// peopleFlags say what is kept of who fetched files: by default nothing.
type peopleFlags struct {
	Geo       string `placeholder:"FILE" help:"Note the country of each address, by this file in the MaxMind DB format; addresses are not kept. What the server was started with holds for all that comes through it."`
	Consumers string `placeholder:"HOW" enum:"off,hash,name" default:"off" help:"Note who fetched, where senders say so: off, hash (a keyed digest of the name) or name (default ${default})."`
}

// hashedName is how many bytes of a name's digest are kept.
const hashedName = 8

// use reads what the flags name. It is called once, before the store is open.
func (f *peopleFlags) use(a *app) error {
	a.people = f
	if f.Geo == "" {
		return nil
	}
	countries, err := geo.Open(f.Geo)
	if err != nil {
		return fmt.Errorf("--geo: %w", err)
	}
	a.countries = countries
	return nil
}

// peopleOf returns what this command keeps of who fetched files. It is counted
// from now on: of earlier events nobody knows it any more.
func (a *app) peopleOf(store *sqlite.Store) (p source.People, err error) {
	if a.countries != nil {
		p.Country = a.countries.Of
	}
	if a.people == nil {
		return p, nil
	}
	switch a.people.Consumers {
	case "name":
		p.Consumer = func(name string) string { return name }
	case "hash":
		secret, err := store.Secret(a.ctx)
		if err != nil {
			return p, err
		}
		p.Consumer = func(name string) string {
			h := hmac.New(sha256.New, secret)
			h.Write([]byte(name))
			return hex.EncodeToString(h.Sum(nil)[:hashedName])
		}
	}
	return p, nil
}

// proxies reads the networks of --trusted-proxy: an address is one of its own.
func proxies(texts []string) (networks []netip.Prefix, err error) {
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, err := netip.ParseAddr(text)
			if err != nil || a.Zone() != "" {
				return nil, usage("--trusted-proxy %s: want an address or a network, such as 10.0.0.0/8", terminal.Clean(text))
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		if a := p.Addr(); a.Is4In6() { // peers are compared as what they are
			if p.Bits() < 96 {
				return nil, usage("--trusted-proxy %s: want an address or a network, such as 10.0.0.0/8", terminal.Clean(text))
			}
			p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
		}
		networks = append(networks, p.Masked())
	}
	return networks, nil
}
