package trace_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/trace"
)

// A call has what was refused within it, before and after a restart, also where its messages are not kept.
func TestRefusedWithin(t *testing.T) {
	for _, silent := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			cfg := config(t.TempDir())
			cfg.Lives = func(trace.ID) bool { return true }
			r := newRig(t, cfg)
			c := r.talk(true)
			c.silent = silent
			r.start(c)
			time.Sleep(time.Second)
			r.in(c.source, c.request("REFER", "z9hG4bKrefer", ";tag=tt"))
			v := policy.Verdict{Status: 403, Reason: policy.Blocklisted, Rule: 9, Name: "0088"}
			r.r.Refused(c.id, &trace.Within{Method: []byte("REFER"), Verdict: v})
			r.out(c.source, c.response("403 Forbidden", c.callID, "z9hG4bKrefer", "REFER"))
			r.wantLater(c, 1)
			r.r.Close()

			r = newRig(t, cfg)
			r.wantLater(c, 1)
			for range 20 {
				r.r.Refused(c.id, &trace.Within{Method: []byte("INFO"), Verdict: policy.Refuse(policy.MaxForwards)})
			}
			r.r.Refused(trace.ID{1}, &trace.Within{Method: []byte("INFO"), Verdict: policy.Refuse(policy.MaxForwards)})
			r.hangUp(c)
			d := r.wantLater(c, 8)
			if d.Status != 200 || d.Later[7].Method != "INFO" || d.Later[7].Sentence != policy.MaxForwards.Sentence() {
				t.Errorf("%+v", d)
			}
			if n := r.r.Stats().Unkept; n != 14 {
				t.Errorf("%d are counted that are not kept", n)
			}
		})
	}
}

// wantLater wants a call with so many refusals within, the first one a REFER's, found by status and reason.
func (r *rig) wantLater(c *talk, n int) trace.Decision {
	r.t.Helper()
	for _, q := range []trace.Query{{Status: 403}, {Reason: "blocklist"}, {Status: 403, Reason: "blocklist"}} {
		if list := r.find(q); len(list) != 1 || list[0].ID != c.id {
			r.t.Errorf("%+v finds %+v", q, list)
		}
	}
	if list := r.find(trace.Query{Status: 483, Reason: "blocklist"}); len(list) != 0 {
		r.t.Errorf("what was refused otherwise: %+v", list)
	}
	d, _ := r.get(c.id)
	if len(d.Later) != n || d.Refused {
		r.t.Fatalf("%+v", d)
	}
	l := d.Later[0]
	if l.Method != "REFER" || l.Status != 403 || l.Rule != 9 || l.RuleName != "0088" || l.Sentence != policy.Blocklisted.Sentence() || l.At.Before(d.At) {
		r.t.Errorf("%+v", l)
	}
	return d
}

// The ladder tells a refusal where it happened.
func TestLadderOfRefusalWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, config(t.TempDir()))
		c := r.talk(false)
		r.start(c)
		r.in(c.source, c.request("REFER", "z9hG4bKrefer", ";tag=tt"))
		time.Sleep(time.Millisecond)
		r.r.Refused(c.id, &trace.Within{Method: []byte("REFER"), Verdict: policy.Refuse(policy.ForeignHost)})
		time.Sleep(time.Millisecond)
		r.out(c.source, c.response("403 Forbidden", c.callID, "z9hG4bKrefer", "REFER"))
		d, list := r.get(c.id)
		var out strings.Builder
		if err := trace.Ladder(&out, policy.English, &d, list); err != nil {
			t.Fatal(err)
		}
		_, after, ok := strings.Cut(out.String(), "- REFER sip:0049301234@acme.example -")
		note, after, ok2 := strings.Cut(after, "403 Forbidden")
		if !ok || !ok2 || !strings.Contains(note, "*  REFER refused with 403, foreign_host: "+policy.ForeignHost.Sentence()) || strings.Contains(after, "refused") {
			t.Errorf("\n%s", out.String())
		}
	})
}
