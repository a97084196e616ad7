package media

import "sync/atomic"

const (
	chunkBits = 6
	chunkSize = 1 << chunkBits
	maxChunks = 1 << 12
)

// table keeps the sessions in chunks that never move, so that a loop finds the one that a socket
// belongs to by a number that the kernel keeps for us, without a lock. Alloc and Release are
// guarded by the caller.
type table struct {
	chunks [maxChunks]atomic.Pointer[[chunkSize]session]
	free   []uint32
	next   atomic.Uint32
	used   int
}

// at is the session of a slot; nil for a number that was never given out.
func (t *table) at(slot uint32) *session {
	if slot >= t.next.Load() {
		return nil
	}
	return &t.chunks[slot>>chunkBits].Load()[slot&(chunkSize-1)]
}

// alloc gives a session that nobody uses; nil: there are too many.
func (t *table) alloc() *session {
	if n := len(t.free); n > 0 {
		slot := t.free[n-1]
		t.free = t.free[:n-1]
		t.used++
		return t.at(slot)
	}
	slot := t.next.Load()
	if slot>>chunkBits == maxChunks {
		return nil
	}
	if slot&(chunkSize-1) == 0 {
		t.chunks[slot>>chunkBits].Store(new([chunkSize]session))
	}
	t.next.Store(slot + 1)
	t.used++
	s := t.at(slot)
	s.slot = slot
	return s
}

// release takes a session back.
func (t *table) release(s *session) {
	t.used--
	t.free = append(t.free, s.slot)
}
