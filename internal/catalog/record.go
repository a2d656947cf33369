package catalog

import (
	"encoding/json"
	"errors"
)

// A Package is a record of the collection packages. LastUpdated of this and of
// all other records is for reading only: the store sets it.
type Package struct {
	ID          string       `json:"_id"`
	Name        string       `json:"name"`
	Maintainers []Maintainer `json:"maintainers"`
	Homepage    string       `json:"homepage,omitempty"` // free text
	LastUpdated Date         `json:"lastUpdated,omitzero"`
}

// A Maintainer may change a package or a track.
type Maintainer struct {
	Username       string `json:"username"`
	ID             string `json:"id"`
	IsOrganization bool   `json:"isOrganization,omitempty"`
}

// A User is who published a record.
type User struct {
	Username string `json:"username"`
	ID       string `json:"id"`
}

// A Version is a record of the collection versions: a published version of a
// package.
type Version struct {
	ID                        string                `json:"_id"`
	PackageName               string                `json:"packageName"`
	Version                   string                `json:"version"`
	Description               string                `json:"description"`
	LongDescription           NullString            `json:"longDescription,omitzero"` // Markdown
	Git                       NullString            `json:"git,omitzero"`             // free text
	Source                    Tarball               `json:"source"`
	Readme                    *Readme               `json:"readme,omitempty"` // nil: none was uploaded
	Dependencies              map[string]Dependency `json:"dependencies"`
	Exports                   []Export              `json:"exports"`
	Unmigrated                bool                  `json:"unmigrated,omitempty"`
	DebugOnly                 bool                  `json:"debugOnly,omitempty"`
	ProdOnly                  bool                  `json:"prodOnly,omitempty"`
	TestOnly                  bool                  `json:"testOnly,omitempty"`
	ContainsPlugins           bool                  `json:"containsPlugins"`
	CompilerVersion           string                `json:"compilerVersion,omitempty"`
	ReleaseName               NullString            `json:"releaseName,omitzero"` // null: from a checkout
	Deprecated                *bool                 `json:"deprecated,omitempty"` // as it was said: false is not nil
	DeprecatedMessage         NullString            `json:"deprecatedMessage,omitzero"`
	EarliestCompatibleVersion string                `json:"earliestCompatibleVersion"` // "": MAJOR.0.0
	ECRecordFormat            string                `json:"ecRecordFormat"`            // always 1.0
	PublishedBy               User                  `json:"publishedBy"`
	Published                 Date                  `json:"published"`
	LastUpdated               Date                  `json:"lastUpdated,omitzero"`
}

// IsDeprecated reports whether users of the version are to be told to leave it.
func (v *Version) IsDeprecated() bool {
	return v.Deprecated != nil && *v.Deprecated || v.DeprecatedMessage.Text != ""
}

// A Tarball is an archive that clients fetch. Hashes are SHA-256 in base64.
type Tarball struct {
	URL         string `json:"url"`
	TarballHash string `json:"tarballHash"`
	TreeHash    string `json:"treeHash"`
	Hash        string `json:"hash,omitempty"` // TarballHash once more, in a source only
}

// A Readme is where the readme of a version is.
type Readme struct {
	URL  string `json:"url"`
	Hash string `json:"hash"`
}

// A Dependency says which versions of another package a package needs, and for
// which architectures.
type Dependency struct {
	Constraint *string     `json:"constraint"` // nil: any version
	References []Reference `json:"references"`
}

// A Reference is a part of a package that needs another one.
type Reference struct {
	Arch      string `json:"arch"`
	Weak      bool   `json:"weak,omitempty"`
	Unordered bool   `json:"unordered,omitempty"`
	Implied   bool   `json:"implied,omitempty"`
}

// An Export is a symbol that a package offers.
type Export struct {
	Name          string   `json:"name"`
	Architectures []string `json:"architectures"`
}

// A Build is a record of the collection builds: a version made for some
// architectures.
type Build struct {
	ID                 string  `json:"_id"`
	VersionID          string  `json:"versionId"`
	BuildArchitectures string  `json:"buildArchitectures"` // with + between them
	Build              Tarball `json:"build"`
	BuiltBy            User    `json:"builtBy"`
	BuildPublished     Date    `json:"buildPublished"`
	LastUpdated        Date    `json:"lastUpdated,omitzero"`
}

// A ReleaseTrack is a record of the collection releaseTracks: a series of
// releases of Meteor.
type ReleaseTrack struct {
	ID          string       `json:"_id"`
	Name        string       `json:"name"`
	Maintainers []Maintainer `json:"maintainers"`
	LastUpdated Date         `json:"lastUpdated,omitzero"`
}

// A ReleaseVersion is a record of the collection releaseVersions: a tool and
// the versions of packages that go with it.
type ReleaseVersion struct {
	ID                  string            `json:"_id"`
	Track               string            `json:"track"`
	Version             string            `json:"version"`
	Description         string            `json:"description"`
	Recommended         bool              `json:"recommended"`
	Tool                string            `json:"tool"`               // PACKAGE@VERSION
	Packages            map[string]string `json:"packages"`           // versions by name
	OrderKey            string            `json:"orderKey,omitempty"` // "": experimental
	PatchReleaseVersion string            `json:"patchReleaseVersion,omitempty"`
	Banner              *Banner           `json:"banner,omitempty"`
	Upgraders           []string          `json:"upgraders,omitempty"`
	PublishedBy         User              `json:"publishedBy"`
	Published           Date              `json:"published"`
	LastUpdated         Date              `json:"lastUpdated,omitzero"`
}

// A Banner is shown once to those who use a release. A later date has it shown
// again.
type Banner struct {
	Text        string `json:"text"`
	LastUpdated Date   `json:"lastUpdated"`
}

// A NullString is a member that is a text, null, or missing: clients tell the
// three apart.
type NullString struct {
	Set  bool // it is there
	Null bool // it is null
	Text string
}

// Text returns a member that is a text.
func Text(s string) NullString { return NullString{Set: true, Text: s} }

// Null returns a member that is null.
func Null() NullString { return NullString{Set: true, Null: true} }

// IsZero reports whether the member is missing.
func (s NullString) IsZero() bool { return !s.Set }

// MarshalJSON writes the text or null.
func (s NullString) MarshalJSON() ([]byte, error) {
	if !s.Set || s.Null {
		return []byte("null"), nil
	}
	return encode(s.Text)
}

// UnmarshalJSON takes what is neither text nor null for a missing member, as
// [Date.UnmarshalJSON] does.
func (s *NullString) UnmarshalJSON(value []byte) error {
	*s = NullString{}
	if string(value) == "null" {
		*s = Null()
	} else if text, ok := unquote(value); ok {
		*s = Text(text)
	}
	return nil
}

// Decode fills the record that into points to. Members of the wrong type stay
// empty, as a record may be a stranger's. Names of members are found in any
// case: what the record is about is said by its key, not by what is read here.
func Decode(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return nil
	}
	return err
}
