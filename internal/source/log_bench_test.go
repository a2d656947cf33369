package source_test

import (
	"bytes"
	"testing"

	"github.com/pkgmeter/pkgmeter/internal/source"
)

// benchLog is a thousand lines of a format: those of its sample that are events.
func benchLog(tb testing.TB, f *source.LogFormat) (header, text []byte) {
	tb.Helper()
	_, r := readersOf(tb, f)
	var good [][]byte
	for _, line := range logSample(tb, f.Name) {
		if bytes.HasPrefix(line, []byte("#")) {
			if len(good) > 0 {
				break
			}
			header = append(append(header, line...), '\n')
			r.Line(line)
			continue
		}
		if _, err := r.Line(line); err == nil && len(line) < 700 && utf8Line(line) {
			good = append(good, line)
		}
	}
	for i := range 1000 {
		text = append(append(text, good[i%len(good)]...), '\n')
	}
	return header, text
}

// utf8Line leaves out what is rare and slow.
func utf8Line(line []byte) bool { return !bytes.ContainsAny(line, "\xff\xe9\\") }

func BenchmarkLogs(b *testing.B) {
	for _, f := range source.LogFormats() {
		b.Run(f.Name, func(b *testing.B) {
			header, text := benchLog(b, f)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				r := f.Reader("s", logNow, source.People{})
				for line := range bytes.Lines(header) {
					r.Line(line)
				}
				events := 0
				for line := range bytes.Lines(text) {
					if _, err := r.Line(line); err == nil {
						events++
					}
				}
				if events != 1000 {
					b.Fatal(events)
				}
			}
			b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}

// BenchmarkLogLinesAlone is what reading the lines costs without looking at them.
func BenchmarkLogLinesAlone(b *testing.B) {
	for _, f := range source.LogFormats() {
		b.Run(f.Name, func(b *testing.B) {
			_, text := benchLog(b, f)
			b.SetBytes(int64(len(text)))
			fields := 0
			for b.Loop() {
				for line := range bytes.Lines(text) {
					for range bytes.SplitSeq(line, []byte(" ")) {
						fields++
					}
				}
			}
			b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
