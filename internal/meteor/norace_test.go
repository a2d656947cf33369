//go:build !race

package meteor_test

const raceDetector = false
