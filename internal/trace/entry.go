package trace

import (
	"encoding/binary"
	"time"

	"tollgate/internal/tenant"
)

// entry is a case as long as messages of it may come.
type entry struct {
	id       ID
	state    state
	customer tenant.CustomerID
	mute     bool // its messages are not kept
	silence  bool // it was refused without an answer
	inside   bool // what began it has a To-tag
	dirty    bool // more is known than was written; it is in drain.dirty
	freed    bool

	links  [2]link // by near and far Call-ID
	branch uint64  // of the request that began it
	ends   [4]uint64
	nEnds  int

	began, touched int64 // nanoseconds
	messages, kept uint32
	last           Place // of its messages
	tried          tried
	place          Place // where it was written
	writtenAt      time.Time
	decided        []byte
	ending         []byte
	later          []byte   // refusals within the call
	laterN         int      // how many
	held           [][]byte // messages, until it is decided
	owned          int      // how many of held are copies rather than parts of the batch

	before, after *entry // in its list
}

// state is where a case stands.
type state uint8

const (
	waiting state = iota // a request has come and is not decided yet
	live                 // a call goes on
	over                 // what comes late is still taken
	states
)

// How long after its last message a case is still held for what comes late: longer than T2
// of RFC 3261, or than two retransmissions of a request that gets no answer are apart.
const (
	lateAfter        = 4500 * time.Millisecond
	lateAfterSilence = 20 * time.Second
	// undecided is how long a request may be parked.
	undecided = 35 * time.Second
	// longestCall is after how long without a message we do not believe that a call goes on.
	longestCall = 25 * time.Hour
)

// expired says that nothing is waited for any more.
func (e *entry) expired(now int64) bool {
	idle := time.Duration(now - e.touched)
	switch {
	case e.state == live:
		return idle > longestCall
	case e.state == waiting && e.inside:
		return idle > time.Second // it would be decided at once
	case e.state == waiting:
		return idle > undecided
	case e.silence:
		return idle > lateAfterSilence
	}
	return idle > lateAfter
}

// bytes is about what an entry takes of the memory.
func (e *entry) bytes() int { return 512 + len(e.decided) + len(e.ending) + len(e.later) }

// knows says that a message of the case came from there or went there.
func (e *entry) knows(end uint64) bool {
	for _, k := range e.ends[:e.nEnds] {
		if k == end {
			return true
		}
	}
	return false
}

func (e *entry) learn(end uint64) {
	if e.nEnds < len(e.ends) && !e.knows(end) {
		e.ends[e.nEnds] = end
		e.nEnds++
	}
}

// list is entries in the order in which they were added.
type list struct {
	first, final *entry
	n            int
}

func (l *list) add(e *entry) {
	e.before, e.after = l.final, nil
	if l.final != nil {
		l.final.after = e
	} else {
		l.first = e
	}
	l.final = e
	l.n++
}

func (l *list) remove(e *entry) {
	if e.before != nil {
		e.before.after = e.after
	} else {
		l.first = e.after
	}
	if e.after != nil {
		e.after.before = e.before
	} else {
		l.final = e.before
	}
	e.before, e.after = nil, nil
	l.n--
}

// link is a case under one Call-ID; those under the same one form a chain, the newest first.
type link struct {
	hash  uint64 // 0: not in use
	entry *entry
	next  *link
}

// calls finds cases by the hash of a Call-ID.
type calls map[uint64]*link

func (c calls) add(l *link, hash uint64, e *entry) {
	*l = link{hash, e, c[hash]}
	c[hash] = l
}

func (c calls) remove(l *link) {
	if l.hash == 0 {
		return
	}
	at := c[l.hash]
	switch {
	case at == l && l.next == nil:
		delete(c, l.hash)
	case at == l:
		c[l.hash] = l.next
	default:
		for at.next != l {
			at = at.next
		}
		at.next = l.next
	}
	*l = link{}
}

// asked is what is known of a message whose case is looked for.
type asked struct {
	*skimmed
	in  bool
	end uint64 // who sent or gets it
}

// pick chooses the case of a message among those under its Call-ID; nil: none of them.
// Two calls have one Call-ID where a caller tries again with credentials, and where a call
// that went out comes back in. What fits both belongs to the newer one, unless they are of
// two customers: none of them may read the other's.
func (d *drain) pick(l *link, m *asked) *entry {
	if l == nil {
		return nil
	}
	if m.in && m.begins() {
		branch := d.hash(m.top())
		return l.find(func(e *entry) bool { return e.branch == branch && e.knows(m.end) })
	}
	if l.next == nil {
		return l.entry
	}
	if !m.in {
		if m.request && !m.inside && !m.late {
			if e := l.find(func(e *entry) bool { return e.state == waiting }); e != nil {
				return e
			}
		}
		if !m.request {
			branch := d.hash(m.top())
			if e := l.find(func(e *entry) bool { return e.branch == branch }); e != nil {
				return e
			}
		}
	}
	if e := l.find(func(e *entry) bool { return e.knows(m.end) }); e != nil {
		return e
	}
	if l.find(func(e *entry) bool { return e.customer != l.entry.customer }) != nil {
		return nil
	}
	return l.entry
}

// find gives the newest entry that is as wanted.
func (l *link) find(is func(*entry) bool) *entry {
	for ; l != nil; l = l.next {
		if is(l.entry) {
			return l.entry
		}
	}
	return nil
}

// oldestWaiting is the case that a verdict of a request from there is about.
func (l *link) oldestWaiting(end uint64) (oldest *entry) {
	for ; l != nil; l = l.next {
		if l.entry.state == waiting && l.entry.knows(end) {
			oldest = l.entry
		}
	}
	return oldest
}

// said reads a message as the buffer and the files have it.
type said []byte

func (s said) at() int64      { return int64(binary.BigEndian.Uint64(s)) }
func (s said) in() bool       { return s[8] == 1 }
func (s said) remote() []byte { return s[28:46] }
func (s said) data() []byte   { return s[saidFixed:] }

// to is who gets the message.
func (s said) to() (t tried) {
	t[0] = s[9]
	copy(t[1:], s.remote())
	return t
}
