package antifraud_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"tollgate/internal/antifraud"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

// TestAgainstModel: calls of a few keys come and go in any order; the guard counts as a list does.
func TestAgainstModel(t *testing.T) {
	const keys, threshold = 4, 6
	virtual(t, tenant.Antifraud{Invite: threshold}, func(t *testing.T, b *bench) {
		random := rand.New(rand.NewPCG(3, 4))
		var up [keys][]uint64
		var old []uint64 // that a threshold has taken out
		for range 20_000 {
			k := random.IntN(keys)
			if random.IntN(5) < 2 && len(up[k]) > 0 {
				i := random.IntN(len(up[k]))
				b.guard.Over(up[k][i])
				up[k] = append(up[k][:i], up[k][i+1:]...)
				continue
			}
			if len(old) > 0 && random.IntN(10) == 0 {
				b.guard.Over(old[random.IntN(len(old))])
			}
			time.Sleep(time.Duration(random.IntN(3)) * time.Second)
			trips := len(b.trips)
			counted, refused := b.hear(ask{to: fmt.Sprintf("sip:34012%d567@h", k)}, 0)
			if want := len(up[k])+1 >= threshold; refused != want {
				t.Fatalf("refused %t with %d up", refused, len(up[k]))
			}
			if !refused {
				up[k] = append(up[k], counted)
				continue
			}
			if len(b.trips) != trips+1 || len(b.trips[trips].Calls) != threshold-1 {
				t.Fatalf("%d calls are to end, want %d", len(b.trips[trips].Calls), threshold-1)
			}
			old = append(old, up[k]...)
			up[k] = nil
			time.Sleep(time.Millisecond) // what comes in the same moment was let in before
		}
		n := 0
		for k := range up {
			n += len(up[k])
		}
		if b.guard.Counted() != n {
			t.Errorf("%d calls count, want %d", b.guard.Counted(), n)
		}
	})
}

// TestBounded: whoever makes up keys fills no memory, and does not hide the one that is busy.
func TestBounded(t *testing.T) {
	virtual(t, tenant.Antifraud{Options: 100, Register: 1}, func(t *testing.T, b *bench) {
		busy := ask{method: "OPTIONS"}
		for i := range 99 {
			b.check(busy)
			for j := range antifraud.Most / 100 {
				b.check(ask{method: "OPTIONS", from: fmt.Sprintf("<sip:made-up-%d-%d@h>", i, j)})
			}
		}
		if _, v, _ := b.check(busy); !v.Refused() {
			t.Error("made-up keys hide one that is busy")
		}
		for i := range 2 * antifraud.Most {
			b.check(ask{method: "OPTIONS", from: fmt.Sprintf("<sip:x%d@h>", i)})
			b.check(ask{from: fmt.Sprintf("<sip:x%d@h>", i)}) // each is shut
		}
		if n := b.guard.Keys(); n > 2*antifraud.Most {
			t.Errorf("%d keys", n)
		}
		time.Sleep(antifraud.Block + antifraud.Window)
		for i := range 2 * antifraud.Most / 64 {
			b.check(ask{method: "OPTIONS", from: fmt.Sprintf("<sip:y%d@h>", i)})
		}
		if n := b.guard.Keys(); n > 2*antifraud.Most/64 {
			t.Errorf("%d keys are left", n)
		}
	})
}

// TestNoAllocations: what is below the thresholds costs no memory.
func TestNoAllocations(t *testing.T) {
	b := newBench(t, tenant.Antifraud{Invite: 100, Register: 1 << 16, Options: 1 << 16})
	for _, method := range []string{"INVITE", "REGISTER", "OPTIONS"} {
		id := identity(b)
		r := b.request(ask{method: method})
		if n := testing.AllocsPerRun(100, func() {
			if _, v := b.guard.Check(r, id); v.Refused() {
				t.Fatal("refused")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", method, n)
		}
	}
	h := heard(b)
	if n := testing.AllocsPerRun(100, func() {
		counted, _ := b.guard.Heard(time.Now(), h)
		b.guard.Over(counted)
	}); n != 0 {
		t.Errorf("a call: %v allocations", n)
	}
}

func heard(b *bench) *antifraud.Heard {
	r := b.request(ask{method: "INVITE"})
	return &antifraud.Heard{
		Call: b.place(), Customer: b.customer(), Source: caller, From: r.Msg.Value(sip.HdrFrom), URI: r.Msg.RequestURI(),
	}
}

// FuzzKey: whatever stands in From and Request-URI, a request and its like are one key.
func FuzzKey(f *testing.F) {
	f.Add("sip:0409876543@h", "sip:3401234567@h")
	f.Add("tel:+39(040)9876543;phone-context=x", "sips:%33%34;a=b:c@h;d?e")
	f.Add("sip:%", "sip:@")
	b := newBench(f, tenant.Antifraud{Invite: 2})
	f.Fuzz(func(t *testing.T, from, uri string) {
		h := &antifraud.Heard{
			Call: antifraud.Call{Slot: 1}, Customer: b.customer(), Source: netip.MustParseAddrPort("192.0.2.1:5060"),
			From: []byte("<" + from + ">"), URI: []byte(uri),
		}
		first, refused := b.guard.Heard(time.Now(), h)
		if refused || first == 0 {
			return // an emergency number, or shut by the input before
		}
		if _, refused := b.guard.Heard(time.Now(), h); !refused {
			t.Errorf("%q %q is not like itself", from, uri)
		}
		b.guard.Banned(b.trips[len(b.trips)-1])
		b.trips = nil
		b.guard.Over(first)
		if n := b.guard.Counted(); n != 0 {
			t.Errorf("%d calls count", n)
		}
	})
}

func BenchmarkCall(b *testing.B) {
	w := newBench(b, tenant.Antifraud{Invite: 1000})
	h := heard(w)
	b.ReportAllocs()
	for b.Loop() {
		counted, _ := w.guard.Heard(time.Now(), h)
		w.guard.Over(counted)
	}
}

func BenchmarkCheck(b *testing.B) {
	w := newBench(b, tenant.Antifraud{Invite: 10, Register: 1 << 30, Options: 0})
	for _, method := range []string{"INVITE", "REGISTER", "OPTIONS"} {
		b.Run(method, func(b *testing.B) {
			r, id := w.request(ask{method: method}), identity(w)
			b.ReportAllocs()
			for b.Loop() {
				w.guard.Check(r, id)
			}
		})
	}
}
