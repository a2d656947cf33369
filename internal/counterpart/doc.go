// Package counterpart holds tests in which real registries, web servers and
// installers meet the program: what they fetch is what it counts. They come
// from Debian's packages, run on loopback with data of the test, and end with
// it.
package counterpart
