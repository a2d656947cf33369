//go:build !race

package intake_test

const mutations = 8000 // of the lines of each format
