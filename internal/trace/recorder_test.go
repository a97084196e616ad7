package trace_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/trace"
)

var whole = []string{
	"near>INVITE", "far<INVITE", "far>180 Ringing", "near<180 Ringing", "far>200 OK", "near<200 OK", "near>ACK", "far<ACK",
	"near>BYE", "far<BYE", "far>200 OK", "near<200 OK",
}

func TestCallIsKeptWhole(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		t.Run(fmt.Sprintf("hidden=%t", hidden), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, config(t.TempDir()))
				c := r.talk(hidden)
				r.start(c)
				d, m := r.get(c.id)
				if d.Status != 0 || !d.Ended.IsZero() || d.Refused || len(m) != 8 {
					t.Errorf("a live call: %+v with %d messages", d, len(m))
				}
				time.Sleep(2 * time.Second)
				r.hangUp(c)
				time.Sleep(time.Minute)
				d, m = r.get(c.id)
				if got := lines(m); !slices.Equal(got, whole) {
					t.Errorf("messages %q", got)
				}
				if d.Status != 200 || !d.Answered || d.EndedBy != "caller" || d.Destination != "pbx1" || d.FarCallID != c.far ||
					d.Duration != 2 || d.Target != callee || d.Source != caller || d.From != c.from || d.Domain != "acme.example" ||
					!slices.Equal(d.Passed, []string{"validate", "hops", "identify"}) || d.Messages != 12 || d.CallID != c.callID {
					t.Errorf("decision %+v", d)
				}
				if list := r.find(trace.Query{}); len(list) != 1 {
					t.Errorf("%d cases of one call", len(list))
				}
				if s := r.r.Stats(); s.Live != 0 || s.Unclaimed != 0 || s.Messages != 12 || s.Cases != 1 {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}

func TestRefusalIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(t.TempDir()))
		c := r.talk(false)
		v := policy.Refuse(policy.Firewalled)
		v.Rule, v.Name = 42, "no scanners"
		r.refuse(c, v)
		d, m := r.get(c.id)
		if got := lines(m); !slices.Equal(got, []string{"near>INVITE", "near<403 No", "near>ACK"}) {
			t.Errorf("messages %q", got)
		}
		if !d.Refused || d.Status != 403 || d.Reason != "firewall" || d.Sentence != policy.Firewalled.Sentence() || d.Rule != 42 ||
			d.RuleName != "no scanners" || d.Ended.IsZero() || d.Ref != c.id.Ref() {
			t.Errorf("decision %+v", d)
		}
	})
}

// TestSecondTry is the usual round of a challenge: two calls with one Call-ID.
func TestSecondTry(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, config(t.TempDir()))
			c := r.talk(hidden)
			r.in(c.source, c.request("INVITE", c.branch, ""))
			r.out(c.target, c.farRequest("INVITE", "b1", ""))
			r.r.Decided(c.event())
			r.in(c.target, c.response("401 Unauthorized", c.far, "b1", "INVITE"))
			r.out(c.source, c.response("401 Unauthorized", c.callID, c.branch, "INVITE"))
			r.in(c.source, c.request("ACK", c.branch, ";tag=tt"))
			first, second := c.id, trace.ID{1, 2, 3}
			e := c.event()
			e.Started, e.Verdict.Status, e.EndedBy = time.Now(), 401, "callee"
			r.r.Ended(e)
			c.id, c.branch = second, "z9hG4bKsecond"
			r.start(c)
			r.hangUp(c)
			if _, m := r.get(first); len(m) != 5 {
				t.Errorf("hidden=%t: the first try has %q", hidden, lines(m))
			}
			if _, m := r.get(second); !slices.Equal(lines(m), whole) {
				t.Errorf("hidden=%t: the second try has %q", hidden, lines(m))
			}
		})
	}
}

// TestSpiral is a call that comes back from the far side with the same Call-ID, for another
// customer: neither may read the other's legs.
func TestSpiral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(t.TempDir()))
		a := r.talk(false)
		b := r.talk(false)
		phone := netip.MustParseAddrPort("192.0.2.77:5060")
		b.callID, b.far, b.source, b.target, b.cust = a.callID, a.callID, a.target, phone, 8
		r.in(a.source, a.request("INVITE", a.branch, ""))
		r.out(a.target, a.request("INVITE", "ours1", ""))
		r.r.Decided(a.event())
		r.in(b.source, b.request("INVITE", b.branch, ""))
		r.out(b.target, b.request("INVITE", "ours2", ""))
		r.r.Decided(b.event())
		r.in(b.target, b.response("200 OK", b.callID, "ours2", "INVITE"))
		r.out(b.source, b.response("200 OK", b.callID, b.branch, "INVITE"))
		r.in(a.target, a.response("200 OK", a.callID, "ours1", "INVITE"))
		r.out(a.source, a.response("200 OK", a.callID, a.branch, "INVITE"))
		for _, c := range []*talk{a, b} {
			other := b.target
			if c == b {
				other = a.source
			}
			_, m := r.get(c.id)
			for i := range m {
				if m[i].Remote == other {
					t.Errorf("customer %d reads %q", c.cust, m[i].Data)
				}
			}
			if len(m) < 3 {
				t.Errorf("customer %d has %q", c.cust, lines(m))
			}
		}
	})
}

func TestNothingOfNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(t.TempDir()))
		c := r.talk(false)
		r.out(c.target, c.request("OPTIONS", "ping", ""))
		r.in(c.target, c.response("200 OK", c.callID, "ping", "OPTIONS"))
		r.in(c.source, c.request("INVITE", c.branch, "")) // is never decided
		r.in(c.source, c.request("ACK", "z9hG4bKnone", ";tag=none"))
		time.Sleep(time.Minute)
		c.method = "REGISTER"
		r.in(c.source, c.request("REGISTER", "z9hG4bKreg", ""))
		r.r.Decided(c.event()) // it goes on
		if list := r.find(trace.Query{}); len(list) != 0 {
			t.Errorf("%+v", list)
		}
		if s := r.r.Stats(); s.Messages != 0 || s.Unclaimed != 5 {
			t.Errorf("stats %+v", s)
		}
		if _, _, err := r.r.Get(context.Background(), c.id); !errors.Is(err, trace.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
}

// TestAsked: who is asked for a password by us comes again, and has all of his call.
func TestAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(t.TempDir()))
		c := r.talk(false)
		r.in(c.source, c.request("INVITE", "z9hG4bKfirst", ""))
		r.r.Asked(flow(c.source), []byte(c.callID))
		r.out(c.source, c.response("407 Proxy Authentication Required", c.callID, "z9hG4bKfirst", "INVITE"))
		r.in(c.source, c.request("ACK", "z9hG4bKfirst", ";tag=tt"))
		r.start(c)
		r.hangUp(c)
		d, m := r.get(c.id)
		if len(m) != 12 || d.Status != 200 {
			t.Errorf("%+v with %q", d, lines(m))
		}
		if s := r.r.Stats(); s.Unclaimed != 3 || s.Cases != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestParked is a request that waits for its verdict longer than a batch lasts.
func TestParked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(t.TempDir()))
		c := r.talk(false)
		r.in(c.source, c.request("INVITE", c.branch, ""))
		time.Sleep(5 * time.Second)
		r.in(c.source, c.request("INVITE", c.branch, ""))
		c.verdict = policy.Refuse(policy.CallLimit)
		r.r.Decided(c.event())
		if _, m := r.get(c.id); len(m) != 2 {
			t.Errorf("messages %q", lines(m))
		}
	})
}

func TestSilentCustomer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(t.TempDir()))
		c := r.talk(true)
		c.silent = true
		r.start(c)
		r.hangUp(c)
		d, m := r.get(c.id)
		if len(m) != 0 || d.Status != 200 || d.Messages != 12 {
			t.Errorf("%+v with %d messages", d, len(m))
		}
	})
}

func TestRefusalsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(t.TempDir()))
		for range 500 {
			c := r.talk(false)
			c.cust = 0
			r.refuse(c, policy.Refuse(policy.UnknownDomain))
		}
		list := r.find(trace.Query{Limit: 1000})
		if len(list) != 20 {
			t.Errorf("%d decisions of strangers", len(list))
		}
		if s := r.r.Stats(); s.Unkept != 480 || s.Messages != 1 {
			t.Errorf("stats %+v", s)
		}
		for range 300 {
			r.refuse(r.talk(false), policy.Refuse(policy.Firewalled))
		}
		if list = r.find(trace.Query{Limit: 1000, Customer: 7}); len(list) != 100 {
			t.Errorf("%d decisions of a customer", len(list))
		}
		r.start(r.talk(false)) // calls are kept always
		if list = r.find(trace.Query{Limit: 1000, Customer: 7}); len(list) != 101 {
			t.Errorf("%d decisions of a customer", len(list))
		}
		time.Sleep(2 * time.Second)
		r.refuse(r.talk(false), policy.Refuse(policy.Firewalled))
		if list = r.find(trace.Query{Limit: 1000, Customer: 7}); len(list) != 102 {
			t.Errorf("%d decisions of a customer", len(list))
		}
	})
}

// TestFloodTakesNoRoom is a flood of requests that are never decided: a call that is up is
// still found afterwards.
func TestFloodTakesNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config(t.TempDir())
		cfg.MaxMemory = 1 << 20
		r := newRig(t, cfg)
		c := r.talk(true)
		r.start(c)
		for range 100 {
			for range 500 {
				x := r.talk(false)
				r.in(x.source, x.request("INVITE", x.branch, ""))
			}
			time.Sleep(100 * time.Millisecond)
		}
		r.hangUp(c)
		if _, m := r.get(c.id); !slices.Equal(lines(m), whole) {
			t.Errorf("messages %q", lines(m))
		}
		if s := r.r.Stats(); s.LostMessages > 0 || s.LostCases > 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestMessagesOfOneCaseAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(t.TempDir()))
		c := r.talk(false)
		r.start(c)
		for i := range 1000 {
			r.in(c.source, c.request("INFO", fmt.Sprint("z9hG4bKi", i), ";tag=tt"))
		}
		d, m := r.get(c.id)
		if len(m) != 400 || d.Messages != 1008 {
			t.Errorf("%d of %d messages", len(m), d.Messages)
		}
		if s := r.r.Stats(); s.Surplus != 608 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestRetransmissionIsOneCase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(t.TempDir()))
		c := r.talk(false)
		for _, after := range []time.Duration{0, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second} {
			time.Sleep(after)
			r.refuse(c, policy.Refuse(policy.Banned))
		}
		time.Sleep(time.Minute)
		if list := r.find(trace.Query{}); len(list) != 1 || list[0].Messages != 7 {
			t.Errorf("%+v", list)
		}
	})
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(t.TempDir()))
		all, stop := r.r.Watch(nil)
		refused, stopRefused := r.r.Watch(func(d *trace.Decision) bool { return d.Refused })
		c := r.talk(false)
		r.start(c)
		time.Sleep(time.Second)
		r.hangUp(c)
		r.refuse(r.talk(false), policy.Refuse(policy.Firewalled))
		time.Sleep(time.Second)
		if begun, ended := <-all, <-all; begun.Status != 0 || ended.Status != 200 || ended.Ended.IsZero() || ended.Domain != "acme.example" {
			t.Errorf("begun %+v, ended %+v", begun, ended)
		}
		if d := <-refused; d.Status != 403 {
			t.Errorf("%+v", d)
		}
		stopRefused()
		for range 100 {
			r.start(r.talk(false))
		}
		time.Sleep(time.Second)
		if n := r.r.Stats().Unwatched; n != 37 { // 64 places, one of them taken by the refusal
			t.Errorf("%d were missed", n)
		}
		stop()
		stop()
		for range all {
			continue
		}
	})
}
