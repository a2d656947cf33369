package alert

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pkgmeter/pkgmeter"
	gomail "github.com/wneessen/go-mail"
)

// Mail sends e-mail through a server of the operator's.
type Mail struct {
	host, user, password string
	port                 int
	tls                  bool // from the first byte on
	from                 *mail.Address
	most                 time.Duration // for one mail
}

// The ports of mail servers, where none is given.
const (
	submission       = 587
	submissionsByTLS = 465
)

// NewMail reads where mail goes: smtp://host or smtps://host, with user, password
// and port where needed. By smtps:// the connection is TLS from the beginning; by
// smtp:// it becomes TLS where the server can, and has to where there is a password.
func NewMail(server, from string) (*Mail, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		// The text has a password in it, and is not shown.
		return nil, pkgmeter.Errorf(pkgmeter.Invalid, "want smtp://host or smtps://host, with user:password@ before and :port behind the host if needed")
	}
	m := &Mail{host: u.Hostname(), user: u.User.Username(), port: submission, tls: u.Scheme == "smtps", most: usual.call}
	m.password, _ = u.User.Password()
	if m.tls {
		m.port = submissionsByTLS
	}
	if p := u.Port(); p != "" {
		if m.port, err = strconv.Atoi(p); err != nil || m.port < 1 || m.port > 65535 {
			return nil, pkgmeter.Errorf(pkgmeter.Invalid, "want a port from 1 to 65535")
		}
	}
	if m.from, err = mail.ParseAddress(from); err != nil {
		return nil, pkgmeter.Errorf(pkgmeter.Invalid, "mail needs a sender: want an address such as pkgmeter@example.com")
	}
	return m, nil
}

// send sends news to one address. Its Message-ID is the same at each try.
func (m *Mail) send(ctx context.Context, to string, n pkgmeter.Notice, news News) error {
	msg, err := m.message(to, n, news)
	if err != nil {
		return final{err}
	}
	opts := []gomail.Option{gomail.WithPort(m.port), gomail.WithTimeout(m.most), gomail.WithTLSPolicy(gomail.TLSOpportunistic)}
	if m.tls {
		opts = append(opts, gomail.WithSSL())
	}
	if m.user != "" {
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(m.user), gomail.WithPassword(m.password))
	}
	client, err := gomail.NewClient(m.host, opts...)
	if err != nil {
		return final{err}
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, m.most)
	defer cancel()
	err = client.DialAndSendWithContext(ctx, msg)
	switch {
	case err == nil || msg.IsDelivered():
		return nil // it was taken, however the conversation ended after that
	case time.Since(begun) >= m.most:
		return fmt.Errorf("the mail server takes longer than %s: %w", m.most, err)
	default:
		return err
	}
}

func (m *Mail) message(to string, n pkgmeter.Notice, news News) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(m.from)
	if err := msg.To(to); err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(m.from.Address, "@")
	msg.SetMessageIDWithValue(n.UID + "@" + domain)
	msg.SetDateWithValue(n.At)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	subject := pkgmeter.Cut("pkgmeter: "+plain(news.Watch)+": "+plain(news.Title), maxPlain)
	msg.Subject(strings.ReplaceAll(subject, "=?", "= ?")) // a name is not to be decoded
	var html bytes.Buffer
	if err := mailHTML.Execute(&html, news); err != nil {
		return nil, err
	}
	msg.SetBodyString(gomail.TypeTextPlain, mailText(news))
	msg.AddAlternativeString(gomail.TypeTextHTML, html.String())
	return msg, nil
}

// mailText is the plain text of a mail.
func mailText(n News) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", n.Title)
	for _, l := range n.Lines {
		fmt.Fprintf(&b, "%s\n", l)
	}
	if n.Week != nil {
		b.WriteString(sums(n.Week))
		for _, l := range n.Week.Lists {
			fmt.Fprintf(&b, "\n%s\n%s", l.Title, rows(l))
		}
	}
	fmt.Fprintf(&b, "\n%s\n\n-- \nThe watch %q of pkgmeter told this.\n", n.URL, n.Watch)
	return b.String()
}

var mailHTML = template.Must(template.New("mail").Funcs(template.FuncMap{"number": number}).Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title></head>
<body>
<h1>{{.Title}}</h1>
{{range .Lines}}<p dir="auto">{{.}}</p>
{{end}}{{with .Week}}<table>{{range .Totals}}<tr><th align="left">{{.Name}}</th><td align="right">{{number .Now}}</td><td>{{.Change}}</td></tr>
{{end}}</table>
{{range .Lists}}<h2>{{.Title}}</h2>
<table>{{range .Rows}}<tr><td dir="auto">{{.Name}}</td><td align="right">{{.Text}}</td></tr>
{{end}}</table>
{{end}}{{end}}<p><a href="{{.URL}}">Show the numbers</a></p>
<p>The watch <bdi>{{.Watch}}</bdi> of pkgmeter told this.</p>
</body></html>
`))
