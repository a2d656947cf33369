package live

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// ids name messages: the ledger, and the number of the last event of which a
// message tells. The number is sealed: it counts the events that a reader may not
// see as well.
type ids struct {
	name  string
	block cipher.Block
}

func newIDs(name string, secret []byte) ids {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("ids of the live view of " + name))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		panic(fmt.Sprintf("seal ids: %v", err)) // the key is as long as it must be
	}
	return ids{name, block}
}

// A block has four bytes of zero, by which it is known as ours, four at random, so
// that two ids do not show whether there was anything between them, and the number.
func (i ids) seal(number int64) string {
	var b [aes.BlockSize]byte
	rand.Read(b[4:8]) // it never fails
	binary.BigEndian.PutUint64(b[8:], uint64(number))
	i.block.Encrypt(b[:], b[:])
	return i.name + "-" + hex.EncodeToString(b[:])
}

// open is the inverse of seal. ours is false if the id is one of another ledger, or
// of a time that this one has not come to: a backup was restored.
func (i ids) open(id string, end int64) (number int64, ours bool, err error) {
	name, sealed, ok := strings.Cut(id, "-")
	b, hexErr := hex.DecodeString(sealed)
	if !ok || hexErr != nil || len(b) != aes.BlockSize || len(name) != len(i.name) {
		return 0, false, errNoID()
	}
	if name != i.name {
		return 0, false, nil
	}
	i.block.Decrypt(b, b)
	number = int64(binary.BigEndian.Uint64(b[8:]))
	if binary.BigEndian.Uint32(b) != 0 || number < 0 {
		return 0, false, errNoID()
	}
	return number, number <= end, nil
}

func errNoID() error {
	return pkgmeter.Errorf(pkgmeter.Invalid, "after: want the id of a message of this stream")
}
