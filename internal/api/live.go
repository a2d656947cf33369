package api

import (
	"net/url"

	"github.com/pkgmeter/pkgmeter"
)

// LiveFilter reads the parameters of /api/v1/live: the filters of every other
// question, and after, the id of the last message that was seen. Any others
// are an error: events have no range of days, and no order but their own.
func LiveFilter(params url.Values) (f pkgmeter.Filter, after string, err error) {
	q := &question{values: params}
	f = q.filter()
	after, _ = q.one("after")
	return f, after, q.done()
}
