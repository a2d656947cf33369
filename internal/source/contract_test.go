package source_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// checkContract holds CloudRepo to what it promises for any body: it says
// something, its events are fit to store, and its rejects can be looked at.
func checkContract(t *testing.T, body []byte) {
	t.Helper()
	original := bytes.Clone(body)
	d := source.CloudRepo("cloudrepo", body, "header", now)
	if !bytes.Equal(body, original) {
		t.Fatalf("%q was changed to %q", original, body)
	}
	if len(d.Events) == 0 && len(d.Rejects) == 0 {
		t.Fatalf("%q: neither an event nor a reject", body)
	}
	for _, e := range d.Events {
		again := e
		if err := again.Settle(now); err != nil || !again.Time.Equal(e.Time) || again.Flags != e.Flags {
			t.Fatalf("%q: event %+v settles as %+v, %v", body, e, again, err)
		}
		if e.Source != "cloudrepo" || e.Status != 200 || e.Path == "" || strings.ContainsRune(e.Path, 0) || e.Consumer != "" || e.Op == pkgmeter.Other {
			t.Fatalf("%q: event %+v", body, e)
		}
	}
	if len(d.Rejects) > 100 {
		t.Fatalf("%q: %d rejects", body, len(d.Rejects))
	}
	for _, r := range d.Rejects {
		if r.Source != "cloudrepo" || r.Kind != "callback" || r.Reason == "" || strings.Contains(r.Reason, "\n") || r.Body == nil {
			t.Fatalf("%q: reject %+v", body, r)
		}
		if len(r.Body) == 0 && len(bytes.TrimPrefix(body, []byte("\ufeff"))) > 0 {
			t.Fatalf("%q: the reject %q has no body", body, r.Reason)
		}
	}
}

func FuzzCloudRepo(f *testing.F) {
	for _, body := range corpus(f) {
		f.Add([]byte(body))
	}
	for _, body := range scannerCorpus {
		f.Add([]byte(body))
	}
	f.Fuzz(checkContract)
}

func TestMutatedPayloadsKeepTheContract(t *testing.T) {
	t.Parallel()
	payloads := append(corpus(t), scannerCorpus...)
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		checkContract(t, mutate(rnd, payloads))
	}
}

func TestEveryBodyOfOneOrTwoBytesKeepsTheContract(t *testing.T) {
	t.Parallel()
	for a := range 256 {
		checkContract(t, []byte{byte(a)})
		for b := range 256 {
			checkContract(t, []byte{byte(a), byte(b)})
		}
	}
}

// worst are bodies of 256 KiB that are made to cost time.
func worst() map[string][]byte {
	const size = 256 << 10
	fill := func(s string) []byte { return []byte(strings.Repeat(s, size/len(s))) }
	line := `{"a":"` + strings.Repeat("x", 4000) + `","b":` + "\n"
	return map[string][]byte{
		"brackets":             fill("["),
		"objects":              fill(`{"a":`),
		"objects on lines":     fill("{\"a\":\n"),
		"long nested lines":    fill(line),
		"arrays on lines":      fill("[1,\n"),
		"quotes":               fill(`"`),
		"backslashes":          append([]byte(`{"file":"`), fill(`\\`)...),
		"one long name":        append(append([]byte(`{"file":"`), fill("x")...), `"}`...),
		"one long key":         append(append([]byte(`{"`), fill("-")...), `":1}`...),
		"one long number":      append([]byte(`{"file":`), fill("1")...),
		"array of numbers":     append(append([]byte("[0"), fill(",0")...), ']'),
		"small events":         append(append([]byte(`[{"file":1}`), fill(`,{"file":1}`)...), ']'),
		"small rejects":        append(append([]byte("[{}"), fill(",{}")...), ']'),
		"bad lines":            fill("x\n"),
		"line feeds":           fill("\n"),
		"NULs":                 fill("\x00"),
		"at signs":             fill("a@"),
		"addresses":            fill("a@b.co "),
		"percents":             fill("%40"),
		"pairs":                fill("user=a&"),
		"colons":               fill("user:"),
		"open brackets":        fill("user:{"),
		"quoted keys":          fill(`"user":`),
		"spaces and colons":    append(fill(" "), ':'),
		"one word":             append([]byte("x,"), fill(":")...),
		"times":                append(append([]byte(`{"file":"a"`), fill(`,"time":"2026-02-03T04:05:06,x"`)...), '}'),
		"event words":          append(append([]byte(`{"file":"a","event":"`), fill("dpu")...), `"}`...),
		"packed":               append(append([]byte(`{"payload":"`), fill(`[`)...), `"}`...),
		"packed in packed":     append(append([]byte(`{"x":"`), fill(`{\"x\":\"`)...), `"}`...),
		"repositories":         append(append([]byte(`{"file":"a"`), fill(`,"repository":{"x":1}`)...), '}'),
		"form":                 fill("a=%22&"),
		"private short values": append(append([]byte(`[{"user":1}`), fill(`,{"user":1}`)...), ']'),
	}
}

func TestNoBodyTakesLong(t *testing.T) {
	// Not parallel, as it measures time. The bound is far above what any body
	// takes (some 20 ms), even with a race detector on a busy machine, and far
	// below what quadratic work on 256 KiB would.
	const bound = 3 * time.Second
	for name, body := range worst() {
		start := time.Now()
		d := source.CloudRepo("cloudrepo", body, "", now)
		if took := time.Since(start); took > bound {
			t.Errorf("%s: %v", name, took)
		}
		if len(d.Events) == 0 && len(d.Rejects) == 0 {
			t.Errorf("%s: nothing is said", name)
		}
	}
}

func BenchmarkWorst(b *testing.B) {
	for name, body := range worst() {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				source.CloudRepo("cloudrepo", body, "", now)
			}
		})
	}
}
