// Package daily publishes, after each UTC day, what was added to apps in it: one
// file a day, in order, never changed again, in the form that Meteor's clients
// read; and serves these files.
//
// It does not know what an add is, nor how days are stored.
package daily
