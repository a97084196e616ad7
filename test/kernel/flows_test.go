package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

// TestFlows plays a bridged call between the two networks, with the kernel's help, in both ways of
// attaching, and without.
// What arrives is compared byte by byte; whether the kernel has forwarded it tells the kernel's own
// count of what sockets were given.
func TestFlows(t *testing.T) {
	for name, env := range map[string][]string{"kernel": nil, "clsact": {"TOLLGATE_KERNEL=clsact"}, "sockets": {"TOLLGATE_MEDIA_KERNEL=off"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := set(t, env...)
			p.way(name)
			p.acme.Extra = "rtp_bridging: true\n"
			p.node.Apply(t, p.acme)
			for _, play := range []struct {
				name string
				do   func(*bridge)
			}{
				{"other packets", otherPackets},
				{"held", held},
				{"source", source},
				{"banned", banned},
				{"killed", killed},
			} {
				t.Run(play.name, func(t *testing.T) {
					q := *p
					q.T = t
					b := q.bridge()
					b.settle()
					play.do(b)
				})
			}
		})
	}
}

// stream is one party's end of the audio.
type stream struct {
	*net.UDPConn
	at   netip.AddrPort
	to   netip.AddrPort // where it was told to send
	ssrc uint32
	seq  uint16
}

// bridge is a call with audio between a phone and the PBX.
type bridge struct {
	*place
	a, b         *peer.Call
	caller       *peer.UA
	phone, other *stream
	version      int
	mayLose      int // packets, now
}

// bridge connects one.
func (p *place) bridge() *bridge {
	p.Helper()
	k := &bridge{place: p, caller: p.phone("udp")}
	k.phone = p.stream(p.cloud.Phones, k.caller.Addr().Addr(), 0xa)
	k.other = p.stream(p.cloud.PBXs, p.pbx.Addr().Addr(), 0xb)
	k.a = k.caller.Invite("sip:bob@acme.test", k.describes(k.phone))
	k.b = p.pbx.Accept("INVITE")
	k.other.told(p, k.b.Incoming())
	k.b.Answer(200, k.describes(k.other))
	k.phone.told(p, k.a.Expect(200))
	k.a.Ack()
	k.b.Expect("ACK")
	return k
}

// stream opens a pair of ports, of which only that for RTP is used.
func (p *place) stream(in harness.Netns, at netip.Addr, ssrc uint32) *stream {
	p.Helper()
	s := &stream{ssrc: ssrc, seq: 100}
	err := in.Do(func() (err error) {
		s.UDPConn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, 0)))
		return err
	})
	if err != nil {
		p.Fatal(err)
	}
	s.at = s.LocalAddr().(*net.UDPAddr).AddrPort()
	p.Cleanup(func() { _ = s.Close() })
	return s
}

// describes is a description of a party's audio, with more lines.
func (k *bridge) describes(s *stream, lines ...string) peer.Option {
	k.version++
	return peer.Body("application/sdp", fmt.Sprintf("v=0\r\no=- 1 %d IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"+
		"m=audio %d RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n%s",
		k.version, s.at.Addr(), s.at.Addr(), s.at.Port(), strings.Join(lines, "")))
}

// told takes where a description leads.
func (s *stream) told(p *place, m *peer.Message) {
	p.Helper()
	var ip netip.Addr
	var port int
	for line := range strings.Lines(m.Body) {
		if a, ok := strings.CutPrefix(line, "c=IN IP4 "); ok {
			ip, _ = netip.ParseAddr(strings.TrimSpace(a))
		}
		if a, ok := strings.CutPrefix(line, "m=audio "); ok {
			a, _, _ = strings.Cut(a, " ")
			port, _ = strconv.Atoi(a)
		}
	}
	if s.to = netip.AddrPortFrom(ip, uint16(port)); !ip.IsValid() || port == 0 {
		p.Fatalf("the description leads nowhere:\n%s", m.Body)
	}
}

// packet is the next one of a party, with a payload of its own.
func (s *stream) packet(pt byte) []byte {
	s.seq++
	b := binary.BigEndian.AppendUint16([]byte{0x80, pt}, s.seq)
	b = binary.BigEndian.AppendUint32(b, uint32(s.seq)*160)
	b = binary.BigEndian.AppendUint32(b, s.ssrc)
	return fmt.Appendf(b, "%0*d", 1+int(s.seq)%160, s.seq)
}

func (k *bridge) send(from *stream, b []byte) {
	k.Helper()
	if _, err := from.WriteToUDPAddrPort(b, from.to); err != nil {
		k.Fatal(err)
	}
}

// says sends what the other is to hear, from our other port.
func (k *bridge) says(from, to *stream, b []byte) {
	k.Helper()
	k.send(from, b)
	got, source, err := to.receive(3 * time.Second)
	if errors.Is(err, os.ErrDeadlineExceeded) && k.mayLose > 0 {
		k.mayLose--
		return
	}
	if err != nil || string(got) != string(b) || source != to.to {
		k.Fatalf("%s heard % x from %s (%v), expected from %s % x", to.at, got, source, err, to.to, b)
	}
}

func (s *stream) receive(wait time.Duration) ([]byte, netip.AddrPort, error) {
	b := make([]byte, 2048)
	if err := s.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return nil, netip.AddrPort{}, err
	}
	n, from, err := s.ReadFromUDPAddrPort(b)
	return b[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
}

// hearsNothing reads what is not to come.
func (k *bridge) hearsNothing(s *stream) {
	k.Helper()
	if b, from, err := s.receive(quiet); err == nil {
		k.Errorf("%s heard from %s: % x", s.at, from, b)
	}
}

// talk has both say something n times, and gives how many of these packets sockets of the node's
// machine were given.
func (k *bridge) talk(n int) int {
	k.Helper()
	before := k.received()
	for range n {
		k.says(k.phone, k.other, k.phone.packet(0))
		k.says(k.other, k.phone, k.other.packet(0))
	}
	return k.received() - before
}

// settle has them talk until the kernel forwards both ways, if it does. The kernel stops and starts an
// interface whose clsact queue comes: of each way what is just being sent then may be lost.
func (k *bridge) settle() {
	k.Helper()
	if k.clsact {
		k.mayLose = 2
		defer func() { k.mayLose = 0 }()
	}
	if !k.drops {
		k.talk(100)
		return
	}
	harness.Eventually(k, 15*time.Second, func() error {
		if n := k.talk(20); n > 2 { // somebody may say something else meanwhile
			return fmt.Errorf("%d of 40 packets came to the node", n)
		}
		return nil
	})
}

// comes wants all packets to come to the node.
func (k *bridge) comes(n int) {
	k.Helper()
	if got := k.talk(n); got < 2*n {
		k.Errorf("%d of %d packets came to the node", got, 2*n)
	}
}

// otherPackets: what the kernel does not forward takes its old way, and nothing of it is lost.
func otherPackets(k *bridge) {
	before := k.received()
	for range 5 {
		k.says(k.phone, k.other, k.phone.packet(101)) // a digit
		k.says(k.phone, k.other, k.phone.packet(0))
	}
	if n := k.received() - before; n < 5 {
		k.Errorf("%d of 5 digits came to the node", n)
	}
	for _, b := range [][]byte{k.phone.packet(8), []byte("\x00\x01\x00\x00\x21\x12\xa4\x42stun........"), {0x80}, []byte("\x16\xfe\xff dtls")} {
		k.send(k.phone, b)
		k.hearsNothing(k.other)
	}
	k.phone.seq += 5000 // it begins anew
	k.talk(20)
	k.other.ssrc++
	k.talk(20)
	k.settle()
	k.hangUp()
}

// hangUp ends the call, and then nothing passes any more.
func (k *bridge) hangUp() {
	k.Helper()
	k.a.Request("BYE")
	k.b.Reply(k.b.Expect("BYE"), 200)
	k.a.Expect("200 BYE")
	k.send(k.phone, k.phone.packet(0))
	k.send(k.other, k.other.packet(0))
	k.hearsNothing(k.other)
	k.hearsNothing(k.phone)
}

// held: hold takes the flow back at once, and so does what resumes it.
func held(k *bridge) {
	for _, c := range []struct{ offer, answer string }{{"a=inactive\r\n", "a=inactive\r\n"}, {"", ""}} {
		k.a.Request("INVITE", k.describes(k.phone, c.offer))
		m := k.b.Expect("INVITE")
		k.b.Reply(m, 200, k.describes(k.other, c.answer))
		k.a.Expect("200 INVITE")
		k.a.Ack()
		k.b.Expect("ACK")
		if c.offer != "" {
			k.send(k.phone, k.phone.packet(0))
			k.send(k.other, k.other.packet(0))
			k.hearsNothing(k.other)
			k.hearsNothing(k.phone)
		}
	}
	k.comes(5)
	k.settle()
	k.hangUp()
}

// source: nobody else gets into the call.
func source(k *bridge) {
	mallory := k.stream(k.cloud.Phones, k.cloud.Phone(), k.phone.ssrc)
	mallory.to, mallory.seq = k.phone.to, k.phone.seq
	for range 5 {
		k.send(mallory, mallory.packet(0))
	}
	k.hearsNothing(k.other)
	k.hearsNothing(mallory)
	k.talk(5)
	k.hangUp()
}

// banned: from then on nothing passes.
func banned(k *bridge) {
	k.ban(k.caller.IP(), 1)
	if k.drops {
		k.send(k.phone, k.phone.packet(0))
		k.hearsNothing(k.other)
	}
	k.node.Must(k, "unban", k.caller.IP())
	k.talk(5)
	k.hangUp()
}

// killed: while there is no process nothing is forwarded, and the next one goes on.
func killed(k *bridge) {
	k.node.Signal(k, syscall.SIGKILL)
	k.node.Exited(5 * time.Second)
	harness.Eventually(k, harness.Soon, func() error { // the kernel clears up a moment later
		k.send(k.phone, k.phone.packet(0))
		if _, _, err := k.other.receive(quiet); err == nil {
			return errors.New("media still flows")
		}
		return nil
	})
	k.node.Up(k)
	harness.Eventually(k, harness.Soon, func() error {
		k.send(k.phone, k.phone.packet(0))
		if _, _, err := k.other.receive(quiet); err != nil {
			return errors.New("media does not flow again")
		}
		return nil
	})
	for err := error(nil); err == nil; {
		_, _, err = k.other.receive(quiet) // what came late
	}
	k.settle()
	k.hangUp()
}
