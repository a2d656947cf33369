package ejson_test

import (
	"fmt"
	"time"

	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

func ExampleMarshal() {
	text, err := ejson.Marshal(map[string]any{
		"when":    time.UnixMilli(1_400_000_000_000),
		"bytes":   []byte("hi"),
		"literal": map[string]any{"$date": "not one"},
	})
	fmt.Println(text, err)
	// Output: {"bytes":{"$binary":"aGk="},"literal":{"$escape":{"$date":"not one"}},"when":{"$date":1400000000000}} <nil>
}

func ExampleUnmarshal() {
	var v struct {
		When time.Time `json:"when"`
		Doc  ejson.Raw `json:"doc"`
	}
	err := ejson.Unmarshal([]byte(`{"when":{"$date":0},"doc":{"kept":  "as it is"}}`), &v)
	fmt.Println(v.When, v.Doc, err)
	// Output: 1970-01-01 00:00:00 +0000 UTC {"kept":  "as it is"} <nil>
}
