package slab

// Index finds what was added under a hash: a number, such as a slot. It keeps 32 bits of a hash
// beside the number, eight such pairs in a cache line, so that a look for what is not there,
// which most looks are, costs one line and touches no cell. What two hashes have in common it
// cannot tell apart: whoever looks says whether a number is what he means. Hashes must be keyed,
// so that nobody has many of them meet. The zero value is empty.
type Index struct {
	pairs []uint64 // hash's upper half, number plus 1; 0: none. At its hash's place or soon after
	shift uint8    // turns the upper half of a hash into its place
	used  int
}

const firstPairs = 64 // a power of two

// Find gives the first number added under a hash of which is says that it is the one.
func (x *Index) Find(hash uint64, is func(n uint32) bool) (uint32, bool) {
	if x.used == 0 {
		return 0, false
	}
	for i := x.place(hash); x.pairs[i] != 0; i = x.after(i) {
		if p := x.pairs[i]; p>>32 == hash>>32 {
			if n := uint32(p) - 1; is(n) {
				return n, true
			}
		}
	}
	return 0, false
}

// Add adds a number below 1<<32-1 under a hash, behind what is there under it.
func (x *Index) Add(hash uint64, n uint32) {
	if 2*(x.used+1) > len(x.pairs) {
		x.grow()
	}
	x.used++
	x.put(pair(hash, n))
}

// Remove takes out what was added; it may be gone already.
func (x *Index) Remove(hash uint64, n uint32) {
	if x.used == 0 {
		return
	}
	i, p := x.place(hash), pair(hash, n)
	for x.pairs[i] != p {
		if x.pairs[i] == 0 {
			return
		}
		i = x.after(i)
	}
	x.used--
	x.close(i)
}

// Len is how many numbers there are.
func (x *Index) Len() int { return x.used }

func pair(hash uint64, n uint32) uint64 { return hash&^(1<<32-1) | uint64(n+1) }

func (x *Index) place(p uint64) int { return int(p >> x.shift) }

func (x *Index) after(i int) int { return (i + 1) & (len(x.pairs) - 1) }

func (x *Index) put(p uint64) {
	i := x.place(p)
	for x.pairs[i] != 0 {
		i = x.after(i)
	}
	x.pairs[i] = p
}

// close fills the gap at i: what follows without another moves up, unless it would come to
// stand before its place.
func (x *Index) close(i int) {
	for j := x.after(i); x.pairs[j] != 0; j = x.after(j) {
		from := (j - x.place(x.pairs[j])) & (len(x.pairs) - 1) // its place
		if from >= (j-i)&(len(x.pairs)-1) {
			x.pairs[i] = x.pairs[j]
			i = j
		}
	}
	x.pairs[i] = 0
}

// grow doubles the room. It begins behind a gap, so that what has one hash keeps its order.
func (x *Index) grow() {
	old := x.pairs
	size := max(2*len(old), firstPairs)
	x.pairs, x.shift = make([]uint64, size), 64
	for n := size; n > 1; n /= 2 {
		x.shift--
	}
	gap := 0
	for gap < len(old) && old[gap] != 0 {
		gap++
	}
	for i := range old {
		if p := old[(gap+i)&(len(old)-1)]; p != 0 {
			x.put(p)
		}
	}
}
