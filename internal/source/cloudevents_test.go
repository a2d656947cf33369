package source_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestCloudEventsReadsWholePayloads(t *testing.T) {
	t.Parallel()
	const head = "id=https://repo.example.com/hooks "
	cloudEvents.checkPayloads(t, map[string]string{
		"structured.json": `get com/acme/app/1.0/app-1.0.jar repository=releases ` + head + `A-1 agent=Apache-Maven bytes=100 at=3Z`,
		"package.json":    `get  hint=pkg:npm/left-pad@1.3.0 ` + head + `A-2 at=2026-02-28T01:02:03Z`,
		"base64.json":     `get app-1.0.jar ` + head + `A-3 at=3Z`,
		"text.json":       `upload app-1.0.jar ` + head + `A-4 at=3Z`,
		"batch.json": `
			get a.jar ` + head + `A-5 at=3Z
			head b.jar id=urn:example:two A-6 at=3Z
			get c.jar ` + head + `A-5 at=3Z`,
	})
}

func TestWhatACloudEventIs(t *testing.T) {
	t.Parallel()
	for more, want := range map[string]string{
		`"data":{"path":"a"}`:                               "get a id=s 1",
		`"data":{"path":"a"},"time":null`:                   "get a id=s 1",
		`"data":{"path":"a"},"time":"2026-03-01T13:00:00Z"`: "get a id=s 1 flags=1",
		`"data":{"path":"a"},"type":"x.deleted"`:            "get a id=s 1",
		`"data":{"path":"a","id":7}`:                        "get a id=s 1",
		`"data":{"path":"a"},"id":"2"`:                      "get a id=s 2",
		`"data_base64":"eyJwYXRoIjoiYSJ9"`:                  "get a id=s 1",
		`"data":null,"data_base64":"eyJwYXRoIjoiYSJ9"`:      "get a id=s 1",

		`"data":{"path":"a"},"time":"yesterday"`:            "0: time: want RFC 3339, from 2000-01-01 on",
		`"data":{"path":"a"},"time":7`:                      "0: time: want RFC 3339",
		`"data":{"path":"a"},"time":"1999-01-01T00:00:00Z"`: "0: time 1999-01-01T00:00:00Z is before 2000-01-01",
		`"data":{"path":"a"},"time":"2026-03-03T00:00:00Z"`: "0: time 2026-03-03T00:00:00Z is more than 24 hours in the future",
		`"data":{"path":"a"},"id":""`:                       "0: no CloudEvent: there is no id",
		`"data":{"path":"a"},"id":7`:                        "0: no CloudEvent: there is no id",
		`"data":{"path":"a"},"id":"\u0000"`:                 "0: no CloudEvent: there is no id",
		`"data":{"path":"a"},"source":null`:                 "0: no CloudEvent: there is no source",
		`"data":{"path":"a"},"source":"a b"`:                "0: no CloudEvent: the source is no URI",
		`"data":{"path":"a"},"specversion":1.0`:             "0: no CloudEvent: there is no specversion",
		`"x":1`:                                             "0: there is no data",
		`"data":null`:                                       "0: there is no data",
		`"data_base64":"%"`:                                 "0: there is no data",
		`"data":[]`:                                         "0: data: want an object, got an array",
		`"data":7`:                                          "0: data: want an object, got a number",
		`"data":"hello"`:                                    "0: data: not JSON: 'h' at offset 0 where a value should be",
		`"data":{}`:                                         "0: data: path or package is required, and has to name a file",
		`"data":{"path":"a","time":"192.0.2.7"}`:            `0: data: time: want RFC 3339, as in 2026-03-01T11:58:03Z, got "***"`,
	} {
		d := cloudEvents.read(t, `{"specversion":"1.0","type":"t","source":"s","id":"1",`+more+`}`, "Content-Type", "application/cloudevents+json; charset=utf-8", "Ce-Id", "9")
		checkSaid(t, d, want)
	}
	long := cloudEvents.read(t, fmt.Sprintf(`{"specversion":"1.0","type":"t","source":"s","id":%q,"data":{"path":"a"}}`, strings.Repeat("x", 300)))
	if len(long.Events) != 1 || !strings.HasPrefix(long.Events[0].ID, "sha256:") {
		t.Errorf("a long id: %+v", long)
	}
}

func TestABatchIsTakenItemByItem(t *testing.T) {
	t.Parallel()
	const good = `{"specversion":"1.0","type":"t","source":"s","id":"1","data":{"path":"a"}}`
	checkSaid(t, cloudEvents.read(t, `[`+good+`,7,{"id":"1"},`+good+`]`, "Content-Type", "application/cloudevents-batch+json"), `
		get a id=s 1
		get a id=s 1
		1: want an object, got a number
		2: no CloudEvent: there is no specversion`)
	checkSaid(t, cloudEvents.read(t, `[]`), "")
}

func TestTheHeadOfACloudEventCanBeInHeaders(t *testing.T) {
	t.Parallel()
	head := []string{"Ce-Specversion", "1.0", "Ce-Type", "t", "Ce-Source", "/repo%2Fa", "Ce-Id", "caf%C3%A9%201", "Ce-Time", "2026-03-01T11:58:03Z", "Content-Type", "application/json"}
	without := func(name string) []string {
		var list []string
		for i := 0; i < len(head); i += 2 {
			if head[i] != name {
				list = append(list, head[i], head[i+1])
			}
		}
		return list
	}
	const data = `{"path":"a.jar","bytes":5}`
	for _, tt := range []struct {
		body string
		head []string
		want string
	}{
		{data, head, "get a.jar id=/repo/a café 1 bytes=5 at=3Z"},
		{"\ufeff" + data, head, "get a.jar id=/repo/a café 1 bytes=5 at=3Z"},
		{data, without("Ce-Time"), "get a.jar id=/repo/a café 1 bytes=5"},
		{data, without("Content-Type"), "get a.jar id=/repo/a café 1 bytes=5 at=3Z"},
		{data, without("Ce-Specversion"), "0: no CloudEvent: there is no specversion"},
		{data, without("Ce-Source"), "0: no CloudEvent: there is no source"},
		{data, without("Ce-Id"), "0: no CloudEvent: there is no id"},
		{"", head, "0: there is no data"},
		{"[" + data + "]", head, "0: data: want an object, got an array"},
		{"path=a", head, "0: data: not JSON: 'p' at offset 0 where a value should be"},
		{data, append(without("Content-Type"), "Content-Type", "application/CloudEvents+json"), "0: no CloudEvent: there is no specversion"},
	} {
		checkSaid(t, cloudEvents.read(t, tt.body, tt.head...), tt.want)
	}
}
