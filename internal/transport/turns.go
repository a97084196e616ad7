package transport

import (
	"encoding/binary"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tollgate/internal/overload"
)

// turns is which streams are served, and when: few at a time, so that no number of connections keeps a reader of
// UDP from the CPU. While more of them want to be, each waits with the one message that it has at hand, in a line by
// class and share, as datagrams do. Nothing more is read from it meanwhile: its sender waits, too, and nothing
// is dropped, since nobody sends again what TCP has delivered. Only an INVITE whose caller is gone by now is not served.
type turns struct {
	mu   sync.Mutex // guards all below
	free int        // how many more may be served now
	last time.Time  // when there was somebody too many; zero: not for a while
	slow time.Time  // when a turn was last waited for for long
	line overload.Line[*stream]
}

const (
	// receiveBuffer is what the kernel is asked to keep of one stream at most, in bytes (it takes twice as
	// many): the more waits there, the older it is.
	receiveBuffer = 32 << 10
	// breath is for how long a stream sleeps between two looks at the sockets of UDP.
	breath = time.Millisecond
	// slowTurn is a wait that says that there is too much.
	slowTurn = 100 * time.Millisecond
)

// enter says whether a stream may be served at once; else it is to wait.
func (t *turns) enter() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.free == 0 || !t.last.IsZero() {
		return false
	}
	t.free--
	return true
}

// wait returns when it is the stream's turn.
func (t *turns) wait(s *stream, rank overload.Rank) {
	began := time.Now()
	t.mu.Lock()
	if t.free == 0 || t.line.Len() > 0 {
		t.last = began
	} else if began.Sub(t.last) > calm {
		t.last = time.Time{}
	}
	t.line.Push(rank, s)
	t.mu.Unlock()
	runtime.Gosched() // so that all who have something at hand stand in line before one is chosen
	t.admit(0)
	<-s.turn
	now := time.Now()
	waited := now.Sub(began)
	s.age, s.behind = s.age+waited, s.behind+waited
	if waited > slowTurn {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.slow = now
	}
}

// admit lets in whose turn it is, when so many more places are free.
func (t *turns) admit(places int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.free += places; t.free > 0; t.free-- {
		s, ok := t.line.Pop()
		if !ok {
			return
		}
		s.turn <- struct{}{} // there is room: it waits for one at most
	}
}

// crowded says whether turns take long.
func (t *turns) crowded(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return now.Sub(t.slow) <= calm
}

// serve hands a message up when it is its turn; so many bytes were read behind it.
func (s *stream) serve(item []byte, behind int) {
	t := &s.t.turns
	if s.old > 0 && s.tooOld(item, behind) { // no turn is wasted on it
		s.t.shed.count(overload.Classes)
		return
	}
	old := s.old
	if !t.enter() {
		rank, _ := s.rank(item)
		t.wait(s, rank)
		if rank.Class != overload.Urgent {
			s.t.letUDP()
		}
	}
	if old <= 0 && s.tooOld(item, behind) {
		s.t.shed.count(overload.Classes)
	} else {
		s.t.handler.Receive(s.flow, item)
	}
	t.admit(1)
}

// takeTurn waits for the turn of a handshake. Nobody knows yet whose it is, so an address has one share, however many
// connections it makes.
func (s *stream) takeTurn() {
	t := &s.t.turns
	if !t.enter() {
		t.wait(s, overload.Rank{Class: overload.Rest, Share: shareOfSource(s.source)})
		s.t.letUDP()
	}
	s.inTurn = true
}

// leaveTurn ends the turn of a handshake, if it has one.
func (s *stream) leaveTurn() {
	if s.inTurn {
		s.inTurn = false
		s.t.turns.admit(1)
	}
}

// shareOfSource is what all connections of one source have in common.
func shareOfSource(a netip.Addr) uint64 {
	b := sourceOf(a).Addr().As16()
	return (binary.BigEndian.Uint64(b[:8]) ^ binary.BigEndian.Uint64(b[8:])) * 0x9e3779b97f4a7c15 >> 32
}

// letUDP waits while a reader of UDP has something to read, but no longer than patience: each new request over a
// stream has answers come over UDP, and whoever does not read them has them sent again.
func (t *Transport) letUDP() {
	for began := time.Now(); t.ctx.Err() == nil && t.unreadUDP() && time.Since(began) < patience; {
		time.Sleep(breath)
	}
}

// unreadUDP says that there is something to be read at the first socket of a reader.
func (t *Transport) unreadUDP() bool {
	var few [16]unix.PollFd
	fds := few[:0]
	for _, l := range t.listeners {
		if l.udp == nil {
			continue
		}
		for _, fd := range l.udp.sockets {
			fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		}
	}
	if n, err := unix.Poll(fds, 0); n <= 0 || err != nil {
		return false
	}
	return slices.ContainsFunc(fds, func(p unix.PollFd) bool { return p.Revents&unix.POLLIN != 0 }) // an ICMP error is none
}

// tooOld says that a message is not worth being served any more. When it has waited for too long then so may have all that
// has come since, as far as it is here by now: what comes later is new again.
func (s *stream) tooOld(item []byte, behind int) bool {
	if s.old <= 0 {
		if s.age <= overload.MaxAge {
			return false
		}
		s.old, s.age, s.behind = len(item)+behind+s.unread(), 0, 0
	}
	s.old -= len(item)
	rank, method := s.rank(item)
	return rank.Class != overload.Urgent && (method == overload.INVITE || method == overload.CANCEL)
}

// rank is the place of a message. What is no request belongs to one of ours.
func (s *stream) rank(item []byte) (overload.Rank, overload.Method) {
	look, ok := overload.Read(item)
	if !ok {
		return overload.Rank{Class: overload.Urgent, Share: s.flow.Conn}, overload.Other
	}
	rank := s.t.cfg.Rank(s.flow, &look)
	if rank.Drop || s.unreadable() {
		rank.Class = overload.Unknown // it is served when there is nothing else to do
	}
	return rank, look.Method
}

// unreadable says that the peer does not take what it is sent.
func (s *stream) unreadable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) > 0
}

// readNow notes how old what was just read may be: it came when there was last nothing
// more to be read, or later.
func (s *stream) readNow() {
	if s.age = s.behind; s.behind > 0 && s.unread() == 0 {
		s.behind = 0
	}
}

// unread is how many bytes the kernel has for us, 0 where it does not say.
func (s *stream) unread() (n int) {
	_ = s.raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }) // as said
	return n
}
