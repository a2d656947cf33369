package alert_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pkgmeter/pkgmeter"
	"github.com/pkgmeter/pkgmeter/internal/alert"
	"github.com/pkgmeter/pkgmeter/internal/browsertest"
	"golang.org/x/net/html"
)

// news has a name from outside wherever one can be.
func newsOf(name string) alert.News {
	line := alert.Plain(name)
	return alert.News{
		Watch: line, Kind: alert.Digest, Title: line, Lines: []string{line}, URL: "https://stats.example.com/stats?package=x", Names: []string{name},
		Week: &alert.Week{Totals: []alert.Sum{{Name: "downloads", Now: 3, Before: 2}}, Lists: []alert.List{{Title: "Rising", Rows: []alert.Row{{Name: line, Text: "3"}}}}},
	}
}

func evilNames(t *testing.T) []string {
	t.Helper()
	return append(browsertest.EvilNames(t),
		"x\r\nBcc: all@example.com", "x\nSubject: y\n\nbody", "<!channel>", "<!here|here>", "<https://evil.example|click>", "&lt;!channel&gt;", "*bold* _it_ `code` ~s~", "@channel",
		strings.Repeat("long ", 1000), "\u202eevil", "a\u2028b", "=?utf-8?q?x?=")
}

func TestALineOfTextIsOneLineAndShowsAllThereIs(t *testing.T) {
	t.Parallel()
	for _, name := range evilNames(t) {
		line := alert.Plain(name)
		if strings.ContainsAny(line, "\r\n\x00\x1b\u2028\u2029\u202e\u2066\u200b\u0085") || len(line) > 400 {
			t.Errorf("%q became %q", name, line)
		}
	}
	if got := alert.Plain("pkg:npm/ünï-ćode 漢字"); got != "pkg:npm/ünï-ćode 漢字" {
		t.Errorf("a usual name became %q", got)
	}
}

func TestNamesAreOnlyTextInSlack(t *testing.T) {
	t.Parallel()
	for _, name := range evilNames(t) {
		body, err := alert.SlackBody(newsOf(name))
		if err != nil {
			t.Fatal(err)
		}
		var said struct {
			Text   string
			Blocks []struct{ Text struct{ Type, Text string } }
		}
		if err := json.Unmarshal(body, &said); err != nil {
			t.Fatal(err)
		}
		for i, b := range said.Blocks {
			switch {
			case i == len(said.Blocks)-1:
				if b.Text.Text != "<https://stats.example.com/stats?package=x|Show the numbers>" {
					t.Errorf("%q: the link is %q", name, b.Text.Text)
				}
			case b.Text.Type != "plain_text" || len(b.Text.Text) > 3000 || strings.ContainsAny(b.Text.Text, "<>"):
				t.Errorf("%q became %+v", name, b)
			}
		}
		if strings.ContainsAny(said.Text, "<>") {
			t.Errorf("%q became %q", name, said.Text)
		}
	}
}

func TestNamesAreOnlyTextInMail(t *testing.T) {
	t.Parallel()
	m, err := alert.NewMail("smtp://mail.example.com", "Downloads <pkgmeter@example.com>")
	if err != nil {
		t.Fatal(err)
	}
	usual := headers(t, m, "usual")
	for _, name := range evilNames(t) {
		if got := headers(t, m, name); len(got) != len(usual) {
			t.Errorf("%q: headers %v, want %v", name, got, usual)
		}
	}
}

// headers checks a mail, and returns the names of its headers and elements.
func headers(t *testing.T, m *alert.Mail, name string) (names []string) {
	t.Helper()
	text, err := m.MailOf("ann@example.com", pkgmeter.Notice{UID: "msg_1", At: noon}, newsOf(name))
	if err != nil {
		t.Fatal(err)
	}
	msg, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%q: %v", name, err)
	}
	for h, v := range msg.Header {
		if names = append(names, h); len(v) != 1 {
			t.Errorf("%q: %s is there %d times", name, h, len(v))
		}
	}
	if id := msg.Header.Get("Message-ID"); id != "<msg_1@example.com>" {
		t.Errorf("Message-ID %s", id)
	}
	if to := msg.Header.Get("To"); to != "<ann@example.com>" {
		t.Errorf("to %s", to)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if want := alert.Plain(name); err != nil || len(want) < 100 && strings.ReplaceAll(subject, "= ?", "=?") != "pkgmeter: "+want+": "+want {
		t.Errorf("%q: subject %q, %v", name, subject, err)
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for _, typ := range []string{"text/plain", "text/html"} {
		p, err := parts.NextPart()
		if err != nil || !strings.HasPrefix(p.Header.Get("Content-Type"), typ) {
			t.Fatalf("%q: %v", name, err)
		}
		doc, err := html.Parse(p)
		if err != nil {
			t.Fatal(err)
		}
		if typ == "text/html" {
			for n := range doc.Descendants() {
				if n.Type == html.ElementNode {
					names = append(names, n.Data)
				}
			}
		}
	}
	if _, err := parts.NextPart(); !errors.Is(err, io.EOF) {
		t.Errorf("%q: another part, %v", name, err)
	}
	return names
}

func TestAServerOfMailIsRefusedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for server, from := range map[string]string{
		"smtp://user:hidden@host:x": "a@b.c", "mail.example.com": "a@b.c", "http://user:hidden@host": "a@b.c", "smtp://user:hidden@host:99999": "a@b.c",
		"smtp://user:hidden@host/path": "a@b.c", "smtp://user:hidden@host": "", "smtps://user:hidden@host": "no address",
	} {
		if _, err := alert.NewMail(server, from); pkgmeter.CodeOf(err) != pkgmeter.Invalid || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", server, err)
		}
	}
}

// A receiver that takes the request and says nothing more is given ten seconds.
func TestAReceiverThatDoesNotAnswerIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := alert.New(nil, nil, alert.Options{})
		began := time.Now()
		err := a.Post(t.Context(), "http://receiver.example/", func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go io.Copy(io.Discard, theirs)
			return ours, nil
		})
		if took := time.Since(began); err == nil || took != 10*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// A mail that was taken is not sent again because the server hung up afterwards.
func TestAMailIsSentOnceThoughTheServerHangsUpAfterTakingIt(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	taken := make(chan bool, 10)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			taken <- takeMail(c)
		}
	}()
	m, err := alert.NewMail("smtp://"+ln.Addr().String(), "pkgmeter@example.com")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, alert.Options{Mail: m})
	s.spike(t, alert.Target{To: alert.ToMail, Address: "ann@example.com"})
	s.Look(t.Context())
	if err := s.Send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := s.last(t); !<-taken || n.State != pkgmeter.NoticeSent || n.Tries != 1 {
		t.Errorf("%+v", n.Notice)
	}
}

// takeMail takes one mail, and hangs up.
func takeMail(c net.Conn) (taken bool) {
	defer c.Close()
	fmt.Fprint(c, "220 mail.example.com\r\n")
	lines := bufio.NewScanner(c)
	for data := false; lines.Scan(); {
		switch line := lines.Text(); {
		case data && line == ".":
			fmt.Fprint(c, "250 taken\r\n")
			return true
		case data:
		case line == "DATA":
			data = true
			fmt.Fprint(c, "354 go on\r\n")
		default:
			fmt.Fprint(c, "250 mail.example.com\r\n")
		}
	}
	return false
}

// Of many long names an address has as many as it bears.
func TestAnAddressStaysShortEnoughToBeOpened(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.watch(t, alert.Consumer, alert.Ask{Where: leftPad})
	d := &pkgmeter.Delivery{Received: noon}
	for i := range 150 {
		addFetches(t, d, noon, 1, "1.0.0", fmt.Sprintf("%03d%s", i, strings.Repeat("ü", 120)))
	}
	s.write(t, d)
	s.Look(t.Context())
	n := s.last(t)
	if len(n.News.URL) > 2100 || !strings.Contains(n.News.URL, "consumer=000") || len(n.News.Names) != 100 || n.News.Title != "150 new consumers" || len(n.News.Lines[0]) > 400 {
		t.Errorf("%d bytes of address, %d names, %q", len(n.News.URL), len(n.News.Names), n.News.Lines)
	}
	n.News.URL = "https://stats.example.com/" + strings.Repeat("x", 4000)
	if body, err := alert.SlackBody(n.News); err != nil || len(body) > 3000 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

// numbers fail, or have more keys than a watch looks at.
type numbers struct {
	alert.Numbers
	err  error
	many bool
}

func (n *numbers) Series(context.Context, pkgmeter.Query, pkgmeter.Grain) (pkgmeter.Series, error) {
	return pkgmeter.Series{}, n.err
}

func (n *numbers) Top(_ context.Context, _ pkgmeter.Query, _ pkgmeter.Key, p pkgmeter.Page) (top pkgmeter.TopList, err error) {
	if n.err != nil || !n.many {
		return top, n.err
	}
	for i := range p.Limit {
		top.Items = append(top.Items, pkgmeter.Item{Key: fmt.Sprint(p.After, i)})
	}
	top.Next = &pkgmeter.Cursor{Key: fmt.Sprint(p.After)}
	return top, nil
}

func TestALookThatFailsTellsNothingAndSaysWhyUntilOneGoesWell(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	spike := s.watch(t, alert.Spike, alert.Ask{Where: leftPad, Factor: 3})
	consumer := s.watch(t, alert.Consumer, alert.Ask{Where: leftPad})
	s.fetch(t, noon, 50, "1.0.0", "")
	n := &numbers{Numbers: s.store}
	a := alert.New(s.store, n, alert.Options{Now: s.now, Log: slog.New(slog.DiscardHandler)})
	for _, tt := range []struct {
		err             error
		many            bool
		spike, consumer string
	}{
		{err: errors.New("secret"), spike: "internal error", consumer: "internal error"},
		{err: pkgmeter.Errorf(pkgmeter.Unavailable, "it is being derived"), spike: "it is being derived", consumer: "it is being derived"},
		{many: true, consumer: "there are more than 10000 of consumer: narrow the watch"},
	} {
		n.err, n.many = tt.err, tt.many
		a.Look(t.Context())
		for id, want := range map[int64]string{spike: tt.spike, consumer: tt.consumer} {
			if w, err := a.Watch(t.Context(), id); err != nil || w.Problem != want {
				t.Errorf("%s: %q, %v; want %q", w.Kind, w.Problem, err, want)
			}
		}
	}
	s.Look(t.Context())
	s.want(t, "50 downloads on 2026-03-10 so far, usually 10")
	if w, err := s.Watch(t.Context(), consumer); err != nil || w.Problem != "" {
		t.Errorf("%q, %v", w.Problem, err)
	}
}

func TestALongTimeWithoutAServerIsCaughtUpForTwoWeeks(t *testing.T) {
	t.Parallel()
	s := newSite(t, alert.Options{})
	s.usualDays(t)
	s.watch(t, alert.Spike, alert.Ask{Where: leftPad, Factor: 3})
	for i := range 30 {
		n := 10
		if i == 5 || i == 25 {
			n = 50
		}
		s.fetch(t, day(i), n, "1.0.0", "")
	}
	s.moveTo(day(30))
	s.Look(t.Context())
	s.want(t, "50 downloads on 2026-04-04, usually 10")
}
