package browsertest

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// EvilNames returns the names of internal/testdata/evil.txt, a quoted string a
// line, for tests of packages below internal.
func EvilNames(t testing.TB) (names []string) {
	t.Helper()
	text, err := os.ReadFile("../testdata/evil.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, err := strconv.Unquote(strings.TrimSpace(line))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		names = append(names, name)
	}
	return names
}
