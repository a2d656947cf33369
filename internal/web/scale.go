package web

import (
	"math"
	"strconv"

	"github.com/pkgmeter/pkgmeter"
)

// A scale says what of its counts a line of a comparison shows.
type scale struct {
	name, title string
	note        string // "" where the axis says enough
}

// The scales of a comparison, by the values of their parameter. The first one is
// that of a URL without any.
var scales = [...]scale{
	{"linear", "Linear", ""},
	{"log", "Log", "Each line of the grid is ten times the one below it. A point with nothing is left out: there is no zero on this scale."},
	{"index", "Indexed", "The first point of each package in this range that is not zero is 100; what follows is in percent of it."},
	{"share", "Share", "In percent of everything that the same filters let pass at that point. One without anything is left out."},
}

// Places in scales.
const (
	linear = iota
	logarithmic
	indexed
	shared
)

const scaleParam = "scale"

// parseScale returns the place of a scale.
func parseScale(name string) (int, error) {
	for i, s := range scales {
		if name == s.name || name == "" && i == linear {
			return i, nil
		}
	}
	return linear, pkgmeter.Errorf(pkgmeter.Invalid, "scale %q: want linear, log, index or share", name)
}

// nothing is what is drawn of a point of which nothing is known, or that the
// scale has no place for.
func nothing() float64 { return math.NaN() }

// scaled returns what is drawn of the points of a package.
func scaled(at int, points, total []pkgmeter.Point, measure pkgmeter.Measure) []float64 {
	values := make([]float64, len(points))
	first := 0.0
	for i, p := range points {
		v := float64(measure.Of(p.Measures))
		if first == 0 {
			first = v
		}
		switch {
		case p.Gap, at == logarithmic && v == 0:
			v = nothing()
		case at == indexed && first > 0:
			v *= 100 / first
		case at == shared:
			v = v * 100 / float64(measure.Of(total[i].Measures)) // not a number where both are 0
		}
		values[i] = v
	}
	return values
}

// An axis gives the height of values, from 0 at its bottom to 1 at its top.
type axis struct {
	at       int
	low, top float64 // powers of ten on a logarithmic scale
}

func newAxis(at int, lines [][]float64) axis {
	most, least := 0.0, math.Inf(1)
	for _, values := range lines {
		for _, v := range values {
			if !math.IsNaN(v) {
				most, least = max(most, v), min(least, v)
			}
		}
	}
	if at != logarithmic {
		return axis{at, 0, niceCeiling(most)}
	}
	a := axis{at, 0, 1}
	if most > 0 {
		a.low = math.Floor(math.Log10(least))
		a.top = max(math.Ceil(math.Log10(most)), a.low+1)
	}
	return a
}

func (a axis) height(v float64) float64 {
	if a.at == logarithmic {
		v = math.Log10(v)
	}
	return (v - a.low) / (a.top - a.low)
}

// ticks are the values at which there are lines of the grid.
func (a axis) ticks() (values []float64) {
	if a.at != logarithmic {
		return []float64{0, a.top / 2, a.top}
	}
	every := math.Ceil((a.top - a.low) / 6)
	for power := a.low; power <= a.top; power += every {
		values = append(values, math.Pow(10, power))
	}
	return values
}

// niceCeiling returns the smallest of 1, 2, 4, 6, 8 and 10 times a power of ten
// that is at least v.
func niceCeiling(v float64) float64 {
	if v <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 4, 6, 8, 10} {
		if m*unit >= v {
			return m * unit
		}
	}
	return 10 * unit
}

// scaleText writes a value of a scale.
func scaleText(at int, v float64) string {
	switch at {
	case indexed:
		return decimals(v)
	case shared:
		return decimals(v) + "\u202f%"
	default:
		if v != math.Trunc(v) {
			return decimals(v)
		}
		return count(int64(v))
	}
}

// decimals writes as many digits behind the point as say something.
func decimals(v float64) string {
	digits := 0
	for _, below := range []float64{100, 10, 0.1, 0.01} {
		if v < below && v != math.Trunc(v) {
			digits++
		}
	}
	if digits == 0 {
		return count(int64(math.Round(v)))
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}
