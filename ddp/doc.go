// Package ddp is a server, and a small client, for DDP, the protocol between
// Meteor clients and servers: method calls and live documents as JSON messages
// over a WebSocket, or over SockJS where there is none.
//
// A [Server] is an http.Handler. Methods and publications are functions
// registered by name:
//
//	srv := ddp.NewServer(ddp.Options{})
//	srv.Method("add", func(ctx context.Context, call *ddp.Call) (any, error) {
//		var a, b int
//		if err := call.Bind(&a, &b); err != nil {
//			return nil, err
//		}
//		return a + b, nil
//	})
//	http.ListenAndServe("localhost:3000", srv)
//
// # What it does
//
// Each connection is a [Session]. Its messages run one after another in the
// order of their arrival, until one of them unblocks the next; sessions do not
// wait for each other, and pings wait for nothing. Every call gets one result
// and one "updated". The documents of all subscriptions of a session are merged
// as Meteor merges them, so that a client never hears of a document twice.
// Values are EJSON, in package ejson; text that is stored as EJSON already is
// spliced as [Raw].
//
// Everything that a client can make grow has a limit, named in [Options]. A
// client that breaks one is closed with a reason; so is one that falls silent,
// or does not read what it is sent. Nobody else waits for it. A session without
// work is one goroutine and about 16 KiB. Messages are deflated above a size,
// without a window kept between them.
//
// # What it does not know
//
// It has no collections, no queries and no accounts: publications say what is
// added, changed and removed, and [Session.SetUserID] only keeps a name.
// Subscriptions are not run again when it changes. Sessions are not resumed; a
// client that reconnects starts anew, as Meteor's do. There are no
// publications without a subscription, no ordered collections (addedBefore,
// movedBefore), no random seeds and no custom EJSON types. Of SockJS it knows
// WebSockets, xhr and xhr_streaming. Any origin may connect: whoever keeps
// secrets behind methods must not trust cookies.
package ddp
