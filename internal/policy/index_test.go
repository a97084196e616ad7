package policy

import (
	"maps"
	"math/rand/v2"
	"testing"
)

// TestIndex compares an index with a map over random changes, and each old version of it
// with what it was.
func TestIndex(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var x index[int64, int]
	want := make(map[int64]int)
	type version struct {
		x    index[int64, int]
		want map[int64]int
	}
	var old []version
	for i := range 20000 {
		key := random.Int64N(3000)
		if random.IntN(3) == 0 {
			x = x.without(hashID(key), key)
			delete(want, key)
		} else {
			x = x.with(hashID(key), key, i)
			want[key] = i
		}
		if i%4000 == 0 {
			old = append(old, version{x, maps.Clone(want)})
		}
	}
	for _, v := range append(old, version{x, want}) {
		if got := maps.Collect(v.x.all); !maps.Equal(got, v.want) || v.x.n != len(v.want) {
			t.Fatalf("holds %d, counts %d, want %d", len(got), v.x.n, len(v.want))
		}
		for key := range int64(3000) {
			got, ok := v.x.get(hashID(key), key)
			if value, there := v.want[key]; got != value || ok != there {
				t.Fatalf("key %d: %d %v, want %d %v", key, got, ok, value, there)
			}
		}
	}
	for range x.all {
		break
	}
}

// TestMemo: what is found is what was put, however values push each other out.
func TestMemo(t *testing.T) {
	m := new(memo)
	m.seed()
	value := func(i int) []byte { return []byte{byte(i), byte(i >> 8)} }
	if _, ok := m.get(m.key(value(0))); ok {
		t.Error("an empty memo knows something")
	}
	found := 0
	for i := range 5000 {
		m.put(m.key(value(i)), i%100-2)
		for j := max(0, i-20); j <= i; j++ {
			rank, ok := m.get(m.key(value(j)))
			if ok && rank != j%100-2 {
				t.Fatalf("value %d: rank %d", j, rank)
			}
			if ok {
				found++
			} else if j == i {
				t.Fatalf("value %d is forgotten at once", i)
			}
		}
	}
	if found < 5000*15 {
		t.Errorf("only %d of the last 20 were remembered", found/5000)
	}
	m.put(m.key(value(0)), 1<<16)
	if rank, ok := m.get(m.key(value(0))); ok && rank == 1<<16&memoRankMask-memoRankBase {
		t.Error("a rank was cut")
	}
}
