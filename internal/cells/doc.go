// Package cells packs counts. A cell is what one file was asked for in one
// period and one slice: downloads, hits and bytes under the file's id. A run of
// cells in ascending order of id is packed column by column into chunks of
// bounded size, about a byte and a half a number, and is unpacked fast enough to
// answer a question over a year by reading everything.
//
// The package is pure. It does not know what a file, a period or a slice is,
// where chunks are kept, nor how many belong together: it sees that a chunk is
// whole and undamaged, but not that a chunk is missing. Its checks find
// accidents, not forgery.
//
// # Format
//
// A chunk has four bodies, one a column. A body is a varint (unsigned LEB128 in
// its shortest form, as encoding/binary writes it) a cell and then four bytes of
// check, little-endian:
//
//	ids        the difference to the id before, hence never 0; the first one absolute
//	downloads  as it is
//	hits       what is above downloads, hence mostly 0
//	bytes      as it is
//
// The check is CRC-32C of the varints, started with the number of cells × 4 +
// the column (0 to 3 in the order above), so that a body in another's place is
// noticed as well. A run has exactly one packed form: equal runs have equal
// bytes.
package cells
