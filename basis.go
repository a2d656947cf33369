package pkgmeter

import "strings"

// A Basis is a set of counts that tells some keys apart. Keeping every key
// apart from every other would take as much room as the ledger itself, so there
// are a few sets, and a question is answered from the first one that tells all
// of its keys apart.
type Basis uint8

// The bases, the cheapest first.
const (
	OfFacets    Basis = iota // everything but file, package and version
	OfFiles                  // everything that follows from file and client
	OfPlaces                 // packages by country
	OfSources                // files by source
	OfConsumers              // versions by consumer
)

// A keySet has a bit for each key.
type keySet uint32

func setOf(keys ...Key) (s keySet) {
	for _, k := range keys {
		s |= 1 << k
	}
	return s
}

// bases says what each basis tells apart.
func bases() []keySet {
	return []keySet{
		OfFacets:    setOf(ByRepository, ByType, ByKind, ByLegacyType, ByClass, ByClient, ByRuntime, ByOS),
		OfFiles:     setOf(ByFile, ByRepository, ByType, ByPackage, ByVersion, ByKind, ByLegacyType, ByClass, ByClient, ByRuntime, ByOS),
		OfPlaces:    setOf(ByRepository, ByType, ByPackage, ByClass, ByCountry),
		OfSources:   setOf(ByFile, ByRepository, ByType, ByPackage, ByVersion, ByKind, ByLegacyType, ByClass, BySource),
		OfConsumers: setOf(ByRepository, ByType, ByPackage, ByVersion, ByClass, ByConsumer),
	}
}

// BasisOf returns the basis from which a question is answered that f narrows and
// that is grouped by the given key, nil for none. Where no basis tells all of
// that apart, the error says what does not go together.
func BasisOf(f Filter, by *Key) (Basis, error) {
	asked := f.keys()
	if by != nil {
		asked |= 1 << *by
	}
	for b, told := range bases() {
		if asked&^told == 0 {
			return Basis(b), nil
		}
	}
	// A key that few bases tell apart is what the others have to go with.
	for _, b := range []Basis{OfPlaces, OfSources, OfConsumers} {
		told := bases()[b]
		if own := told &^ bases()[OfFiles]; asked&own != 0 {
			return 0, Errorf(Invalid, "counts by %s are kept by %s only, not by %s", own, told&^own, asked&^told)
		}
	}
	return 0, Errorf(Invalid, "there are no counts by %s", asked)
}

// String lists the names of the keys, as a sentence has them.
func (s keySet) String() string {
	var names []string
	for k := range keys {
		if s&(1<<k) != 0 {
			names = append(names, k.String())
		}
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}
