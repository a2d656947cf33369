package counterpart_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const webhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// evilConsumer tries to add a header, to mention a channel, and to be HTML.
const evilConsumer = "eve\r\nBcc: all@example.com\r\n\r\n<!channel> <b>*bold*</b>\u202e <https://evil.example|x>"

// A mailbox is a mail server that wants TLS and a password.
type mailbox struct {
	addr, cert, key, dir string
}

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	b := &mailbox{addr: freeAddress(t), dir: t.TempDir()}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	at := t.TempDir()
	b.cert, b.key = filepath.Join(at, "cert.pem"), filepath.Join(at, "key.pem")
	for path, block := range map[string]*pem.Block{b.cert: {Type: "CERTIFICATE", Bytes: der}, b.key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b *mailbox) open(t *testing.T) {
	t.Helper()
	tool(t, "aiosmtpd") // which Debian's Python has then
	_, port, _ := net.SplitHostPort(b.addr)
	p := begin(t, nil, tool(t, "python3"), "testdata/mailserver.py", port, b.cert, b.key, b.dir)
	eventually(t, "the mail server listens", func() bool { return strings.Contains(p.log.String(), "listening") })
}

// A letter is a message as the mail server got it.
type letter struct {
	From  string
	To    []string
	Login string
	TLS   bool
	Data  string

	subject, text, html string
	*mail.Message
}

// letters returns all that came, the oldest first, with their parts.
func (b *mailbox) letters(t *testing.T) (all []letter) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(b.dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var l letter
		if err := json.Unmarshal(body, &l); err != nil {
			t.Fatal(err)
		}
		l.read(t)
		all = append(all, l)
	}
	return all
}

func (l *letter) read(t *testing.T) {
	t.Helper()
	var err error
	if l.Message, err = mail.ReadMessage(strings.NewReader(l.Data)); err != nil {
		t.Fatal(err)
	}
	if l.subject, err = new(mime.WordDecoder).DecodeHeader(l.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(l.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(l.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			l.html = string(text)
		} else {
			l.text = string(text)
		}
	}
}

// An inbox takes webhooks and what Slack would get.
type inbox struct {
	*httptest.Server
	mu    sync.Mutex
	mute  bool // it reads, and does not answer
	calls []webhookCall
	slack []string
}

type webhookCall struct {
	id, typ  string
	answered bool
	body     string
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	b := &inbox{}
	stop := make(chan struct{})
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller was killed
		}
		if b.take(t, r, body) {
			select {
			case <-r.Context().Done():
			case <-stop:
			}
		}
	}))
	t.Cleanup(func() {
		close(stop)
		b.Close()
	})
	return b
}

// take notes a call, and reports whether it is not to be answered.
func (b *inbox) take(t *testing.T, r *http.Request, body []byte) (mute bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.URL.Path == "/slack" {
		b.slack = append(b.slack, string(body))
		return false
	}
	// As the specification of Standard Webhooks tells receivers to verify.
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(webhookSecret, "whsec_"))
	if err != nil {
		t.Error(err)
	}
	id := r.Header.Get("webhook-id")
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s", id, r.Header.Get("webhook-timestamp"), body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.Header.Get("webhook-signature") != want {
		t.Errorf("signature %q, want %q", r.Header.Get("webhook-signature"), want)
	}
	var said struct{ Type string }
	if err := json.Unmarshal(body, &said); err != nil {
		t.Error(err)
	}
	b.calls = append(b.calls, webhookCall{id, said.Type, !b.mute, string(body)})
	return b.mute
}

// got returns the calls of a type, and how many messages of Slack's came.
func (b *inbox) got(typ string) (calls []webhookCall, slack int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.calls {
		if c.typ == typ {
			calls = append(calls, c)
		}
	}
	return calls, len(b.slack)
}

func (b *inbox) setMute(mute bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mute = mute
}

// serveAt serves with the clock at a moment, and mail through a mailbox.
func (m *meter) serveAt(t *testing.T, at string, b *mailbox) {
	t.Helper()
	env := []string{
		"PKGMETER_ADMIN_PASSWORD=" + password, "PKGMETER_NOW=" + at, "SSL_CERT_FILE=" + b.cert,
		"PKGMETER_SMTP_URL=smtp://meter:" + url.PathEscape("p@ss word") + "@" + b.addr, "PKGMETER_MAIL_FROM=Downloads <pkgmeter@example.com>",
	}
	m.process = begin(t, env, m.bin, "serve", "--data", m.data, "--listen", m.addr, "--admin-listen", "off", "--consumers", "name", "--public-url", "https://stats.example.com")
	m.answers(t, m.url("/readyz"))
}

// sendForm sends a form of the pages, as the administrator.
func (m *meter) sendForm(t *testing.T, path string, form url.Values) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m.url(path), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("admin", password)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s: %s: %s", path, resp.Status, body)
	}
}

// bring sends events of a version.
func (m *meter) bring(t *testing.T, token string, n int, at time.Time, version, consumer string) {
	t.Helper()
	event := map[string]any{"time": at, "package": "pkg:npm/left-pad", "version": version, "repository": "npm"}
	if consumer != "" {
		event["consumer"] = consumer
	}
	body, err := json.Marshal(slices.Repeat([]any{event}, n))
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m.url("/api/v1/events"), strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if said, _ := io.ReadAll(resp.Body); !strings.Contains(string(said), fmt.Sprintf(`"accepted":%d`, n)) {
		t.Fatalf("%s: %s", resp.Status, said)
	}
}

// A webhook, a mail server and Slack get what was promised, once, although the
// program is killed before anything is sent, and while it waits for an answer.
func TestAlertsArriveOnceOverKillsAndRestarts(t *testing.T) {
	t.Parallel()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	m := &meter{bin: bin, data: t.TempDir(), addr: freeAddress(t)}
	post, hooks := newMailbox(t), newInbox(t)
	tool(t, "aiosmtpd")
	m.serveAt(t, "2026-03-10T12:00:00Z", post)
	token := m.token(t)
	noon := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	for day := -35; day < 0; day++ {
		m.bring(t, token, 10, noon.AddDate(0, 0, day), "1.0.0", "ann")
	}
	for _, watch := range []url.Values{
		{"what": {"range"}, "range": {"vers:npm/>=2.0.0|<3.0.0"}},
		{"what": {"spike"}, "factor": {"3"}, "least": {"20"}, "mail": {"ann@example.com, bob@example.com"}, "slack": {hooks.URL + "/slack"}},
		{"what": {"consumer"}, "mail": {"ann@example.com"}, "slack": {hooks.URL + "/slack"}},
		{"what": {"digest"}, "mail": {"ann@example.com"}, "slack": {hooks.URL + "/slack"}},
	} {
		for k, v := range map[string]string{"name": watch.Get("what"), "package": "pkg:npm/left-pad", "webhook": hooks.URL + "/in", "secret": webhookSecret, "do": "save"} {
			watch.Set(k, v)
		}
		m.sendForm(t, "/stats/alerts/edit", watch)
	}
	hooks.setMute(true)
	m.bring(t, token, 48, noon, "1.0.0", "ann")
	m.bring(t, token, 1, noon, "2.1.0", "ann")
	m.bring(t, token, 1, noon, "1.0.0", evilConsumer)
	m.kill() // before anything was noticed
	m.serveAt(t, "2026-03-10T12:10:00Z", post)
	eventually(t, "three calls wait for their answer", func() bool {
		spike, slack := hooks.got("alert.spike")
		first, _ := hooks.got("alert.range")
		consumer, _ := hooks.got("alert.consumer")
		return len(spike) == 1 && len(first) == 1 && len(consumer) == 1 && slack == 2
	})
	// Slack's messages have no id: those that were answered have to be known as sent.
	eventually(t, "two are stored as sent", func() bool { return strings.Count(m.adminPage(t, "/stats/alerts/told"), ">Sent at ") == 2 })
	m.kill() // while they wait; no mail has gone out, as there is no mail server yet
	hooks.setMute(false)
	post.open(t)
	m.serveAt(t, "2026-03-10T13:00:00Z", post)
	eventually(t, "three letters", func() bool { return len(post.letters(t)) == 3 })
	m.sent(t, 8)
	m.kill()

	m.serveAt(t, "2026-03-16T03:00:00Z", post) // a Monday, and nothing of what came before again
	eventually(t, "the digest", func() bool { return len(post.letters(t)) == 4 })
	m.sent(t, 11)
	m.stop(t)
	m.serveAt(t, "2026-03-16T05:00:00Z", post)
	m.sendForm(t, "/stats/alerts", url.Values{"id": {"1"}, "do": {"test"}}) // which is sent after what else there was
	eventually(t, "the test", func() bool { calls, _ := hooks.got("alert.test"); return len(calls) == 1 })

	checkCalls(t, hooks)
	checkLetters(t, post)
}

// sent waits until so many notices are sent, and none waits.
func (m *meter) sent(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d notices are sent", n), func() bool {
		page := m.adminPage(t, "/stats/alerts/told")
		return strings.Count(page, ">Sent at ") == n && !strings.Contains(page, ">Waits") && !strings.Contains(page, ">Given up")
	})
}

// adminPage returns a page, as the administrator sees it.
func (m *meter) adminPage(t *testing.T, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.url(path), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("admin", password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func checkCalls(t *testing.T, hooks *inbox) {
	t.Helper()
	for typ, tries := range map[string]int{"alert.spike": 2, "alert.range": 2, "alert.consumer": 2, "alert.digest": 1, "alert.test": 1} {
		calls, _ := hooks.got(typ)
		answered := 0
		for _, c := range calls {
			if c.id != calls[0].id || c.body != calls[0].body {
				t.Errorf("%s: the tries differ: %+v", typ, calls)
			}
			if c.answered {
				answered++
			}
		}
		if len(calls) != tries || answered != 1 {
			t.Errorf("%s: %d tries, %d of them answered, want %d and 1", typ, len(calls), answered, tries)
		}
	}
	spike, slack := hooks.got("alert.spike")
	if slack != 3 {
		t.Errorf("%d messages of Slack's", slack)
	}
	if want := `"url":"https://stats.example.com/stats?from=2026-02-10\u0026package=pkg%3Anpm%2Fleft-pad\u0026to=2026-03-10"`; !strings.Contains(spike[0].body, want) {
		t.Errorf("%s has no %s", spike[0].body, want)
	}
	for _, s := range hooks.slack {
		if strings.Contains(s, "<!") || strings.Contains(s, `\u003c!`) || strings.Contains(s, "evil.example|") && !strings.Contains(s, `\u0026lt;https://evil`) || strings.Contains(s, "\u202e") {
			t.Errorf("Slack would take this for more than text: %s", s)
		}
	}
}

func checkLetters(t *testing.T, post *mailbox) {
	t.Helper()
	ids, to := map[string]bool{}, map[string]int{}
	for _, l := range post.letters(t) {
		if !l.TLS || l.Login != "meter" || l.From != "pkgmeter@example.com" || len(l.To) != 1 {
			t.Errorf("from %q to %q by %q, TLS %v", l.From, l.To, l.Login, l.TLS)
		}
		kind := strings.Split(l.subject, ":")[1]
		to[strings.TrimSpace(kind)+" "+l.To[0]]++
		id := l.Header.Get("Message-ID")
		if ids[id] || !strings.HasPrefix(id, "<msg_") || !strings.HasSuffix(id, "@example.com>") {
			t.Errorf("Message-ID %q", id)
		}
		ids[id] = true
		for name := range l.Header {
			if !slices.Contains([]string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}, name) {
				t.Errorf("there is a header %s: %q", name, l.Header[name])
			}
		}
		if strings.Contains(l.html, "<b>") || strings.Contains(l.html, "<!channel") || strings.ContainsAny(l.subject+l.text+l.html, "\u202e") || strings.Contains(l.text, "\nBcc") {
			t.Errorf("a name does more than be one:\n%s\n%s", l.text, l.html)
		}
		if !strings.Contains(l.text, "https://stats.example.com/stats?") || !strings.Contains(l.html, `<a href="https://stats.example.com/stats?`) {
			t.Errorf("no address:\n%s\n%s", l.text, l.html)
		}
	}
	want := map[string]int{"spike ann@example.com": 1, "spike bob@example.com": 1, "consumer ann@example.com": 1, "digest ann@example.com": 1}
	if !maps.Equal(to, want) {
		t.Errorf("letters %v, want %v", to, want)
	}
}
