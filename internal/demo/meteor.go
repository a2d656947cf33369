package demo

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/catalog"
)

// meteorSeed is drawn once and for all, as seed is.
const meteorSeed = 0x6d657465

// catalogYears is how far back a catalog goes.
const catalogYears = 6

// A Catalog is one of Meteor packages that never were.
type Catalog struct {
	packages, versions, builds int
	now                        time.Time
}

// NewCatalog prepares a catalog that ends now. Every package has a version, and
// every build is one of a version: the numbers are raised to fit, and no version
// has more than two builds.
func NewCatalog(packages, versions, builds int, now time.Time) *Catalog {
	packages = max(1, packages)
	versions = max(packages, versions)
	return &Catalog{packages, versions, min(builds, 2*versions), now}
}

// Batches yields the records in about the order in which they would have been
// published, with the given number at most together. Each call begins the same
// catalog anew.
func (c *Catalog) Batches(size int) iter.Seq2[[]pkgmeter.Document, error] {
	return func(yield func([]pkgmeter.Document, error) bool) {
		var batch []pkgmeter.Document
		ended := false
		c.invent(func(d pkgmeter.Document, err error) bool {
			if err != nil {
				ended = true
				yield(nil, err)
				return false
			}
			if batch = append(batch, d); len(batch) >= size {
				ended = !yield(batch, nil)
				batch = nil
			}
			return !ended
		})
		if len(batch) > 0 && !ended {
			yield(batch, nil)
		}
	}
}

// invent puts all records, until put returns false.
func (c *Catalog) invent(put func(pkgmeter.Document, error) bool) *meteor {
	m := &meteor{rng: rand.New(rand.NewPCG(meteorSeed, uint64(c.versions))), now: c.now}
	ended := false
	each := func(d pkgmeter.Document, err error) { ended = ended || !put(d, err) }
	m.releases(each)
	builds, left := c.builds, c.versions
	for i, versions := range shares(m.rng, c.versions, c.packages) {
		m.pkg(each, i, versions, func() int {
			n := min(2, (builds+left-1)/left) // spread over what is left
			if m.rng.IntN(left) >= builds-(n-1)*left {
				n--
			}
			builds, left = builds-max(n, 0), left-1
			return max(n, 0)
		})
		if ended {
			break
		}
	}
	return m
}

// shares deals n out among so many that each gets one, and a few most.
func shares(rng *rand.Rand, n, among int) []int {
	weights := make([]float64, among)
	var sum float64
	for i := range weights {
		weights[i] = rng.ExpFloat64()
		sum += weights[i]
	}
	quotas := make([]int, among)
	left := n - among
	for i := range quotas {
		extra := min(left, int(float64(n-among)*weights[i]/sum))
		quotas[i] = 1 + extra
		left -= extra
	}
	for i := 0; left > 0; i, left = (i+1)%among, left-1 {
		quotas[i]++
	}
	return quotas
}

type meteor struct {
	rng   *rand.Rand
	now   time.Time
	names []string

	published [][]publication // by package, as names, the oldest first
}

// publication is a version of a package.
type publication struct {
	version string
	at      time.Time
}

var (
	meteorUsers = []string{"acme", "ada", "grace", "linus", "margaret", "edsger", "barbara", "alan", "katherine", "dennis"}
	meteorNouns = []string{
		"accounts", "autoform", "cache", "charts", "collection", "cron", "email", "files", "forms", "grid", "i18n", "jobs", "layout",
		"logger", "maps", "mongo", "notifications", "payments", "presence", "publish", "queue", "reactive", "router", "schema", "search",
		"session", "slider", "tables", "templates", "tracker", "upload", "validation",
	}
	meteorKinds  = []string{"core", "ui", "tools", "helpers", "extra", "client", "server", "lite", "plus", "next"}
	meteorArches = []string{"os", "web.browser", "web.browser.legacy", "web.cordova"}
)

// id is drawn from the seed, so that the same catalog has the same records.
func (m *meteor) id() string {
	const letters = "ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz"
	b := make([]byte, 17)
	for i := range b {
		b[i] = letters[m.rng.IntN(len(letters))]
	}
	return string(b)
}

func (m *meteor) hash() string {
	sum := sha256.Sum256(fmt.Append(nil, m.rng.Uint64()))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (m *meteor) name(i int) (user, name string) {
	user = meteorUsers[i%len(meteorUsers)]
	name = meteorNouns[i%len(meteorNouns)]
	if n := i / len(meteorNouns); n > 0 {
		name += "-" + meteorKinds[(n-1)%len(meteorKinds)]
		if n = (n - 1) / len(meteorKinds); n > 0 {
			name += fmt.Sprint("-", n)
		}
	}
	if i < len(meteorNouns) {
		return user, name // the first ones have top-level names
	}
	return user, user + ":" + name
}

func (m *meteor) pkg(put func(pkgmeter.Document, error), i, versions int, builds func() int) {
	user, name := m.name(i)
	by := catalog.User{Username: user, ID: "user" + user}
	put(catalog.Package{
		ID: m.id(), Name: name, Homepage: "https://" + user + ".example/" + name,
		Maintainers: []catalog.Maintainer{{Username: user, ID: by.ID}},
	}.Document())
	age := time.Duration(m.rng.Float64() * catalogYears * 365 * 24 * float64(time.Hour))
	major, minor, patch := 1, 0, 0
	published := make([]publication, 0, versions)
	for n := range versions {
		at := m.now.Add(-age + age*time.Duration(n)/time.Duration(versions)).Truncate(time.Millisecond)
		v := m.version(name, fmt.Sprintf("%d.%d.%d", major, minor, patch), by, at)
		published = append(published, publication{v.Version, at})
		put(v.Document())
		for b := range builds() {
			arch := strings.Join(meteorArches, "+")
			if b > 0 {
				arch = "os.linux.x86_64+" + strings.Join(meteorArches[1:], "+")
			}
			id := m.id()
			put(catalog.Build{
				ID: id, VersionID: v.ID, BuildArchitectures: arch, BuiltBy: by, BuildPublished: catalog.DateOf(at.Add(time.Minute)),
				Build: catalog.Tarball{
					URL:         "https://packages.acme.example/files/builds/" + id + "/" + strings.ReplaceAll(name, ":", "_") + "-" + v.Version + "-" + arch + ".tgz",
					TarballHash: m.hash(), TreeHash: m.hash(),
				},
			}.Document())
		}
		switch r := m.rng.IntN(20); {
		case r == 0:
			major, minor, patch = major+1, 0, 0
		case r < 6:
			minor, patch = minor+1, 0
		default:
			patch++
		}
	}
	m.names, m.published = append(m.names, name), append(m.published, published)
}

func (m *meteor) version(name, number string, by catalog.User, at time.Time) catalog.Version {
	url := "https://packages.acme.example/files/" + m.id()
	release := catalog.Text("METEOR@2.16")
	if m.rng.IntN(10) == 0 {
		release = catalog.Null()
	}
	hash := m.hash()
	v := catalog.Version{
		ID: m.id(), PackageName: name, Version: number,
		Description:     "Reactive " + strings.ReplaceAll(strings.TrimPrefix(name, by.Username+":"), "-", " ") + " for apps that never were",
		LongDescription: catalog.Text(m.longText(name)),
		Git:             catalog.Text("https://git.acme.example/" + strings.ReplaceAll(name, ":", "/") + ".git"),
		Source:          catalog.Tarball{URL: url + ".tgz", TarballHash: hash, TreeHash: m.hash()},
		Readme:          &catalog.Readme{URL: url + ".md", Hash: m.hash()},
		Dependencies:    map[string]catalog.Dependency{},
		Exports:         []catalog.Export{{Name: "Acme" + fmt.Sprint(m.rng.IntN(100)), Architectures: meteorArches[:2]}},
		CompilerVersion: "meteor/34", ReleaseName: release, PublishedBy: by, Published: catalog.DateOf(at),
		DebugOnly: m.rng.IntN(50) == 0,
	}
	for range min(len(m.names), m.rng.IntN(9)) {
		constraint := fmt.Sprintf("%d.%d.0", 1+m.rng.IntN(2), m.rng.IntN(3))
		v.Dependencies[m.names[m.rng.IntN(len(m.names))]] = catalog.Dependency{
			Constraint: &constraint,
			References: []catalog.Reference{{Arch: "os"}, {Arch: "web.browser", Weak: m.rng.IntN(8) == 0}, {Arch: "web.cordova"}},
		}
	}
	return v
}

// longText is the beginning of a readme, as the tool cuts it out.
func (m *meteor) longText(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\nAdd it with `meteor add %s`.\n", name, name)
	for most := 400 + m.rng.IntN(900); b.Len() < most; { // the tool takes up to 1,500 characters
		noun, kind := meteorNouns[m.rng.IntN(len(meteorNouns))], meteorKinds[m.rng.IntN(len(meteorKinds))]
		fmt.Fprintf(&b, "\n- **%s**: what an app needs of %s for its %s, on the server and in the browser, without a line of its own", kind, noun, kind)
	}
	return b.String()
}

// releases invents a track with its releases.
func (m *meteor) releases(put func(pkgmeter.Document, error)) {
	by := catalog.User{Username: "acme", ID: "useracme"}
	put(catalog.ReleaseTrack{ID: m.id(), Name: "METEOR", Maintainers: []catalog.Maintainer{{Username: "acme", ID: by.ID, IsOrganization: true}}}.Document())
	const count = 24
	for i := range count {
		major, minor := 1+i/12, i%12
		packages := map[string]string{}
		for _, noun := range slices.Sorted(slices.Values(meteorNouns)) {
			packages[noun] = fmt.Sprintf("%d.%d.0", major, minor)
		}
		at := m.now.AddDate(-catalogYears, 0, i*catalogYears*365/count)
		put(catalog.ReleaseVersion{
			ID: m.id(), Track: "METEOR", Version: fmt.Sprintf("%d.%d", major, minor), Description: "What is new in Acme",
			Recommended: i > count/2, Tool: fmt.Sprintf("meteor-tool@%d.%d.0", major, minor), Packages: packages,
			OrderKey: fmt.Sprintf("%04d.%04d$", major, minor), PublishedBy: by, Published: catalog.DateOf(at),
		}.Document())
	}
}
