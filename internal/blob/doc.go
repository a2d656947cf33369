// Package blob keeps bytes by their content: what was stored once is found by
// its SHA-256, never changes, and is there whole or not at all, whatever breaks
// off meanwhile. The bytes are in a folder or in a bucket.
//
// It does not know what the bytes are, who may see them, nor which of them are
// needed: whoever refers to bytes says so to [Sweep].
package blob
