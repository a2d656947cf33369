package httpx

import (
	"net/http"
	"net/netip"
	"strings"
)

// Forwarded makes requests that come through proxies of the given networks
// carry the address of the client that the proxies saw, as their RemoteAddr
// (with port 0). Where there are no proxies nothing is believed.
//
// X-Forwarded-For is read from the right: each proxy appends whom it got the
// request from, so an address counts only if a trusted peer has named it. The
// first that is no proxy of ours is the client; what stands left of it anybody
// can have written.
func Forwarded(proxies []netip.Prefix, next http.Handler) http.Handler {
	if len(proxies) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if client, ok := forwardedFor(proxies, r); ok {
			seen := *r // its headers and body are shared, and stay as they are
			seen.RemoteAddr = netip.AddrPortFrom(client, 0).String()
			r = &seen
		}
		next.ServeHTTP(w, r)
	})
}

// forwardedFor returns the client's address, if it is another one than the
// connection's.
func forwardedFor(proxies []netip.Prefix, r *http.Request) (client netip.Addr, found bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return client, false
	}
	client = peer.Addr().Unmap().WithZone("")
	said := r.Header.Values("X-Forwarded-For")
	for i := len(said) - 1; i >= 0; i-- {
		for rest, more := said[i], true; more; {
			if !trusted(proxies, client) {
				return client, found
			}
			one := rest
			if cut := strings.LastIndexByte(rest, ','); cut >= 0 {
				rest, one = rest[:cut], rest[cut+1:]
			} else {
				more = false
			}
			a, ok := hop(strings.Trim(one, " \t"))
			if !ok {
				return client, found // a proxy of ours says that it does not know
			}
			client, found = a, true
		}
	}
	return client, found
}

func trusted(proxies []netip.Prefix, a netip.Addr) bool {
	for _, p := range proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// hop reads an address as proxies write it: with or without a port, one of IPv6
// in brackets or not.
func hop(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		with, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		a = with.Addr()
	}
	return a.Unmap().WithZone(""), true
}
