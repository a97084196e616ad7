package transaction

import (
	"sync"
	"time"

	"github.com/dchest/siphash"

	"tollgate/internal/slab"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// ID names a transaction within its shard: generation and slot of its cell.
// Zero names none.
type ID uint64

func makeID(gen, slot uint32) ID { return ID(uint64(gen)<<32 | uint64(slot)) }

// nextGen is the generation of a cell's next owner. Zero is left out, since an ID
// of 0 names nothing.
func nextGen(gen uint32) uint32 { return max(gen+1, 1) }

func (id ID) slot() uint32 { return uint32(id) }
func (id ID) gen() uint32  { return uint32(id >> 32) }

// own is the user number of the machines' own timers.
const own = 0xff

// Shard is one lock and all that it guards. Its exported fields are scratch for
// whoever holds the lock, so that building a message allocates nothing.
type Shard struct {
	Index uint8
	Edit  sip.Edit    // for the message at hand
	Out   []byte      // what is built from it; reuse as sh.Out[:0]
	Kept  sip.Message // a kept request, parsed again by Server
	Aux   sip.Message

	mu      sync.Mutex // guards all below
	layer   *Layer
	since   time.Duration // since the layer's start, as of the locking
	wheel   wheel
	bufs    buffers
	servers slab.Slab[server]
	clients slab.Slab[client]
	byKey   slab.Index // slots of servers
	genBase uint32
	key     uint64 // of the request being served
	scratch []byte
	tag     [16]byte // of an answer that is being built; on a stack it would not stay
	acks    uint64   // branches of ACKs so far
	why     Why      // of CANCELs that are asked for now
	stats   Stats
}

// Stats counts what a shard has seen since the start.
type Stats struct {
	Servers, Clients   int // live cells
	Requests           uint64
	Responses          uint64
	RequestRetransIn   uint64 // RFC 6076 does not name these; they tell lossy links apart
	RequestRetransOut  uint64
	ResponseRetransOut uint64
	Strays             uint64 // responses whose MAC is right but whose cell is gone
	Timeouts           uint64
}

func newShard(l *Layer, index uint8, genBase uint32) *Shard {
	sh := &Shard{Index: index, layer: l, genBase: genBase}
	sh.wheel.init()
	return sh
}

func (sh *Shard) lock() {
	sh.mu.Lock()
	sh.since = time.Since(sh.layer.start)
}

func (sh *Shard) unlock() { sh.mu.Unlock() }

// Stats gives a copy of the counters.
func (sh *Shard) Stats() Stats {
	s := sh.stats
	s.Servers, s.Clients = sh.servers.Used(), sh.clients.Used()
	return s
}

// Now is the time of the message or timer being served.
func (sh *Shard) Now() time.Time { return sh.layer.start.Add(sh.since) }

// Since is the monotonic age of the layer at the message or timer being served.
func (sh *Shard) Since() time.Duration { return sh.since }

// After starts a timer of a user; it fires once, not before d has passed.
func (sh *Shard) After(d time.Duration, user, code uint8, ref uint64) TimerID {
	// The wheel may lag behind the clock by a tick; what is started now counts from now.
	if d < longestNap*tick {
		sh.layer.rouse()
	}
	return sh.wheel.start(d+sh.since-time.Duration(sh.wheel.now)*tick, user, code, ref)
}

// Stop ends a timer and clears the id.
func (sh *Shard) Stop(id *TimerID) { sh.wheel.stop(id) }

// Copy keeps bytes in a pooled buffer; Free gives it back.
func (sh *Shard) Copy(b []byte) []byte { return sh.bufs.copyOf(b) }

// Buffer gives an empty pooled buffer with room for n bytes; Free gives it back.
func (sh *Shard) Buffer(n int) []byte { return sh.bufs.room(n) }

// Free takes back what Copy or Buffer gave and clears the reference.
func (sh *Shard) Free(b *[]byte) { sh.bufs.put(b) }

// Send writes a message that belongs to no transaction, such as an ACK to a 2xx.
func (sh *Shard) Send(f transport.Flow, data []byte) error {
	return sh.layer.cfg.Send.Send(f, data)
}

func (sh *Shard) user(n uint8) User { return sh.layer.users[n] }

func (sh *Shard) fire(user, code uint8, ref uint64) {
	if user != own {
		sh.user(user).Timer(sh, code, ref)
		return
	}
	switch code {
	case clientRetry, clientLife:
		sh.clientTimer(code, ID(ref))
	default:
		sh.serverTimer(code, ID(ref))
	}
}

// request serves a request: retransmission, ACK and CANCEL go to their server
// transaction, the rest to the core.
func (sh *Shard) request(m *sip.Message, via *sip.Via, f transport.Flow) {
	method := m.Method()
	sh.key = sh.serverKey(m, via)
	slot, found := sh.find(sh.key)
	switch {
	case method == sip.CANCEL:
		sh.cancelRequest(slot, found, m, f)
	case found:
		sh.serverRequest(slot, m, f)
	case method == sip.ACK:
		sh.layer.cfg.Core.Ack(sh, m, f)
	default:
		sh.stats.Requests++
		sh.layer.cfg.Core.Request(sh, m, f)
	}
}

// serverKey hashes what RFC 3261 17.2.3 matches by: branch, sent-by and method
// (of an ACK or CANCEL: INVITE's), and without a magic cookie the ids of RFC 2543.
func (sh *Shard) serverKey(m *sip.Message, via *sip.Via) uint64 {
	b := sh.scratch[:0]
	method := m.Method()
	if len(via.Branch) > len(branchCookie) && sip.EqualFoldString(via.Branch[:len(branchCookie)], branchCookie) {
		b = append(b, via.Branch...)
	} else {
		b = append(b, m.CallID()...)
		b = append(b, m.FromTag()...)
		b = append(b, byte(m.CSeq()>>24), byte(m.CSeq()>>16), byte(m.CSeq()>>8), byte(m.CSeq()))
		b = append(b, via.Elem...)
	}
	b = append(b, 0)
	for _, c := range via.Host {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	b = append(b, byte(via.Port>>8), byte(via.Port))
	switch method {
	case sip.ACK, sip.CANCEL, sip.INVITE:
		b = append(b, byte(sip.INVITE))
	case sip.MethodOther:
		b = append(b, m.MethodBytes()...)
	default:
		b = append(b, byte(method))
	}
	sh.scratch = b
	return siphash.Hash(sh.layer.secret.k0, sh.layer.secret.k1, b)
}

// find gives the slot of a key's server transaction.
func (sh *Shard) find(key uint64) (slot uint32, found bool) {
	return sh.byKey.Find(key, func(slot uint32) bool { return sh.servers.At(slot).key == key })
}

// Known says that a request belongs to a transaction that there is: it was sent again, or is its ACK.
func (sh *Shard) Known(m *sip.Message) bool {
	via := m.TopVia()
	if via == nil {
		return false
	}
	_, found := sh.find(sh.serverKey(m, via))
	return found
}

// Reply answers a request without keeping any state; its To-tag is the same for
// each retransmission.
func (sh *Shard) Reply(m *sip.Message, f transport.Flow, r *sip.Response) {
	if r.ToTag == nil {
		r.ToTag = sh.AppendTag(sh.tag[:0], m)
	}
	r.Received = f.Remote
	sh.scratch = r.Append(sh.scratch[:0], m)
	_ = sh.layer.cfg.Send.Send(f, sh.scratch) // a lost answer is asked for again
}

// AppendTag appends the To-tag of our own answers to a request: the same for
// all messages of one INVITE, so that its CANCEL's 200 fits (RFC 3261 9.2).
func (sh *Shard) AppendTag(dst []byte, m *sip.Message) []byte {
	h := siphash.Hash(sh.layer.secret.k1, sh.layer.secret.k0, m.CallID()) ^
		siphash.Hash(sh.layer.secret.k0, sh.layer.secret.k1, m.FromTag())
	var raw [8]byte
	for i := range raw {
		raw[i] = byte(h >> (8 * i))
	}
	return sip.AppendToken(dst, raw[:])
}
