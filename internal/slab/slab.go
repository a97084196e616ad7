// Package slab keeps many cells of one type in few allocations.
package slab

const chunkBits = 9 // cells of one chunk: 512

// Slab keeps cells of one type in chunks that never move, so that a slot
// number is all that a branch, a timer or a neighbour needs to name a cell.
// Freed cells are used again, last freed first.
type Slab[T any] struct {
	chunks []*[1 << chunkBits]T
	free   []uint32
	next   uint32
	used   int
}

// Alloc returns a slot; its cell holds what the last owner left there.
func (s *Slab[T]) Alloc() (uint32, *T) {
	s.used++
	if n := len(s.free); n > 0 {
		slot := s.free[n-1]
		s.free = s.free[:n-1]
		return slot, s.At(slot)
	}
	if int(s.next>>chunkBits) == len(s.chunks) {
		s.chunks = append(s.chunks, new([1 << chunkBits]T))
	}
	slot := s.next
	s.next++
	return slot, s.At(slot)
}

// At returns the cell of a slot that Alloc has given, nil for any other number.
func (s *Slab[T]) At(slot uint32) *T {
	if slot >= s.next {
		return nil
	}
	return &s.chunks[slot>>chunkBits][slot&(1<<chunkBits-1)]
}

// Release takes a slot back.
func (s *Slab[T]) Release(slot uint32) {
	s.used--
	s.free = append(s.free, slot)
}

// Used is the number of slots in use.
func (s *Slab[T]) Used() int { return s.used }

// End is one more than the highest slot ever given: the bound of a walk over all.
func (s *Slab[T]) End() uint32 { return s.next }
