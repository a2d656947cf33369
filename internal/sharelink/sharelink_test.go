package sharelink_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/sharelink"
	"pgregory.net/rapid"
)

const today = pkgmeter.Day(20522) // 2026-03-10

func query(t *testing.T, s string) url.Values {
	t.Helper()
	v, err := url.ParseQuery(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestALinkKeepsWhatTheViewIsNarrowedTo(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]string{
		"/stats?": "days=30",
		"/stats?days=7&repository=b&repository=a&repository=": "days=7&repository=b&repository=a",
		"/stats?from=2026-01-01&days=7":                       "from=2026-01-01",
		"/stats?class=ci&class=ci&measure=hits":               "class=ci&days=30&measure=hits",
		"/stats?consumer=ann&days=all":                        "consumer=ann&days=all",
		"/stats/package?package=pkg:npm/%2540a/B&days=30":     "days=30&package=pkg%3Anpm%2F%2540a%2FB",
		"/stats/package?":                                     "error",
		"/stats/package?package=pkg:npm/a&package=pkg:npm/b":  "error",
		"/stats?package=a":                                    "error",
		"/stats?days=17":                                      "error",
		"/stats?from=yesterday":                               "error",
		"/stats?from=2026-01-01&from=2026-01-02":              "error",
		"/stats?share=x":                                      "error",
		"/stats?union=x":                                      "error",
		"/stats/settings?":                                    "error",
		"/stats/sources?":                                     "error",
		"//elsewhere.example/stats?":                          "error",
	} {
		path, raw, _ := strings.Cut(asked, "?")
		got, err := sharelink.View(path, query(t, raw))
		if err != nil {
			got = "error"
			if pkgmeter.CodeOf(err) != pkgmeter.Invalid {
				t.Errorf("%s: %v", asked, err)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", asked, got, want)
		}
	}
}

func TestWhatIsAskedThroughALinkIsTheLinksOwnOrLess(t *testing.T) {
	t.Parallel()
	const refused = "refused"
	for _, tt := range []struct{ link, asked, page, question string }{
		{"repository=open&days=30", "", "days=30&repository=open", "from=2026-02-09&repository=open&to=2026-03-10"},
		{"repository=open&days=30", "repository=open", "days=30&repository=open", "from=2026-02-09&repository=open&to=2026-03-10"},
		{"repository=open&days=30", "repository=closed", refused, refused},
		// Of a time when the distribution belonged to the name.
		{"package=pkg:deb/debian/curl&days=30", "package=pkg:deb/curl", "days=30&package=pkg%3Adeb%2Fcurl", "from=2026-02-09&package=pkg%3Adeb%2Fcurl&to=2026-03-10"},
		{"repository=open&days=30", "repository=open&repository=closed", refused, refused},
		{"repository=open&days=30", "repository=", "days=30&repository=open", refused},
		{"repository=a&repository=b&days=30", "repository=b", "days=30&repository=b", "from=2026-02-09&repository=b&to=2026-03-10"},
		{"repository=open&days=30", "class=ci", "class=ci&days=30&repository=open", "class=ci&from=2026-02-09&repository=open&to=2026-03-10"},
		{"repository=open&days=30", "days=7", "days=7&repository=open", refused}, // the API knows no days
		{"repository=open&days=30", "days=90", refused, refused},
		{"repository=open&days=30", "days=all", refused, refused},
		{"repository=open&days=30", "from=2026-03-01", "from=2026-03-01&repository=open&to=2026-03-10", "from=2026-03-01&repository=open&to=2026-03-10"},
		{"repository=open&days=30", "from=2026-02-09&to=2026-03-10", "from=2026-02-09&repository=open&to=2026-03-10", "from=2026-02-09&repository=open&to=2026-03-10"},
		{"repository=open&days=30", "from=2026-02-08", refused, refused},
		{"repository=open&days=30", "to=2026-03-11", refused, refused},
		{"repository=open&days=30", "to=2026-02-01", "from=2026-02-09&repository=open&to=2026-02-01", "from=2026-02-09&repository=open&to=2026-02-01"}, // which is refused as a range
		{"from=2026-01-01&to=2026-01-31", "to=2026-01-10", "from=2026-01-01&to=2026-01-10", "from=2026-01-01&to=2026-01-10"},
		{"from=2026-01-01&to=2026-01-31", "days=7", refused, refused},
		{"from=2026-01-01", "days=30", "days=30", refused},
		{"days=all", "days=all", "days=all", refused},
		{"days=all", "", "days=all", ""},
		{"days=all", "from=1970-01-01", "from=2000-01-01", "from=2000-01-01"},
		{"days=all", "source=cloudrepo", refused, refused},
		{"days=all", "consumer=ann", refused, refused},
		{"consumer=ann&days=all", "consumer=ann", "consumer=ann&days=all", "consumer=ann"},
		{"consumer=ann&days=all", "consumer=bob", refused, refused},
		{"days=all", "by=consumer", refused, refused},
		{"days=all", "by=file&by=source", refused, refused},
		{"days=all", "split=source", refused, refused},
		{"consumer=ann&days=all", "by=consumer", refused, "by=consumer&consumer=ann"},
		{"days=all", "by=file&limit=5&cursor=x&format=csv&grain=week&split=class&measure=bytes", refused, "by=file&cursor=x&format=csv&grain=week&limit=5&measure=bytes&split=class"},
		{"days=all", "measure=adds", refused, refused},
		{"days=all", "union=x", refused, refused},
		{"package=pkg:npm/a&days=all", "package=pkg:npm/b", refused, refused},
		{"package=pkg:pypi/my-lib&days=all", "package=pkg:pypi/My_Lib", "days=all&package=pkg%3Apypi%2Fmy-lib", "package=pkg%3Apypi%2Fmy-lib"},
		{"package=pkg:npm/a&days=all", "package=a", refused, refused},
		{"days=all&group=major&measure=hits", "", "days=all&group=major&measure=hits", ""},
		{"days=all&group=major&measure=hits", "days=7", "days=7", refused},
	} {
		link := pkgmeter.ShareLink{Path: "/stats", Query: tt.link}
		asked := query(t, tt.asked)
		asked.Set(sharelink.Param, "secret")
		for name, bind := range map[string]func(pkgmeter.ShareLink, url.Values, pkgmeter.Day) (url.Values, error){"page": sharelink.Page, "question": sharelink.Question} {
			want := map[string]string{"page": tt.page, "question": tt.question}[name]
			got := refused
			bound, err := bind(link, asked, today)
			if err == nil {
				got = bound.Encode()
			} else if code := pkgmeter.CodeOf(err); code != pkgmeter.Forbidden && code != pkgmeter.Invalid {
				t.Errorf("%s asks %s of %s: %v", name, tt.asked, tt.link, err)
			}
			if got != want {
				t.Errorf("%s asks %s of %s: %s, want %s", name, tt.asked, tt.link, got, want)
			}
		}
	}
}

// Whatever is asked, no filter of the link is lost, no value is added to it, no
// day is beyond it, and nothing is passed on that nobody has thought of.
func TestNothingThatIsAskedWidensALink(t *testing.T) {
	t.Parallel()
	names := []string{"repository", "package", "class", "source", "consumer", "days", "from", "to", "by", "split", "measure", "share", "group", "union", "limit", "file", ""}
	values := []string{"", "open", "closed", "pkg:npm/a", "pkg:npm/b", "ci", "all", "7", "30", "365", "2026-01-01", "2026-03-01", "2027-01-01", "1970-01-01", "consumer", "source", "hits", "adds", "\x00", "%zz"}
	known := []string{"repository", "package", "class", "file", "days", "from", "to", "by", "split", "measure", "group", "limit"}
	links := []string{"repository=open&days=30", "package=pkg%3Anpm%2Fa&from=2026-01-01&to=2026-03-01", "class=ci&repository=open&repository=shut&days=all", "consumer=open&days=7"}
	rapid.Check(t, func(rt *rapid.T) {
		link := pkgmeter.ShareLink{Path: "/stats", Query: rapid.SampledFrom(links).Draw(rt, "link")}
		own, asked := query(t, link.Query), url.Values{}
		for range rapid.IntRange(0, 5).Draw(rt, "parameters") {
			asked.Add(rapid.SampledFrom(names).Draw(rt, "name"), rapid.SampledFrom(values).Draw(rt, "value"))
		}
		for _, bind := range []func(pkgmeter.ShareLink, url.Values, pkgmeter.Day) (url.Values, error){sharelink.Page, sharelink.Question} {
			bound, err := bind(link, asked, today)
			if err != nil {
				continue
			}
			for name := range own {
				if name == "days" || name == "from" || name == "to" {
					continue
				}
				if len(bound[name]) == 0 || slices.ContainsFunc(bound[name], func(v string) bool { return !slices.Contains(own[name], v) }) {
					rt.Fatalf("%v of %s: %s is %v", asked, link.Query, name, bound[name])
				}
			}
			for name := range bound {
				if !slices.Contains(known, name) && !own.Has(name) {
					rt.Fatalf("%v of %s: %s is passed on", asked, link.Query, name)
				}
			}
			if !sharelink.Shows(link, bound, today) {
				rt.Fatalf("%v of %s: days %v", asked, link.Query, bound)
			}
		}
	})
}
