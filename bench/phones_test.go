package main

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPhoneNames(t *testing.T) {
	for _, i := range []int{0, 1, 254, 255, 99_999, maxPhones - 1} {
		if got := phoneAt(phoneAddr(i)); got != i {
			t.Errorf("phone %d has the address of %d", i, got)
		}
		if got := phoneOf(`"Desk" <sip:` + phoneUser(i) + "@c01.test>"); got != i {
			t.Errorf("phone %d has the name of %d", i, got)
		}
	}
	for _, other := range []string{"", "<sip:x@y>", "<sip:199999@y>", "<tel:1>"} {
		if got := phoneOf(other); got != -1 {
			t.Errorf("%q is phone %d", other, got)
		}
	}
	if last := netip.AddrFrom4(phoneAddr(maxPhones - 1)); !last.IsLoopback() {
		t.Errorf("the last phone is at %s", last)
	}
}

func TestTally(t *testing.T) {
	var s tally
	s.reset(10, 3)
	for _, cseq := range []int{9, 10, 12, 12, 13, -1} {
		s.note(cseq)
	}
	if once, again := s.counts(); once != 2 || again != 1 {
		t.Errorf("%d seen, %d again; want 2 and 1", once, again)
	}
	if !s.has(10) || s.has(11) {
		t.Errorf("10 seen: %t, 11 seen: %t", s.has(10), s.has(11))
	}
}

// TestEnrol: what is lost is sent again, once for each time that it is.
func TestEnrol(t *testing.T) {
	edge, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	phones, err := startPhones(0)
	if err != nil {
		t.Fatal(err)
	}
	defer phones.close()
	const n, lossy = 40, 4 // the first REGISTER of each fourth is lost
	var ended sync.WaitGroup
	ended.Go(func() {
		seen := map[int]bool{}
		buf := make([]byte, 65536)
		for {
			size, from, err := edge.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			m := parseProbe(buf[:size])
			if lost := m.cseq()%lossy == 0 && !seen[m.cseq()]; lost {
				seen[m.cseq()] = true
				continue
			}
			_, _ = edge.WriteToUDPAddrPort([]byte(m.reply(";tag=r")+"Contact: "+m.header("Contact")+"\r\nContent-Length: 0\r\n\r\n"), from)
		}
	})
	defer ended.Wait()
	defer edge.Close()
	repeated, err := phones.enrol(edge.LocalAddr().(*net.UDPAddr).AddrPort(), n, 4000)
	if granted, again := phones.settle(0); err != nil || granted != n || again > repeated-n/lossy || repeated < n/lossy {
		t.Errorf("%d of %d granted, %d again, %d repeated: %v", granted, n, again, repeated, err)
	}
}

// TestPhonesAndRegistrar has both speak to each other, with nothing between them.
func TestPhonesAndRegistrar(t *testing.T) {
	at, err := freeUDP("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	everywhere, err := freeUDP("0.0.0.0")
	if err != nil {
		t.Fatal(err)
	}
	b := bench{answer: at, callerPort: everywhere.Port()}
	phones, registrar, err := b.startPhones()
	if err != nil {
		t.Fatal(err)
	}
	defer phones.close()
	defer registrar.close()
	const count, n = 50, 120
	for range 2 {
		registrar.expect(phones.cseq+1, n)
		if err := phones.register(at, count, n, 4000); err != nil {
			t.Fatal(err)
		}
		granted, again := phones.settle(5 * time.Second)
		asked, repeated := registrar.counts()
		if granted != n || asked != n || again+repeated != 0 || phones.refusal() != 0 {
			t.Errorf("%d granted, %d asked, %d sent again", granted, asked, again+repeated)
		}
	}
	for i := range count {
		if want := "sip:" + phoneUser(i) + "@192.168."; !strings.HasPrefix(registrar.contact(i), want) {
			t.Errorf("phone %d has registered as %q", i, registrar.contact(i))
		}
	}
	f := field{phones: phones, registrar: registrar}
	f.sip = netip.AddrPortFrom(netip.AddrFrom4(phoneAddr(7)), everywhere.Port())
	for phone, want := range map[int]bool{7: true, 8: false} {
		if rung, err := f.ring(phone, 200*time.Millisecond); err != nil || rung != want {
			t.Errorf("phone %d: %t, %v; want %t", phone, rung, err, want)
		}
	}
}

func TestLimitsOfPhones(t *testing.T) {
	r := report{bench: &bench{rates: []int{targetRate}}, peers: []*peer{{name: peerTollgate, label: "T"}}}
	r.peers[0].relay = func(*peer, []string) (*process, error) { return nil, nil }
	for cost, want := range map[time.Duration]string{69: "| 0.69 | 0.70 | met |", 71: "| 0.71 | 0.70 | MISSED |"} {
		r.registers = samples{{Peer: peerKamailio, Rate: targetRate, PerCall: 100}, {Peer: peerTollgate, Rate: targetRate, PerCall: cost}}
		var b strings.Builder
		if r.registerTable(&b); !strings.Contains(b.String(), want) {
			t.Errorf("%s: want %s", b.String(), want)
		}
	}
	r.bindings = []bindingsResult{{
		Count: 10, Pings: pingResult{Seconds: 10, All: 100, Most: 13, Alive: 10},
		Restart: restartResult{Ready: time.Second, Forwarded: 4 * time.Second, Alive: 9, Tried: 5, Rung: 5},
	}}
	var b strings.Builder
	r.bindingsTable(&b)
	for _, want := range []string{
		"most | 13 | 12 | MISSED |", "after the pings | 10 | 10 | met |", "both, s | 4.00 | 3.00 | MISSED |",
		"after the restart | 9 | 10 | MISSED |", "5 of 5 |  | met |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s\nwant %s", b.String(), want)
		}
	}
}
