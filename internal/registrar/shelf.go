package registrar

import (
	"iter"
	"sync/atomic"
)

// place is where a binding stands: in which stripe, and in which cell of its shelf. 0 is nowhere.
// Bindings name each other by their places, and tables name them so, which takes half of what
// pointers take and gives the garbage collector nothing to follow.
type place uint32

// stripe is the number of the stripe that a place is in.
func (p place) stripe() byte { return byte(p % stripes) }

// shelf is the bindings of one stripe, which never move. It is changed under the stripe's lock, as
// what stands in it is; a binding that is in the list of a flow is found without it.
type shelf struct {
	chunks atomic.Pointer[[]*chunk]
	next   uint32 // cells ever given
	free   place  // the first of the cells that were taken back, linked by their next
}

// chunk is bindings that are allocated at once.
type chunk [chunkSize]binding

const chunkSize = 256

// at gives the binding at a place.
func (r *Registrar) at(p place) *binding { return r.stripe(p.stripe()).shelf.at(p) }

// at gives the binding at a place of this stripe, nil for nowhere.
func (s *shelf) at(p place) *binding {
	if p == 0 {
		return nil
	}
	n := uint32(p)/stripes - 1
	return &(*s.chunks.Load())[n/chunkSize][n%chunkSize]
}

// take gives a free cell of the shelf of a stripe.
func (s *shelf) take(stripe byte) *binding {
	if p := s.free; p != 0 {
		b := s.at(p)
		s.free = b.next
		return b
	}
	if s.next%chunkSize == 0 {
		var list []*chunk
		if was := s.chunks.Load(); was != nil {
			list = *was
		}
		list = append(list, new(chunk)) // behind the end of what others may be reading
		s.chunks.Store(&list)
	}
	s.next++
	p := place(s.next)*stripes + place(stripe)
	b := s.at(p)
	b.self = p
	return b
}

// giveBack takes the cell of a binding that has ended. Nothing names it any more.
func (s *shelf) giveBack(b *binding) {
	*b = binding{self: b.self, next: s.free}
	s.free = b.self
}

// all yields the live bindings, in no order. None may come or go meanwhile.
func (s *shelf) all() iter.Seq[*binding] { return s.between(0, s.next) }

// between yields those in the cells from one up to another.
func (s *shelf) between(from, to uint32) iter.Seq[*binding] {
	return func(yield func(*binding) bool) {
		for n := from; n < min(to, s.next); n++ {
			b := &(*s.chunks.Load())[n/chunkSize][n%chunkSize]
			if b.customer != 0 && !yield(b) {
				return
			}
		}
	}
}
