// Package demo invents a year in the life of a package registry: what the
// fictitious company Acme published, and who fetched it. It is for trying the
// program out, for screenshots and for tests at size.
//
// The year is drawn from a fixed seed: the same number of events and the same
// minute give the same events. It does no input or output, and does not know
// how events are stored or shown. Nothing in it is measured; the shapes (few
// packages that most people fetch, quiet weekends, slow moves to new versions,
// many requests that are no downloads) are what registries usually see.
package demo
