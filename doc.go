// Package pkgmeter is the domain of the program: what a download is, what can
// be counted and what can be asked. It uses the standard library only, does no
// input or output, and knows neither HTTP nor a database.
//
// Where to find the rest:
//
//	cmd/pkgmeter       the command line; the only place that wires parts together
//	internal/artifact  a path or file name → coordinates (purl), kind, sidecar
//	internal/source    what senders say → events
//	internal/rule      an event → its file's facts and its measures, by numbered rules
//	internal/live      events as they are stored, to those who look on
//	internal/hook      the senders' HTTP side: read, decode, wait for the disk, answer
//	internal/ingest    group commit: many waiting callers, one durable write
//	internal/cells     packed counts
//	internal/savejson  the old program's file, in and out
//	internal/demo      a made-up year of downloads, and a catalog
//	internal/catalog   names, versions and records of Meteor packages
//	internal/meteor    the package server over DDP: sync, publish, mirror, reports
//	internal/daily     what apps contain, published every day
//	internal/blob      bytes of packages, by their content
//	internal/sqlite    ledger, counts and accounts in one SQLite file
//	internal/api       the JSON answers
//	internal/web       the pages
//	internal/auth      passwords, tokens, who may do what
//	internal/control   the lock of the data folder and the socket beside it
//	internal/httpx     handlers that return errors, limits, client preferences
//	internal/server    every route, the listeners, their start and stop
//	internal/load      a load generator with an oracle file
//	internal/crashtest kill rigs
//	internal/browsertest a real browser for tests
//	ddp                a DDP server library of its own
//	internal/arch      who may import whom, as a test
package pkgmeter
