package gate_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"tollgate/internal/transport"
)

// Tests of how phones are reached within calls, and outside of them.

func port(a netip.AddrPort, n uint16) netip.AddrPort { return netip.AddrPortFrom(a.Addr(), n) }

// callTo is a call of the PBX's to a phone that has registered.
func (p *phone) callTo(callID string) (pbx, own *leg) {
	p.r.t.Helper()
	p.r.in(pbxAddr, fromPBX("INVITE", p.token, callID))
	return p.takes(p.wants("INVITE"))
}

// callFrom is a call of a phone's to the PBX.
func (p *phone) callFrom(callID string) (own, pbx *leg) {
	p.r.t.Helper()
	text := strings.NewReplacer("198.51.100.7:5062;branch", "192.168.1.20:5060;rport;branch", "sip:alice@198.51.100.7:5062", p.contact,
		"call1@198.51.100.7", callID, "0409@198.51.100.7", p.user+"@acme.test", "z9hG4bKa1", "z9hG4bK"+callID).Replace(invite)
	p.r.in(p.at, text)
	inv := p.r.want(pbxAddr, "INVITE ")
	p.r.in(pbxAddr, answer(inv, "200 OK", bobContact))
	own, pbx = uac(p.at, p.r.want(p.at, "SIP/2.0 200 ")), uas(pbxAddr, inv, "bob")
	p.r.in(p.at, own.next("ACK", ""))
	p.r.want(pbxAddr, "ACK ")
	return own, pbx
}

// eachWay runs a test with a call to a phone, and one from it.
func eachWay(t *testing.T, f func(r *rig, p *phone, own, pbx *leg)) {
	for _, out := range []bool{false, true} {
		both(t, func(r *rig, _ bool) {
			p := r.register("3401", 1)
			var own, pbx *leg
			if out {
				own, pbx = p.callFrom("w1")
			} else {
				pbx, own = p.callTo("w1")
			}
			f(r, p, own, pbx)
			r.ends(pbx, p.at)
			r.over(200)
		})
	}
}

// TestPhoneBehindNAT: requests in the call go through the hole of its NAT, whatever its
// Contact says: a private address, or the NAT's own with another port.
func TestPhoneBehindNAT(t *testing.T) {
	for _, contact := range []string{"sip:3401-1@192.168.1.21:5060", "sip:3401-1@198.51.100.21:5060", "sip:3401-1@phone.example"} {
		t.Run(contact, func(t *testing.T) {
			eachWay(t, func(r *rig, p *phone, own, pbx *leg) {
				own.contact, p.contact = contact, contact
				r.in(p.at, own.next("UPDATE", ""))
				r.in(pbxAddr, answer(r.want(pbxAddr, "UPDATE "), "200 OK", bobRings))
				r.want(p.at, "SIP/2.0 200 ")
				r.asks(pbx, "INFO", "", p.at, "200 OK")
				r.nothing(port(p.at, 5060))
			})
		})
	}
}

// TestPhoneMoves: it is followed where its requests come from: another port or address.
func TestPhoneMoves(t *testing.T) {
	for _, to := range []string{"198.51.100.21:41111", "198.51.100.99:42222"} {
		t.Run(to, func(t *testing.T) {
			eachWay(t, func(r *rig, p *phone, own, pbx *leg) {
				was := p.at
				p.at = netip.MustParseAddrPort(to)
				own.at = p.at
				r.asks(own, "INFO", "", pbxAddr, "200 OK")
				r.asks(pbx, "INFO", "", p.at, "200 OK")
				r.nothing(was)
				// Its next REGISTER comes from elsewhere again.
				p.register(port(p.at, 43333), 3600)
				r.asks(pbx, "INFO", "", p.at, "200 OK")
				own.at = p.at
			})
		})
	}
}

// TestPhoneRegistersElsewhere: a call follows its phone's registration, another port of
// its NAT or another address.
func TestPhoneRegistersElsewhere(t *testing.T) {
	for _, to := range []string{"198.51.100.21:41111", "198.51.100.99:42222"} {
		t.Run(to, func(t *testing.T) {
			eachWay(t, func(r *rig, p *phone, own, pbx *leg) {
				was := p.at
				p.register(netip.MustParseAddrPort(to), 3600)
				r.asks(pbx, "INFO", "", p.at, "200 OK")
				r.nothing(was)
			})
		})
	}
}

// TestPhoneUnregistersInCall: the call is still carried to where it was.
func TestPhoneUnregistersInCall(t *testing.T) {
	eachWay(t, func(r *rig, p *phone, own, pbx *leg) {
		p.register(p.at, 0)
		r.asks(pbx, "INFO", "", p.at, "200 OK")
	})
}

// TestStrangerMovesNobody: who does not know the dialog's tags moves nothing, and who
// does not use our identifier is found from his leg's address only.
func TestStrangerMovesNobody(t *testing.T) {
	eachWay(t, func(r *rig, p *phone, own, pbx *leg) {
		forged := *own
		forged.at = carrierAddr
		forged.local = strings.Replace(own.local, ";tag=", ";tag=x", 1)
		r.in(carrierAddr, forged.next("INFO", ""))
		r.want(carrierAddr, "SIP/2.0 481 ")
		forged.local, forged.routes, forged.target = own.local, nil, "sip:3401@acme.test"
		r.in(carrierAddr, forged.next("INFO", ""))
		r.want(carrierAddr, "SIP/2.0 481 ")
		r.asks(pbx, "INFO", "", p.at, "200 OK")
	})
}

// TestPhoneOverTCP: a new connection of a phone's takes the old one's place.
func TestPhoneOverTCP(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		tcp := func(conn uint64, n uint16) transport.Flow {
			return transport.Flow{Proto: transport.TCP, Conn: conn, Local: edgeAddr, Remote: netip.AddrPortFrom(netip.MustParseAddr("198.51.100.30"), n)}
		}
		register := func(f transport.Flow, n string) string {
			r.inOver(f, "REGISTER sip:acme.test SIP/2.0\nVia: SIP/2.0/TCP 192.168.1.20:5060;branch=z9hG4bK"+n+"\nFrom: <sip:3401@acme.test>;tag=r\n"+
				"To: <sip:3401@acme.test>\nCall-ID: reg\nCSeq: "+n+" REGISTER\nContact: <sip:p@192.168.1.20:5060;transport=tcp>\nMax-Forwards: 70\n")
			reg := r.want(pbxAddr, "REGISTER ")
			r.in(pbxAddr, answer(reg, "200 OK", "Contact: "+header(reg, "Contact")+";expires=600\n"))
			r.want(f.Remote, "SIP/2.0 200 ")
			return uriOf(header(reg, "Contact"))
		}
		first, second := tcp(1, 40001), tcp(2, 40002)
		token := register(first, "1")
		r.in(pbxAddr, fromPBX("INVITE", token, "tcp1"))
		inv := r.want(first.Remote, "INVITE sip:p@192.168.1.20:5060;transport=tcp ")
		r.inOver(first, answer(inv, "200 OK", "Contact: <sip:p@192.168.1.20:5060;transport=tcp>\n"))
		pbx := uac(pbxAddr, r.want(pbxAddr, "SIP/2.0 200 "))
		r.in(pbxAddr, pbx.next("ACK", ""))
		r.want(first.Remote, "ACK ")
		r.mu.Lock()
		r.dead[1] = true
		r.mu.Unlock()
		if register(second, "2") != token {
			t.Error("another token over another connection")
		}
		bye := r.says(pbx, "BYE", "", second.Remote)
		r.inOver(second, answer(bye, "200 OK", ""))
		r.want(pbxAddr, "SIP/2.0 200 ")
		r.over(200)
	})
}

// TestCallBack: a phone calls a number at our own address, as hidden calls show it: its
// binding says whose it is. A stranger who does so gets silence.
func TestCallBack(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		p := r.register("3401", 1)
		back := strings.NewReplacer("sip:3401@acme.test", "sip:0401@192.0.2.1", "198.51.100.7:5062", p.at.String()).Replace(invite)
		r.in(p.at, back)
		inv := r.want(pbxAddr, "INVITE ")
		r.in(pbxAddr, answer(inv, "486 Busy Here", ""))
		r.want(p.at, "SIP/2.0 486 ")
		r.in(p.at, ackOf(back))
		r.want(pbxAddr, "ACK ")
		r.in(aliceAddr, strings.ReplaceAll(invite, "sip:3401@acme.test", "sip:0401@192.0.2.1"))
		r.nothing(aliceAddr)
		r.nothing(pbxAddr)
		p.register(p.at, 0)
		r.in(p.at, strings.ReplaceAll(back, "z9hG4bKa1", "z9hG4bKa2"))
		r.nothing(p.at)
		r.over(486)
	})
}

// TestMessageToPhones: an address of record's MESSAGE reaches all its phones; the first
// 2xx goes back, and the others get theirs all the same.
func TestMessageToPhones(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		one, two := r.register("3401", 1), r.register("3401", 2)
		r.in(pbxAddr, fromPBX("MESSAGE", aor, "msg1"))
		first, second := one.wants("MESSAGE"), two.wants("MESSAGE")
		if hidden {
			r.hides(first+second, "203.0.113.10", "tag=pbx")
		}
		r.in(two.at, as(two.tag(), answer(second, "202 Accepted", "Server: at "+two.at.Addr().String()+"\n")))
		got := r.want(pbxAddr, "SIP/2.0 202 ")
		if hidden {
			r.hides(got, two.at.Addr().String(), "tag="+two.tag())
		}
		r.wait(600 * time.Millisecond)
		one.wants("MESSAGE") // again: it has not answered
		r.in(one.at, as(one.tag(), answer(first, "200 OK", "")))
		r.nothing(pbxAddr)
		r.quiet()
	})
}

// TestMessageRefused: the best refusal, or 408 where there is none.
func TestMessageRefused(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		one, two := r.register("3401", 1), r.register("3401", 2)
		no := func(p *phone, m, status string) {
			r.in(p.at, as(p.tag(), answer(m, status+" No", "Server: at "+p.at.Addr().String()+"\n")))
		}
		r.in(pbxAddr, fromPBX("MESSAGE", aor, "msg2"))
		no(two, two.wants("MESSAGE"), "486")
		r.nothing(pbxAddr)
		no(one, one.wants("MESSAGE"), "503")
		got := r.want(pbxAddr, "SIP/2.0 486 ")
		if hidden {
			r.hides(got, one.at.Addr().String(), two.at.Addr().String(), "tag="+two.tag())
		}
		r.in(pbxAddr, fromPBX("MESSAGE", aor, "msg3"))
		no(two, two.wants("MESSAGE"), "503")
		no(one, one.wants("MESSAGE"), "503")
		r.want(pbxAddr, "SIP/2.0 500 ")
		r.in(pbxAddr, fromPBX("MESSAGE", aor, "msg4"))
		r.wait(5100 * time.Millisecond)
		r.want(pbxAddr, "SIP/2.0 408 ")
		r.quiet()
	})
}

// TestMessageUnsendable: a phone that cannot be sent to is none; the other's silence is
// still over in time.
func TestMessageUnsendable(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		one, two := r.register("3401", 1), r.register("3401", 2)
		for i, p := range []*phone{one, two} { // whichever comes first
			r.unsendable(p == two, one.at)
			r.unsendable(p == one, two.at)
			r.in(pbxAddr, fromPBX("MESSAGE", aor, "u"+itoa(i)))
			p.wants("MESSAGE")
			r.wait(5100 * time.Millisecond)
			r.want(pbxAddr, "SIP/2.0 408 ")
			r.drain(p.at)
		}
		r.unsendable(true, one.at, two.at)
		r.in(pbxAddr, fromPBX("MESSAGE", aor, "u3"))
		r.want(pbxAddr, "SIP/2.0 480 ")
		r.quiet()
	})
}

// TestRelayToToken: NOTIFY (MWI) and OPTIONS reach the one phone whose token they name.
func TestRelayToToken(t *testing.T) {
	for _, method := range []string{"NOTIFY", "OPTIONS", "MESSAGE", "INFO"} {
		t.Run(method, func(t *testing.T) {
			both(t, func(r *rig, _ bool) {
				one, two := r.register("3401", 1), r.register("3401", 2)
				r.in(pbxAddr, fromPBX(method, one.token, "n1")+"Event: message-summary\nSubscription-State: active\n")
				got := one.wants(method)
				two.silent()
				r.in(one.at, as(one.tag(), answer(got, "200 OK", "")))
				r.want(pbxAddr, "SIP/2.0 200 ")
				r.quiet()
			})
		})
	}
}
