// Package meteor is a package server for Meteor: what clients ask over DDP to
// learn which packages there are, and a mirror that copies another server's
// catalog.
//
// Clients catch up page by page with the method syncNewPackageData, whose
// answers depend on nothing but the token that they send and the catalog, and
// subscribe to the publication changes to hear when it is time to ask.
//
// The package does not know how the catalog is stored, what its records say,
// nor who may change them: records go through it as text.
package meteor
