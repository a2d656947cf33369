package meteor

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

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

	// Published is told of each source and build that became visible, with the
	// user agent of its publisher. It must not wait. Optional.
	Published func(f pkgmeter.PublishedFile, agent string)

	Now func() time.Time
}

// retries is how often a change is tried that somebody else's came before. Each
// time one of the others has got through.
const retries = 100

type publisher struct {
	store     PublishStore
	accounts  Accounts
	url       string
	published func(pkgmeter.PublishedFile, string)
	settle    func(context.Context, *ddp.Session)
	now       func() time.Time
	log       *slog.Logger
}

// register adds the methods of publishing.
func (p *publisher) register(srv *ddp.Server) {
	add := func(name string, f ddp.MethodFunc) {
		srv.Method(name, func(ctx context.Context, call *ddp.Call) (any, error) {
			result, err := f(ctx, call)
			return result, told(err)
		})
	}
	add("login", p.login)
	add("logout", p.logout)
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
		add(name, func(ctx context.Context, call *ddp.Call) (any, error) {
			who, err := p.actor(ctx, call.Session)
			if err != nil {
				return nil, err
			}
			result, err := f(ctx, who, call)
			p.settle(ctx, call.Session)
			return result, err
		})
	}
}

// codes are those that clients know. They have to be numbers, except for the
// one that Meteor writes as a text.
var codes = map[pkgmeter.Code]any{
	pkgmeter.Invalid: 400, pkgmeter.Unauthenticated: 401, pkgmeter.Forbidden: 403, pkgmeter.NotFound: 404,
	pkgmeter.Conflict: 409, pkgmeter.TooLarge: 413, pkgmeter.RateLimited: "too-many-requests",
}

// told returns errors of the domain as clients are told of them. Others are for
// the log alone.
func told(err error) error {
	code, ok := codes[pkgmeter.CodeOf(err)]
	if !ok {
		return err
	}
	return &ddp.Error{Code: code, Reason: sentence(pkgmeter.PublicMessage(err))}
}

// refuse is for methods that know no domain.
func refuse(code int, format string, args ...any) error {
	return &ddp.Error{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// sentence makes a message one that the tool can show as it is.
func sentence(text string) string {
	if text != "" && text[0] >= 'a' && text[0] <= 'z' {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

// change makes an edit that follows from what plan reads, if there is anything
// to change. When somebody else's change came in between it is planned again,
// from what there is then.
func (p *publisher) change(ctx context.Context, plan func(edit *pkgmeter.CatalogEdit) error) error {
	for range retries {
		var edit pkgmeter.CatalogEdit
		if err := plan(&edit); err != nil || len(edit.Put) == 0 {
			return err
		}
		for _, d := range edit.Put {
			if err := checkSize(d, maxBody); err != nil {
				return err
			}
		}
		if err := p.store.EditCatalog(ctx, edit); pkgmeter.CodeOf(err) != pkgmeter.Conflict {
			return err
		}
	}
	return pkgmeter.Errorf(pkgmeter.Conflict, "Many others are changing this at the same time: try again.")
}

// A record is one of the catalog's five kinds.
type record interface {
	Document() (pkgmeter.Document, error)
}

// amend changes a record that was read. One that stays as it was does not get a
// new position, for which all clients would have to fetch it again.
func amend[R record](edit *pkgmeter.CatalogEdit, read pkgmeter.Document, r *R, change func(*R) error) error {
	before, err := (*r).Document()
	if err != nil {
		return err
	}
	if err := change(r); err != nil {
		return err
	}
	after, err := (*r).Document()
	if err != nil || bytes.Equal(before.Body, after.Body) {
		return err
	}
	after.At = read.At
	edit.Put = append(edit.Put, after)
	return nil
}

// read reads the record with a key, and refuses one that is another server's.
func (p *publisher) read(ctx context.Context, c pkgmeter.Collection, key, what string, into any) (pkgmeter.Document, error) {
	d, err := p.store.Document(ctx, c, key)
	if pkgmeter.CodeOf(err) == pkgmeter.NotFound {
		return d, pkgmeter.Errorf(pkgmeter.NotFound, "There is no %s.", what)
	}
	if err != nil {
		return d, err
	}
	if d.Mirrored {
		return d, pkgmeter.Errorf(pkgmeter.Forbidden, "The %s is copied from another server and can only be changed there.", what)
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

// quote writes a name of somebody's in a sentence.
func quote(name string) string { return fmt.Sprintf("%q", pkgmeter.Cut(name, 200)) }

func (p *publisher) today() catalog.Date { return catalog.DateOf(p.now()) }

func signature(who actor) catalog.User { return catalog.User{Username: who.name, ID: who.name} }
