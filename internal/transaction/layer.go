// Package transaction runs the state machines of RFC 3261 17 as amended by
// RFC 6026, for many transactions at once and without a goroutine, a channel or
// a time.Timer for any of them.
//
// Everything of one call lives in one shard: the shard is found by Call-ID, or
// by the branch that we wrote. A message is served under its shard's lock, from
// reading to sending; what has to wait (a name, a dial, a reservation) keeps its
// cells and comes back through Layer.Do. Users of the package, and their own
// tables by shard, are guarded by the same lock, so there is no lock order.
//
// It is not its job to know what a request means, nor to choose where it goes.
package transaction

import (
	"crypto/rand"
	"encoding/binary"
	"runtime"
	"sync"
	"time"

	"github.com/dchest/siphash"

	"tollgate/internal/transport"
	"tollgate/sip"
)

// The timers of RFC 3261 17 (table 4) and RFC 6026.
const (
	T1     = 500 * time.Millisecond
	T2     = 4 * time.Second
	T4     = 5 * time.Second
	TimerC = 185 * time.Second // RFC 3261 16.6 step 11: more than 3 minutes
	// tryingAfter is when a 100 goes out for an INVITE that got no other
	// answer yet: RFC 3261 17.2.1 asks for one only where nothing else is sent
	// within 200 ms, and a third of a call's messages is saved by waiting.
	tryingAfter = 140 * time.Millisecond
)

// Sender is the way out; transport.Transport is one.
type Sender interface {
	Send(f transport.Flow, data []byte) error
}

// Core takes what belongs to no transaction. It is called with the shard locked;
// the message is valid until it returns.
type Core interface {
	// Request is a new request, neither ACK nor CANCEL. Core drops it, answers
	// it by Shard.Reply, or takes it by Shard.NewServer.
	Request(sh *Shard, m *sip.Message, f transport.Flow)
	// Ack is an ACK that no server transaction waits for: one to a 2xx.
	Ack(sh *Shard, m *sip.Message, f transport.Flow)
	// Cancel is a CANCEL that fits no INVITE, or comes from elsewhere: for Core to
	// answer with 481 (RFC 3261 9.2), or to drop.
	Cancel(sh *Shard, m *sip.Message, f transport.Flow)
	// Stray is a 2xx to an INVITE of ours that was given up or forgotten.
	Stray(sh *Shard, m *sip.Message, f transport.Flow)
	// Pong is a response to a request that Shard.AppendFreeBranch was written for
	// and that no cell waits for: the answer to a keepalive.
	Pong(sh *Shard, m *sip.Message, f transport.Flow)
}

// Failure says why a client transaction ended without a final response.
type Failure uint8

// The failures: timers B, F or C, and transport errors (RFC 3261 17.1.4).
const (
	TimedOut Failure = iota
	Unreachable
)

// User owns transactions; ref is what it gave when it made them. Each call is
// made with the shard locked.
type User interface {
	// Response is a provisional or a final one. After a 2xx to an INVITE more
	// 2xx can come, retransmitted or of other forks, until timer M.
	Response(sh *Shard, c ID, ref uint64, m *sip.Message, f transport.Flow)
	// Failed ends a client transaction instead of a final response.
	Failed(sh *Shard, c ID, ref uint64, why Failure)
	// Unreachable tells that a request which nothing has answered yet did not get
	// there. The transaction goes on unless the user abandons it.
	Unreachable(sh *Shard, c ID, ref uint64)
	// Ended tells that no more 2xx can come for an INVITE that got one.
	Ended(sh *Shard, c ID, ref uint64)
	// Canceled tells that the INVITE of a server transaction was cancelled; the
	// CANCEL is answered already, the INVITE is not.
	Canceled(sh *Shard, s ID, ref uint64)
	// Timer is one that Shard.After started.
	Timer(sh *Shard, code uint8, ref uint64)
}

// Config says what a Layer is made of.
type Config struct {
	Shards int // a power of two, up to 256; 0 = at least two for each core
	Send   Sender
	Core   Core
	// ShardOf gives the shard that a Call-ID belongs to, of 256; nil: hashed by a
	// key of this start.
	ShardOf func(callID []byte) uint8
	// Key keys the MACs of branches; zero: by chance. With the key of the process before,
	// a 2xx to its INVITE comes to Core.Stray.
	Key [2]uint64
	// MaxCells bounds the transactions of one side in one shard; 0 = 1<<18.
	MaxCells int
}

// Layer is all shards and the clock that drives their timers.
type Layer struct {
	cfg    Config
	secret secret
	start  time.Time
	shards []*Shard
	users  []User

	serverTable  *serverTable
	unreachables unreachables
	clientTable  *clientTable

	mu    sync.Mutex // guards later
	later []func()
	beats []func() // of Every

	wake chan struct{} // room for one
	stop chan struct{}
	done sync.WaitGroup
}

// New makes a layer; Run starts its timers.
func New(cfg Config) *Layer {
	if cfg.Shards == 0 {
		cfg.Shards = defaultShards(runtime.GOMAXPROCS(0))
	}
	if cfg.MaxCells == 0 {
		cfg.MaxCells = 1 << 18
	}
	var seed [24]byte
	rand.Read(seed[:]) // crypto/rand.Read never fails (Go 1.24)
	if cfg.Key == [2]uint64{} {
		cfg.Key = [2]uint64{binary.BigEndian.Uint64(seed[0:]), binary.BigEndian.Uint64(seed[8:])}
	}
	l := &Layer{
		cfg:    cfg,
		secret: secret{cfg.Key[0], cfg.Key[1]},
		start:  time.Now(),
		stop:   make(chan struct{}),
		wake:   make(chan struct{}, 1),

		serverTable: newServerTable(),
		clientTable: newClientTable(),
	}
	for i := range cfg.Shards {
		l.shards = append(l.shards, newShard(l, uint8(i), binary.BigEndian.Uint32(seed[16:])))
	}
	return l
}

// defaultShards is enough that two readers seldom meet at a lock, and no more: what
// a shard works with stays in the processor's cache (4 instead of 16 shards on two
// cores saved a twentieth of a call's CPU).
func defaultShards(cores int) int {
	n := 4
	for n < 2*cores && n < 256 {
		n *= 2
	}
	return n
}

// Register adds a user; the number it gets goes into NewServer and NewClient.
// All users register before Run.
func (l *Layer) Register(u User) uint8 {
	l.users = append(l.users, u)
	return uint8(len(l.users) - 1)
}

// longestNap is for how many ticks the clock sleeps when nothing is due: each time it
// wakes costs as much as a message. A timer that is shorter wakes it.
const longestNap = 5

// Run drives the timers until Close.
func (l *Layer) Run() {
	l.done.Go(func() {
		t := time.NewTimer(tick)
		defer t.Stop()
		due := time.Now().Add(tick)
		for {
			nap := tick // something short has begun
			select {
			case <-l.stop:
				return
			case <-l.wake:
				if time.Until(due) <= nap {
					continue
				}
			case <-t.C:
				nap = l.serve()
			}
			t.Reset(nap)
			due = time.Now().Add(nap)
		}
	})
}

// serve fires what is due, and says when to look again.
func (l *Layer) serve() time.Duration {
	next := int64(time.Since(l.start)/tick) + longestNap
	for _, sh := range l.shards {
		sh.lock()
		sh.wheel.advance(int64(sh.since/tick), sh.fire)
		next = min(next, sh.wheel.next(longestNap))
		sh.unlock()
	}
	l.lookForUnreachable()
	for _, f := range l.putOff() {
		f()
	}
	for _, f := range l.beats {
		f()
	}
	return max(time.Duration(next)*tick-time.Since(l.start), 0)
}

// rouse makes the clock look again within a tick.
func (l *Layer) rouse() {
	select {
	case l.wake <- struct{}{}:
	default: // somebody else has
	}
}

// Close stops the timers and waits for the clock.
func (l *Layer) Close() {
	close(l.stop)
	l.done.Wait()
}

// Later calls f within a tick with no shard locked: for what needs two of them.
func (l *Layer) Later(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.later = append(l.later, f)
	l.rouse()
}

// Every has f called whenever the clock has served what was due, with no shard locked: every
// 100 ms or more often, until Close. A part that looks now and then whether something is due
// costs nothing more that way, where a ticker of its own would wake a thread. To be called
// before Run.
func (l *Layer) Every(f func()) { l.beats = append(l.beats, f) }

// putOff takes what Later was given.
func (l *Layer) putOff() []func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.later
	l.later = nil
	return list
}

// Shards is the number of shards.
func (l *Layer) Shards() int { return len(l.shards) }

// Do runs f with a shard locked: how what was parked comes back.
func (l *Layer) Do(shard uint8, f func(sh *Shard)) {
	sh := l.shards[int(shard)&(len(l.shards)-1)]
	sh.lock()
	defer sh.unlock()
	f(sh)
}

// ShardOf gives the shard that everything with this Call-ID lives in.
func (l *Layer) ShardOf(callID []byte) uint8 {
	mask := uint8(len(l.shards) - 1)
	if l.cfg.ShardOf != nil {
		return l.cfg.ShardOf(callID) & mask
	}
	return uint8(siphash.Hash(l.secret.k1, l.secret.k0, callID)) & mask
}

// Receive serves one message that passed the cheap checks. m and its bytes are
// the caller's; they are copied where they are kept. A response whose branch we
// never wrote, and a message without top Via, dies here.
func (l *Layer) Receive(m *sip.Message, f transport.Flow) {
	via := m.TopVia()
	if via == nil {
		return
	}
	if !m.IsRequest() {
		id, ok := l.secret.parseBranch(via.Branch)
		if !ok {
			return
		}
		sh := l.shards[int(id.shard)&(len(l.shards)-1)]
		sh.lock()
		defer sh.unlock()
		sh.response(id, m, f)
		return
	}
	sh := l.shards[l.ShardOf(m.CallID())]
	sh.lock()
	defer sh.unlock()
	sh.request(m, via, f)
}

// Stats gives the counters of one shard.
func (l *Layer) Stats(shard int) (s Stats) {
	l.Do(uint8(shard), func(sh *Shard) { s = sh.Stats() })
	return s
}
