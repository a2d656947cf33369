package catalog

import "crypto/rand"

// idLetters is the alphabet of Meteor's ids, digits first: it has none of the
// characters that are mistaken for each other.
const idLetters = "23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz"

const (
	idLength = 17
	idDigits = 8
)

// NewID returns an id for a record. It begins with a letter, as clients would
// store one of digits as a number.
func NewID() string {
	id := make([]byte, 0, idLength)
	var random [64]byte
	for {
		_, _ = rand.Read(random[:]) // it never fails
		for _, b := range random {
			i := int(b) % 64 // 55 letters: the others are drawn again
			if i >= len(idLetters) || len(id) == 0 && i < idDigits {
				continue
			}
			if id = append(id, idLetters[i]); len(id) == idLength {
				return string(id)
			}
		}
	}
}
