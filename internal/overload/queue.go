package overload

import "time"

// Queue is what waits for its turn: by class, and within a class by share in turn. It
// belongs to one goroutine. T is what is known of an item beside its bytes.
type Queue[T any] struct {
	classes [Classes]class
	slots   []slot[T]
	free    []int32
	n       int
	turns   uint
}

// slot keeps one item; its buffer is used again.
type slot[T any] struct {
	data []byte
	at   time.Time
	next int32
	with T
}

// class is the queues of one class, and which of them is next.
type class struct {
	shares [shares]fifo
	n      int
	active int // shares that are not empty
	turn   int
}

type fifo struct{ head, tail, n int32 }

// Item is one whose turn has come. Data is valid until the next call of Push.
type Item[T any] struct {
	Data  []byte
	At    time.Time // when it arrived
	Class Class
	With  T
}

// largeSlot is how large a buffer is kept, in bytes.
const largeSlot = 4 << 10

// NewQueue makes an empty one. Its memory is taken as it fills.
func NewQueue[T any]() *Queue[T] { return new(Queue[T]) }

// Len is how many wait.
func (q *Queue[T]) Len() int { return q.n }

// Push copies a request into its queue; false: there is no room for it. What is urgent is kept however
// long it waited, since it is next, and who asks again within a call is answered from memory. Where a class
// is full, the one with the longest queue of it makes room for the others.
func (q *Queue[T]) Push(r Rank, data []byte, at time.Time, with T) bool {
	c := &q.classes[r.Class]
	f := &c.shares[r.Share%shares]
	if f.n > 0 && at.Sub(q.slots[f.head].at) > maxWait && r.Class != Urgent {
		return false
	}
	if c.n >= places[r.Class] {
		if int(f.n)*max(c.active, 1) >= places[r.Class] {
			return false
		}
		if !q.makeRoom(c, f) {
			return false
		}
	}
	s := q.take()
	slot := &q.slots[s]
	slot.data = append(slot.data[:0], data...)
	slot.at, slot.next, slot.with = at, -1, with
	if f.n == 0 {
		f.head = s
		c.active++
	} else {
		q.slots[f.tail].next = s
	}
	f.tail = s
	f.n++
	c.n++
	q.n++
	return true
}

// makeRoom drops the oldest request of the longest queue, if that is another's.
func (q *Queue[T]) makeRoom(c *class, mine *fifo) bool {
	longest := mine
	for i := range c.shares {
		if c.shares[i].n > longest.n {
			longest = &c.shares[i]
		}
	}
	if longest == mine {
		return false
	}
	q.release(q.shift(c, longest))
	return true
}

// take gives a free slot.
func (q *Queue[T]) take() int32 {
	if n := len(q.free); n > 0 {
		s := q.free[n-1]
		q.free = q.free[:n-1]
		return s
	}
	q.slots = append(q.slots, slot[T]{})
	return int32(len(q.slots) - 1)
}

func (q *Queue[T]) release(s int32) {
	if cap(q.slots[s].data) > largeSlot {
		q.slots[s].data = nil
	}
	q.free = append(q.free, s)
}

// shift takes the oldest of a queue that has some.
func (q *Queue[T]) shift(c *class, f *fifo) int32 {
	s := f.head
	f.head = q.slots[s].next
	f.n--
	if f.n == 0 {
		c.active--
	}
	c.n--
	q.n--
	return s
}

const (
	// lower is how often a class below gets a turn although one above it waits, so that
	// phones stay registered through a long flood: one of so many.
	lower = 8
	// below is how often the classes below what is urgent get one although that waits: calls that are
	// up can be a flood themselves. It has no factor in common with lower, so each class gets some.
	below = 5
)

// Pop takes the request whose turn it is; false: none waits. urgent takes of class
// Urgent alone.
func (q *Queue[T]) Pop(urgent bool) (item Item[T], ok bool) {
	if urgent && q.classes[Urgent].n == 0 {
		return item, false
	}
	at := next(&q.turns, func(c Class) int { return q.classes[c].n })
	if urgent {
		at = Urgent
	}
	if at == Classes {
		return item, false
	}
	c := &q.classes[at]
	for c.shares[c.turn].n == 0 {
		c.turn = (c.turn + 1) % shares
	}
	s := q.shift(c, &c.shares[c.turn])
	c.turn = (c.turn + 1) % shares
	slot := &q.slots[s]
	item = Item[T]{Data: slot.data, At: slot.at, Class: at, With: slot.with}
	q.release(s)
	return item, true
}

// next chooses a class by how many wait in each; Classes: nobody does.
func next(turns *uint, waiting func(Class) int) Class {
	*turns++
	if waiting(Urgent) > 0 && *turns%below != 0 {
		return Urgent
	}
	chosen := Classes
	for at := Invite; at < Unknown; at++ {
		switch {
		case waiting(at) == 0:
		case chosen == Classes:
			chosen = at
		case *turns%lower == lower-uint(at):
			return at
		}
	}
	for _, at := range []Class{Urgent, Unknown} {
		if chosen == Classes && waiting(at) > 0 {
			chosen = at
		}
	}
	return chosen
}
