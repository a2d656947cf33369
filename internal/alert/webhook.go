package alert

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/pkgmeter/pkgmeter"
)

// Limits of a call to a receiver.
const (
	maxAnswer  = 4 << 10 // bytes of an answer that are read
	maxHeaders = 16 << 10
)

// newClient follows no redirects: what an operator typed is where it goes. An
// address may be a private one for the same reason.
func newClient(most limits) *http.Client {
	return &http.Client{
		Timeout: most.call,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: most.step}).DialContext,
			TLSHandshakeTimeout:    most.step,
			ResponseHeaderTimeout:  most.step,
			MaxResponseHeaderBytes: maxHeaders,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        most.step,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// sendWebhook posts a notice as Standard Webhooks has it. The id is the same at
// each try, the time and with it the signature are those of the try.
func (a *Alerts) sendWebhook(ctx context.Context, t Target, n pkgmeter.Notice) error {
	secret, ok := key(t.Secret)
	if !ok {
		return final{errors.New("the secret is none")}
	}
	at := strconv.FormatInt(a.opt.Now().Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s", n.UID, at, n.Body)
	return a.post(ctx, t.URL, []byte(n.Body), http.Header{
		"Webhook-Id":        {n.UID},
		"Webhook-Timestamp": {at},
		"Webhook-Signature": {"v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	})
}

// withoutAddress takes what is secret of an address out of an answer: many servers
// say to what path nothing belongs.
func withoutAddress(said string, to *url.URL) string {
	parts := strings.FieldsFunc(to.Path+"?"+to.EscapedPath()+"?"+to.RawQuery, func(r rune) bool { return strings.ContainsRune("/?&=", r) })
	for _, part := range parts {
		if len(part) > 3 {
			said = strings.ReplaceAll(said, part, "…")
		}
	}
	return said
}

// post sends JSON; nil means that it was answered with 200 to 299.
func (a *Alerts) post(ctx context.Context, to string, body []byte, h http.Header) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return final{err}
	}
	for name, v := range h {
		req.Header[name] = v
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "pkgmeter-alert/1")
	resp, err := a.client.Do(req)
	if failed, ok := errors.AsType[*url.Error](err); ok && failed.Timeout() {
		return fmt.Errorf("no answer within %s: %w", a.limits.step, failed.Err)
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return nil // it was taken, whatever became of the rest of the answer
	case code >= 300 && code < 400:
		return fmt.Errorf("answered %d: redirects are not followed, give the address that it leads to", code)
	case code == http.StatusGone:
		return final{fmt.Errorf("answered %d: it wants no more", code)}
	case err != nil || len(bytes.TrimSpace(said)) == 0:
		return fmt.Errorf("answered %d", code)
	default:
		return fmt.Errorf("answered %d: %s", code, pkgmeter.Cut(withoutAddress(string(bytes.TrimSpace(said)), req.URL), 200))
	}
}
