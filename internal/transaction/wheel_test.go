package transaction

import (
	"math/rand/v2"
	"testing"
	"time"
)

// model is a wheel as one would write it without a thought for speed.
type model struct {
	due   map[uint64]int64 // by ref: the earliest tick that is not too early
	fired map[uint64]int64
}

// TestWheelAgainstModel starts and stops timers of all lengths, also from within
// firing ones; each fires once, never early, and at most one tick late.
func TestWheelAgainstModel(t *testing.T) {
	var w wheel
	w.init()
	random := rand.New(rand.NewPCG(3, 4))
	m := model{map[uint64]int64{}, map[uint64]int64{}}
	ids := map[uint64]TimerID{}
	next := uint64(0)
	start := func() {
		next++
		d := time.Duration(random.Int64N(int64(3 * time.Second)))
		if random.IntN(20) == 0 {
			d *= 100 // several rounds
		}
		ids[next] = w.start(d, 1, 2, next)
		ticks := int64((d + tick - 1) / tick)
		m.due[next] = w.now + ticks
		if ticks >= longTicks { // together with others
			m.due[next] = (m.due[next]+1+longStep-1)/longStep*longStep - 1
		}
	}
	stop := func() {
		for ref, id := range ids { // any
			w.stop(&id)
			if id != 0 {
				t.Fatal("stop leaves the id")
			}
			delete(ids, ref)
			delete(m.due, ref)
			return
		}
	}
	fire := func(user, code uint8, ref uint64) {
		due, pending := m.due[ref]
		if user != 1 || code != 2 || !pending {
			t.Fatalf("timer %d fired, though it was stopped or had fired", ref)
		}
		if w.now < due || w.now > due+1 {
			t.Fatalf("timer %d fired at tick %d, due at %d", ref, w.now, due)
		}
		delete(m.due, ref)
		id := ids[ref]
		delete(ids, ref)
		w.stop(&id) // fired already: does nothing
		if random.IntN(3) == 0 {
			start()
		}
		if random.IntN(4) == 0 {
			stop()
		}
	}
	for step := range int64(40_000) {
		if step < 20_000 {
			start()
			if random.IntN(3) == 0 {
				stop()
			}
		}
		if step%3 == 0 {
			w.advance(w.now+random.Int64N(7), fire)
		}
	}
	w.advance(w.now+20_000, fire)
	for range 200 { // those that were started by the last ones
		w.advance(w.now+20_000, fire)
	}
	if len(m.due) != 0 || w.entries.Used() != 0 {
		t.Errorf("%d timers never fired, %d entries in use", len(m.due), w.entries.Used())
	}
}

// TestWheelStaleID: an id of a timer that has fired never stops the one that took its place.
func TestWheelStaleID(t *testing.T) {
	var w wheel
	w.init()
	fired := 0
	old := w.start(tick, 0, 0, 1)
	w.advance(5, func(uint8, uint8, uint64) { fired++ })
	fresh := w.start(tick, 0, 0, 2)
	if uint32(old) != uint32(fresh) {
		t.Fatal("the entry is not used again: the test shows nothing")
	}
	w.stop(&old)
	w.advance(10, func(uint8, uint8, uint64) { fired++ })
	if fired != 2 {
		t.Errorf("%d of 2 timers fired", fired)
	}
}

// TestGenerations: after four thousand million owners a cell's id is still none that
// means "no timer" or "no transaction".
func TestGenerations(t *testing.T) {
	var w wheel
	w.init()
	id := w.start(tick, 0, 0, 1)
	w.stop(&id)
	w.entries.At(0).gen = ^uint32(0)
	id = w.start(tick, 0, 0, 1)
	w.stop(&id)
	w.advance(10, func(uint8, uint8, uint64) { t.Error("a stopped timer fired") })
	if nextGen(^uint32(0)) == 0 {
		t.Error("generation 0")
	}
}

func TestWheelAllocatesNothing(t *testing.T) {
	var w wheel
	w.init()
	id := w.start(time.Second, 0, 0, 0)
	w.stop(&id)
	if n := testing.AllocsPerRun(100, func() {
		id := w.start(time.Second, 0, 0, 0)
		w.stop(&id)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
