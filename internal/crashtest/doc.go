// Package crashtest holds the rigs that break a running server and compare
// what it stored with what it had promised. All of it is tests: they build the
// program, run it in a process of its own with a load in a third one, and judge
// by the load's oracle file alone. Some of them build a program with a fault on
// purpose, which the rig has to find.
//
// A killed process tells nothing about a missing fsync, as the kernel keeps
// what was written: kills find lost buffers, double counts and torn state. What
// a power cut leaves is computed from a trace of all that a server wrote and
// synced, and opened. That is a model of a disk: it takes a sync that has
// returned for true, and does not know disks that lie.
//
// How long they run is for the environment to say: KILLS, IDS, BACKUPS and
// BACKUP_KILLS count what is killed, ACKS the events of a trace, IMAGES the power
// cuts, FAULTS the calls that fail, and SEED repeats a run.
package crashtest
