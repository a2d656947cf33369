//go:build race

package meteor_test

// raceDetector makes the long tests shorter.
const raceDetector = true
