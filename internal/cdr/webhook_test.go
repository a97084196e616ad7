package cdr

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/store"
)

// outbox is a shelf that also keeps how far the webhook has come.
type outbox struct {
	shelf

	at   store.CDRWebhook
	is   bool
	dead map[int64]store.DeadCDR
}

func newOutbox(records int) *outbox {
	o := &outbox{shelf: shelf{has: map[ID]bool{}}, dead: map[int64]store.DeadCDR{}, is: true}
	for n := range records {
		o.add(n)
	}
	return o
}

func (o *outbox) add(n int) {
	r := record(n)
	r.Started = time.Now()
	r.Duration = 0
	_ = o.AddCDRs(context.Background(), []store.CDR{{ID: r.ID, Record: r.append(nil)}}, false) // takes all
}

func (o *outbox) LastCDR(context.Context) (int64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return int64(len(o.kept)), o.err
}

func (o *outbox) CDRWebhook(context.Context) (store.CDRWebhook, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.at, o.is, o.err
}

func (o *outbox) MoveCDRWebhook(_ context.Context, to store.CDRWebhook, dead []store.DeadCDR) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.at, o.is = to, true
	for _, d := range dead {
		o.dead[d.Seq] = d
	}
	return o.err
}

func (o *outbox) DeadCDRs(_ context.Context, after int64, most int, asked bool) (list []store.DeadCDR, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range o.dead {
		if d.Seq > after && (!asked || !d.Asked.IsZero()) {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b store.DeadCDR) int { return cmp.Compare(a.Seq, b.Seq) })
	return list[:min(len(list), most)], o.err
}

func (o *outbox) CountDeadCDRs(context.Context) (int, error) { return len(o.dead), o.err }

func (o *outbox) AskDeadCDRs(context.Context) (n int64, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for seq, d := range o.dead {
		d.Asked = time.Now()
		o.dead[seq] = d
	}
	return int64(len(o.dead)), o.err
}

func (o *outbox) SettleDeadCDRs(_ context.Context, list []store.DeadCDR) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, d := range list {
		if delete(o.dead, d.Seq); d.Error != "" {
			d.Asked = time.Time{}
			o.dead[d.Seq] = d
		}
	}
	return o.err
}

// receiver takes what answer lets him take.
type receiver struct {
	mu       sync.Mutex
	got      []int64 // seqs, in order
	requests int
	answer   func(list []CDR) (int, error)
}

func (r *receiver) post(_ context.Context, body []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	var list []CDR
	if err := json.Unmarshal(body, &list); err != nil {
		return 400, nil
	}
	status, err := r.answer(list)
	if err == nil && status == 200 {
		for _, c := range list {
			r.got = append(r.got, c.Seq)
		}
	}
	return status, err
}

func (r *receiver) is(answer func(list []CDR) (int, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func takes([]CDR) (int, error)   { return 200, nil }
func refuses([]CDR) (int, error) { return 503, nil }

// poisoned takes all but one.
func poisoned(seq int64) func(list []CDR) (int, error) {
	return func(list []CDR) (int, error) {
		if slices.ContainsFunc(list, func(c CDR) bool { return c.Seq == seq }) {
			return 422, nil
		}
		return 200, nil
	}
}

// upTo is the numbers 1 to n.
func upTo(n int64) (list []int64) {
	for i := range n {
		list = append(list, i+1)
	}
	return list
}

func newHook(o *outbox, r *receiver, log *bytes.Buffer) *Webhook {
	return NewWebhook(WebhookConfig{Store: o, Log: slog.New(slog.NewTextHandler(log, nil)), Post: r.post})
}

// TestWebhook: each in order, those that come later too, none again after a restart.
func TestWebhook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, r := newOutbox(1200), &receiver{answer: takes}
		var log bytes.Buffer
		h := newHook(o, r, &log)
		h.Run()
		synctest.Wait()
		if r.requests != 3 || h.Stats() != (WebhookStats{}) {
			t.Errorf("%d requests, %+v", r.requests, h.Stats())
		}
		o.add(1200)
		h.Wake()
		synctest.Wait()
		h.Close()
		o.add(1201)
		again := newHook(o, r, &log)
		again.Run()
		synctest.Wait()
		again.Close()
		if !slices.Equal(r.got, upTo(1202)) {
			t.Errorf("%d came: %v", len(r.got), r.got)
		}
	})
}

// TestWebhookBegins: who begins to listen does not get what was before.
func TestWebhookBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, r := newOutbox(5), &receiver{answer: takes}
		o.is = false
		h := newHook(o, r, new(bytes.Buffer))
		h.Run()
		synctest.Wait()
		o.add(5)
		h.Wake()
		synctest.Wait()
		h.Close()
		if !slices.Equal(r.got, []int64{6}) {
			t.Errorf("%v came", r.got)
		}
	})
}

// TestWebhookFails: it is tried again, less and less often, and loses nothing.
func TestWebhookFails(t *testing.T) {
	for name, answer := range map[string]func([]CDR) (int, error){
		"503": refuses, "301": func([]CDR) (int, error) { return 301, nil }, "429": func([]CDR) (int, error) { return 429, nil },
		"no connection": func([]CDR) (int, error) { return 0, errors.New("connection refused") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, r := newOutbox(3), &receiver{answer: answer}
				var log bytes.Buffer
				h := newHook(o, r, &log)
				h.Run()
				wait(10 * time.Second)
				if r.requests < 4 || r.requests > 6 {
					t.Errorf("%d requests in 10 s", r.requests)
				}
				wait(time.Hour)
				before := r.requests
				wait(time.Hour)
				if n := r.requests - before; n < 12 || n > 24 {
					t.Errorf("%d requests in an hour", n)
				}
				if s := h.Stats(); s.Failed != uint64(r.requests) || s.Waiting != 3 || s.Dead != 0 {
					t.Errorf("%+v after %d", s, r.requests)
				}
				r.is(takes)
				wait(webhookLast)
				h.Close()
				if !slices.Equal(r.got, upTo(3)) || bytes.Count(log.Bytes(), []byte("\n")) != 2 {
					t.Errorf("%v came\n%s", r.got, &log)
				}
			})
		})
	}
}

// TestWebhookPoison: one that he refuses for good is a dead letter, and those beside it come.
func TestWebhookPoison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, r := newOutbox(10), &receiver{answer: poisoned(4)}
		h := newHook(o, r, new(bytes.Buffer))
		h.Run()
		synctest.Wait()
		if want := slices.DeleteFunc(upTo(10), func(n int64) bool { return n == 4 }); !slices.Equal(r.got, want) {
			t.Errorf("%v came", r.got)
		}
		if d := o.dead[4]; len(o.dead) != 1 || d.Error != "the receiver answers 422" || d.Failed.IsZero() || h.Stats().Dead != 1 {
			t.Errorf("%+v", o.dead)
		}
		for round, answer := range []func([]CDR) (int, error){poisoned(4), takes} {
			r.is(answer)
			if n, err := h.Retry(t.Context()); n != 1 || err != nil {
				t.Errorf("%d are asked for, %v", n, err)
			}
			synctest.Wait()
			if d := o.dead[4]; len(o.dead) != 1-round || !d.Asked.IsZero() {
				t.Errorf("round %d: %+v", round, o.dead)
			}
		}
		h.Close()
		if r.got[len(r.got)-1] != 4 || len(r.got) != 10 {
			t.Errorf("%v came", r.got)
		}
	})
}

// TestWebhookGivesUp: after a day of refusals those that are a day old are dead letters, the others go on waiting.
func TestWebhookGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, r := newOutbox(3), &receiver{answer: refuses}
		h := newHook(o, r, new(bytes.Buffer))
		h.Run()
		wait(23 * time.Hour)
		o.add(3)
		h.Close() // what it knows survives
		h = newHook(o, r, new(bytes.Buffer))
		h.Run()
		wait(2 * time.Hour)
		if len(o.dead) != 3 || o.at.Position != 3 {
			t.Errorf("%d dead letters, at %+v", len(o.dead), o.at)
		}
		r.is(takes)
		wait(webhookLast)
		if !slices.Equal(r.got, []int64{4}) || !o.at.Failing.IsZero() {
			t.Errorf("%v came", r.got)
		}
		r.is(refuses)
		if _, err := h.Retry(t.Context()); err != nil {
			t.Error(err)
		}
		wait(25 * time.Hour)
		for seq, d := range o.dead {
			if !d.Asked.IsZero() {
				t.Errorf("%d is still being sent", seq)
			}
		}
		h.Close()
	})
}
