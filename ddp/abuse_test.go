package ddp_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/pkgmeter/pkgmeter/ddp"
)

// TestMisuseIsAnsweredAsThePageSays runs the scripts of testdata/abuse.txt.
func TestMisuseIsAnsweredAsThePageSays(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/abuse.txt")
	if err != nil {
		t.Fatal(err)
	}
	f := serve(t, ddp.Options{})
	count := 0
	for script := range strings.SplitSeq(string(text), "\n\n") {
		name, steps, _ := strings.Cut(strings.TrimSpace(script), "\n")
		if strings.HasPrefix(steps, "#") {
			continue // the head of the file
		}
		count++
		t.Run(strings.TrimPrefix(name, "# "), func(t *testing.T) {
			w := f.raw(t)
			for step := range strings.Lines(steps) {
				runStep(t, w, strings.TrimSuffix(step, "\n"))
			}
		})
	}
	if count < 100 {
		t.Errorf("only %d scripts", count)
	}
}

func runStep(t *testing.T, w *wire, step string) {
	t.Helper()
	verb, rest, _ := strings.Cut(step, " ")
	switch verb {
	case "C":
		w.send(connect1)
		w.want(`{"msg":"connected","session":"…"}`)
	case ">":
		w.send(rest)
	case "<":
		w.want(rest)
	case "alive":
		w.alive()
	case "close":
		code, err := strconv.Atoi(rest)
		if err != nil {
			t.Fatalf("step %q", step)
		}
		w.wantClose(websocket.StatusCode(code))
	default:
		t.Fatalf("step %q", step)
	}
}
