package live

// SealID returns an id of the number of an event.
func SealID(name string, secret []byte, number int64) string {
	return newIDs(name, secret).seal(number)
}

// OpenID returns the number of an id.
func OpenID(name string, secret []byte, id string) (int64, error) {
	number, _, err := newIDs(name, secret).open(id, 0)
	return number, err
}
