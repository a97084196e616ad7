package registrar

import (
	"math/rand/v2"
	"testing"
)

// TestIndex holds an index to a map, with hashes that collide in their place and in all bits.
func TestIndex(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var x index
	want := make(map[*binding]uint64)
	var list []*binding
	for step := range 200_000 {
		grows := step/20_000%2 == 0
		if len(list) == 0 || random.IntN(10) < 3 == !grows {
			b := new(binding)
			hash := random.Uint64() >> 58 << 58 // of 64 places, so that chains wrap around
			if random.IntN(2) == 0 {
				hash = random.Uint64()
			}
			x.swap(hash, nil, b)
			want[b], list = hash, append(list, b)
			continue
		}
		at := random.IntN(len(list))
		b, now := list[at], (*binding)(nil)
		if random.IntN(8) == 0 {
			now = new(binding)
			want[now], list[at] = want[b], now
		} else {
			list[at] = list[len(list)-1]
			list = list[:len(list)-1]
		}
		x.swap(want[b], b, now)
		delete(want, b)
		if x.n != len(want) {
			t.Fatalf("%d, want %d", x.n, len(want))
		}
	}
	seen := 0
	for b := range x.all() {
		if seen++; want[b] == 0 && x.first(0) == nil {
			t.Error("one too many")
		}
	}
	if seen != len(want) {
		t.Errorf("yields %d of %d", seen, len(want))
	}
	for b, hash := range want {
		if found := x.first(hash); found == nil || want[found] != hash {
			t.Fatalf("not found: %x", hash)
		}
		x.swap(hash, b, nil)
	}
	if x.n != 0 || x.first(1) != nil {
		t.Errorf("%d are left", x.n)
	}
}
