// Package badge draws badges: two words side by side, as an SVG of their own. It
// is pure.
//
// It does not know what is counted, which package a badge is about or who may
// see it, and measures text by a table instead of a font: what shows the badge
// may have another one.
package badge
