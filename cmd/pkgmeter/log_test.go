package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestAFloodOfOneLineIsCountedNotWritten(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Unix(0, 0)
	json := slog.NewJSONHandler(&out, nil)
	log := slog.New(sampler{json, json, &window{now: func() time.Time { return now }}})
	for range 1000 {
		log.Error("request refused", "err", strings.Repeat("x", 100))
	}
	log.Info("something else")
	if n := strings.Count(out.String(), "\n"); n != burst+1 {
		t.Errorf("%d lines", n)
	}
	now = now.Add(time.Second)
	log.With("a", 1).WithGroup("g").Info("later")
	if !strings.Contains(out.String(), `"lines left out","message":"request refused","lines":990`) || !strings.Contains(out.String(), `"msg":"later"`) {
		t.Errorf("%s", out.String())
	}
	for i := range 1000 {
		log.Info(strings.Repeat("y", i+1))
	}
	if n := strings.Count(out.String(), "\n"); n > 120 {
		t.Errorf("%d lines of different messages", n)
	}
}
