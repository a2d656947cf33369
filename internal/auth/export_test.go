package auth

// Hashed returns how many passwords were hashed.
func (a *Auth) Hashed() int64 { return a.hashes.Load() }

// HoldHashing takes every place for hashing.
func (a *Auth) HoldHashing() (release func()) {
	for range cap(a.hashing) {
		a.hashing <- struct{}{}
	}
	return func() {
		for range cap(a.hashing) {
			<-a.hashing
		}
	}
}
