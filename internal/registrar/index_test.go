package registrar

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestIndex holds an index to a map, with prints that collide in their place and in all bits.
func TestIndex(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var x index[place]
	want := make(map[place]uint32)
	var list []place
	next := place(0)
	fresh := func() place { next++; return next }
	for step := range 200_000 {
		grows := step/20_000%2 == 0
		if len(list) == 0 || random.IntN(10) < 3 == !grows {
			print := random.Uint32() >> 26 << 26 // of 64 places, so that chains wrap around
			if random.IntN(2) == 0 {
				print = random.Uint32()
			}
			p := fresh()
			x.add(print, p)
			want[p], list = print, append(list, p)
			continue
		}
		at := random.IntN(len(list))
		p, now := list[at], place(0)
		if random.IntN(8) == 0 {
			now = fresh()
			want[now], list[at] = want[p], now
		} else {
			list[at] = list[len(list)-1]
			list = list[:len(list)-1]
		}
		x.swap(want[p], p, now)
		delete(want, p)
		if x.n != len(want) {
			t.Fatalf("%d, want %d", x.n, len(want))
		}
	}
	for p, print := range want {
		if found := places(&x, print); !slices.Contains(found, p) {
			t.Fatalf("%x is at %v, want %d among them", print, found, p)
		}
	}
	for p, print := range want {
		x.swap(print, p, 0)
		if found := places(&x, print); slices.Contains(found, p) {
			t.Fatalf("%x is still at %d", print, p)
		}
	}
	if x.n != 0 || x.first(1) >= 0 {
		t.Errorf("%d are left", x.n)
	}
}

// places are all that an index has with a print.
func places(x *index[place], print uint32) (list []place) {
	for i := x.first(print); i >= 0; i = x.after(print, i) {
		list = append(list, x.cells[i].value)
	}
	return list
}
