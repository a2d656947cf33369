package source_test

import (
	"bytes"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/source"
)

// usual is a delivery as they come, by all that is known.
const usual = `{"file-name":"com/acme/app/1.0/app-1.0.jar","repository-id":"releases","event-type":"download","event-id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","timestamp":"2026-03-01T11:58:03Z","user-id":"ci@example.com","organization-id":"acme"}`

func BenchmarkCloudRepo(b *testing.B) {
	body := []byte(usual)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if d := source.CloudRepo("cloudrepo", body, "", now); len(d.Events) != 1 {
			b.Fatal(d.Rejects)
		}
	}
}

func BenchmarkCloudRepoLines(b *testing.B) {
	body := bytes.Repeat([]byte(usual+"\n"), 1000)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		source.CloudRepo("cloudrepo", body, "", now)
	}
}

func BenchmarkMask(b *testing.B) {
	body := []byte(usual)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		source.Mask(body)
	}
}
