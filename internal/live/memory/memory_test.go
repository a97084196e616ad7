package memory_test

import (
	"encoding/binary"
	"testing"

	"tollgate/internal/live"
	"tollgate/internal/live/livetest"
	"tollgate/internal/live/memory"
)

func TestConformance(t *testing.T) {
	livetest.Run(t, func() live.Live { return memory.New() })
}

// reservation is a usual one: platform, company, customer and switch.
func reservation(call uint64) live.Reservation {
	r := live.Reservation{}
	binary.BigEndian.PutUint64(r.Call[:], call)
	for kind := live.Platform; kind <= live.Switch; kind++ {
		r.Add(live.Limit{Scope: live.Scope{Kind: kind, ID: 1}, Calls: 100000, CPS: 1 << 30})
	}
	return r
}

func BenchmarkReserveRelease(b *testing.B) {
	l := memory.New()
	for i := range uint64(20000) { // calls that are up
		r := reservation(1<<40 + i)
		l.Reserve(&r, nil, 0)
	}
	b.ReportAllocs()
	r := reservation(0)
	for i := uint64(0); b.Loop(); i++ {
		binary.BigEndian.PutUint64(r.Call[:], i)
		l.Reserve(&r, nil, 0)
		l.Release(r.Call)
	}
}

func TestReserveAllocatesNothing(t *testing.T) {
	l := memory.New()
	r := reservation(0)
	i := uint64(0)
	got := testing.AllocsPerRun(10000, func() {
		i++
		binary.BigEndian.PutUint64(r.Call[:], i)
		if o, _ := l.Reserve(&r, nil, 0); !o.OK {
			t.Fatal(o)
		}
		l.Release(r.Call)
	})
	if got != 0 {
		t.Fatalf("%v allocations for each call", got)
	}
}

// BenchmarkTurnover is a call that begins and the oldest of 50,000 that ends, each of another of
// 2,000 customers: what they need has left the processor's nearest caches.
func BenchmarkTurnover(b *testing.B) {
	const up = 50_000
	l := memory.New()
	call := func(i uint64) (r live.Reservation) {
		binary.BigEndian.PutUint64(r.Call[:], i*0x9e3779b97f4a7c15)
		binary.BigEndian.PutUint64(r.Call[8:], i*0xbf58476d1ce4e5b9)
		for kind := live.Platform; kind <= live.Switch; kind++ {
			limit := live.Limit{Scope: live.Scope{Kind: kind, ID: 1}, Calls: 100_000, CPS: 1 << 30}
			if kind > live.Company {
				limit.Scope.ID = int64(i * 0x9e3779b97f4a7c15 >> 32 % 2000)
			}
			r.Add(limit)
		}
		return r
	}
	for i := range uint64(up) {
		r := call(i)
		l.Reserve(&r, nil, 0)
	}
	b.ReportAllocs()
	for i := uint64(up); b.Loop(); i++ {
		r := call(i)
		if o, _ := l.Reserve(&r, nil, 0); !o.OK {
			b.Fatal(o)
		}
		r = call(i - up)
		l.Release(r.Call)
	}
}
