// Package crashtest holds the rigs that break a running server and compare
// what it stored with what it had promised. All of it is tests: they build the
// program, run it in a process of its own with a load in a third one, and judge
// by the load's oracle file alone. Some of them build a program with a fault on
// purpose, which the rig has to find.
//
// A killed process tells nothing about a missing fsync, as the kernel keeps
// what was written: these rigs find lost buffers, double counts and torn
// state, and whether a failed fsync is noticed. They do not know what happens
// when the power goes.
package crashtest
