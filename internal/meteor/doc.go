// Package meteor is a package server for Meteor: what clients ask over DDP to
// learn which packages there are, how they publish some and say what their apps
// contain, and a mirror that copies another server's catalog.
//
// Clients catch up page by page with the method syncNewPackageData, whose
// answers depend on nothing but the token that they send and the catalog, and
// subscribe to the publication changes to hear when it is time to ask.
//
// Who publishes announces a record, uploads its bytes at the address that this
// gives, and has both become visible at once.
//
// The package does not know how records, bytes and reports are stored. Records
// that it does not change go through it as text.
package meteor
