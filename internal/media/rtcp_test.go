package media_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"tollgate/internal/media"
)

// controlPhone is a phone with a socket for RTCP, which is that of RTP if it muxes.
type controlPhone struct {
	*phone
	control *phone
}

func (p controlPhone) party(mux bool) media.Party {
	out := p.phone.party()
	out.Mux, out.RTCP = mux, p.control.addr()
	return out
}

// controlCall has phones with RTCP; mux says which of them have it on the port of RTP.
func controlCall(t *testing.T, mux [2]bool) (*call, [2]controlPhone, [2]netip.AddrPort) {
	t.Helper()
	var phones [2]controlPhone
	c := newRig(t, nil).call(nil)
	var ports [2]netip.AddrPort
	for side := range phones {
		phones[side] = controlPhone{c.phones[side], c.phones[side]}
		ports[side] = c.ports[side]
		if !mux[side] {
			phones[side].control = newPhone(t, "127.0.0.1:0")
			ports[side] = netip.AddrPortFrom(loopback, c.ports[side].Port()+1)
		}
		c.Party(c.id, 0, media.Side(side), phones[side].party(mux[side]))
	}
	return c, phones, ports
}

func TestControlAndMux(t *testing.T) {
	for _, mux := range [][2]bool{{false, false}, {true, false}, {false, true}, {true, true}} {
		t.Run(fmt.Sprintf("%v to %v", mux[0], mux[1]), func(t *testing.T) {
			c, phones, ports := controlCall(t, mux)
			c.talk(media.Caller, "a")
			c.talk(media.Callee, "b")
			for range 3 {
				for side, p := range phones {
					report := p.report()
					p.control.send(ports[side], report)
					phones[1-side].control.hears(report, ports[1-side])
				}
			}
			if d := c.Stats().Dropped; d[media.DropKind] != 0 || d[media.DropForeign] != 0 {
				t.Errorf("dropped: %v", d)
			}
		})
	}
}

func TestControlOfOthers(t *testing.T) {
	c, phones, ports := controlCall(t, [2]bool{false, false})
	attacker, near := newPhone(t, "127.0.0.3:0"), newPhone(t, "127.0.0.1:0")
	report := phones[0].report()
	attacker.send(ports[0], report) // before anything is learnt
	near.send(ports[0], report)
	c.awaits(media.DropForeign, 2)
	phones[0].control.send(ports[0], report)
	phones[1].control.hears(report, ports[1])
	c.talk(media.Caller, "learnt")
	attacker.send(ports[0], report)
	near.send(ports[0], report)
	c.awaits(media.DropForeign, 4)
	attacker.send(c.ports[0], report) // and on the port of RTP
	phones[0].send(c.ports[0], report)
	c.awaits(media.DropKind, 2)
	phones[0].control.send(ports[0], report)
	phones[1].control.hears(report, ports[1])
}

// TestControlBehindNAT: once RTP has shown the address, RTCP is believed from there, on any port.
func TestControlBehindNAT(t *testing.T) {
	c, phones, ports := controlCall(t, [2]bool{false, false})
	said := phones[0].party(false)
	said.RTP = netip.MustParseAddrPort("192.0.2.1:4000")
	said.RTCP = netip.MustParseAddrPort("192.0.2.1:4001")
	c.Party(c.id, 0, media.Caller, said)
	c.clock.advance(200 * time.Millisecond)
	for i := range 3 {
		c.clock.advance(20 * time.Millisecond)
		b := phones[0].rtp(0, "from behind")
		phones[0].send(c.ports[0], b)
		if i == 2 {
			phones[1].hears(b, c.ports[1])
		} else {
			c.awaits(media.DropForeign, uint64(i)+1)
		}
	}
	attacker := newPhone(t, "127.0.0.3:0")
	attacker.send(ports[0], phones[0].report())
	c.awaits(media.DropForeign, 3)
	for range 2 {
		phones[0].control.send(ports[0], phones[0].report())
		phones[1].control.hears(phones[0].report(), ports[1])
	}
	b := phones[1].report()
	phones[1].control.send(ports[1], b)
	phones[0].control.hears(b, ports[0])
}
