package meteor

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// A PublishStore is where what is published goes.
type PublishStore interface {
	CatalogStore

	// User returns a user by name; code not_found says that there is none.
	User(ctx context.Context, name string) (pkgmeter.User, error)
	// IsOrg reports whether there is an organisation of the name, IsMember
	// whether a user is in it.
	IsOrg(ctx context.Context, name string) (bool, error)
	IsMember(ctx context.Context, org, user string) (bool, error)

	// AddPending remembers that something is being published, in the place of
	// what was pending for the same record.
	AddPending(ctx context.Context, p pkgmeter.Pending) error
	// Pending returns what a token is for; code not_found says that it is
	// unknown or has expired.
	Pending(ctx context.Context, token [32]byte) (pkgmeter.Pending, error)
}

// Publishing is what it takes to let clients publish.
type Publishing struct {
	Store    PublishStore
	Accounts Accounts

	// PublicURL begins the addresses in records, without a slash at its end.
	PublicURL string

	// Published is told of each upload that became visible. It must not wait.
	Published func(pkgmeter.PublishedFile, string)

	Now func() time.Time
}

const (
	// pendingLife is how long an upload may take from its announcement: the tool
	// builds between the two.
	pendingLife = 24 * time.Hour

	// retries is how often a change is tried that somebody else's came before.
	retries = 20

	maxDescription     = 100  // UTF-16 units, as the tool counts
	maxLongDescription = 1500 // UTF-16 units
	maxText            = 2000 // bytes of a homepage, a banner or a Git address
)

type publisher struct {
	store     PublishStore
	accounts  Accounts
	url       string
	published func(pkgmeter.PublishedFile, string)
	now       func() time.Time
}

// register adds the methods of publishing.
func (p *publisher) register(srv *ddp.Server) {
	srv.Method("login", p.login)
	srv.Method("logout", p.logout)
	for name, f := range map[string]func(context.Context, actor, *ddp.Call) (any, error){
		"amIAuthorizedPackage":          p.amIAuthorizedPackage,
		"amIAuthorizedRelease":          p.amIAuthorizedRelease,
		"createPackage":                 p.createPackage,
		"createPackageVersion":          p.createPackageVersion,
		"publishPackageVersion":         p.publishPackageVersion,
		"createPackageBuild":            p.createPackageBuild,
		"publishPackageBuild":           p.publishPackageBuild,
		"changeVersionMetadata":         p.changeVersionMetadata,
		"createReadme":                  p.createReadme,
		"publishReadme":                 p.publishReadme,
		"addMaintainer":                 p.addMaintainer,
		"removeMaintainer":              p.removeMaintainer,
		"addReleaseMaintainer":          p.addReleaseMaintainer,
		"removeReleaseMaintainer":       p.removeReleaseMaintainer,
		"createReleaseTrack":            p.createReleaseTrack,
		"createReleaseVersion":          p.createReleaseVersion,
		"createPatchReleaseVersion":     p.createPatchReleaseVersion,
		"recommendVersion":              p.recommendVersion,
		"unrecommendVersion":            p.unrecommendVersion,
		"setBannersOnReleases":          p.setBannersOnReleases,
		"_changePackageHomepage":        p.changePackageHomepage,
		"_changeVersionMigrationStatus": p.changeVersionMigrationStatus,
		"_setEarliestCompatibleVersion": p.setEarliestCompatibleVersion,
	} {
		srv.Method(name, func(ctx context.Context, call *ddp.Call) (any, error) {
			who, err := p.actor(ctx, call.Session)
			if err != nil {
				return nil, err
			}
			result, err := f(ctx, who, call)
			return result, told(err)
		})
	}
}

// told gives errors of the domain the codes that clients know, as numbers, and
// their sentence.
func told(err error) error {
	codes := map[pkgmeter.Code]int{
		pkgmeter.Invalid: 400, pkgmeter.Unauthenticated: 401, pkgmeter.Forbidden: 403, pkgmeter.NotFound: 404,
		pkgmeter.Conflict: 409, pkgmeter.TooLarge: 413,
	}
	if _, ok := err.(*ddp.Error); ok || err == nil { //nolint:errorlint // wrapped ones have a cause that is not for clients
		return err
	}
	code, ok := codes[pkgmeter.CodeOf(err)]
	if !ok {
		return err
	}
	return &ddp.Error{Code: code, Reason: sentence(pkgmeter.PublicMessage(err))}
}

// sentence makes a message one that the tool can show as it is.
func sentence(text string) string {
	text = strings.ToUpper(text[:min(1, len(text))]) + text[min(1, len(text)):]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

func refuse(code int, format string, args ...any) error {
	return &ddp.Error{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// change makes an edit that follows from what edit reads. When somebody else's
// change came in between it is made again from what there is then.
func (p *publisher) change(ctx context.Context, edit func() (pkgmeter.CatalogEdit, error)) error {
	for try := 0; ; try++ {
		e, err := edit()
		if err != nil {
			return err
		}
		if err = p.store.EditCatalog(ctx, e); pkgmeter.CodeOf(err) != pkgmeter.Conflict || try == retries {
			return err
		}
	}
}

// read reads the record with a key, and refuses one that is another server's.
func (p *publisher) read(ctx context.Context, c pkgmeter.Collection, key, what string, into any) (pkgmeter.Document, error) {
	d, err := p.store.Document(ctx, c, key)
	if pkgmeter.CodeOf(err) == pkgmeter.NotFound {
		return d, refuse(404, "There is no %s.", what)
	}
	if err != nil {
		return d, err
	}
	if d.Mirrored {
		return d, refuse(403, "The %s is copied from another server and can only be changed there.", what)
	}
	return d, catalog.Decode(d.Body, into)
}

// exists reports whether there is a record with a key.
func (p *publisher) exists(ctx context.Context, c pkgmeter.Collection, key string) (bool, error) {
	_, err := p.store.Document(ctx, c, key)
	if pkgmeter.CodeOf(err) == pkgmeter.NotFound {
		return false, nil
	}
	return err == nil, err
}

// put returns the document of a changed record, in the place of the one that
// was read.
func put(read pkgmeter.Document, d pkgmeter.Document, err error) (pkgmeter.Document, error) {
	d.At = read.At
	return d, err
}

// isMaintainer reports whether somebody may change what these maintain.
func (p *publisher) isMaintainer(ctx context.Context, who actor, maintainers []catalog.Maintainer) (bool, error) {
	if who.admin {
		return true, nil
	}
	for _, m := range maintainers {
		if !m.IsOrganization {
			if m.Username == who.name {
				return true, nil
			}
			continue
		}
		if ok, err := p.store.IsMember(ctx, m.Username, who.name); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// maintained is a package that somebody may change.
func (p *publisher) maintained(ctx context.Context, who actor, name string) (pkg catalog.Package, d pkgmeter.Document, err error) {
	if d, err = p.read(ctx, pkgmeter.Packages, name, "package "+quote(name), &pkg); err != nil {
		return pkg, d, err
	}
	return pkg, d, p.mayChange(ctx, who, pkg.Maintainers, "package "+quote(name))
}

// maintainedTrack is the same of a release track.
func (p *publisher) maintainedTrack(ctx context.Context, who actor, name string) (track catalog.ReleaseTrack, d pkgmeter.Document, err error) {
	if d, err = p.read(ctx, pkgmeter.ReleaseTracks, name, "release track "+quote(name), &track); err != nil {
		return track, d, err
	}
	return track, d, p.mayChange(ctx, who, track.Maintainers, "release track "+quote(name))
}

func (p *publisher) mayChange(ctx context.Context, who actor, maintainers []catalog.Maintainer, what string) error {
	ok, err := p.isMaintainer(ctx, who, maintainers)
	if err == nil && !ok {
		err = refuse(401, "You are not an authorized maintainer of the %s.", what)
	}
	return err
}

// mayName reports why somebody may not give a package or track a name: what is
// before the colon has to be one's own, or one's organisation's, and names
// without it are for administrators.
func (p *publisher) mayName(ctx context.Context, who actor, name string) error {
	if who.admin {
		return nil
	}
	prefix, _, ok := strings.Cut(name, ":")
	if !ok {
		return refuse(403, "Only an administrator may use the name %s, which has no prefix; call it %s instead.", quote(name), quote(who.name+":"+name))
	}
	if prefix == who.name {
		return nil
	}
	member, err := p.store.IsMember(ctx, prefix, who.name)
	if err == nil && !member {
		err = refuse(403, "You may not use the prefix %s: it belongs to another user or organisation.", quote(prefix))
	}
	return err
}

// quote writes a name of somebody's in a sentence.
func quote(name string) string { return fmt.Sprintf("%q", pkgmeter.Cut(name, 200)) }

// units returns the length of text as JavaScript counts it.
func units(text string) int {
	n := 0
	for _, r := range text {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

func checkDescription(text string) error {
	if n := units(text); n < 1 || n > maxDescription {
		return refuse(400, "A description has 1 to %d characters; this one has %d.", maxDescription, n)
	}
	return nil
}

func checkText(what, text string) error {
	if len(text) > maxText {
		return refuse(400, "%s has at most %d bytes; this one has %d.", what, maxText, len(text))
	}
	return nil
}

// secret makes a token of 160 random bits.
func secret() (text string, sum [32]byte) {
	random := make([]byte, 20)
	rand.Read(random) // it never fails
	text = base64.RawURLEncoding.EncodeToString(random)
	return text, sha256.Sum256([]byte(text))
}

// hash writes a digest as records have it.
func hash(b pkgmeter.Blob) string { return base64.StdEncoding.EncodeToString(b.SHA256[:]) }

func (p *publisher) date() catalog.Date { return catalog.DateOf(p.now()) }

func by(who actor) catalog.User { return catalog.User{Username: who.name, ID: who.name} }
