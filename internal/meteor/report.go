package meteor

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/ddp"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// Reports makes an app's report durable before it returns.
type Reports interface {
	Add(ctx context.Context, r *pkgmeter.AppReport) error
}

const (
	// optOut is a package by which an app says that it does not want to be
	// counted. Some tools send their report all the same.
	optOut = "package-stats-opt-out"

	// pseudo begins the names of what is no package.
	pseudo = "isobuild:"

	maxSession = 200 // characters
)

// reportedPackage is a package of an app, as the tool says it.
type reportedPackage struct {
	Name    *string `json:"name"`
	Version *string `json:"version"`
	Direct  *bool   `json:"direct"`
	Local   *bool   `json:"local"` // nil: an old tool, which does not know
}

// lacks reports that a member is missing that each tool sends.
func (p reportedPackage) lacks() bool { return p.Name == nil || p.Version == nil || p.Direct == nil }

type reportDetails struct {
	What      *string `json:"what"`
	UserAgent *string `json:"userAgent"`
	SessionID *string `json:"sessionId"`
	Site      *string `json:"site"`
}

type newSession struct {
	ID string `json:"newSessionId"`
}

// recordAppPackages takes in which packages an app contains. A client that has
// no session id gets one; one that it has is never replaced, as it may be
// another service's.
func recordAppPackages(reports Reports) ddp.MethodFunc {
	return func(ctx context.Context, call *ddp.Call) (any, error) {
		var app string
		var packages []reportedPackage
		var details *reportDetails
		if err := call.Bind(&app, &packages, &details); err != nil {
			return nil, err
		}
		if details == nil { // undefined, on its way through JSON
			details = &reportDetails{}
		}
		switch {
		case packages == nil, len(call.Params) < 3, slices.ContainsFunc(packages, reportedPackage.lacks), details.SessionID != nil && utf8.RuneCountInString(*details.SessionID) > maxSession:
			return nil, ddp.ErrMatchFailed
		case app == "" || utf8.RuneCountInString(app) > pkgmeter.MaxApp || strings.ContainsFunc(app, func(r rune) bool { return !unicode.IsPrint(r) }):
			return nil, refuse(400, "The id of an app has 1 to %d printable characters.", pkgmeter.MaxApp)
		case len(packages) > pkgmeter.MaxAppPackages:
			return nil, refuse(400, "A report has at most %d packages; this one has %d.", pkgmeter.MaxAppPackages, len(packages))
		}
		report, ok := reportOf(app, packages)
		if !ok {
			return nil, nil
		}
		if err := reports.Add(ctx, report); err != nil {
			return nil, err
		}
		if details.SessionID != nil {
			return nil, nil
		}
		return newSession{catalog.NewID()}, nil
	}
}

// reportOf returns what of a report counts, or false if the app does not want to
// be counted. A package that is named twice is one, with the first version.
// What is local comes from no catalog; an entry whose name or version cannot be
// right is left out, so that one odd package does not lose the report.
func reportOf(app string, packages []reportedPackage) (*pkgmeter.AppReport, bool) {
	r := &pkgmeter.AppReport{App: app, Packages: make([]pkgmeter.AppPackage, 0, len(packages))}
	at := make(map[string]int, len(packages))
	for _, p := range packages {
		name, version, direct := *p.Name, *p.Version, *p.Direct
		if name == optOut {
			return nil, false
		}
		if value(p.Local) || strings.HasPrefix(name, pseudo) || catalog.ValidName(name) != nil || checkVersion(version) != nil {
			continue
		}
		if i, twice := at[name]; twice {
			r.Packages[i].Direct = r.Packages[i].Direct || direct
			continue
		}
		at[name] = len(r.Packages)
		r.Packages = append(r.Packages, pkgmeter.AppPackage{Package: catalog.PackageURL(name), Version: version, Direct: direct})
	}
	return r, true
}

// getClientAddress tells a client its own address, as the server sees it.
func getClientAddress(_ context.Context, call *ddp.Call) (any, error) {
	if err := call.Bind(); err != nil {
		return nil, err
	}
	a, err := netip.ParseAddrPort(call.Session.RemoteAddr())
	if err != nil {
		return "", nil //nolint:nilerr // a connection of another kind has none
	}
	return a.Addr().Unmap().String(), nil
}
