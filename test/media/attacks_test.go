package media

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/stage"
)

func TestSources(t *testing.T) { paths(t, sourceSuite) }

func sourceSuite(t *testing.T, n *harness.Node) {
	play(t, n, stage.One()[1:], map[string]func(*stage.Stage){
		"behind NAT":                       behindNAT,
		"behind NAT, strict":               natStrict,
		"another source later":             laterSource,
		"another source later, handover":   handover,
		"a re-INVITE opens the window":     windowAgain,
		"injected before the answer":       injectedEarly,
		"injected before the first packet": func(s *stage.Stage) { injectedFirst(s, "") },
		"injected before, strict":          func(s *stage.Stage) { injectedFirst(s, "strict") },
		"injected before, handover":        func(s *stage.Stage) { injectedFirst(s, "handover") },
		"injected before, behind NAT":      injectedNAT,
		"injected before the party speaks": injectedSilent,
		"injected into a call":             func(s *stage.Stage) { injectedLater(s, "") },
		"injected into a call, strict":     func(s *stage.Stage) { injectedLater(s, "strict") },
		"injected into a call, handover":   func(s *stage.Stage) { injectedLater(s, "handover") },
		"injected into a call, behind NAT": injectedLaterNAT,
		"a flood into a call":              flooded,
		"RTCP of somebody else":            foreignReports,
	})
}

// latching makes both sides switches whose sources are learnt in a way.
func latching(s *stage.Stage, way string) {
	s.Helper()
	if way == "" {
		return
	}
	s.Customer.Destinations = []harness.Destination{{Switch: "pbx"}}
	s.Customer.Extra += fmt.Sprintf("switches:\n"+
		"  - {name: trunk, direction: egress, addresses: [%q], dial_pattern: raw, latching: %s}\n"+
		"  - {name: pbx, direction: ingress, host: %q, port: %d, protocol: udp, dial_pattern: raw, latching: %s}\n",
		s.Caller.IP(), way, s.Callee.Addr().Addr(), s.Callee.Port(), way)
	s.Apply()
}

// elsewhere gives a phone another socket, at an address that nobody has told: it is behind NAT.
func (p *phone) elsewhere() {
	p.Helper()
	p.rtp = p.listen(netip.AddrPortFrom(netip.MustParseAddr(harness.IP(p.T)), 0))
}

// heardWithin sends at the pace of voice until the other side hears one of the packets, which are
// this phone's; it gives how many were sent, 0 when none was heard.
func heardWithin(from, to *phone, packets int) int {
	from.Helper()
	for n := range packets {
		b := from.packet("is this heard?")
		from.send(b)
		if got, _, err := receive(to.rtp, 20*time.Millisecond); err == nil {
			if got = to.unseal(got); string(got[12:]) != string(b[12:]) {
				from.Fatalf("heard % x", got)
			}
			return n + 1
		}
	}
	return 0
}

// hush takes what has arrived and was not read.
func hush(p *phone) {
	for {
		if _, _, err := receive(p.rtp, 50*time.Millisecond); err != nil {
			return
		}
	}
}

func behindNAT(s *stage.Stage) {
	c := connect(s)
	for _, pair := range [][2]*side{{c.a, c.b}, {c.b, c.a}} {
		from, to := pair[0], pair[1]
		from.elsewhere()
		n := heardWithin(from.phone, to.phone, 100)
		if n == 0 || n < 3 {
			s.Fatalf("a source behind NAT is heard after %d packets", n)
		}
		s.Logf("a source behind NAT is heard from packet %d on", n)
		hush(to.phone)
	}
	c.settle()
	c.end()
}

// natStrict: who is to send from where he says is not heard from elsewhere, and nothing is sent there.
func natStrict(s *stage.Stage) {
	latching(s, "strict")
	c := connect(s)
	said := c.a.rtp
	c.a.elsewhere()
	if n := heardWithin(c.a.phone, c.b.phone, 100); n != 0 {
		s.Errorf("heard after %d packets from a source that is not the description's", n)
	}
	unheard(c.b.phone, c.a.phone)
	c.a.rtp = said
	hush(c.a.phone)
	c.settle()
	c.end()
}

// laterSource: once settled, the source stays until there is signalling.
func laterSource(s *stage.Stage) {
	c := connect(s)
	c.settle()
	said := c.a.rtp
	c.a.elsewhere()
	if n := heardWithin(c.a.phone, c.b.phone, 100); n != 0 {
		s.Errorf("a new source is heard after %d packets", n)
	}
	c.a.rtp = said
	c.settle()
	c.end()
}

// handover follows a source that changes, once the old one is silent.
func handover(s *stage.Stage) {
	latching(s, "handover")
	c := connect(s)
	c.settle()
	for range 3 {
		c.a.elsewhere()
		if n := heardWithin(c.a.phone, c.b.phone, 200); n < 5 {
			s.Fatalf("heard after %d packets from a new source", n)
		}
		hush(c.b.phone)
		c.settle()
	}
	c.end()
}

// windowAgain: after a re-INVITE a source behind NAT is learnt anew, with the same description.
func windowAgain(s *stage.Stage) {
	c := connect(s)
	c.a.elsewhere()
	heardWithin(c.a.phone, c.b.phone, 100)
	hush(c.b.phone)
	c.settle()
	tick := time.NewTicker(100 * time.Millisecond) // past the window
	defer tick.Stop()
	for range 35 {
		talk(c.a.phone, c.b.phone, 1)
		<-tick.C
	}
	c.a.elsewhere()
	if n := heardWithin(c.a.phone, c.b.phone, 50); n != 0 {
		s.Errorf("a new source is heard after %d packets, without signalling", n)
	}
	c.reoffer("INVITE", c.a, c.b, c.a.sdp(), c.b.sdp())
	if n := heardWithin(c.a.phone, c.b.phone, 200); n < 3 {
		s.Fatalf("heard after %d packets from a new source, after a re-INVITE", n)
	}
	hush(c.b.phone)
	c.settle()
	c.end()
}

// attacker is somebody who knows our ports and is no party.
type attacker struct {
	*stage.Stage
	conn *net.UDPConn
	seq  uint16
}

func newAttacker(s *stage.Stage, p *phone) *attacker {
	return &attacker{Stage: s, conn: p.listen(netip.AddrPortFrom(netip.MustParseAddr(harness.IP(s.T)), 0))}
}

// shoot sends so many good packets to a port.
func (x *attacker) shoot(to netip.AddrPort, n int) {
	x.Helper()
	for range n {
		x.seq++
		b := []byte{0x80, 0}
		b = binary.BigEndian.AppendUint16(b, x.seq)
		b = binary.BigEndian.AppendUint32(b, uint32(x.seq)*160)
		b = append(b, "BADBfake voice"...)
		if _, err := x.conn.WriteToUDPAddrPort(b, to); err != nil {
			x.Fatal(err)
		}
	}
}

// bled is how many packets of a call the attacker was sent.
func (x *attacker) bled() (n int) {
	for {
		if _, _, err := receive(x.conn, 50*time.Millisecond); err != nil {
			return n
		}
		n++
	}
}

// heard reads what has come to a phone: of the attacker, and of the other party.
func heardOf(p *phone, wait time.Duration) (bad, good int) {
	for {
		b, _, err := receive(p.rtp, wait)
		switch {
		case err != nil:
			return bad, good
		case len(b) > 12 && string(b[8:12]) == "BADB":
			bad++
		default:
			good++
		}
	}
}

// under has both parties talk at the pace of voice, so many packets each, while the attacker
// shoots at both ports; it gives what of his came through, and what he was sent.
func (c *conversation) under(x *attacker, packets, shots int) (injected, bled int) {
	c.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range packets {
		x.shoot(c.a.to, shots)
		x.shoot(c.b.to, shots)
		c.a.send(c.a.packet("voice"))
		c.b.send(c.b.packet("voice"))
		<-tick.C
	}
	for _, p := range []*side{c.a, c.b} {
		bad, good := heardOf(p.phone, 50*time.Millisecond)
		if injected += bad; good < packets*9/10 {
			c.Errorf("of %d packets %d were heard under attack", packets, good)
		}
	}
	return injected, x.bled()
}

func (c *conversation) clean(x *attacker, most, injected, bled int) {
	c.Helper()
	c.Logf("injected %d, bled %d", injected, bled)
	if injected > most || bled > most {
		c.Errorf("%d packets were injected and %d bled, allowed are %d", injected, bled, most)
	}
}

// injectedEarly: before both parties are known nothing passes, and nothing is learnt.
func injectedEarly(s *stage.Stage) {
	a, b := parties(s)
	x := newAttacker(s, a.phone)
	a.call = s.Caller.Invite(s.URI(), a.sdp())
	b.call = s.Callee.Accept("INVITE")
	b.told(b.call.Incoming())
	for port := b.to.Port() - 20; port < b.to.Port()+20; port += 2 {
		x.shoot(netip.AddrPortFrom(b.to.Addr(), port), 5)
	}
	b.hearsNothing()
	c := a.answeredBy(b)
	bad, _ := heardOf(b.phone, none)
	c.clean(x, 0, bad, x.bled())
	c.settle()
	injected, bled := c.under(x, 20, 5)
	c.clean(x, 0, injected, bled)
	c.end()
}

// injectedFirst: the attacker is the first to be heard after the answer, in a burst. The party's
// address is that of its description, so the bound is one packet.
func injectedFirst(s *stage.Stage, way string) {
	latching(s, way)
	c := connect(s)
	x := newAttacker(s, c.a.phone)
	x.shoot(c.a.to, 100)
	x.shoot(c.b.to, 100)
	injected, bled := c.under(x, 50, 5)
	most := 1
	if way == "strict" {
		most = 0
	}
	c.clean(x, most, injected, bled)
	c.settle()
	c.end()
}

// injectedNAT: the party is behind NAT and the attacker shoots all the time. What comes of that is
// said in docs/measuring.md; the call must not be lost for ever: a re-INVITE ends the attack.
func injectedNAT(s *stage.Stage) {
	c := connect(s)
	x := newAttacker(s, c.a.phone)
	c.a.elsewhere()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 100 {
		c.a.send(c.a.packet("voice"))
		c.b.send(c.b.packet("voice"))
		x.shoot(c.a.to, 1)
		<-tick.C
	}
	bad, good := heardOf(c.b.phone, 50*time.Millisecond)
	s.Logf("behind NAT, symmetric, 100 packets of each: %d of the attacker's heard, %d of the party's; %d bled", bad, good, x.bled())
	if bad > 0 && good > 0 {
		s.Errorf("both are heard: %d packets of the attacker's and %d of the party's", bad, good)
	}
	s.End(c.a.call, c.b.call)
}

// injectedSilent: the same, and the party behind NAT says nothing yet. Nobody can tell the two apart
// then; but a party that is heard from its description's address is believed at once.
func injectedSilent(s *stage.Stage) {
	c := connect(s)
	x := newAttacker(s, c.a.phone)
	said := c.a.rtp
	c.a.elsewhere()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 50 {
		x.shoot(c.a.to, 1)
		<-tick.C
	}
	before, _ := heardOf(c.b.phone, 50*time.Millisecond)
	for range 50 {
		c.a.send(c.a.packet("voice"))
		x.shoot(c.a.to, 1)
		<-tick.C
	}
	bad, good := heardOf(c.b.phone, 50*time.Millisecond)
	s.Logf("behind NAT and silent, symmetric: %d of the attacker's 50 packets heard; then %d of his 50 and %d of the party's 50", before, bad, good)
	c.a.rtp = said
	if n := heardWithin(c.a.phone, c.b.phone, 1); n != 1 {
		s.Errorf("the description's own address is not heard at once")
	}
	hush(c.b.phone)
	x.bled()
	injected, bled := c.under(x, 20, 3)
	c.clean(x, 0, injected, bled)
	c.end()
}

// injectedLater: into a call that is settled nothing is injected, and nothing bleeds.
func injectedLater(s *stage.Stage, way string) {
	latching(s, way)
	c := connect(s)
	c.settle()
	x := newAttacker(s, c.a.phone)
	injected, bled := c.under(x, 100, 5)
	c.clean(x, 0, injected, bled)
	c.end()
}

// injectedLaterNAT: nor where the party is behind NAT, once its source is learnt; within the
// window only a better source would count, which the attacker's is not.
func injectedLaterNAT(s *stage.Stage) {
	c := connect(s)
	c.a.elsewhere()
	heardWithin(c.a.phone, c.b.phone, 100)
	hush(c.b.phone)
	x := newAttacker(s, c.a.phone)
	injected, bled := c.under(x, 250, 3) // over the window's end
	c.clean(x, 0, injected, bled)
	c.end()
}

// flooded: a thousand packets at once at each port do not keep the call from going on.
func flooded(s *stage.Stage) {
	c := connect(s)
	c.settle()
	x := newAttacker(s, c.a.phone)
	for range 10 {
		x.shoot(c.a.to, 200)
		x.shoot(c.b.control, 200)
		x.bled()
	}
	injected, bled := c.under(x, 50, 20)
	c.clean(x, 0, injected, bled)
	c.end()
}

// foreignReports: RTCP of somebody else is passed to nobody, and does not draw RTCP to him,
// whether he comes before or after the party.
func foreignReports(s *stage.Stage) {
	c := connect(s)
	x := newAttacker(s, c.a.phone)
	fake := func() {
		b := c.a.report()
		for _, at := range []netip.AddrPort{c.a.control, c.b.control} {
			for range 10 {
				if _, err := x.conn.WriteToUDPAddrPort(b, at); err != nil {
					s.Fatal(err)
				}
			}
		}
	}
	fake()
	c.b.quiet(c.b.rtcp)
	reports(c.a.phone, c.b.phone, c.a.rtcp, c.b.rtcp)
	c.settle()
	fake()
	c.a.quiet(c.a.rtcp)
	c.b.quiet(c.b.rtcp)
	reports(c.a.phone, c.b.phone, c.a.rtcp, c.b.rtcp)
	if n := x.bled(); n != 0 {
		s.Errorf("%d packets went to somebody else", n)
	}
	c.end()
}
