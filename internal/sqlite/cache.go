package sqlite

// cache keeps what was used lately, bounded by weight: when the young
// generation is full it becomes the old one, and what the old one held and
// nobody asked for is forgotten. The zero value keeps nothing.
type cache[K comparable, V any] struct {
	young, old map[K]V
	weight     int // of young, bytes
	max        int // of young; both generations together hold up to twice that
}

func newCache[K comparable, V any](maxBytes int) *cache[K, V] {
	return &cache[K, V]{young: map[K]V{}, max: maxBytes / 2}
}

func (c *cache[K, V]) get(k K, weight int) (V, bool) {
	if v, ok := c.young[k]; ok {
		return v, true
	}
	v, ok := c.old[k]
	if ok {
		c.put(k, v, weight)
	}
	return v, ok
}

func (c *cache[K, V]) put(k K, v V, weight int) {
	if c.weight+weight > c.max {
		c.old, c.young, c.weight = c.young, map[K]V{}, 0
	}
	if c.max > 0 {
		c.young[k] = v
		c.weight += weight
	}
}
