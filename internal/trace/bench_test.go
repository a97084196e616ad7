package trace_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tollgate/internal/policy"
	"tollgate/internal/trace"
	"tollgate/sip"
)

// invite is about as large as they are: 1 KB with SDP.
func invite(c *talk) []byte {
	body := strings.Repeat("a=rtpmap:101 telephone-event/8000\r\n", 8)
	msg := c.request("INVITE", c.branch, "")
	return []byte(strings.Replace(msg, "Content-Length: 0\r\n\r\n", "User-Agent: Phone/1.0\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\nSupported: timer\r\nContent-Type: application/sdp\r\nContent-Length: "+fmt.Sprint(len(body))+"\r\n\r\n"+body, 1))
}

func BenchmarkMessage(b *testing.B) {
	r, err := trace.New(config(b.TempDir()))
	if err != nil {
		b.Fatal(err)
	}
	rg := &rig{}
	data := invite(rg.talk(false))
	f := flow(caller)
	r.Run()
	defer r.Close()
	b.ReportAllocs()
	for b.Loop() {
		r.Sent(f, data)
	}
}

// BenchmarkCall is all that a call costs, the drain and the kernel's part included.
func BenchmarkCall(b *testing.B) {
	for _, hidden := range []bool{false, true} {
		b.Run(fmt.Sprintf("hidden=%t", hidden), func(b *testing.B) {
			r, err := trace.New(config(b.TempDir()))
			if err != nil {
				b.Fatal(err)
			}
			r.Run()
			defer r.Close()
			calls := prepared(hidden)
			var off time.Duration
			began := spent(b)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if n%len(calls) == 0 {
					b.StopTimer()
					pause := spent(b)
					for i := range calls {
						calls[i].number(n + i)
					}
					off += spent(b) - pause
					b.StartTimer()
				}
				calls[n%len(calls)].play(r, n)
				if n%500 == 499 {
					if _, _, err := r.Find(context.Background(), trace.Query{Ref: "zzzzz", Since: time.Now().Add(time.Hour)}); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64((spent(b)-began-off).Nanoseconds())/1000/float64(b.N), "cpu-us/call")
			if s := r.Stats(); s.LostMessages > 0 || s.Unclaimed > uint64(b.N)/1000 { // over so many, a case that has ended goes early
				b.Errorf("%+v", s)
			}
		})
	}
}

// spent is the CPU time of this process until now, the kernel's part included.
func spent(b *testing.B) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// played is a call whose messages are made already.
type played struct {
	in, out [6][]byte
	e, end  *trace.Event
}

func prepared(hidden bool) []*played {
	r := &rig{}
	var list []*played
	for range 500 {
		c := r.talk(hidden)
		c.callID, c.branch, c.far = "call-00000000@192.0.2.5", "z9hG4bK00000000", "call-00000000@192.0.2.5"
		if hidden {
			c.far = "far-call-00000000@192.0.2.5-ft"
		}
		far := c.branch + "b"
		p := &played{e: c.event(), end: c.event()}
		p.in = [6][]byte{
			invite(c), []byte(c.response("180 Ringing", c.far, far, "INVITE")), []byte(c.response("200 OK", c.far, far, "INVITE")),
			[]byte(c.request("ACK", c.branch+"k", ";tag=tt")), []byte(c.request("BYE", c.branch+"y", ";tag=tt")), []byte(c.response("200 OK", c.far, far+"y", "BYE")),
		}
		p.out = [6][]byte{
			[]byte(c.farRequest("INVITE", far, "")), []byte(c.response("180 Ringing", c.callID, c.branch, "INVITE")), []byte(c.response("200 OK", c.callID, c.branch, "INVITE")),
			[]byte(c.farRequest("ACK", far+"k", ";tag=tt")), []byte(c.farRequest("BYE", far+"y", ";tag=tt")), []byte(c.response("200 OK", c.callID, c.branch+"y", "BYE")),
		}
		p.end.FarCallID, p.end.Target, p.end.Answered, p.end.EndedBy = []byte(c.far), flow(c.target), true, "caller"
		p.end.Verdict = policy.Verdict{Status: 200}
		list = append(list, p)
	}
	return list
}

// number gives a call names that no other has.
func (p *played) number(n int) {
	var digits [8]byte
	for i := range digits {
		digits[len(digits)-1-i], n = byte('0'+n%10), n/10
	}
	set := func(b []byte) {
		for _, mark := range []string{"call-", "z9hG4bK"} {
			if i := bytes.Index(b, []byte(mark)); i >= 0 {
				copy(b[i+len(mark):], digits[:])
			}
		}
	}
	for i := range p.in {
		set(p.in[i])
		set(p.out[i])
	}
	for _, e := range []*trace.Event{p.e, p.end} {
		set(e.CallID)
		set(e.FarCallID)
	}
}

func (p *played) play(r *trace.Recorder, n int) {
	p.e.ID[0], p.e.ID[1], p.e.ID[2] = byte(n), byte(n>>8), byte(n>>16)
	p.end.ID, p.e.Started, p.end.Started = p.e.ID, time.Time{}, time.Now()
	near, far := flow(caller), flow(callee)
	var m sip.Message
	for i := range p.in {
		from, to := near, far
		if i == 1 || i == 2 || i == 5 {
			from, to = far, near
		}
		if m.Parse(p.in[i]) != nil {
			panic("bad message")
		}
		r.Heard(from, &m)
		r.Sent(to, p.out[i])
		if i == 0 {
			r.Decided(p.e)
		}
	}
	r.Ended(p.end)
}

func BenchmarkFind(b *testing.B) {
	r, err := trace.New(config(b.TempDir()))
	if err != nil {
		b.Fatal(err)
	}
	r.Run()
	defer r.Close()
	rg := &rig{}
	for n := range 100_000 {
		c := rg.talk(false)
		c.id[0], c.id[1], c.id[2] = byte(n), byte(n>>8), byte(n>>16)
		r.Decided(c.event())
		if n%2000 == 0 {
			if _, _, err := r.Find(context.Background(), trace.Query{Limit: 1, Text: "x"}); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, text := range []string{"nobody@nowhere.example", "49305559999", "203.0.113.9", ""} {
		b.Run("text="+text, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := r.Find(context.Background(), trace.Query{Text: text, Status: 487}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Logf("%+v", r.Stats())
}
