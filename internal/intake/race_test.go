//go:build race

package intake_test

// mutations are few with the detector, which makes each some ten times longer:
// make test runs the tests without it too.
const mutations = 400
