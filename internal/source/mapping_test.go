package source_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

func TestAnOperatorMayNameKeys(t *testing.T) {
	t.Parallel()
	received := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	m, err := source.NewMapping(map[string]string{"file": "Asset-Ref", "repository": "bucket", "event": "what", "time": "when", "size": "octets", "id": "no", "agent": ""})
	if err != nil {
		t.Fatal(err)
	}
	body := `{"assetRef": "a/b.jar", "path": "/known/c.jar", "repository-id": "known", "detail": 1,
		"data": {"bucket": "mine", "octets": 7, "no": 12, "id": 99}, "event-type": "upload", "what": "fetched", "when": "2026-03-09T00:00:00Z"}`
	got := m.CloudRepo("s", []byte(body), "", received)
	if len(got.Events) != 1 {
		t.Fatalf("%+v", got)
	}
	e := got.Events[0]
	if e.Path != "a/b.jar" || e.Repository != "mine" || e.Bytes != 7 || e.ID != "12" || e.Op != pkgmeter.Get || e.Time.Day() != 9 {
		t.Errorf("%+v", e)
	}
	// Without the keys of the mapping the known ones still count.
	got = m.CloudRepo("s", []byte(`{"file-name": "x.jar", "repo": "r"}`), "", received)
	if len(got.Events) != 1 || got.Events[0].Path != "x.jar" || got.Events[0].Repository != "r" {
		t.Errorf("%+v", got)
	}
	if want := "event=what file=assetref id=no repository=bucket size=octets time=when"; m.String() != want {
		t.Errorf("%s", m)
	}
}

func TestAWrongMappingIsToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	for want, keys := range map[string]map[string]string{
		"there is no field":           {"colour": "x"},
		"1 to":                        {"file": "-_-"},
		`"x" is given for two fields`: {"file": "x", "repository": "x"},
		"has to have 1 to":            {"file": strings.Repeat("x", 1000)},
	} {
		if _, err := source.NewMapping(keys); pkgmeter.CodeOf(err) != pkgmeter.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", keys, err)
		}
	}
}
