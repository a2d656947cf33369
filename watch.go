package pkgmeter

import "time"

// A Watch is what somebody wants to be told of. What stands in Ask, Send and State
// is JSON that the store does not read.
type Watch struct {
	ID      int64
	Name    string
	Kind    string
	Ask     string // what is looked at
	Send    string // to whom it is told; has secrets in it
	State   string // what it has to remember from one look to the next
	Paused  bool
	Created time.Time
}

// A NoticeState says how far a notice has come.
type NoticeState string

// The states of a notice.
const (
	NoticeWaiting NoticeState = "waiting" // to be sent, or sent again
	NoticeSent    NoticeState = "sent"    // whom it was for has taken it
	NoticeFailed  NoticeState = "failed"  // it was given up
)

// A Notice is something that is told to one receiver of a watch. Watch, key and
// target together are told once.
type Notice struct {
	ID      int64
	WatchID int64
	Key     string // names what happened
	Target  string // which receiver of the watch
	UID     string // by which receivers know one that comes twice
	At      time.Time
	Body    string // JSON that the store does not read

	State NoticeState
	Tries int
	Next  time.Time // when it is tried again
	Sent  time.Time // zero: it was not
	Error string    // of the last try; "" for none
}
