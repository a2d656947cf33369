package catalog

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// A Date is a time as EJSON has it: {"$date":N}, with milliseconds since 1970
// in UTC. 0 stands for none.
type Date int64

// maxDate is the last date of JavaScript.
const maxDate = 8.64e15

// DateOf returns t in milliseconds, cut.
func DateOf(t time.Time) Date { return Date(t.UnixMilli()) }

// Time returns d in UTC.
func (d Date) Time() time.Time { return time.UnixMilli(int64(d)).UTC() }

// MarshalJSON writes an integer: clients may not know other forms.
func (d Date) MarshalJSON() ([]byte, error) {
	return append(strconv.AppendInt([]byte(`{"$date":`), int64(d), 10), '}'), nil
}

// UnmarshalJSON takes what is no date for none: records come from strangers,
// and the rest of them can be shown all the same.
func (d *Date) UnmarshalJSON(value []byte) error {
	var form struct {
		MS *float64 `json:"$date"`
	}
	*d = 0
	if json.Unmarshal(value, &form) == nil && form.MS != nil && math.Abs(*form.MS) <= maxDate {
		*d = Date(*form.MS)
	}
	return nil
}
