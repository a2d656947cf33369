package api

import (
	"bytes"
	"encoding/csv"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/httpx"
)

// maxTableRows is how many keys a table of format=csv lists where no limit is
// given: whoever takes a list along wants all of it.
const maxTableRows = 100_000

// format takes the format of the answer out of the parameters: json, or csv.
func format(params url.Values) (table bool, err error) {
	given, ok := params["format"]
	delete(params, "format")
	switch {
	case !ok || len(given) == 1 && given[0] == "json":
		return false, nil
	case len(given) == 1 && given[0] == "csv":
		return true, nil
	}
	return false, pkgmeter.Errorf(pkgmeter.Invalid, "format %q: want json or csv", strings.Join(given, ", "))
}

// writeTable writes an answer as a table of comma-separated values.
func writeTable(w http.ResponseWriter, name string, body any) error {
	var b bytes.Buffer
	if err := WriteCSV(&b, Table(body)); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="pkgmeter-`+name+`.csv"`)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, err := w.Write(b.Bytes())
	return err
}

// WriteCSV writes rows of cells, of which none is a formula to a spreadsheet.
func WriteCSV(w io.Writer, rows [][]string) error {
	t := csv.NewWriter(w)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i := range row {
			cells[i] = httpx.Cell(row[i])
		}
		if err := t.Write(cells); err != nil {
			return err
		}
	}
	t.Flush()
	return t.Error()
}

func text(n int64) string { return strconv.FormatInt(n, 10) }

var measureColumns = []string{"downloads", "hits", "bytes"}

func measureCells(m pkgmeter.Measures) []string {
	return []string{text(m.Downloads), text(m.Hits), text(m.Bytes)}
}

// Table returns the rows of an answer, with their heads.
func Table(body any) (rows [][]string) {
	switch b := body.(type) {
	case *Totals:
		return [][]string{measureColumns, measureCells(b.Measures)}
	case *Top:
		rows = append(rows, append([]string{"key"}, measureColumns...))
		for _, it := range b.Items {
			rows = append(rows, append([]string{it.Key}, measureCells(it.Measures)...))
		}
	case *Series:
		rows = append(rows, append([]string{"day"}, append(measureColumns, "gap")...))
		for _, p := range b.Points {
			rows = append(rows, pointCells([]string{p.Day.String()}, p))
		}
	case *Split:
		rows = append(rows, append([]string{"key", "day"}, append(measureColumns, "gap")...))
		for _, l := range b.Series {
			for _, p := range l.Points {
				rows = append(rows, pointCells([]string{l.Key, p.Day.String()}, p))
			}
		}
	case interface{ table() [][]string }:
		return b.table()
	default:
		return addsTable(body)
	}
	return rows
}

func pointCells(heads []string, p Point) []string {
	return append(append(heads, measureCells(p.Measures)...), strconv.FormatBool(p.Gap))
}

func addsTable(body any) (rows [][]string) {
	cells := func(a pkgmeter.Adds) []string { return []string{text(a.Direct), text(a.Total)} }
	switch b := body.(type) {
	case *AddsTotals:
		return [][]string{{"direct", "total"}, cells(b.Adds)}
	case *AddsTop:
		rows = append(rows, []string{"key", "direct", "total"})
		for _, it := range b.Items {
			rows = append(rows, append([]string{it.Key}, cells(it.Adds)...))
		}
	case *AddsSeries:
		rows = append(rows, []string{"day", "direct", "total"})
		for _, p := range b.Points {
			rows = append(rows, append([]string{p.Day.String()}, cells(p.Adds)...))
		}
	case *AddsSplit:
		rows = append(rows, []string{"key", "day", "direct", "total"})
		for _, l := range b.Series {
			for _, p := range l.Points {
				rows = append(rows, append([]string{l.Key, p.Day.String()}, cells(p.Adds)...))
			}
		}
	}
	return rows
}
