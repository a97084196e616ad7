package slab_test

import (
	"math/rand/v2"
	"testing"

	"tollgate/internal/slab"
)

type cell struct{ owner int }

func TestSlab(t *testing.T) {
	var s slab.Slab[cell]
	if s.At(0) != nil || s.End() != 0 || s.Used() != 0 {
		t.Fatal("an empty slab has a cell")
	}
	first, c := s.Alloc()
	c.owner = 7
	if s.At(first) != c || s.At(first+1) != nil || s.At(1<<31) != nil {
		t.Error("At gives more or less than what was allocated")
	}
	s.Release(first)
	again, same := s.Alloc()
	if again != first || same != c || same.owner != 7 {
		t.Error("the last cell freed comes first, as its owner left it")
	}
}

// TestSlabAgainstMap: many owners come and go; no two share a cell, and no cell moves.
func TestSlabAgainstMap(t *testing.T) {
	var s slab.Slab[cell]
	random := rand.New(rand.NewPCG(1, 2))
	held := map[uint32]*cell{}
	var slots []uint32
	for i := range 20_000 {
		if len(slots) == 0 || random.IntN(5) > 1 {
			slot, c := s.Alloc()
			if held[slot] != nil {
				t.Fatalf("slot %d has two owners", slot)
			}
			c.owner = i
			held[slot], slots = c, append(slots, slot)
		} else {
			n := random.IntN(len(slots))
			slot := slots[n]
			slots[n] = slots[len(slots)-1]
			slots = slots[:len(slots)-1]
			delete(held, slot)
			s.Release(slot)
		}
		if s.Used() != len(held) || int(s.End()) < len(held) {
			t.Fatalf("used %d of %d, want %d", s.Used(), s.End(), len(held))
		}
	}
	for slot, c := range held {
		if s.At(slot) != c {
			t.Fatalf("slot %d moved", slot)
		}
	}
}

func TestSlabAllocatesByChunk(t *testing.T) {
	var s slab.Slab[cell]
	slot, _ := s.Alloc()
	s.Release(slot)
	if n := testing.AllocsPerRun(100, func() {
		slot, _ := s.Alloc()
		s.Release(slot)
	}); n != 0 {
		t.Errorf("%v allocations for a cell that was there", n)
	}
}
