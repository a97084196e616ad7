package media

import (
	"net/netip"
	"sync"
	"time"

	"tollgate/internal/media/rtp"
)

// Flows forwards streams in the kernel. Its methods may be called at the same time, also with
// a lock held that other callers wait for, so none may wait for a call of Read's fn to return.
type Flows interface {
	// Add forwards from now on, until Remove.
	Add(f Flow) error
	// Remove ends that and gives what was counted; once it returns, packets come to the socket.
	Remove(local, peer netip.AddrPort) (FlowCounters, bool)
	// Counters gives what was counted so far.
	Counters(local, peer netip.AddrPort) (FlowCounters, bool)
	// Read calls fn for each flow with what was counted so far.
	Read(fn func(local, peer netip.AddrPort, c FlowCounters))
}

// Flow is one direction of a stream that is settled.
type Flow struct {
	Local, Peer netip.AddrPort // our port that it comes to, and where it comes from
	From, To    netip.AddrPort // our port that it leaves from, and where it goes
	SSRC        uint32
	Payloads    [2]uint64 // bitmap of payload types, the one in use; all others come to the socket
	Start       rtp.State // what the counters go on from; Start.Clock in Hz
}

// FlowCounters is what was counted since Add.
type FlowCounters struct {
	Packets, Octets       uint64 // with RTP headers
	Reordered, Duplicates uint64
	ExtSeq                uint32 // the highest, continued from Flow.Start
	Transit, Jitter       uint32 // as in rtp.State
	Timestamp             uint32 // of the last packet
	Gap                   int64  // the longest between two packets, ns
	Arrival               int64  // of the last packet, ns of CLOCK_MONOTONIC; 0: none came
}

const (
	// settled is how many packets a party must have sent since signalling: what lasts a second is
	// worth it.
	settled   = 50
	readEvery = time.Second
)

// flow is the kernel's part of what one party sends.
type flow struct {
	on     bool
	barred bool // not until there is signalling: a party was banned, or the kernel did not take it
	key    flowKey
	ssrc   uint32
	pt     uint8
	serial uint64 // tells flows of the same key apart
	last   FlowCounters
}

type flowKey struct{ local, peer netip.AddrPort }

// flowPlace is whose flow it is.
type flowPlace struct {
	id     ID
	n      int
	side   Side
	to     netip.AddrPort
	serial uint64
}

// flowTable finds the stream of a flow. Its lock is the last one to be taken.
type flowTable struct {
	mu      sync.Mutex
	flows   map[flowKey]flowPlace
	serial  uint64
	packets uint64 // forwarded, as far as read
	failed  uint64 // flows that the kernel did not take
	why     string // the last of them
}

func (t *flowTable) add(k flowKey, p flowPlace) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.flows == nil {
		t.flows = map[flowKey]flowPlace{}
	}
	t.serial++
	p.serial = t.serial
	t.flows[k] = p
	return p.serial
}

func (t *flowTable) remove(k flowKey, serial uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.flows[k].serial == serial {
		delete(t.flows, k)
	}
}

func (t *flowTable) find(k flowKey) (flowPlace, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, ok := t.flows[k]
	return p, ok
}

func (t *flowTable) passed(packets uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.packets += packets
}

func (t *flowTable) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed, t.why = t.failed+1, err.Error()
}

func (t *flowTable) stats(s *Stats) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Flows, s.KernelPackets, s.FlowErrors, s.FlowError = len(t.flows), t.packets, t.failed, t.why
}

// handOver gives what a party sends to the kernel, if it is settled, plain, and wanted. The
// session is locked.
func (e *Engine) handOver(s *session, n int, from Side, now int64) {
	st := s.streams[n]
	me, other := &st.sides[from], &st.sides[1-from]
	if e.config.Flows == nil || me.flow.on || me.flow.barred || other.flow.barred || !me.steady(now) || !other.steady(now) ||
		!other.party.Receives || !other.party.RTP.IsValid() || me.rtp.ipv6 != other.rtp.ipv6 {
		return
	}
	f := Flow{
		Local: netip.AddrPortFrom(me.bind, me.port), Peer: me.latch.source,
		From: netip.AddrPortFrom(other.bind, other.port), To: other.target(),
		SSRC: me.quality.SSRC(),
	}
	pt := me.quality.Report(now).PayloadType
	f.Payloads[pt>>6&1] = 1 << (pt & 63)
	var ok bool
	if f.Start, ok = me.quality.KernelSeed(f.SSRC); !ok {
		return
	}
	if err := e.config.Flows.Add(f); err != nil {
		me.flow.barred = true
		e.flows.fail(err)
		return
	}
	me.flow = flow{on: true, key: flowKey{f.Local, f.Peer}, ssrc: f.SSRC, pt: pt, last: FlowCounters{ExtSeq: f.Start.ExtSeq}}
	me.flow.serial = e.flows.add(me.flow.key, flowPlace{id: s.id(), n: n, side: from, to: f.To})
}

// steady says that a party's stream is plain RTP whose source is known.
func (p *side) steady(now int64) bool {
	return p.port != 0 && p.known && p.party.RTPStream && p.in == nil && p.out == nil &&
		p.latch.locked(now) && p.packets >= settled
}

// leaves says that a packet that came to the socket means that its stream is not the one any more
// that the kernel has. Digits and comfort noise come between its packets. A sender that numbers
// anew (RFC 3550 A.1) is another stream to the kernel, too.
func (f *flow) leaves(h *rtp.Header, c *rtp.Clocks) bool {
	if !f.on {
		return false
	}
	if f.ssrc == h.SSRC && f.pt == h.PayloadType {
		const dropout, misorder = 3000, 100
		ahead := int16(h.Seq - uint16(f.last.ExtSeq))
		return ahead >= dropout || ahead < -misorder
	}
	codec := c.Name(h.PayloadType)
	return codec != rtp.TelephoneEvent && codec != rtp.ComfortNoise
}

// takeBack has what a party sends come to its socket again. The session is locked.
func (e *Engine) takeBack(p *side) {
	if !p.flow.on {
		return
	}
	c, ok := e.config.Flows.Remove(p.flow.key.local, p.flow.key.peer)
	e.flows.remove(p.flow.key, p.flow.serial)
	if ok {
		e.merge(p, c)
	}
	p.flow.on, p.flow.last = false, FlowCounters{}
}

// refresh counts what the kernel has forwarded so far. The session is locked.
func (e *Engine) refresh(p *side) {
	if !p.flow.on {
		return
	}
	if c, ok := e.config.Flows.Counters(p.flow.key.local, p.flow.key.peer); ok {
		e.merge(p, c)
	}
}

// merge counts what the kernel forwarded since it was asked the last time. The session is locked.
func (e *Engine) merge(p *side, c FlowCounters) {
	last := p.flow.last
	if c.Packets <= last.Packets {
		return // nothing new, or somebody asked meanwhile
	}
	p.flow.last = c
	p.quality.FromKernel(rtp.Delta{
		SSRC: p.flow.ssrc, Packets: c.Packets - last.Packets, Octets: c.Octets - last.Octets,
		Reordered: c.Reordered - last.Reordered, Duplicates: c.Duplicates - last.Duplicates,
		ExtSeq: c.ExtSeq, Transit: c.Transit, Jitter: c.Jitter, Timestamp: c.Timestamp, Gap: c.Gap, Arrival: c.Arrival,
	}, e.now())
	p.latch.heard = max(p.latch.heard, c.Arrival)
	e.flows.passed(c.Packets - last.Packets)
}

// reading is one flow's counters and whose they are.
type reading struct {
	place    flowPlace
	counters FlowCounters
}

// readFlows merges the kernel's counters once a second, until Close.
func (e *Engine) readFlows() {
	tick := time.NewTicker(readEvery)
	defer tick.Stop()
	var all []reading
	for {
		select {
		case <-e.quit:
			return
		case <-tick.C:
			all = e.readAll(all[:0])
		}
	}
}

func (e *Engine) readAll(all []reading) []reading {
	e.config.Flows.Read(func(local, peer netip.AddrPort, c FlowCounters) {
		if p, ok := e.flows.find(flowKey{local, peer}); ok {
			all = append(all, reading{p, c})
		}
	})
	for i := range all {
		r := &all[i]
		if s := e.session(r.place.id); s != nil {
			p := s.flowSide(&r.place)
			if p != nil {
				e.merge(p, r.counters)
				if r.counters.Arrival > s.heard {
					s.heard, s.told = r.counters.Arrival, false
				}
			}
			s.mu.Unlock()
		}
	}
	return all
}

// flowSide is the party whose flow it is; nil if it is another one meanwhile.
func (s *session) flowSide(at *flowPlace) *side {
	if st := s.streams[at.n]; st != nil {
		if p := &st.sides[at.side]; p.flow.on && p.flow.serial == at.serial {
			return p
		}
	}
	return nil
}

// Banned takes back from the kernel what sources within a range send or hear. A call with them
// goes on by way of our sockets: whose call that is was decided when it began.
func (e *Engine) Banned(sources netip.Prefix) {
	var hit []flowPlace
	e.flows.mu.Lock()
	for k, p := range e.flows.flows {
		if sources.Contains(k.peer.Addr()) || sources.Contains(p.to.Addr()) {
			hit = append(hit, p)
		}
	}
	e.flows.mu.Unlock()
	for i := range hit {
		if s := e.session(hit[i].id); s != nil {
			if p := s.flowSide(&hit[i]); p != nil {
				e.takeBack(p)
				p.flow.barred = true
			}
			s.mu.Unlock()
		}
	}
}
