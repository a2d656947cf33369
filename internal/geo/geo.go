// Package geo tells the country of an address by a file of the operator's, in
// the MaxMind DB format. The program brings no such data along.
//
// It does not know what is counted, nor whose address it is asked about.
package geo

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/oschwald/maxminddb-golang/v2"
	"github.com/pkgmeter/pkgmeter"
)

// MaxFile is the largest file that is read, bytes. It is held in memory: the
// operator may replace it at any time.
const MaxFile = 512 << 20

// paths are where files have the code of a country: those of MaxMind and DB-IP,
// then those of IPinfo. What a network is registered for is the next best.
var paths = [][]any{{"country", "iso_code"}, {"country_code"}, {"country"}, {"registered_country", "iso_code"}}

// Countries are the countries of networks.
type Countries struct {
	db *maxminddb.Reader
}

// Open reads the file. One in which no network has a country is an error, since
// there are files of that format about other things.
func Open(path string) (*Countries, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > MaxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, int64(MaxFile))
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := Read(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Read is [Open] for a file's content.
func Read(content []byte) (*Countries, error) {
	db, err := maxminddb.OpenBytes(content)
	if err != nil {
		return nil, fmt.Errorf("it is no file of the MaxMind DB format: %w", err)
	}
	c := &Countries{db}
	const enough = 10_000
	n := 0
	for r := range db.Networks() {
		if err := r.Err(); err != nil {
			return nil, fmt.Errorf("it is damaged: %w", err)
		}
		if country(r) != "" {
			return c, nil
		}
		if n++; n == enough {
			break
		}
	}
	return nil, errors.New("its networks have no countries")
}

// Of returns the country of an address, ISO 3166 alpha-2, "" if none is known.
func (c *Countries) Of(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return country(c.db.Lookup(a.Unmap().WithZone("")))
}

func country(r maxminddb.Result) string {
	if !r.Found() {
		return ""
	}
	for _, path := range paths {
		var code string
		if err := r.DecodePath(&code, path...); err == nil && pkgmeter.IsCountry(code) {
			return code
		}
	}
	return ""
}
