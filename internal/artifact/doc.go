// Package artifact says what a path or a bare file name means: of which
// package and version it is, in which role, and whether it only describes
// another file. It is pure: equal text always has an equal meaning, and every
// text has one.
//
// An ecosystem is one file with a recogniser, which is listed in recognisers;
// the first that knows a path decides, and [Parse] falls back to the type
// generic. A recogniser sees a location, which is decoded, cleaned and safe,
// and from which the suffixes of sidecars are gone.
//
// It does not know whether a file exists, what is in it, whether it was
// fetched or put there, who asked, and which host or query was in the URL:
// these must be cut off before. It knows no prefix but those of CloudRepo, and
// it cannot tell the group of a Maven artifact from a bare file name.
package artifact
