package load

import (
	"fmt"
	"strconv"
	"time"
)

// Names are drawn by Zipf's law: name k with a weight of (zipfV+k)^-zipfS. With
// these a few hundred of ten thousand names make half of the events.
const (
	zipfS = 1.1
	zipfV = 10
)

// Paths returns n paths in the layout of a Maven repository. Some are not the
// jar itself but what build tools fetch beside it.
func Paths(n int) []string {
	groups := []string{"com/acme", "org/example/platform", "io/initech/cloud", "net/hooli/mobile/sdk"}
	words := []string{"core", "client", "server", "codec", "metrics", "storage", "auth", "events", "schema", "testing", "gateway"}
	ends := []string{".jar", ".pom", ".jar", ".jar.sha1", ".jar", "-sources.jar", ".jar"}
	all := make([]string, n)
	for i := range all {
		artifact := fmt.Sprintf("%s-%s-%d", words[i%len(words)], words[i/3%len(words)], i/len(ends)%97)
		version := fmt.Sprintf("%d.%d.%d", 1+i%3, i/7%20, i)
		all[i] = fmt.Sprintf("%s/%s/%s/%s-%s%s", groups[i/5%len(groups)], artifact, version, artifact, version, ends[i%len(ends)])
	}
	return all
}

// maxBody is more than a body takes, so that three digits are its length.
const maxBody = 999

// appendRequest appends the request that delivers e.
func appendRequest(b []byte, c *Config, e event) []byte {
	b = append(b, "POST "...)
	b = append(b, c.Path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, c.Address...)
	b = append(b, "\r\nUser-Agent: CloudRepo-Webhook/1.0\r\nContent-Type: application/json\r\nContent-Length: 000\r\n\r\n"...)
	start := len(b)
	b = append(b, `{"file-name":"`...)
	b = append(b, e.path...)
	b = append(b, `","repository-id":"releases","event-type":"download","user-id":"ci@example.com"`...)
	if !e.plain {
		b = append(b, `,"event-id":"`...)
		b = append(b, e.key...)
		b = append(b, '"')
	}
	if !c.NoTime {
		b = append(b, `,"timestamp":"`...)
		b = time.Now().UTC().AppendFormat(b, time.RFC3339)
		b = append(b, '"')
	}
	b = append(b, `,"organization-id":"acme"}`...)
	length := len(b) - start
	if length > maxBody {
		panic("load: the body of an event has " + strconv.Itoa(length) + " bytes")
	}
	for at := start - len("\r\n\r\n") - 1; length > 0; at-- {
		b[at] = byte('0' + length%10)
		length /= 10
	}
	return b
}
