package media_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/internal/media"
)

var (
	loopback = netip.MustParseAddr("127.0.0.1")
	here     = media.Place{Bind: loopback, Advertise: loopback}
)

// patience bounds every wait; it passes only where something is broken.
const patience = 5 * time.Second

// clock is the engine's time, moved by the test alone.
type clock struct{ ns, asked atomic.Int64 }

func (c *clock) now() int64 {
	c.asked.Add(1)
	return c.ns.Load()
}
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

// rig is an engine with a clock of the test's.
type rig struct {
	*media.Engine
	t     testing.TB
	clock *clock
}

func newRig(t testing.TB, change func(*media.Config)) *rig {
	t.Helper()
	c := &clock{}
	c.ns.Store(int64(time.Hour))
	config := media.Config{First: 32000, Last: 32999, Loops: 1, Clock: c.now}
	if change != nil {
		change(&config)
	}
	e, err := media.New(config)
	if err != nil {
		t.Fatal(err)
	}
	e.Start()
	t.Cleanup(e.Close)
	return &rig{Engine: e, t: t, clock: c}
}

func (r *rig) open(owner uint64) media.ID {
	r.t.Helper()
	id, err := r.Open(owner, false)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

func (r *rig) stream(id media.ID, n int, side media.Side) netip.AddrPort {
	r.t.Helper()
	port, err := r.Stream(id, n, side, here)
	if err != nil {
		r.t.Fatal(err)
	}
	return netip.AddrPortFrom(loopback, port)
}

// phone is a socket of a party, or of somebody else.
type phone struct {
	t    testing.TB
	conn *net.UDPConn
	ssrc uint32
	seq  uint16
}

func newPhone(t testing.TB, at string) *phone {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &phone{t: t, conn: conn, ssrc: 0x1000}
}

func (p *phone) addr() netip.AddrPort {
	a := p.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func (p *phone) send(to netip.AddrPort, b []byte) {
	p.t.Helper()
	if _, err := p.conn.WriteToUDPAddrPort(b, to); err != nil {
		p.t.Fatal(err)
	}
}

// rtp makes the phone's next packet.
func (p *phone) rtp(payloadType uint8, payload string) []byte {
	p.seq++
	b := []byte{0x80, payloadType}
	b = binary.BigEndian.AppendUint16(b, p.seq)
	b = binary.BigEndian.AppendUint32(b, uint32(p.seq)*160)
	b = binary.BigEndian.AppendUint32(b, p.ssrc)
	return append(b, payload...)
}

// report is an RTCP receiver report without blocks.
func (p *phone) report() []byte {
	return binary.BigEndian.AppendUint32([]byte{0x80, 201, 0, 1}, p.ssrc)
}

func (p *phone) receive() ([]byte, netip.AddrPort) {
	p.t.Helper()
	b := make([]byte, 4096)
	if err := p.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	n, from, err := p.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		p.t.Fatalf("%s hears nothing: %v", p.addr(), err)
	}
	return b[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}

// hears asserts that the next datagram is this one, from that port.
func (p *phone) hears(want []byte, from netip.AddrPort) {
	p.t.Helper()
	got, by := p.receive()
	if !slices.Equal(got, want) || from.IsValid() && by != from {
		p.t.Fatalf("%s hears %x from %s, want %x from %s", p.addr(), got, by, want, from)
	}
}

// party is what a phone says of itself: symmetric, both directions, plain RTP.
func (p *phone) party() media.Party {
	return media.Party{RTP: p.addr(), Sends: true, Receives: true, RTPStream: true}
}

// call is a session with one stream whose parties are both known.
type call struct {
	*rig
	id     media.ID
	ports  [2]netip.AddrPort // ours, by side
	phones [2]*phone
}

func (r *rig) call(change func(parties *[2]media.Party)) *call {
	r.t.Helper()
	c := &call{rig: r, id: r.open(1)}
	var parties [2]media.Party
	for side := range c.phones {
		c.ports[side] = r.stream(c.id, 0, media.Side(side))
		c.phones[side] = newPhone(r.t, "127.0.0.1:0")
		c.phones[side].ssrc = 0x1000 + uint32(side)
		parties[side] = c.phones[side].party()
	}
	if change != nil {
		change(&parties)
	}
	for side := range parties {
		r.Party(c.id, 0, media.Side(side), parties[side])
	}
	return c
}

// talk sends one packet and asserts that the other phone hears it.
func (c *call) talk(from media.Side, payload string) {
	c.t.Helper()
	b := c.phones[from].rtp(0, payload)
	c.phones[from].send(c.ports[from], b)
	c.phones[1-from].hears(b, c.ports[1-from])
}

func (c *call) quality(side media.Side) media.Quality {
	c.t.Helper()
	q := c.Quality(c.id, nil)
	if len(q) != 2 {
		c.t.Fatalf("%d qualities", len(q))
	}
	return q[side]
}

// awaits waits until so many packets were dropped for a cause.
func (r *rig) awaits(c media.Cause, packets uint64) {
	r.t.Helper()
	r.until(func() bool { return r.Stats().Dropped[c] == packets }, "%d packets dropped as %s", packets, c)
}

// rounds waits until the loop, which asks for the time once a round, has done all that is due.
func (r *rig) rounds() {
	r.t.Helper()
	asked := r.clock.asked.Load()
	r.until(func() bool { return r.clock.asked.Load() >= asked+2 }, "two rounds")
}

// until waits for what the engine does by itself.
func (r *rig) until(done func() bool, format string, args ...any) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); !done(); runtime.Gosched() {
		if time.Now().After(deadline) {
			r.t.Fatalf("never: "+format, args...)
		}
	}
}
