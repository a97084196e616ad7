package registrar_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/registrar"
	"tollgate/internal/transport"
)

// TestPing: what a phone is asked.
func TestPing(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		p := r.phone("a%20b")
		p.accept([]string{desk}, "Path: <sip:p1.example;lr>")
		r.answerPings(false)
		r.wait(30 * time.Second)
		got := r.want(phoneAddr, "OPTIONS sip:3401@10.0.0.5:5060;ob SIP/2.0\r\n")
		r.nothing(phoneAddr)
		for name, want := range map[string]string{
			"Route": "<sip:p1.example;lr>", "Max-Forwards": "70", "To": "<sip:a%20b@acme.test>",
			"CSeq": "1 OPTIONS", "Contact": "<sip:ping@192.0.2.1:5060>", "Content-Length": "0",
		} {
			if header(got, name) != want {
				t.Errorf("%s: %q, want %q", name, header(got, name), want)
			}
		}
		if !strings.HasPrefix(header(got, "From"), "<sip:ping@192.0.2.1>;tag=") || strings.Contains(got, "203.0.113") {
			t.Errorf("what it says of others:\n%s", got)
		}
		r.wait(30 * time.Second)
		again := r.want(phoneAddr, "OPTIONS ")
		if header(again, "From") == header(got, "From") || header(again, "Via") == header(got, "Via") {
			t.Error("the same question again: a phone may take it for a loop")
		}
	})
}

// TestDeadPhone: three unanswered pings in a row end a binding; any answer counts,
// and so does a REGISTER.
func TestDeadPhone(t *testing.T) {
	run(t, false, func(r *rig) {
		p := r.phone("3401")
		p.accept([]string{desk})
		r.answerPings(false)
		missed := func(want int) {
			t.Helper()
			list := r.reg.List(everyone, registrar.Place{}, 0)
			if len(list) != 1 || list[0].Missed != want {
				t.Fatalf("missed: want %d in %+v", want, list)
			}
		}
		r.wait(90 * time.Second)
		missed(2)
		for range 2 {
			r.want(phoneAddr, "OPTIONS ")
		}
		r.in(udp(phoneAddr), answer(r.want(phoneAddr, "OPTIONS "), "481 No"))
		missed(0)
		r.wait(90 * time.Second)
		missed(2)
		r.drain(phoneAddr)
		p.accept([]string{desk})
		missed(0)
		r.wait(89 * time.Second)
		r.bound("3401", "sip:3401@10.0.0.5:5060;ob")
		r.wait(32 * time.Second)
		r.bound("3401")
		if got := strings.Join(r.ended, ","); got != "3401@acme.test binding_dead" {
			t.Errorf("ended: %q", got)
		}
		if len(r.journal.kept) != 0 {
			t.Error("it is still in the journal")
		}
	})
}

// TestForgedPong: an answer that nobody could give who was not asked.
func TestForgedPong(t *testing.T) {
	run(t, false, func(r *rig) {
		req, _ := r.phone("3401").accept([]string{desk})
		other := r.phone("3402")
		other.flow = udp(netip.MustParseAddrPort("198.51.100.99:5060"))
		other.accept([]string{"<sip:3402@198.51.100.99>"})
		r.answerPings(false)
		r.wait(60 * time.Second)
		ping, own := r.want(phoneAddr, "OPTIONS "), r.want(other.flow.Remote, "OPTIONS ")
		stranger := dialog.NewMinter(1, 1, dialog.Key{K0: 3, K1: 4}, dialog.Key{ID: 1, K0: 8, K1: 9})
		id, _ := r.minter.Parse([]byte(token(req, 0)))
		for name, forge := range map[string]func() (transport.Flow, string){
			"from elsewhere":    func() (transport.Flow, string) { return other.flow, ping },
			"another transport": func() (transport.Flow, string) { return tcp(phoneAddr, 3), ping },
			"a made-up branch": func() (transport.Flow, string) {
				return udp(phoneAddr), strings.Replace(ping, "branch=z9hG4bK", "branch=z9hG4bK0", 1)
			},
			"the token as Call-ID": func() (transport.Flow, string) {
				return udp(phoneAddr), strings.Replace(own, header(own, "Call-ID"), token(req, 0), 1)
			},
			"another's key": func() (transport.Flow, string) {
				forged := stranger.Append(nil, dialog.ID{Slot: dialog.NoSlot, Stable: id.Stable})
				return udp(phoneAddr), strings.Replace(own, header(own, "Call-ID"), string(forged), 1)
			},
		} {
			f, text := forge()
			r.in(f, answer(text, "200 OK"))
			for _, b := range r.reg.List(everyone, registrar.Place{}, 0) {
				if b.AOR == "3401@acme.test" && b.Missed != 1 {
					t.Errorf("%s: missed %d", name, b.Missed)
				}
			}
		}
		r.in(udp(phoneAddr), answer(ping, "200 OK"))
		if b := r.reg.List(everyone, registrar.Place{}, 0)[0]; b.Missed != 0 {
			t.Errorf("the true one: missed %d", b.Missed)
		}
	})
}

// TestKeepalive: connections get a CRLF keepalive and need not answer.
func TestKeepalive(t *testing.T) {
	run(t, false, func(r *rig) {
		p := r.phone("3401")
		p.flow = tcp(phoneAddr, 9)
		p.accept([]string{desk})
		r.answerPings(false)
		r.wait(300 * time.Second)
		for range 10 {
			r.want(phoneAddr, "\r\n\r\n")
		}
		r.nothing(phoneAddr)
		r.bound("3401", "sip:3401@10.0.0.5:5060;ob")
	})
}

// TestNoPings: where a customer wants none, and where there is no customer any more.
func TestNoPings(t *testing.T) {
	run(t, false, func(r *rig) {
		off := *r.customer.Load()
		off.Settings.NATPing = "disabled"
		r.customer.Store(&off)
		r.phone("3401").accept([]string{desk})
		r.answerPings(false)
		r.wait(600 * time.Second)
		r.nothing(phoneAddr)
		r.bound("3401", "sip:3401@10.0.0.5:5060;ob")
		r.customer.Store(nil)
		r.wait(30 * time.Second)
		r.bound("3401")
		if len(r.ended) != 0 {
			t.Errorf("ended: %q", r.ended)
		}
	})
}

// TestNAT: far-end NAT by Contact and Via.
func TestNAT(t *testing.T) {
	straight, port := "<sip:a@198.51.100.7:40123>", "<sip:a@198.51.100.7:5060>"
	for _, c := range []struct {
		name, contact, via string
		more               string
		flow               transport.Flow
		want               bool
	}{
		{"none", straight, "198.51.100.7:40123", "", udp(phoneAddr), false},
		{"private Contact", "<sip:a@192.168.1.2>", "198.51.100.7:40123", "", udp(phoneAddr), true},
		{"carrier's NAT", "<sip:a@100.64.1.2>", "198.51.100.7:40123", "", udp(phoneAddr), true},
		{"private Via", straight, "10.0.0.5:40123", "", udp(phoneAddr), true},
		{"another port", port, "198.51.100.7:40123", "", udp(phoneAddr), true},
		{"another port of a connection", port, "198.51.100.7:40123", "", tcp(phoneAddr, 4), false},
		{"names", "<sip:a@phone.example>", "phone.example", "", udp(phoneAddr), false},
		{"through a proxy", "<sip:a@192.168.1.2>", "198.51.100.7:40123", "Path: <sip:p.example;lr>", udp(phoneAddr), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, false, func(r *rig) {
				r.t = t
				p := r.phone("3401")
				p.flow, p.via = c.flow, c.via
				p.accept([]string{c.contact}, c.more)
				if b := r.reg.List(everyone, registrar.Place{}, 0)[0]; b.NAT != c.want {
					t.Errorf("NAT %v", b.NAT)
				}
			})
		})
	}
}
