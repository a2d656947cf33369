// Package catalog knows the records of Meteor packages: what names and versions
// may look like, how records are written and found, and how packages are
// searched.
//
// It does not know how records are stored, who may change them, nor how clients
// come to them.
package catalog
