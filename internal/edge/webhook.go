package edge

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"tollgate/internal/api"
	"tollgate/internal/cdr"
	"tollgate/internal/config"
)

const (
	// webhookTimeout is how long a receiver of call records may take to answer.
	webhookTimeout = 10 * time.Second
	// webhookAnswer is how much of an answer is read, so that its connection can be used again.
	webhookAnswer = 64 << 10
)

// newWebhook gives nil where nobody wants call records.
func (e *Edge) newWebhook() *cdr.Webhook {
	to := e.cfg.CDR.Webhook
	if to.URL == "" {
		return nil
	}
	return cdr.NewWebhook(cdr.WebhookConfig{Store: e.store, Log: e.log, Post: newPoster(to).post})
}

// cdrsStored tells the webhook, if there is one.
func (e *Edge) cdrsStored() {
	if e.webhook != nil {
		e.webhook.Wake()
	}
}

// webhookStats are zero where there is none.
func (e *Edge) webhookStats() cdr.WebhookStats {
	if e.webhook == nil {
		return cdr.WebhookStats{}
	}
	return e.webhook.Stats()
}

// RetryDeadLetters is api.Node.
func (e *Edge) RetryDeadLetters(ctx context.Context) (int64, error) {
	if e.webhook == nil {
		return 0, api.ErrNoWebhook
	}
	return e.webhook.Retry(ctx)
}

// poster sends to one URL, and nowhere that its answers lead.
type poster struct {
	to     config.Webhook
	client *http.Client
}

func newPoster(to config.Webhook) *poster {
	return &poster{to: to, client: &http.Client{
		Timeout:       webhookTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (p *poster) post(ctx context.Context, body []byte) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.to.URL, bytes.NewReader(body))
	if err != nil {
		return 0, withoutURL(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Tollgate")
	req.Header.Set("Tollgate-Signature", signature(p.to.Secret, time.Now(), body))
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, withoutURL(err)
	}
	_, _ = io.CopyN(io.Discard, resp.Body, webhookAnswer) // what it says is of no use
	return resp.StatusCode, resp.Body.Close()
}

// withoutURL is the error alone: the URL may hold a password.
func withoutURL(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// signature proves that a body is ours and of when it is.
func signature(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(append([]byte(t), '.'))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
