package overload

// Line is who waits for a turn where nothing is dropped for want of room: connections, whose senders wait
// when nobody reads them. The order is a Queue's. It is not safe for use by several goroutines.
type Line[T any] struct {
	classes [Classes]row[T]
	n       int
	turns   uint
}

// row is one class.
type row[T any] struct {
	shares [shares][]T
	n      int
	turn   int // the share that is next
}

// Len is how many wait.
func (l *Line[T]) Len() int { return l.n }

// Push adds one; at most one place is to be taken for each connection.
func (l *Line[T]) Push(r Rank, who T) {
	c := &l.classes[r.Class]
	c.shares[r.Share%shares] = append(c.shares[r.Share%shares], who)
	c.n++
	l.n++
}

// Pop takes the one whose turn it is; false: nobody waits.
func (l *Line[T]) Pop() (who T, ok bool) {
	at := next(&l.turns, func(c Class) int { return l.classes[c].n })
	if at == Classes {
		return who, false
	}
	c := &l.classes[at]
	for len(c.shares[c.turn]) == 0 {
		c.turn = (c.turn + 1) % shares
	}
	share := &c.shares[c.turn]
	who = (*share)[0]
	clear((*share)[:1]) // else what is over stays in memory
	if *share = (*share)[1:]; len(*share) == 0 {
		*share = nil
	}
	c.turn = (c.turn + 1) % shares
	c.n--
	l.n--
	return who, true
}
