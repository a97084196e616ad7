package ua

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/sip"
)

// respond answers m from the peer, with a tag of its own; extra is further lines and
// a body.
func (p *peer) respond(m *sip.Message, line, tag, extra string) {
	p.t.Helper()
	to := string(m.Value(sip.HdrTo))
	if tag != "" && m.ToTag() == nil {
		to += ";tag=" + tag
	}
	p.write("SIP/2.0 " + line + "\nVia: " + string(m.Value(sip.HdrVia)) + "\nFrom: " + string(m.Value(sip.HdrFrom)) +
		"\nTo: " + to + "\nCall-ID: " + string(m.CallID()) + "\nCSeq: " + string(m.Value(sip.HdrCSeq)) +
		"\nContact: <sip:far@192.0.2.2>\n" + extra)
}

// requestIn sends a request in the dialog that the INVITE m made with tag.
func (p *peer) requestIn(m *sip.Message, method, tag, extra string) {
	p.t.Helper()
	p.cseq++
	p.write(method + " sip:alice@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2:5060;rport;branch=z9hG4bKfar" + itoa(p.cseq) +
		"\nMax-Forwards: 70\nFrom: " + string(m.Value(sip.HdrTo)) + ";tag=" + tag + "\nTo: " + string(m.Value(sip.HdrFrom)) +
		"\nCall-ID: " + string(m.CallID()) + "\nCSeq: " + itoa(p.cseq) + " " + method + "\nContact: <sip:far@192.0.2.2>\n" + extra)
}

// probeByHand runs a probe against a scripted peer in virtual time.
func probeByHand(t *testing.T, cfg ProbeConfig, script func(p *peer)) (l Ladder) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		p := newPeer(t, n, pbxAddr, callerAddr)
		whole := memProbe(n, "100")
		whole.Ring, whole.Headers, whole.Talk = cfg.Ring, cfg.Headers, max(cfg.Talk, whole.Talk)
		done := make(chan error, 1)
		go func() {
			var err error
			l, err = Probe(t.Context(), whole)
			done <- err
		}()
		script(p)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l
}

func TestProbeRedirected(t *testing.T) {
	l := probeByHand(t, ProbeConfig{}, func(p *peer) {
		m := p.wantRequest(sip.INVITE)
		p.respond(m, "100 Trying", "", "")
		p.respond(m, "302 Moved \x1b[31mTemporarily", "a", "")
		p.respond(m, "302 Moved \u009b31mTemporarily\u202e", "a", "")
		ack := p.wantRequest(sip.ACK)
		if !bytes.Equal(ack.TopVia().Branch, m.TopVia().Branch) || string(ack.ToTag()) != "a" {
			t.Errorf("ACK is\n%s", ack.Bytes())
		}
	})
	if l.Outcome != Refused || l.Status != 302 || l.Reason != `Moved \u{9b}31mTemporarily\u{202e}` {
		t.Errorf("%s %d %s", l.Outcome, l.Status, l.Reason)
	}
	text := l.String()
	js, err := json.Marshal(l)
	if err != nil || strings.ContainsAny(text+string(js), "\x1b\u009b\u202e") || !strings.Contains(text, `\x1b[31mTemporarily  (ignored: Control Character in Header)`) {
		t.Errorf("hostile bytes in\n%q\n%s\n%v", text, js, err)
	}
}

// TestProbeForked: every fork that answers is acknowledged, all but the first are
// ended, and a copy gets its own ACK.
func TestProbeForked(t *testing.T) {
	l := probeByHand(t, ProbeConfig{Talk: time.Minute}, func(p *peer) {
		m := p.wantRequest(sip.INVITE)
		p.respond(m, "180 Ringing", "a", "")
		p.respond(m, "180 Ringing", "b", "")
		p.respond(m, "200 OK", "b", offerText)
		if ack := p.wantRequest(sip.ACK); string(ack.ToTag()) != "b" {
			t.Errorf("ACK is\n%s", ack.Bytes())
		}
		p.respond(m, "200 OK", "a", offerText)
		if ack := p.wantRequest(sip.ACK); string(ack.ToTag()) != "a" {
			t.Errorf("ACK is\n%s", ack.Bytes())
		}
		bye := p.wantRequest(sip.BYE)
		if string(bye.ToTag()) != "a" || bye.CSeq() != 2 {
			t.Errorf("BYE is\n%s", bye.Bytes())
		}
		p.requestIn(m, "BYE", "a", "") // crosses ours
		p.want(200)
		p.respond(bye, "200 OK", "", "")
		p.respond(m, "200 OK", "b", offerText)
		if ack := p.wantRequest(sip.ACK); string(ack.ToTag()) != "b" || ack.CSeq() != 1 {
			t.Errorf("ACK is\n%s", ack.Bytes())
		}
		bye = p.wantRequest(sip.BYE)
		if string(bye.ToTag()) != "b" {
			t.Errorf("BYE is\n%s", bye.Bytes())
		}
		p.respond(bye, "200 OK", "", "")
	})
	if l.Outcome != Answered || l.EndedBy != "us" {
		t.Errorf("%s", &l)
	}
}

// TestProbeCancelCrosses: the 200 was on its way when CANCEL left.
func TestProbeCancelCrosses(t *testing.T) {
	l := probeByHand(t, ProbeConfig{Ring: time.Second}, func(p *peer) {
		m := p.wantRequest(sip.INVITE)
		p.respond(m, "180 Ringing", "a", "")
		cancel := p.wantRequest(sip.CANCEL)
		if cancel.ToTag() != nil || !bytes.Equal(cancel.TopVia().Branch, m.TopVia().Branch) || cancel.CSeq() != 1 {
			t.Errorf("CANCEL is\n%s", cancel.Bytes())
		}
		p.respond(m, "200 OK", "a", offerText)
		p.respond(cancel, "200 OK", "a", "")
		p.wantRequest(sip.ACK)
		p.respond(p.wantRequest(sip.BYE), "200 OK", "", "")
	})
	if l.Outcome != NoAnswer || l.Status != 200 || l.EndedBy != "us" {
		t.Errorf("%s", &l)
	}
}

// TestProbeCancelWaits: no CANCEL before a provisional answer (RFC 3261 9.1).
func TestProbeCancelWaits(t *testing.T) {
	l := probeByHand(t, ProbeConfig{Ring: 100 * time.Millisecond}, func(p *peer) {
		m := p.wantRequest(sip.INVITE)
		p.wantRequest(sip.INVITE)
		p.respond(m, "100 Trying", "", "")
		p.respond(p.wantRequest(sip.CANCEL), "200 OK", "a", "")
		p.respond(m, "487 Request Terminated", "a", "")
		p.wantRequest(sip.ACK)
	})
	if l.Outcome != NoAnswer || l.Status != 487 {
		t.Errorf("%s", &l)
	}
}

// TestProbeRoutes: the ACK takes the route set from its far end to ours.
func TestProbeRoutes(t *testing.T) {
	l := probeByHand(t, ProbeConfig{}, func(p *peer) {
		proxy := newPeer(p.t, p.conn.(*memConn).net, mustAddr("192.0.2.9:5060"), callerAddr)
		m := p.wantRequest(sip.INVITE)
		if m.MaxForwards() != 70 || !bytes.Contains(m.Body(), []byte("RTP/AVP 0")) {
			t.Errorf("INVITE is\n%s", m.Bytes())
		}
		p.respond(m, "200 OK", "a", "Record-Route: <sip:192.0.2.2;lr;x=1>, <sip:192.0.2.9;lr>\n"+offerText)
		ack := proxy.wantRequest(sip.ACK)
		routes := ack.Elements(sip.HdrRoute)
		first, _ := routes.Next()
		second, _ := routes.Next()
		if string(first) != "<sip:192.0.2.9;lr>" || string(second) != "<sip:192.0.2.2;lr;x=1>" || string(ack.RequestURI()) != "sip:far@192.0.2.2" {
			t.Errorf("ACK is\n%s", ack.Bytes())
		}
		proxy.respond(proxy.wantRequest(sip.BYE), "200 OK", "", "")
	})
	if l.Outcome != Answered || !strings.Contains(l.String(), "[192.0.2.9:5060]") {
		t.Errorf("%s", &l)
	}
}

// TestProbeStrictRoute: a first route without lr becomes the Request-URI (RFC 3261
// 12.2.1.1).
func TestProbeStrictRoute(t *testing.T) {
	probeByHand(t, ProbeConfig{}, func(p *peer) {
		p.respond(p.wantRequest(sip.INVITE), "200 OK", "a", "Record-Route: <sip:192.0.2.2>\n"+offerText)
		ack := p.wantRequest(sip.ACK)
		if string(ack.RequestURI()) != "sip:192.0.2.2" || string(ack.Value(sip.HdrRoute)) != "<sip:far@192.0.2.2>" {
			t.Errorf("ACK is\n%s", ack.Bytes())
		}
		p.respond(p.wantRequest(sip.BYE), "200 OK", "", "")
	})
}

// TestProbeReinvited: hold by the far end, an offerless re-INVITE, glare, BYE.
func TestProbeReinvited(t *testing.T) {
	l := probeByHand(t, ProbeConfig{Talk: time.Minute}, func(p *peer) {
		m := p.wantRequest(sip.INVITE)
		p.respond(m, "200 OK", "a", offerText)
		p.wantRequest(sip.ACK)
		p.requestIn(m, "OPTIONS", "a", "")
		p.want(200)
		p.requestIn(m, "OPTIONS", "stranger", "")
		p.want(481)
		p.requestIn(m, "INVITE", "a", strings.ReplaceAll(offerText, "t=0 0\n", "t=0 0\na=inactive\n"))
		if ok := p.want(200); !bytes.Contains(ok.Body(), []byte("a=inactive")) {
			t.Errorf("hold was answered by\n%s", ok.Bytes())
		}
		p.want(200) // again: the ACK is missing
		p.cseq--
		p.requestIn(m, "ACK", "a", "")
		p.requestIn(m, "BYE", "a", "")
		p.want(200)
		p.cseq--
		p.requestIn(m, "BYE", "a", "")
		p.want(200)
	})
	if l.Outcome != Answered || l.EndedBy != "them" {
		t.Errorf("%s", &l)
	}
}

// TestProbePRACKs: a reliable answer is acknowledged once, in its dialog.
func TestProbePRACKs(t *testing.T) {
	l := probeByHand(t, ProbeConfig{}, func(p *peer) {
		m := p.wantRequest(sip.INVITE)
		p.respond(m, "183 Session Progress", "a", "Require: 100rel\nRSeq: 77\n"+offerText)
		prack := p.wantRequest(sip.PRACK)
		if string(prack.Value(sip.HdrRAck)) != "77 1 INVITE" || prack.CSeq() != 2 {
			t.Errorf("PRACK is\n%s", prack.Bytes())
		}
		p.respond(m, "183 Session Progress", "a", "Require: 100rel\nRSeq: 77\n"+offerText)
		p.respond(m, "180 Ringing", "a", "Require: 100rel\nRSeq: 79\n") // 78 is missing
		p.respond(prack, "200 OK", "", "")
		p.requestIn(m, "UPDATE", "a", offerText)
		p.want(200)
		p.respond(m, "200 OK", "a", "")
		if ack := p.wantRequest(sip.ACK); ack.CSeq() != 1 {
			t.Errorf("ACK is\n%s", ack.Bytes())
		}
		bye := p.wantRequest(sip.BYE)
		if bye.CSeq() != 3 {
			t.Errorf("BYE is\n%s", bye.Bytes())
		}
		p.respond(bye, "481 Call Does Not Exist", "", "")
	})
	if l.Outcome != Answered || l.Media.Sent == 0 {
		t.Errorf("%s", &l)
	}
}

// TestProbeBadContact: the call is acknowledged and ended all the same.
func TestProbeBadContact(t *testing.T) {
	l := probeByHand(t, ProbeConfig{}, func(p *peer) {
		m := p.wantRequest(sip.INVITE)
		p.write("SIP/2.0 200 OK\nVia: " + string(m.Value(sip.HdrVia)) + "\nFrom: " + string(m.Value(sip.HdrFrom)) +
			"\nTo: <sip:x@y>;tag=a\nCall-ID: " + string(m.CallID()) + "\nCSeq: 1 INVITE\n")
		p.wantRequest(sip.ACK)
		p.respond(p.wantRequest(sip.BYE), "200 OK", "", "")
	})
	if l.Outcome != Answered || l.Error != "bad Contact in the 2xx" {
		t.Errorf("%s", &l)
	}
}

// TestProbeFlooded: a ladder does not grow for ever.
func TestProbeFlooded(t *testing.T) {
	l := probeByHand(t, ProbeConfig{}, func(p *peer) {
		m := p.wantRequest(sip.INVITE)
		for i := range maxSteps + 100 {
			p.respond(m, "180 Ringing", "a"+itoa(i), "")
			synctest.Wait()
		}
		p.respond(m, "486 Busy Here", "a", "")
		p.wantRequest(sip.ACK)
	})
	if l.Status != 486 || len(l.Steps) != maxSteps || l.Omitted != 103 || !strings.Contains(l.String(), "103 more messages") {
		t.Errorf("%d steps, %d omitted, status %d", len(l.Steps), l.Omitted, l.Status)
	}
}

func TestLadderText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		_, stop := memPBX(t, n, PBXConfig{Ring: 20 * time.Millisecond})
		defer stop()
		l, err := Probe(context.Background(), memProbe(n, "100"))
		if err != nil {
			t.Fatal(err)
		}
		l.CallID = "x"
		want := `192.0.2.1:5060 -> 192.0.2.2:5060 over udp
from sip:alice@192.0.2.1, Call-ID x

        0.0 ms  -->  INVITE sip:100@192.0.2.2 SIP/2.0
        0.0 ms  <--  SIP/2.0 180 Ringing
       20.0 ms  <--  SIP/2.0 200 OK
       20.0 ms  -->  ACK sip:100@192.0.2.2:5060 SIP/2.0
      120.0 ms  -->  BYE sip:100@192.0.2.2:5060 SIP/2.0
      120.0 ms  <--  SIP/2.0 200 OK

answered: 200 OK after 20.0 ms, ended by us, RTP packets: `
		if got := l.String(); !strings.HasPrefix(got, want) {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		var full strings.Builder
		if err := l.WriteText(&full, true); err != nil || !strings.Contains(full.String(), "        CSeq: 1 INVITE\n") {
			t.Errorf("%v\n%s", err, full.String())
		}
	})
}
