package media

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tollgate/internal/media/srtp"
	"tollgate/internal/slab"
)

const (
	defaultQuarantine = 5 * time.Second
	defaultTimeout    = 60 * time.Second
	// busyTries is how many pairs are tried where others on this machine use some of the range.
	busyTries = 32
)

// Engine relays the media of all sessions.
type Engine struct {
	config  Config
	window  int64
	timeout int64
	now     func() int64
	loops   []*loop
	done    sync.WaitGroup
	quit    chan struct{}
	table   table
	flows   flowTable

	mu      sync.Mutex // guards what follows, and the table's giving out; taken after a session's lock
	closed  bool
	started bool
	pools   map[netip.Addr]*pool
	streams slab.Slab[stream]
}

// New makes an Engine that serves nothing yet.
func New(c Config) (*Engine, error) {
	c.Quarantine = orDefault(c.Quarantine, defaultQuarantine)
	c.Window, c.Timeout = orDefault(c.Window, defaultWindow), orDefault(c.Timeout, defaultTimeout)
	if c.Loops <= 0 {
		c.Loops = runtime.GOMAXPROCS(0)
	}
	if c.Clock == nil {
		c.Clock = monotonic()
	}
	e := &Engine{
		config: c, window: int64(c.Window), timeout: int64(c.Timeout), now: c.Clock,
		pools: map[netip.Addr]*pool{}, quit: make(chan struct{}),
	}
	if _, n := pairsOf(c.First, c.Last); n < 2 {
		return nil, fmt.Errorf("media ports %d-%d: a call needs two pairs at least", c.First, c.Last)
	}
	for range c.Loops {
		l, err := newLoop(e)
		if err != nil {
			e.closeLoops()
			return nil, fmt.Errorf("media loop: %w", err)
		}
		e.loops = append(e.loops, l)
	}
	return e, nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

// monotonic is CLOCK_MONOTONIC as programs in the kernel read it, without a system call.
func monotonic() func() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	start, then := time.Now(), ts.Nano()
	return func() int64 { return then + int64(time.Since(start)) }
}

// Start begins to serve.
func (e *Engine) Start() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.started || e.closed {
		return
	}
	e.started = true
	for _, l := range e.loops {
		e.done.Go(l.run)
	}
	if e.config.Flows != nil {
		e.done.Go(e.readFlows)
	}
}

// Close ends all sessions and waits for the loops. No callback is under way afterwards.
func (e *Engine) Close() {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return
	}
	e.closed = true
	e.mu.Unlock()
	close(e.quit)
	for _, l := range e.loops {
		l.stop()
	}
	e.done.Wait()
	for slot := range e.table.next.Load() {
		s := e.table.at(slot)
		s.mu.Lock()
		id := s.id()
		s.mu.Unlock()
		e.Shut(id)
	}
	e.closeLoops()
}

func (e *Engine) closeLoops() {
	for _, l := range e.loops {
		l.close()
	}
}

// Open makes a session for a call, which callbacks name by its owner. ErrStreams: too many.
func (e *Engine) Open(owner uint64, emergency bool) (ID, error) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return 0, ErrClosed
	}
	s := e.table.alloc()
	quiet := e.quietest()
	e.mu.Unlock()
	if s == nil {
		return 0, ErrStreams
	}
	quiet.sessions.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gen = max(s.gen+1, 1) // an ID is never 0
	s.open, s.emergency, s.owner, s.loop = true, emergency, owner, quiet
	s.told, s.changed, s.heard, s.kept = false, false, e.now(), e.now()
	return s.id(), nil
}

func (e *Engine) quietest() *loop {
	least := e.loops[0]
	for _, l := range e.loops[1:] {
		if l.sessions.Load() < least.sessions.Load() {
			least = l
		}
	}
	return least
}

// session gives the locked session of an ID, nil if it is over.
func (e *Engine) session(id ID) *session {
	s := e.table.at(uint32(id))
	if id == 0 || s == nil {
		return nil
	}
	s.mu.Lock()
	if !s.open || s.gen != uint32(id>>32) {
		s.mu.Unlock()
		return nil
	}
	return s
}

// Stream opens a side's ports of stream n, 0 to 7, at a place, unless they are open there, and
// gives the port of RTP; RTCP's is the one above. Ports at another address are put aside until
// Settle: phones of several networks that ring at once are each told of their own, and media goes
// through those of the one that Stream named last. ErrNoPorts, ErrFiles, ErrStreams, ErrGone.
func (e *Engine) Stream(id ID, n int, side Side, at Place) (port uint16, err error) {
	if n < 0 || n >= MaxStreams {
		return 0, ErrStreams
	}
	s := e.session(id)
	if s == nil {
		return 0, ErrGone
	}
	defer s.mu.Unlock()
	st := e.stream(s, n)
	p := &st.sides[side&1]
	bind := at.Bind.Unmap()
	if p.port != 0 && p.bind == bind {
		return p.port, nil
	}
	if err := e.putAside(s, st, p); err != nil {
		return 0, err
	}
	if p.takeUp(bind) {
		return p.port, e.watchPair(s, n, side&1)
	}
	if err := e.openPorts(s, n, side&1, bind, 0); err != nil {
		return 0, err
	}
	return p.port, nil
}

// putAside keeps a side's ports, if it has any, for later. What comes to them meanwhile is lost,
// as all that comes before a party is known. The session is locked.
func (e *Engine) putAside(s *session, st *stream, p *side) error {
	if p.port == 0 {
		return nil
	}
	e.takeBack(&st.sides[0])
	e.takeBack(&st.sides[1])
	for _, one := range [...]socket{p.rtp, p.rtcp} {
		if err := s.loop.unwatch(one); err != nil {
			return fmt.Errorf("put media port aside: %w", err)
		}
	}
	p.aside, p.ports = append(p.aside, p.ports), ports{}
	return nil
}

// takeUp takes the ports at an address that were put aside; false: there are none.
func (p *side) takeUp(bind netip.Addr) bool {
	for i, last := 0, len(p.aside)-1; i <= last; i++ {
		if p.aside[i].bind == bind {
			p.ports, p.aside[i] = p.aside[i], p.aside[last]
			p.aside = p.aside[:last]
			p.rtp.drain()
			p.rtcp.drain()
			return true
		}
	}
	return false
}

// Settle gives back the ports that were put aside: it is known which party has answered. Silence
// counts from then on, since all that was said of media may have been said while it rang.
func (e *Engine) Settle(id ID) {
	s := e.session(id)
	if s == nil {
		return
	}
	defer s.mu.Unlock()
	s.heard, s.told = e.now(), false
	for _, st := range s.streams {
		if st != nil {
			e.closeAside(&st.sides[0])
			e.closeAside(&st.sides[1])
		}
	}
}

// Reserve opens a side's ports of stream n at a place as Stream does, but leaves those in use that the
// side has: media goes on there while an offer that moves the side to another network is not answered.
// Stream takes them into use, and Settle gives them back if it has not.
func (e *Engine) Reserve(id ID, n int, side Side, at Place) (port uint16, err error) {
	if n < 0 || n >= MaxStreams {
		return 0, ErrStreams
	}
	s := e.session(id)
	if s == nil {
		return 0, ErrGone
	}
	defer s.mu.Unlock()
	p, bind := &e.stream(s, n).sides[side&1], at.Bind.Unmap()
	switch {
	case p.port == 0:
		err = e.openPorts(s, n, side&1, bind, 0)
		return p.port, err
	case p.bind == bind:
		return p.port, nil
	}
	for i := range p.aside {
		if p.aside[i].bind == bind {
			return p.aside[i].port, nil
		}
	}
	pair, err := e.newPair(bind, 0, s.emergency)
	if err != nil {
		return 0, err
	}
	p.aside = append(p.aside, pair)
	return pair.port, nil
}

func (e *Engine) closeAside(p *side) {
	for i := range p.aside {
		e.release(&p.aside[i])
	}
	p.aside = nil
}

// stream gives a session's stream, a new one where there is none. The session is locked.
func (e *Engine) stream(s *session, n int) *stream {
	if s.streams[n] == nil {
		e.mu.Lock()
		slot, st := e.streams.Alloc()
		e.mu.Unlock()
		*st = stream{slot: slot}
		s.streams[n] = st
	}
	return s.streams[n]
}

// openPorts opens a pair of sockets and uses it: on a certain port, or with 0 on a free one.
func (e *Engine) openPorts(s *session, n int, side Side, at netip.Addr, wanted uint16) error {
	pair, err := e.newPair(at, wanted, s.emergency)
	if err != nil {
		return err
	}
	s.streams[n].sides[side].ports = pair
	return e.watchPair(s, n, side)
}

func (e *Engine) newPair(at netip.Addr, wanted uint16, emergency bool) (ports, error) {
	if !at.IsValid() || at.IsUnspecified() {
		return ports{}, fmt.Errorf("media at %q: not an address of this machine", at)
	}
	for range busyTries {
		pool, port, err := e.takePair(at, wanted, emergency)
		if err != nil {
			return ports{}, err
		}
		media, control, err := openPair(at, port)
		if err == nil {
			return ports{bind: at, pool: pool, port: port, rtp: media, rtcp: control}, nil
		}
		e.putPair(pool, port)
		if wanted != 0 || !errors.Is(err, unix.EADDRINUSE) {
			return ports{}, err
		}
	}
	return ports{}, ErrNoPorts
}

func openPair(a netip.Addr, port uint16) (media, control socket, err error) {
	if media, err = bind(netip.AddrPortFrom(a, port)); err != nil {
		return socket{}, socket{}, err
	}
	if control, err = bind(netip.AddrPortFrom(a, port+1)); err != nil {
		_ = media.close()
		return socket{}, socket{}, err
	}
	return media, control, nil
}

func (e *Engine) watchPair(s *session, n int, side Side) error {
	st := s.streams[n]
	p := &st.sides[side]
	err := s.loop.watch(p.rtp, whereOf(s.slot, n, side, false), s.gen)
	if err == nil {
		err = s.loop.watch(p.rtcp, whereOf(s.slot, n, side, true), s.gen)
	}
	if err != nil {
		e.closePorts(st, p)
		return fmt.Errorf("watch media port: %w", err)
	}
	return nil
}

func (e *Engine) takePair(a netip.Addr, wanted uint16, emergency bool) (*pool, uint16, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.pools[a]
	if p == nil {
		p = newPool(e.config.First, e.config.Last, e.config.Quarantine)
		e.pools[a] = p
	}
	if wanted != 0 {
		if !p.take(wanted) {
			return nil, 0, ErrNoPorts
		}
		return p, wanted, nil
	}
	port, ok := p.get(e.now(), emergency)
	if !ok {
		return nil, 0, ErrNoPorts
	}
	return p, port, nil
}

func (e *Engine) putPair(p *pool, port uint16) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p.put(port, e.now())
}

// closePorts gives a side's ports back, if it has any. The session is locked.
func (e *Engine) closePorts(st *stream, p *side) {
	if p.port == 0 {
		return
	}
	e.takeBack(&st.sides[0])
	e.takeBack(&st.sides[1])
	e.release(&p.ports)
}

// release closes a pair of ports; it rests.
func (e *Engine) release(p *ports) {
	_, _ = p.rtp.close(), p.rtcp.close()
	e.putPair(p.pool, p.port)
	*p = ports{}
}

// Party says what the party on a side says of itself; it opens the window in which its source is
// learnt. A stream without ports is left alone.
func (e *Engine) Party(id ID, n int, side Side, p Party) {
	s := e.session(id)
	if s == nil {
		return
	}
	defer s.mu.Unlock()
	if n < 0 || n >= MaxStreams || s.streams[n] == nil {
		return
	}
	st := s.streams[n]
	e.takeBack(&st.sides[0])
	e.takeBack(&st.sides[1])
	now := e.now()
	me, other := &st.sides[side&1], &st.sides[1-side&1]
	if s.ours(p.RTP) {
		p.RTP = netip.AddrPort{} // what we send there would come back to us
	}
	if s.ours(p.RTCP) {
		p.RTCP = netip.AddrPort{}
	}
	first := !me.known
	me.describe(p, now, e.window, &s.loop.room)
	if first && other.known {
		other.latch.begin(other.party.Latch, now, e.window, false)
	}
	s.heard, s.told = now, false
}

// Said is what Party said last of a side of stream n; not known: nothing, or the stream is off.
func (e *Engine) Said(id ID, n int, side Side) (p Party, known bool) {
	s := e.session(id)
	if s == nil {
		return p, false
	}
	defer s.mu.Unlock()
	if n < 0 || n >= MaxStreams || s.streams[n] == nil {
		return p, false
	}
	of := &s.streams[n].sides[side&1]
	return of.party, of.known
}

// describe takes what a party says.
func (p *side) describe(said Party, now, window int64, room *srtp.Room) {
	said.RTP, said.RTCP = unmap(said.RTP), unmap(said.RTCP)
	p.rekey(said.In, said.Out, room)
	anew := said.Fresh || said.RTP.IsValid() && said.RTP != p.said
	if anew || said.RTCP != p.party.RTCP || said.Mux != p.party.Mux {
		p.control = netip.AddrPort{}
	}
	if said.RTP.IsValid() {
		p.said = said.RTP
	}
	if !said.Sends {
		p.quality.Pause()
	}
	p.party, p.known, p.packets, p.flow.barred = said, true, 0, false
	p.latch.begin(said.Latch, now, window, anew)
}

func unmap(a netip.AddrPort) netip.AddrPort {
	if !a.IsValid() || a.Port() == 0 || a.Addr().IsUnspecified() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// Off closes a stream that was refused or removed; its quality stays known.
func (e *Engine) Off(id ID, n int) {
	s := e.session(id)
	if s == nil {
		return
	}
	defer s.mu.Unlock()
	if n >= 0 && n < MaxStreams && s.streams[n] != nil {
		e.closeStream(s.streams[n])
	}
}

func (e *Engine) closeStream(st *stream) {
	for i := range st.sides {
		p := &st.sides[i]
		e.closePorts(st, p)
		e.closeAside(p)
		p.known, p.party.In, p.party.Out, p.in, p.out, p.before = false, srtp.Key{}, srtp.Key{}, nil, nil, nil
		p.latch, p.said, p.control = latch{}, netip.AddrPort{}, netip.AddrPort{}
	}
}

// Shut ends a session: its sockets are closed at once, its ports rest.
func (e *Engine) Shut(id ID) {
	s := e.session(id)
	if s == nil {
		return
	}
	defer s.mu.Unlock()
	for n, st := range s.streams {
		if st != nil {
			e.closeStream(st)
			s.streams[n] = nil
			e.mu.Lock()
			e.streams.Release(st.slot)
			e.mu.Unlock()
		}
	}
	s.open = false
	s.loop.sessions.Add(-1)
	e.mu.Lock()
	e.table.release(s)
	e.mu.Unlock()
}

// Stats tells what is done.
func (e *Engine) Stats() Stats {
	out := Stats{Mode: "epoll", Why: e.config.Why}
	if e.config.Flows != nil {
		out.Mode, out.Why = "kernel", ""
	}
	e.flows.stats(&out)
	for _, l := range e.loops {
		out.Packets += l.packets.Load()
		out.Octets += l.octets.Load()
		for c := range l.dropped {
			out.Dropped[c] += l.dropped[c].Load()
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	out.Sessions, out.Streams = e.table.used, e.streams.Used()
	if len(e.pools) == 0 {
		_, out.PortsFree = pairsOf(e.config.First, e.config.Last)
	}
	now := e.now()
	for _, p := range e.pools {
		p.wake(now)
		out.PortsUsed += p.used
		out.PortsFree += p.ready.n
	}
	return out
}
