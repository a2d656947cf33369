package intake

import "os"

// MaxRotated is how many rotated files of a log are looked at.
const MaxRotated = maxRotated

// Rotated returns the names of the rotated files of a log that are looked at, as far
// as open can open them.
func Rotated(name string, open func(name string) (*os.File, error)) (names []string, err error) {
	all, err := siblings(name, open)
	defer closeAll(all)
	for _, s := range all {
		names = append(names, s.name)
	}
	return names, err
}
