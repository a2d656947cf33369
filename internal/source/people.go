package source

import (
	"bytes"
	"net/netip"

	"github.com/pkgmeter/pkgmeter"
)

// People says what is kept of who fetched files. The zero value keeps nothing.
// Addresses and names leave this package in no other way.
type People struct {
	// Country returns where an address is: ISO 3166 alpha-2, "" unknown. Nil
	// where countries are not asked for.
	Country func(netip.Addr) string

	// Consumer returns the key under which a name is kept. Nil where consumers
	// are not asked for.
	Consumer func(name string) string
}

// in returns the country of an address as senders write it, with or without a
// port.
func (p *People) in(address []byte) string {
	if p.Country == nil || len(address) == 0 {
		return ""
	}
	a, ok := addressIn(address)
	if !ok {
		return ""
	}
	return p.Country(a)
}

// addressIn reads an address, which may have a port and brackets.
func addressIn(b []byte) (netip.Addr, bool) {
	const longest = 64 // of one with a zone and a port
	if len(b) > longest {
		return netip.Addr{}, false
	}
	s := string(b)
	if a, err := netip.ParseAddr(s); err == nil {
		return a, true
	}
	if with, err := netip.ParseAddrPort(s); err == nil {
		return with.Addr(), true
	}
	if n := len(s); n > 2 && s[0] == '[' && s[n-1] == ']' {
		a, err := netip.ParseAddr(s[1 : n-1])
		return a, err == nil
	}
	return netip.Addr{}, false
}

// key returns the key of a name, "" for what senders write where there is none.
func (p *People) key(name []byte) string {
	if p.Consumer == nil || blank(name) {
		return ""
	}
	switch string(name) {
	case "-", "_", `""`, "anonymous", "Anonymous", "non_authenticated_user", masked:
		return ""
	}
	if bytes.IndexByte(name, 0) >= 0 {
		return "" // much of what may read it later ends there
	}
	return p.Consumer(fitID(string(name)))
}

// any reports whether anything is kept.
func (p *People) any() bool { return p.Country != nil || p.Consumer != nil }

// set notes on e who fetched the file.
func (p *People) set(e *pkgmeter.Event, address, name []byte) {
	e.Country, e.Consumer = p.in(address), p.key(name)
}
