package source_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/source"
)

func TestMask(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want string }{
		"keys in any spelling":          {`{"user-id":"u1","userName":"ada","E_MAIL":"x","remote.addr":"h"}`, `{"user-id":"***","userName":"***","E_MAIL":"***","remote.addr":"***"}`},
		"numbers":                       {`{"user-id": 17, "ip":3221225985}`, `{"user-id": "***", "ip":"***"}`},
		"secrets":                       {`{"password":"p","Token":"t","client":{"secret":"s"},"api-key":1,"Authorization":"Basic eA=="}`, `{"password":"***","Token":"***","client":{"secret":"***"},"api-key":"***","Authorization":"***"}`},
		"all below a key":               {`{"user":{"id":1,"names":["a",{"b":"c"}],"ok":true,"none":null},"id":1}`, `{"user":{"id":"***","names":["***",{"b":"***"}],"ok":true,"none":null},"id":1}`},
		"everything else stays":         {" {\"file-name\" : \"a\\u0062.jar\",\r\n\"size\":1.0e2, \"x\":[ ] } ", " {\"file-name\" : \"a\\u0062.jar\",\r\n\"size\":1.0e2, \"x\":[ ] } "},
		"addresses as values":           {`["ada@example.com","192.0.2.1","2001:db8::1","10.0.0.1:80","[::1]:80","1.2.3.4, 5.6.7.8","10.0.0.0/8"]`, `["***","***","***","***","***","***","***"]`},
		"not addresses":                 {`["foo-1.2.3.4.jar","left-pad@1.3.0","@acme/x","a/b@c.de","1.2.3","host","a:b","com/acme/1.2.3.4/x.jar",1.5]`, `["foo-1.2.3.4.jar","left-pad@1.3.0","@acme/x","a/b@c.de","1.2.3","host","a:b","com/acme/1.2.3.4/x.jar",1.5]`},
		"addresses as keys":             {`{"ada@example.com":1,"192.0.2.1":2}`, `{"***":1,"***":2}`},
		"an escaped key":                {`{"us\u0065r":"ada"}`, `{"us\u0065r":"***"}`},
		"an escaped address":            {`["ada\u0040example.com"]`, `["***"]`},
		"an address in a sentence":      {`{"text":"ada@example.com got \"a-1.2.3.4.jar\" from 192.0.2.1"}`, `{"text":"*** got \"a-1.2.3.4.jar\" from ***"}`},
		"JSON in a text":                {`{"payload":"{\"user\":\"ada\",\"file\":\"a\"}"}`, `{"payload":"{\"user\":\"***\",\"file\":\"a\"}"}`},
		"a user in a URL":               {`{"url":"https://ada:pw@example.com/a.jar"}`, `{"url":"https://***@example.com/a.jar"}`},
		"empty values":                  {`{"user":"","ip":null}`, `{"user":"","ip":null}`},
		"BOM":                           {"\ufeff{\"user\":\"ada\"}", "\ufeff{\"user\":\"***\"}"},
		"a form":                        {`file=foo-1.2.3.4.jar&user-id=ada&x=ada%40example.com&y=192.0.2.1&token=`, `file=foo-1.2.3.4.jar&user-id=***&x=***&y=***&token=`},
		"words":                         {`got 192.0.2.1, "2001:db8::1" by ada@example.com. foo-1.2.3.4.jar, 1.2.3.4.jar`, `got ***, "***" by ***. foo-1.2.3.4.jar, 1.2.3.4.jar`},
		"users in URLs":                 {`a://b:c@d@e/f@g.com, x://1.2.3.4/y@z x://@y`, `a://***@e/***, x://1.2.3.4/y@z x://@y`},
		"a header":                      {"Authorization: Basic eA==\nHost: h\n", "Authorization: ***\nHost: h\n"},
		"JSON cut in a private value":   {`{"file":"a","user-id":"ad`, `{"file":"a","user-id":"***`},
		"JSON cut after one":            {`{"user" : {"name":"ada","x":{"y":1}},"actor":["a","b"],"ip":7,"file":"a`, `{"user" : ***,"actor":***,"ip":***,"file":"a`},
		"JSON cut, with escapes":        {`{"user":"a\"b","p":"{\"user\":\"ada\",\"file\":\"a`, `{"user":"***","p":"{\"user\":\"***\",\"file\":\"a`},
		"lines":                         {"{\"user\":\"ada\"}\n{\"user\":\"bob\"}", "{\"user\":\"***\"}\n{\"user\":\"***\"}"},
		"UTF-16":                        {"\x00{\x00\"\x00u\x00s\x00e\x00r\x00\"\x00:\x00\"\x00a\x00\"\x00}", `{"user":"***"}`},
		"wrong only where it is masked": {`{"us\u0065r":"ada","ip":"\q"}`, `{"us\u0065r":"***","ip":"***"}`},
		"empty":                         {"", ""},
		"NULs":                          {"\x00\x00", "\x00\x00"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := string(source.Mask([]byte(tt.in))); got != tt.want {
				t.Errorf("Mask(%s)\n is %s\nwant %s", tt.in, got, tt.want)
			}
			checkMask(t, []byte(tt.in))
		})
	}
}

func TestAMaskedBodyIsNotMuchLonger(t *testing.T) {
	t.Parallel()
	body := []byte("[" + strings.Repeat(`{"ip":7},`, 20_000) + "0]")
	if got := source.Mask(body); string(got) != "***" {
		t.Errorf("%d bytes became %d", len(body), len(got))
	}
}

func TestARejectShowsNoUser(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"user-id":"ada","ip":"192.0.2.1","mail":"ada@example.com"}`,
		`[{"user":{"name":"ada"}},{"client-ip":"192.0.2.1"},"ada@example.com"]`,
		`{"file":"a","user":"ada","x":"192.0.2.1"`,
		`payload={"user":"ada","ip":"192.0.2.1"}`,
		`payload=%7B%22user%22%3A%22ada%22%7D`,
		`x=%7B%22user%22%3A%22ada%22%7D`,
		`user=ada&ip=192.0.2.1&x=%ff`,
		`{"payload":"{\"user\":\"ada\"}"}`,
		`{"payload":"{\"user\":\"ada\""}`,
		"junk user=ada\n{\"file\":\"a\"}",
	} {
		d := decode(body)
		if len(d.Rejects) == 0 {
			t.Errorf("%s: no reject", body)
		}
		for _, r := range d.Rejects {
			if bytes.Contains(r.Body, []byte("ada")) || bytes.Contains(r.Body, []byte("192.0.2.1")) || strings.Contains(r.Reason, "ada") {
				t.Errorf("%s: the reject shows %s (%s)", body, r.Body, r.Reason)
			}
		}
	}
}

// checkMask holds Mask to what it promises for any body.
func checkMask(t *testing.T, body []byte) {
	t.Helper()
	original := bytes.Clone(body)
	once := source.Mask(body)
	if !bytes.Equal(body, original) {
		t.Fatalf("%q was changed to %q", original, body)
	}
	if twice := source.Mask(once); !bytes.Equal(once, twice) {
		t.Fatalf("%q\nonce  %q\ntwice %q", body, once, twice)
	}
	if len(once) > len(body)+1024 {
		t.Fatalf("%d bytes became %d", len(body), len(once))
	}
	if once == nil || len(once) == 0 && len(body) > 0 {
		t.Fatalf("%q became nothing", body)
	}
	v, err := source.Parse(body)
	if err != nil {
		return
	}
	if !json.Valid(once) && string(once) != "***" {
		t.Fatalf("%q became %q, which is not JSON", body, once)
	}
	if after, err := source.Parse(once); err == nil {
		checkHidden(t, v, after, false)
	}
}

// checkHidden looks for plain values under private keys.
func checkHidden(t *testing.T, before, after any, private bool) {
	t.Helper()
	switch after := after.(type) {
	case source.Number:
		if private {
			t.Fatalf("the number %s is shown", after)
		}
	case string:
		if private && after != "" && after != "***" || after == "ada@example.com" || after == "192.0.2.1" || after == "2001:db8::1" {
			t.Fatalf("%q is shown", after)
		}
	case []any:
		for i, v := range after {
			checkHidden(t, before.([]any)[i], v, private)
		}
	case []source.Member:
		for i, m := range after {
			was := before.([]source.Member)[i]
			checkHidden(t, was.Value, m.Value, private || was.Name == "user" || was.Name == "ip" || was.Name == "user-id")
		}
	}
}

var maskCorpus = []string{
	`{"user":"ada@example.com","ip":"192.0.2.1","x":["2001:db8::1",{"user-id":7}]}`, `{"user":{"a":[1,"b"]},"payload":"{\"user\":\"ada\"}"}`,
	`user=ada&ip=192.0.2.1&x=ada%40example.com,192.0.2.1`, "Authorization: Basic eA==\nuser: {a}\n", `{"us\u0065r":"ada","user":"\q"}`,
	`x@b.co_user=bob`, `a@b.co@c.de`, `"user":"user":"x"`, `user={..}xyz,`, `{"a":" user: {\"x\":1} ada@example.com "}`, `\"user\":\"a\"`,
}

func FuzzMask(f *testing.F) {
	for _, list := range [][]string{maskCorpus, scannerCorpus, corpus(f)} {
		for _, body := range list {
			f.Add([]byte(body))
		}
	}
	f.Fuzz(checkMask)
}

func TestMaskOfMutatedBodiesKeepsTheContract(t *testing.T) {
	t.Parallel()
	bodies := append(append(corpus(t), maskCorpus...), scannerCorpus...)
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 20_000 {
		checkMask(t, mutate(rnd, bodies))
	}
}
