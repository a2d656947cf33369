package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestProgressLine(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"events.ndjson  25%  50,000 lines/s  6s left":        progressLine("events.ndjson", 100_000, 250, 1000, 2*time.Second),
		"events.ndjson 100%  1,234,567 lines/s  0s left":     progressLine("events.ndjson", 1_234_567, 2000, 1000, time.Second),
		"standard input  999 lines  999 lines/s":             progressLine("standard input", 999, 5000, -1, time.Second),
		"a\uFFFD[2J.log  0 lines  0 lines/s":                 progressLine("a\x1b[2J.log", 0, 0, 1000, 0),
		"…folder/events-01.ndjson  50%  10 lines/s  1s left": progressLine("/some/where/in/a/deep/folder/events-01.ndjson", 10, 500, 1000, time.Second),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	widest := progressLine(strings.Repeat("ü", 100), 1e13, 1, 1e6, time.Hour)
	if n := utf8.RuneCountInString(widest); n > 79 {
		t.Errorf("%q has %d columns", widest, n)
	}
}

func TestNoProgressWithoutATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := newProgress(&out, "x")
	p.add(1, 1, 2)
	p.end()
	if out.Len() > 0 {
		t.Errorf("wrote %q", out.String())
	}
}
