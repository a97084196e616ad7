package slab_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"tollgate/internal/slab"
)

// TestIndexIsAMap: after any adding and removing the index knows what a map of lists knows, in
// the same order, however its hashes meet.
func TestIndexIsAMap(t *testing.T) {
	for _, spread := range []uint64{3, 40, 1 << 20} {
		r := rand.New(rand.NewPCG(spread, 1))
		var x slab.Index
		want, total := map[uint64][]uint32{}, 0
		for step := range 20000 {
			// The last places, so that what does not fit goes on at the front.
			hash := ^(r.Uint64N(spread) << 34)
			list := want[hash]
			switch {
			case r.IntN(step/4000+2) == 0 || len(list) == 0:
				n := uint32(step)
				x.Add(hash, n)
				want[hash] = append(list, n)
				total++
			default:
				i := r.IntN(len(list))
				x.Remove(hash, list[i])
				want[hash] = slices.Delete(list, i, i+1)
				total--
			}
			if got := all(&x, hash); !slices.Equal(got, want[hash]) || x.Len() != total {
				t.Fatalf("spread %d, step %d: %v of %d, want %v of %d", spread, step, got, x.Len(), want[hash], total)
			}
		}
		for hash, list := range want {
			if got := all(&x, hash); !slices.Equal(got, list) {
				t.Fatalf("spread %d: %v, want %v", spread, got, list)
			}
		}
	}
}

// all gives what stands under a hash, in order.
func all(x *slab.Index, hash uint64) (list []uint32) {
	x.Find(hash, func(n uint32) bool {
		list = append(list, n)
		return false
	})
	return list
}

func TestIndexEmpty(t *testing.T) {
	var x slab.Index
	x.Remove(7, 7)
	if _, ok := x.Find(7, func(uint32) bool { return true }); ok || x.Len() != 0 {
		t.Fatal("something stands in an empty index")
	}
	x.Add(7, 0)
	x.Remove(7, 1) // not what stands there
	if n, ok := x.Find(7, func(uint32) bool { return true }); !ok || n != 0 {
		t.Fatalf("0 was added; found %d, %v", n, ok)
	}
}

func TestIndexAllocatesNothing(t *testing.T) {
	var x slab.Index
	for i := range uint32(100) {
		x.Add(uint64(i)<<40, i)
	}
	if n := testing.AllocsPerRun(100, func() {
		x.Add(5<<50, 7)
		want := uint32(7)
		x.Find(5<<50, func(n uint32) bool { return n == want })
		x.Remove(5<<50, 7)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

// BenchmarkIndex beside a map: 12,000 pairs, of which one goes and one comes after looks at
// what is not there, as a shard's server transactions do.
func BenchmarkIndex(b *testing.B) {
	const pairs = 12000
	hash := func(i uint64) uint64 { return (i + 1) * 0x9e3779b97f4a7c15 }
	b.Run("index", func(b *testing.B) {
		var x slab.Index
		for i := range uint64(pairs) {
			x.Add(hash(i), uint32(i))
		}
		for i := uint64(pairs); b.Loop(); i++ {
			x.Find(hash(i), func(uint32) bool { return true })
			x.Add(hash(i), uint32(i))
			x.Remove(hash(i-pairs), uint32(i-pairs))
		}
	})
	b.Run("map", func(b *testing.B) {
		x := make(map[uint64]uint32)
		for i := range uint64(pairs) {
			x[hash(i)] = uint32(i)
		}
		found := 0
		for i := uint64(pairs); b.Loop(); i++ {
			if _, ok := x[hash(i)]; ok {
				found++
			}
			x[hash(i)] = uint32(i)
			delete(x, hash(i-pairs))
		}
	})
}
