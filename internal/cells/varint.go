package cells

import (
	"encoding/binary"
	"math"
	"math/bits"
)

const (
	more  = 0x8080808080808080 // the continuation bit of each of eight bytes
	seven = 0x7f7f7f7f7f7f7f7f // what they carry
)

// varintLen returns the number of bytes of x as a varint.
func varintLen(x uint64) int { return (bits.Len64(x|1) + 6) / 7 }

// uvarints decodes len(dst) varints. It reports false if they are not in their
// shortest form or do not end where src ends; dst is then worth nothing.
func uvarints(dst []uint64, src []byte) bool {
	var i, pos int // done of dst and of src
	if len(src) < 2*len(dst) {
		i, pos = narrow(dst, src)
	} else {
		i, pos = wide(dst, src)
	}
	src = src[pos:]
	for ; i < len(dst); i++ {
		x, n := uvarint(src)
		if n == 0 {
			return false
		}
		dst[i], src = x, src[n:]
	}
	return len(src) == 0
}

// narrow decodes a column of mostly single bytes as far as it is worth its
// while, and returns how much of dst and src is done. Eight bytes in a row that
// have no continuation bit are eight numbers.
func narrow(dst []uint64, src []byte) (i, pos int) {
	for i+8 <= len(dst) && pos+8 <= len(src) {
		w := binary.LittleEndian.Uint64(src[pos:])
		if w&more == 0 {
			d := (*[8]uint64)(dst[i:])
			d[0], d[1], d[2], d[3] = w&0xff, w>>8&0xff, w>>16&0xff, w>>24&0xff
			d[4], d[5], d[6], d[7] = w>>32&0xff, w>>40&0xff, w>>48&0xff, w>>56
			i, pos = i+8, pos+8
			continue
		}
		x, n := leading(w)
		if n == 0 {
			break
		}
		dst[i] = x
		i, pos = i+1, pos+n
	}
	return i, pos
}

// wide is narrow for a column of mostly long numbers. It marks which of 64 bytes
// end a number in one word and walks its bits, so that none has to wait for the
// length of the one before.
func wide(dst []uint64, src []byte) (i, pos int) {
	for i+64 <= len(dst) && pos+72 <= len(src) {
		block := (*[72]byte)(src[pos:])
		ends := uint64(0)
		for k := 0; k < 64; k += 8 {
			w := binary.LittleEndian.Uint64(block[k:])
			ends |= (^w & more >> 7) * 0x0102040810204080 >> 56 << k
		}
		start := 0
		for ; ends != 0; ends &= ends - 1 {
			end := bits.TrailingZeros64(ends)
			n := end - start + 1
			if n > 8 {
				return i, pos + start
			}
			unused := (64 - 8*n) & 63 // bits of the eight bytes, which & tells the compiler
			w := binary.LittleEndian.Uint64(block[start&63:]) << unused
			if w>>56 == 0 && n > 1 {
				return i, pos + start
			}
			dst[i] = join(w >> unused)
			i, start = i+1, end+1
		}
		if start == 0 {
			return i, pos
		}
		pos += start
	}
	return i, pos
}

// ascending decodes the ids of a chunk, the first absolute, the others as
// differences. It reports false for whatever uvarints does, for ids that do not
// ascend, and if they are not those from first to last.
func ascending(dst []uint32, src []byte, first, last uint32) bool {
	x, n := uvarint(src)
	if n == 0 || x != uint64(first) {
		return false
	}
	dst[0] = first
	dst, src = dst[1:], src[n:]

	// A difference is at most 32 bits and a body has less than 2^17 of them: id
	// cannot pass 64 bits, and one comparison at the end covers all of them.
	id := x
	for len(dst) >= 8 && len(src) >= 8 {
		w := binary.LittleEndian.Uint64(src)
		if w&more == 0 && (w+seven)&more == more { // eight of 1 to 127
			d := (*[8]uint32)(dst)
			id = eight(d, id, w)
			dst, src = dst[8:], src[8:]
			continue
		}
		if x, n = leading(w); n == 0 || x-1 >= math.MaxUint32 {
			return false
		}
		id += x
		dst[0] = uint32(id)
		dst, src = dst[1:], src[n:]
	}
	for i := range dst {
		if x, n = uvarint(src); n == 0 || x-1 >= math.MaxUint32 {
			return false
		}
		id += x
		dst[i], src = uint32(id), src[n:]
	}
	return len(src) == 0 && id == uint64(last)
}

// eight adds up the eight bytes of w behind id and returns the last sum.
func eight(d *[8]uint32, id, w uint64) uint64 {
	a := id + w&0xff
	b := a + w>>8&0xff
	c := b + w>>16&0xff
	e := c + w>>24&0xff
	d[0], d[1], d[2], d[3] = uint32(a), uint32(b), uint32(c), uint32(e)
	a = e + w>>32&0xff
	b = a + w>>40&0xff
	c = b + w>>48&0xff
	e = c + w>>56
	d[4], d[5], d[6], d[7] = uint32(a), uint32(b), uint32(c), uint32(e)
	return e
}

// leading returns the varint at the low end of w and its length in bytes, or 0
// if it is longer than w or not in its shortest form.
func leading(w uint64) (x uint64, n int) {
	stop := bits.TrailingZeros64(^w & more) // bit 7 of the last byte; 64 if there is none
	x = join(w & (uint64(2)<<stop - 1))
	n = stop>>3 + 1
	if n > 8 || n > 1 && x>>(7*(n-1)) == 0 {
		return 0, 0
	}
	return x, n
}

// join puts the seven bits of each of eight bytes side by side.
func join(x uint64) uint64 {
	x = x&0x007f007f007f007f | x&0x7f007f007f007f00>>1
	x = x&0x00003fff00003fff | x&0x3fff00003fff0000>>2
	return x&0x000000000fffffff | x&0x0fffffff00000000>>4
}

// uvarint is leading for any length, up to ten bytes.
func uvarint(src []byte) (x uint64, n int) {
	x, n = binary.Uvarint(src)
	if n < 1 || n != varintLen(x) {
		return 0, 0
	}
	return x, n
}
