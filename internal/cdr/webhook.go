package cdr

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// Outbox is where the webhook's records, and how far it has come, are kept.
type Outbox interface {
	Shelf
	LastCDR(ctx context.Context) (int64, error)
	CDRWebhook(ctx context.Context) (w store.CDRWebhook, is bool, err error)
	MoveCDRWebhook(ctx context.Context, to store.CDRWebhook, dead []store.DeadCDR) error
	DeadCDRs(ctx context.Context, after int64, most int, asked bool) ([]store.DeadCDR, error)
	CountDeadCDRs(ctx context.Context) (int, error)
	AskDeadCDRs(ctx context.Context) (int64, error)
	SettleDeadCDRs(ctx context.Context, list []store.DeadCDR) error
}

// WebhookConfig says what a Webhook is made of.
type WebhookConfig struct {
	Store Outbox
	Log   *slog.Logger
	// Post sends a JSON array of records and gives the status of the answer, or why there is none.
	Post func(ctx context.Context, body []byte) (status int, err error)
}

const (
	webhookAtOnce = 500 // records in one request
	webhookFirst  = time.Second
	webhookLast   = 5 * time.Minute
	// webhookPatience is how long a receiver may refuse until records as old are given up.
	webhookPatience = 24 * time.Hour
)

// Webhook sends each record to one receiver, in order, at least once: what is sent again
// has the same seq. What he refuses for good becomes a dead letter.
type Webhook struct {
	cfg  WebhookConfig
	wake chan struct{}
	stop context.CancelFunc
	done sync.WaitGroup

	mu    sync.Mutex // guards stats
	stats WebhookStats
}

// WebhookStats counts, since the start.
type WebhookStats struct {
	Waiting int64  // records that the receiver does not have yet, all customers'
	Failed  uint64 // requests that he did not take
	Dead    int    // letters
}

// NewWebhook makes one; nothing is sent before Run.
func NewWebhook(cfg WebhookConfig) *Webhook {
	return &Webhook{cfg: cfg, wake: make(chan struct{}, 1), stop: func() {}}
}

// Wake tells that there may be something to send. It does not block.
func (h *Webhook) Wake() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// Run begins to send, until Close.
func (h *Webhook) Run() {
	ctx, cancel := context.WithCancel(context.Background())
	h.stop = cancel
	h.done.Go(func() { h.run(ctx) })
}

// Close gives a request under way up and waits.
func (h *Webhook) Close() {
	h.stop()
	h.done.Wait()
}

// Stats counts.
func (h *Webhook) Stats() WebhookStats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stats
}

// Retry has all dead letters sent again, and says how many they are.
func (h *Webhook) Retry(ctx context.Context) (int64, error) {
	n, err := h.cfg.Store.AskDeadCDRs(ctx)
	h.Wake()
	return n, err
}

func (h *Webhook) run(ctx context.Context) {
	again := time.NewTimer(0)
	defer again.Stop()
	pause := time.Duration(0) // 0: nothing fails
	for {
		wake := h.wake
		if pause > 0 {
			wake = nil // new records do not hurry one who refuses
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-again.C:
		}
		err := h.send(ctx)
		h.count(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			if pause > 0 {
				h.cfg.Log.Info("the webhook for call records works again")
			}
			pause = 0
		default:
			if pause == 0 {
				h.cfg.Log.Warn("the webhook for call records fails; they wait", "error", err.Error())
			}
			pause = min(max(2*pause, webhookFirst), webhookLast)
			again.Reset(pause/2 + rand.N(pause/2))
		}
	}
}

// send sends all that waits: new records, then dead letters that somebody wants to be sent again.
func (h *Webhook) send(ctx context.Context) error {
	at, is, err := h.cfg.Store.CDRWebhook(ctx)
	if err != nil {
		return err
	}
	if !is { // who begins to listen hears of what happens from now on
		if at.Position, err = h.cfg.Store.LastCDR(ctx); err != nil {
			return err
		}
		if err = h.cfg.Store.MoveCDRWebhook(ctx, at, nil); err != nil {
			return err
		}
	}
	if err := h.sendNew(ctx, &at); err != nil {
		return err
	}
	return h.sendDead(ctx)
}

func (h *Webhook) sendNew(ctx context.Context, at *store.CDRWebhook) error {
	for {
		var list []store.DeadCDR
		err := h.cfg.Store.CDRs(ctx, tenant.Platform(), store.CDRQuery{After: at.Position}, func(c *store.CDR) bool {
			list = append(list, store.DeadCDR{CDR: store.CDR{Seq: c.Seq, ID: c.ID, Record: bytes.Clone(c.Record)}})
			return len(list) < webhookAtOnce
		})
		if err != nil || len(list) == 0 {
			return err
		}
		took, refused, err := h.deliver(ctx, list)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		dead := refused
		if err == nil {
			at.Failing = time.Time{}
		} else {
			if at.Failing.IsZero() {
				at.Failing = time.Now()
			}
			old := h.tooOld(list[took:], at.Failing, err)
			took += len(old)
			dead = append(dead, old...)
		}
		if took > 0 {
			at.Position = list[took-1].Seq
		}
		if len(dead) > 0 {
			h.cfg.Log.Error("the webhook refuses call records; they are dead letters now", "records", len(dead), "error", dead[0].Error)
		}
		if moved := h.cfg.Store.MoveCDRWebhook(ctx, *at, dead); moved != nil {
			return moved
		}
		if err != nil {
			return err
		}
	}
}

// tooOld gives those in front that waited for longer than anybody should, if the receiver has refused for as long.
func (h *Webhook) tooOld(list []store.DeadCDR, failing time.Time, why error) (dead []store.DeadCDR) {
	now := time.Now()
	if now.Sub(failing) < webhookPatience {
		return nil
	}
	for i := range list {
		if now.Sub(list[i].Ended()) < webhookPatience {
			break
		}
		list[i].Failed, list[i].Error = now, why.Error()
		dead = append(dead, list[i])
	}
	return dead
}

// sendDead sends dead letters again. They rest again once they are refused for good, or for a day.
func (h *Webhook) sendDead(ctx context.Context) error {
	for {
		list, err := h.cfg.Store.DeadCDRs(ctx, 0, webhookAtOnce, true)
		if err != nil || len(list) == 0 {
			return err
		}
		took, refused, err := h.deliver(ctx, list)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		settled := append(delivered(list[:took], refused), refused...)
		now := time.Now()
		for i := took; i < len(list); i++ {
			if now.Sub(list[i].Asked) >= webhookPatience {
				list[i].Failed, list[i].Error = now, err.Error()
				settled = append(settled, list[i])
			}
		}
		if settling := h.cfg.Store.SettleDeadCDRs(ctx, settled); settling != nil {
			return settling
		}
		if err != nil {
			return err
		}
	}
}

// delivered gives those of the list that were not refused.
func delivered(list, refused []store.DeadCDR) (out []store.DeadCDR) {
	for _, d := range list {
		if len(refused) > 0 && refused[0].Seq == d.Seq {
			refused = refused[1:]
			continue
		}
		d.Error = ""
		out = append(out, d)
	}
	return out
}

// deliver sends records in one request, or, where the receiver cannot do with them, each in one of its
// own. It says how many in front are done with, which of them were refused for good, and why the rest was
// not taken.
func (h *Webhook) deliver(ctx context.Context, list []store.DeadCDR) (took int, refused []store.DeadCDR, err error) {
	err = h.post(ctx, list)
	if err == nil {
		return len(list), nil, nil
	}
	if !hopeless(err) {
		return 0, nil, err
	}
	for i := range list {
		if len(list) > 1 {
			err = h.post(ctx, list[i:i+1])
		}
		if hopeless(err) {
			list[i].Failed, list[i].Error = time.Now(), err.Error()
			refused = append(refused, list[i])
		} else if err != nil {
			return i, refused, err
		}
	}
	return len(list), refused, nil
}

// refusedWith is a status that is no 2xx.
type refusedWith int

// Error names the status.
func (r refusedWith) Error() string { return fmt.Sprintf("the receiver answers %d", int(r)) }

// hopeless says that the same request would be refused again.
func hopeless(err error) bool {
	var r refusedWith
	return errors.As(err, &r) && r >= 400 && r < 500 && r != 408 && r != 429
}

func (h *Webhook) post(ctx context.Context, list []store.DeadCDR) error {
	said := make([]CDR, len(list))
	for i := range list {
		said[i] = Read(&list[i].CDR)
	}
	body, err := json.Marshal(said)
	if err != nil {
		return err
	}
	status, err := h.cfg.Post(ctx, body)
	if err == nil && status/100 != 2 {
		err = refusedWith(status)
	}
	if err != nil && ctx.Err() == nil {
		h.mu.Lock()
		h.stats.Failed++
		h.mu.Unlock()
	}
	return err
}

// count looks at how much waits.
func (h *Webhook) count(ctx context.Context) {
	last, err := h.cfg.Store.LastCDR(ctx)
	at, _, failed := h.cfg.Store.CDRWebhook(ctx)
	dead, uncounted := h.cfg.Store.CountDeadCDRs(ctx)
	if err != nil || failed != nil || uncounted != nil {
		return
	}
	h.mu.Lock()
	h.stats.Waiting, h.stats.Dead = last-at.Position, dead
	h.mu.Unlock()
}
