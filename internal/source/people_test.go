package source_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/source"
)

// everyone keeps addresses as countries, to see which one is asked about: the
// last byte of one in 192.0.2.0/24 is the second letter.
var everyone = source.People{
	Country: func(a netip.Addr) string {
		if !netip.MustParsePrefix("192.0.2.0/24").Contains(a.Unmap()) {
			return ""
		}
		return "A" + string(rune('A'+a.Unmap().As4()[3]))
	},
	Consumer: func(name string) string { return "<" + name + ">" },
}

func TestWhoAskedIsReadOfEveryLog(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ format, line, country, consumer string }{
		{"combined", `192.0.2.3 - ann [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`, "AD", "<ann>"},
		{"combined", `192.0.2.3 - - [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`, "AD", ""},
		{"combined", `192.0.2.3 - ann [b] smith [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`, "AD", "<ann [b] smith>"},
		{"combined", `host.example.com - - [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`, "", ""},
		{"combined", `files.example.com:443 192.0.2.4 - bob [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`, "AE", "<bob>"},
		{"combined", `192.0.2.9:80 192.0.2.4 - - [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`, "AE", ""},
		{"combined", `::ffff:192.0.2.3 - - [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`, "AD", ""},
		{"combined", `[10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`, "", ""},
		{"combined", `192.0.2.3 - [192.0.2.3] - - [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`, "AD", ""},
		{"combined", `web_1  | 192.0.2.3 - - [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`, "AD", ""},
		{"combined", `2025-10-10T13:55:36Z stdout F 192.0.2.3 - ann [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`, "AD", "<ann>"},
		{"combined", `Nov 21 22:05:01 web1 nginx: 192.0.2.3 - - [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`, "AD", ""},
		{"combined", `10.0.0.7, 192.0.2.3 - - [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`, "AD", ""},
		{"combined", `192.0.2.3 - "" [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`, "AD", ""},
		{"combined", `192.0.2.3 - 10.1.2.3 [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`, "", ""},
		{"combined", `192.0.2.3 - a 10.1.2.3 b [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`, "", ""},
		{"common", `192.0.2.3 - ann [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5`, "AD", "<ann>"},
		{"nexus", `192.0.2.3 - ann [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 - 5 7 "curl/8" [qtp]`, "AD", "<ann>"},
		{"nginx-json", `{"time_iso8601":"2025-10-10T13:55:36Z","remote_addr":"192.0.2.3","remote_user":"ann","request":"GET /a HTTP/1.1","status":200}`, "AD", "<ann>"},
		{"nginx-json", `{"time_iso8601":"2025-10-10T13:55:36Z","remote_addr":"192.0.2.3","client_ip":"192.0.2.5","user":{"name":"ann"},"request":"GET /a HTTP/1.1","status":200}`, "AF", ""},
		{"caddy", `{"ts":1760104536,"request":{"remote_ip":"10.0.0.1","client_ip":"192.0.2.3","method":"GET","uri":"/a"},"user_id":"ann","status":200,"size":5}`, "AD", "<ann>"},
		{"traefik", `{"StartUTC":"2025-10-10T13:55:36Z","ClientHost":"192.0.2.3","ClientUsername":"ann","RequestMethod":"GET","RequestPath":"/a","DownstreamStatus":200}`, "AD", "<ann>"},
		{"traefik", `192.0.2.3 - ann [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8" 1 "r@file" "http://10.0.0.1" 3ms`, "AD", "<ann>"},
		{"fastly", `<134>2025-10-10T13:55:36Z cache log[1]: {"date_time":"2025-10-10T13:55:36Z","method":"GET","url":"/a","status":200,"ip":"192.0.2.3"}`, "AD", ""},
		{"s3", `79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be files [10/Oct/2025:13:55:36 +0000] 192.0.2.3 arn:aws:iam::1:user/ann 3E57427F3EXAMPLE REST.GET.OBJECT a "GET /files/a HTTP/1.1" 200 - 5 5 7 5 "-" "curl/8" -`, "AD", "<arn:aws:iam::1:user/ann>"},
		{"artifactory", `2025-10-10T13:55:36.000Z|af3|192.0.2.3|ann|GET|/libs/a|200|-1|5|7|curl/8`, "AD", "<ann>"},
		{"artifactory", `2025-10-10T13:55:36.000Z|af3|192.0.2.3|anonymous|GET|/libs/a|200|-1|5|7|curl/8`, "AD", ""},
		{"artifactory", `20251010135536|7|REQUEST|192.0.2.3|non_authenticated_user|GET|/libs/a|HTTP/1.1|200|5`, "AD", ""},
	} {
		for name, people := range map[string]source.People{"kept": everyone, "not": {}} {
			country, consumer := tt.country, tt.consumer
			if name == "not" {
				country, consumer = "", ""
			}
			e, err := logNamed(t, tt.format).Reader("s", time.Now(), people).Line([]byte(tt.line))
			if err != nil || e.Country != country || e.Consumer != consumer {
				t.Errorf("%s: %s\n got %q, %q, %v; want %q, %q", tt.format, tt.line, e.Country, e.Consumer, err, country, consumer)
			}
		}
	}
	for format, header := range map[string]string{
		"w3c":        "#Fields: date time c-ip cs-username cs-method cs-uri-stem sc-status cs(User-Agent)",
		"cloudfront": "#Fields: date\ttime\tc-ip\tcs-username\tcs-method\tcs-uri-stem\tsc-status\tcs(User-Agent)",
	} {
		r := logNamed(t, format).Reader("s", time.Now(), everyone)
		if _, err := r.Line([]byte(header)); err != source.ErrHeader { //nolint:errorlint // the very value
			t.Errorf("%s: %v", format, err)
		}
		line := "2025-10-10\t13:55:36\t192.0.2.3\tann\tGET\t/a\t200\tcurl/8"
		if e, err := r.Line([]byte(line)); err != nil || e.Country != "AD" || e.Consumer != "<ann>" {
			t.Errorf("%s: %q, %q, %v", format, e.Country, e.Consumer, err)
		}
	}
}

func TestARobotAccountIsFlaggedWhoeverNamesIt(t *testing.T) {
	t.Parallel()
	check := func(said string, flags pkgmeter.Flags, want bool) {
		if flags&pkgmeter.Robot != 0 != want {
			t.Errorf("%s: flags %d, want a robot: %t", said, flags, want)
		}
	}
	for name, robot := range map[string]bool{"robot$ci": true, "ann": false, "robotic": false, "a-robot$": false} {
		for format, line := range map[string]string{
			"combined":    `192.0.2.3 - ` + name + ` [10/Oct/2025:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"`,
			"nginx-json":  `{"time_iso8601":"2025-10-10T13:55:36Z","remote_addr":"192.0.2.3","remote_user":"` + name + `","request":"GET /a HTTP/1.1","status":200}`,
			"artifactory": `2025-10-10T13:55:36.000Z|af3|192.0.2.3|` + name + `|GET|/libs/a|200|-1|5|7|curl/8`,
		} {
			for _, people := range []source.People{everyone, {}} {
				e, err := logNamed(t, format).Reader("s", time.Now(), people).Line([]byte(line))
				if err != nil {
					t.Error(err)
				}
				check(line, e.Flags, robot)
			}
		}
		for _, people := range []source.People{everyone, {}} {
			body := `{"file":"a","user":"` + name + `"}`
			check(body, source.Mapping{}.Of(people).CloudRepo("s", []byte(body), "", now).Events[0].Flags, robot)
			body = `{"events":[{"file":"a"}],"user":"` + name + `"}`
			check(body, source.Mapping{}.Of(people).CloudRepo("s", []byte(body), "", now).Events[0].Flags, robot)
			r := source.EventReader{Source: "s", Received: now, People: people}
			line := `{"path":"a","consumer":"` + name + `"}`
			e, err := r.Line([]byte(line))
			if err != nil {
				t.Error(err)
			}
			check(line, e.Flags, robot)
		}
	}
}

func logNamed(t *testing.T, name string) *source.LogFormat {
	t.Helper()
	for _, f := range source.LogFormats() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("there is no log %s", name)
	return nil
}
