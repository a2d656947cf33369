package ddp_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/ddp/ejson"
)

// node returns a command that runs one of the client scripts. The first one to
// come installs what package-lock.json names; a lock keeps others, also those
// of other processes, waiting. Without Node the test fails.
func node(t *testing.T, script string, args ...string) *exec.Cmd {
	t.Helper()
	dir, err := filepath.Abs("testdata/clients")
	if err != nil {
		t.Fatal(err)
	}
	h := fnv.New64a()
	h.Write([]byte(dir))
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "ddp-clients-"+strconv.FormatUint(h.Sum64(), 36)+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if !installed(dir) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		ci := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund")
		ci.Dir = dir
		if out, err := ci.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{script}, args...)...)
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if !bytes.HasPrefix(bytes.ToLower([]byte(v)), []byte("http_proxy")) {
			cmd.Env = append(cmd.Env, v)
		}
	}
	return cmd
}

// installed says whether npm's own copy of the lock file is no older than ours.
func installed(dir string) bool {
	want, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return false
	}
	have, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	return err == nil && !have.ModTime().Before(want.ModTime())
}

func TestNPMClientsTalkToTheServer(t *testing.T) {
	t.Parallel()
	for name, script := range map[string][]string{
		"ddp 0.12.1":                     {"ddp.mjs", "raw"},
		"ddp 0.12.1 by way of info":      {"ddp.mjs", "sockjs"},
		"simpleddp 2.2.4 with ws":        {"simpleddp.mjs"},
		"ddp.js 2.2.1, frames as strict": {"ddpjs.mjs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, ddp.Options{})
			_, port, _ := bytes.Cut([]byte(f.http.Listener.Addr().String()), []byte(":"))
			args := append([]string{string(port)}, script[1:]...)
			out, err := node(t, script[0], args...).CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte("all good")) {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}

// TestEJSONAgreesWithNPM has each side read what the other has written, for
// 5,000 values, and compares what they took it for.
func TestEJSONAgreesWithNPM(t *testing.T) {
	t.Parallel()
	const count = 5000
	random := rand.New(rand.NewPCG(1, 2))
	values := make([]any, count)
	var input bytes.Buffer
	for i := range values {
		values[i] = generate(random, 4)
		text, err := ejson.Marshal(values[i])
		if err != nil {
			t.Fatalf("%#v: %v", values[i], err)
		}
		line, err := json.Marshal([]any{tagged(values[i]), string(text)})
		if err != nil {
			t.Fatal(err)
		}
		input.Write(append(line, '\n'))
	}
	cmd := node(t, "ejson.mjs")
	cmd.Stdin, cmd.Stderr = &input, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<24)
	n, forms := 0, map[string]int{}
	for ; lines.Scan(); n++ {
		var answer struct {
			read any
			text string
		}
		if err := json.Unmarshal(lines.Bytes(), &[]any{&answer.read, &answer.text}); err != nil {
			t.Fatal(err)
		}
		want := plain(t, tagged(values[n]))
		if !reflect.DeepEqual(answer.read, want) {
			t.Fatalf("value %d: npm reads ours as\n%v, not\n%v", n, answer.read, want)
		}
		back, err := ejson.Value([]byte(answer.text))
		if err != nil {
			t.Fatalf("value %d: %s: %v", n, answer.text, err)
		}
		if got := plain(t, tagged(back)); !reflect.DeepEqual(got, want) {
			t.Fatalf("value %d: we read %s as\n%v, not\n%v", n, answer.text, got, want)
		}
		for _, form := range []string{"$date", "$binary", "$InfNaN", "$regexp", "$escape", "$type"} {
			forms[form] += bytes.Count([]byte(answer.text), []byte(`"`+form+`"`))
		}
	}
	if n != count {
		t.Fatalf("%d answers", n)
	}
	for form, n := range forms {
		if n < 100 {
			t.Errorf("%s came up only %d times", form, n)
		}
	}
	t.Logf("%d values agree both ways; forms in them: %v", n, forms)
}

// plain takes a tagged value through JSON, so that it compares with npm's.
func plain(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back any
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// tagged spells a value out in JSON, unmistakably.
func tagged(v any) []any {
	switch v := v.(type) {
	case nil:
		return []any{"null"}
	case time.Time:
		return []any{"date", v.UnixMilli()}
	case []byte:
		return []any{"bytes", base64.StdEncoding.EncodeToString(v)}
	case ejson.RegExp:
		return []any{"re", v.Source, v.Flags}
	case float64:
		switch {
		case math.IsNaN(v):
			return []any{"nan"}
		case math.IsInf(v, 0):
			return []any{"inf", math.Copysign(1, v)}
		}
	case []any:
		list := []any{"array"}
		for _, item := range v {
			list = append(list, tagged(item))
		}
		return list
	case map[string]any:
		list := []any{"object"}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			list = append(list, []any{key, tagged(v[key])})
		}
		return list
	}
	return []any{"is", v}
}

// generate makes a random value with all forms, literal look-alikes included.
func generate(r *rand.Rand, depth int) any {
	words := []string{"", "a", "é", "😀", "\u2028", "\x00\x1f", `"\`, "<&>", "$date", "long " + string(make([]byte, 40))}
	n := 9
	if depth > 0 {
		n = 14
	}
	switch r.IntN(n) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2:
		return float64(r.IntN(2_000_001) - 1_000_000)
	case 3:
		return math.Ldexp(r.Float64()-0.5, r.IntN(600)-300)
	case 4:
		return words[r.IntN(len(words))] + words[r.IntN(len(words))]
	case 5:
		return time.UnixMilli(r.Int64N(16e15) - 8e15).UTC()
	case 6:
		b := make([]byte, r.IntN(9))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	case 7:
		return []any{math.NaN(), math.Inf(1), math.Inf(-1)}[r.IntN(3)]
	case 8:
		return ejson.RegExp{Source: []string{"a", "^b+$", `\d`}[r.IntN(3)], Flags: []string{"", "g", "im"}[r.IntN(3)]}
	case 9, 10:
		list := make([]any, r.IntN(4))
		for i := range list {
			list[i] = generate(r, depth-1)
		}
		return list
	}
	keys := [][]string{
		{"a"},
		{"a", "b"},
		{"$date"},
		{"$date", "a"},
		{"$binary"},
		{"$InfNaN"},
		{"$regexp", "$flags"},
		{"$regexp"},
		{"$escape"},
		{"$escape", "a"},
		{"$type", "$value"},
		{"$type"},
		{"$date", "$binary", "a"},
		{},
		{"é", `"`, "\n"},
	}[r.IntN(15)]
	m := map[string]any{}
	for _, key := range keys {
		m[key] = generate(r, depth-1)
	}
	return m
}
