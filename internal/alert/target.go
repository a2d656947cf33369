package alert

import (
	"crypto/rand"
	"encoding/base64"
	"net/mail"
	"net/url"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// Limits of receivers.
const (
	MaxTargets = 10
	maxURL     = 2000
	maxAddress = 254
	secretHead = "whsec_"
	minSecret  = 24 // bytes, as Standard Webhooks has it
	maxSecret  = 64
)

// The kinds of receivers.
const (
	ToWebhook = "webhook"
	ToMail    = "mail"
	ToSlack   = "slack"
)

// A Target is a receiver of a watch. Its URL and secret are for its eyes only.
type Target struct {
	To      string `json:"to"`
	URL     string `json:"url,omitempty"`
	Secret  string `json:"secret,omitempty"` // of a webhook: whsec_ and base64
	Address string `json:"address,omitempty"`
}

// id names the receiver among those of its watch.
func (t Target) id() string {
	if t.To == ToMail {
		return ToMail + ":" + t.Address
	}
	return t.To
}

// Shown is how the receiver may be shown to everybody: without what lets one
// write to it.
func (t Target) Shown() string {
	if t.To == ToMail {
		return t.Address
	}
	if u, err := url.Parse(t.URL); err == nil {
		return u.Scheme + "://" + u.Host + "/…"
	}
	return "…"
}

// NewSecret returns a random secret of a webhook.
func NewSecret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return secretHead + base64.StdEncoding.EncodeToString(b)
}

// key returns the bytes of a secret.
func key(secret string) ([]byte, bool) {
	text, ok := strings.CutPrefix(secret, secretHead)
	if !ok {
		return nil, false
	}
	b, err := base64.StdEncoding.DecodeString(text)
	return b, err == nil && len(b) >= minSecret && len(b) <= maxSecret
}

// checkTargets reports the first thing that is wrong with receivers.
func (a *Alerts) checkTargets(targets []Target) error {
	if len(targets) == 0 {
		return pkgmeter.Errorf(pkgmeter.Invalid, "give at least one receiver: a webhook, an e-mail address or Slack")
	}
	if len(targets) > MaxTargets {
		return pkgmeter.Errorf(pkgmeter.Invalid, "a watch has at most %d receivers", MaxTargets)
	}
	seen := map[string]bool{}
	for _, t := range targets {
		if seen[t.id()] {
			return pkgmeter.Errorf(pkgmeter.Invalid, "the receiver %s is given twice", t.Shown())
		}
		seen[t.id()] = true
		if err := a.checkTarget(t); err != nil {
			return err
		}
	}
	return nil
}

func (a *Alerts) checkTarget(t Target) error {
	switch t.To {
	case ToWebhook:
		if _, ok := key(t.Secret); !ok {
			return pkgmeter.Errorf(pkgmeter.Invalid, "secret of the webhook: want whsec_ and %d to %d bytes in base64, as the receiver has it", minSecret, maxSecret)
		}
		return checkURL("webhook", t.URL)
	case ToSlack:
		return checkURL("Slack", t.URL)
	case ToMail:
		if a.opt.Mail == nil {
			return pkgmeter.Errorf(pkgmeter.Invalid, "e-mail: this server was started without --smtp-url: give it that, or leave e-mail empty")
		}
		got, err := mail.ParseAddress(t.Address)
		if err != nil || got.Address != t.Address || len(t.Address) > maxAddress {
			return pkgmeter.Errorf(pkgmeter.Invalid, "%q is not an e-mail address: want one such as ann@example.com", t.Address)
		}
		return nil
	}
	return pkgmeter.Errorf(pkgmeter.Invalid, "receiver %q: want webhook, mail or slack", t.To)
}

// checkURL lets what an operator typed be anywhere, private networks too.
func checkURL(name, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Fragment != "" || len(text) > maxURL {
		return pkgmeter.Errorf(pkgmeter.Invalid, "address of the %s: want http:// or https:// and a host, of at most %d bytes", name, maxURL)
	}
	return nil
}
