package ddp_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"time"

	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

// A server with one method, and a client that calls it.
func Example() {
	srv := ddp.NewServer(ddp.Options{})
	srv.Method("add", func(_ context.Context, call *ddp.Call) (any, error) {
		var a, b int
		if err := call.Bind(&a, &b); err != nil {
			return nil, err // 400, Match failed
		}
		return a + b, nil
	})
	web := httptest.NewServer(srv)
	defer web.Close()
	ctx := context.Background()
	defer srv.Shutdown(ctx)

	c, err := ddp.Dial(ctx, web.URL, ddp.DialOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	var sum int
	if err := c.Call(ctx, "add", &sum, 2, 3); err != nil {
		log.Fatal(err)
	}
	fmt.Println(sum)
	fmt.Println(c.Call(ctx, "add", nil, "two"))
	// Output:
	// 5
	// call add: Match failed [400]
}

// A publication sends what there is, says so, and sends changes later.
func ExampleServer_Publish() {
	srv := ddp.NewServer(ddp.Options{})
	tick := make(chan int)
	srv.Publish("clock", func(ctx context.Context, sub *ddp.Subscription) error {
		if err := sub.Added("clocks", "wall", map[string]any{"n": 0}); err != nil {
			return err
		}
		sub.Unblock() // stays for the life of the subscription
		if err := sub.Ready(); err != nil {
			return err
		}
		for {
			select {
			case n := <-tick:
				if err := sub.Changed("clocks", "wall", map[string]any{"n": n}); err != nil {
					return err
				}
			case <-ctx.Done():
				return nil
			}
		}
	})
	web := httptest.NewServer(srv)
	defer web.Close()
	ctx := context.Background()
	defer srv.Shutdown(ctx)

	seen := make(chan ddp.Data)
	c, err := ddp.Dial(ctx, web.URL, ddp.DialOptions{OnData: func(d ddp.Data) { seen <- d }})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	go func() {
		if _, err := c.Subscribe(ctx, "clock"); err != nil {
			log.Fatal(err)
		}
		tick <- 1
	}()
	for range 2 {
		d := <-seen
		fmt.Println(d.Msg, d.Collection, d.ID, d.Fields["n"])
	}
	// Output:
	// added clocks wall 0
	// changed clocks wall 1
}

// Errors of type *Error reach the client; all others are logged and hidden.
func ExampleError() {
	srv := ddp.NewServer(ddp.Options{})
	srv.Method("open", func(context.Context, *ddp.Call) (any, error) {
		return nil, &ddp.Error{Code: 403, Reason: "The door is locked."}
	})
	web := httptest.NewServer(srv)
	defer web.Close()
	ctx := context.Background()
	defer srv.Shutdown(ctx)
	c, err := ddp.Dial(ctx, web.URL, ddp.DialOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	err = c.Call(ctx, "open", nil)
	if e, ok := errors.AsType[*ddp.Error](err); ok {
		fmt.Println(e.Code, e.Reason)
	}
	// Output: 403 The door is locked.
}

// Raw splices documents that are stored as EJSON text.
func ExampleRaw() {
	stored := []ddp.Raw{ddp.Raw(`{"name":"a","at":{"$date":0}}`), ddp.Raw(`{"name":"b"}`)}
	text, err := ejson.Marshal(map[string]any{"docs": stored, "at": time.UnixMilli(5)})
	fmt.Println(text, err)
	// Output: {"at":{"$date":5},"docs":[{"name":"a","at":{"$date":0}},{"name":"b"}]} <nil>
}
