package ua

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/sip"
)

// byHand runs a scripted peer against a PBX in virtual time.
func byHand(t *testing.T, cfg PBXConfig, script func(t *testing.T, p *peer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		_, stop := memPBX(t, n, cfg)
		defer stop()
		p := newPeer(t, n, callerAddr, pbxAddr)
		script(t, p)
	})
}

// answered brings the peer's call up.
func (p *peer) answered(extra string) *sip.Message {
	p.t.Helper()
	p.request("INVITE", 1, extra)
	m := p.want(200)
	p.request("ACK", 1, "")
	return m
}

func (p *peer) hangUp(cseq int) {
	p.t.Helper()
	p.request("BYE", cseq, "")
	p.want(200)
}

// TestPBXRefuses: one request, one answer.
func TestPBXRefuses(t *testing.T) {
	for _, c := range []struct {
		name, method, extra string
		toTag               string
		status              int
		header, value       string
	}{
		{"OPTIONS", "OPTIONS", "", "", 200, "Allow", allow},
		{"OPTIONS in no dialog", "OPTIONS", "", "gone", 481, "", ""},
		{"MESSAGE", "MESSAGE", "Content-Type: text/plain\n\nhello", "", 200, "", ""},
		{"INFO", "INFO", "", "", 481, "", ""},
		{"BYE", "BYE", "", "gone", 481, "", ""},
		{"UPDATE", "UPDATE", "", "", 481, "", ""},
		{"PRACK", "PRACK", "RAck: 1 1 INVITE\n", "", 481, "", ""},
		{"CANCEL", "CANCEL", "", "", 481, "", ""},
		{"re-INVITE", "INVITE", offerText, "gone", 481, "", ""},
		{"REGISTER", "REGISTER", "", "", 405, "Allow", allow},
		{"unknown method", "DANCE", "", "", 501, "Allow", allow},
		{"Require", "INVITE", "Require: 100rel, timer\nRequire: x\n", "", 420, "Unsupported", "timer, x"},
		{"other body", "INVITE", "Content-Type: text/plain\n\nhello", "", 415, "Accept", sdpType},
		{"other codecs", "INVITE", strings.ReplaceAll(offerText, " 8 0", " 8 96"), "", 488, "", ""},
		{"SRTP", "INVITE", strings.ReplaceAll(offerText, "RTP/AVP", "RTP/SAVP"), "", 488, "", ""},
		{"no SDP", "INVITE", "Content-Type: application/sdp\n\nhello", "", 488, "", ""},
		{"bad route", "INVITE", "Record-Route: <mailto:x@y>\n" + offerText, "", 400, "", ""},
		{"bad header", "OPTIONS", "Max-Forwards: 900\n", "", 400, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			byHand(t, PBXConfig{}, func(t *testing.T, p *peer) {
				p.toTag = c.toTag
				p.request(c.method, 1, c.extra)
				first := p.want(c.status)
				if got := string(first.ValueOf(c.header)); c.header != "" && got != c.value {
					t.Errorf("%s: %q, want %q", c.header, got, c.value)
				}
				if len(first.ToTag()) == 0 {
					t.Error("no To tag")
				}
				p.toTag = c.toTag
				p.request(c.method, 1, c.extra)
				if again := p.want(c.status); !bytes.Equal(again.ToTag(), first.ToTag()) {
					t.Errorf("a copy got tag %q, the first %q", again.ToTag(), first.ToTag())
				}
			})
		})
	}
}

func TestPBXInDialog(t *testing.T) {
	byHand(t, PBXConfig{}, func(t *testing.T, p *peer) {
		m := p.answered(offerText)
		if !bytes.Contains(m.Body(), []byte(" RTP/AVP 0\r\n")) || len(m.Value(sip.HdrContact)) == 0 {
			t.Fatalf("200 is\n%s", m.Bytes())
		}
		for i, c := range []struct {
			method, extra string
			status        int
		}{
			{"OPTIONS", "", 200},
			{"INFO", "Content-Type: application/dtmf-relay\n\nSignal=1\n", 200},
			{"MESSAGE", "Content-Type: text/plain\n\nhello", 200},
			{"UPDATE", "", 200},
			{"UPDATE", offerText, 200},
			{"UPDATE", strings.ReplaceAll(offerText, " 8 0", " 8"), 488},
			{"PRACK", "RAck: 1 1 INVITE\n", 481},
			{"REFER", "Refer-To: <sip:x@192.0.2.9>\n", 405},
			{"DANCE", "", 501},
			{"OPTIONS", "Require: teleport\n", 420},
		} {
			p.request(c.method, 10+i, c.extra)
			first := append([]byte(nil), p.want(c.status).Bytes()...)
			p.request(c.method, 10+i, c.extra)
			if again := p.want(c.status); !bytes.Equal(first, again.Bytes()) {
				t.Errorf("%s: a copy got\n%s", c.method, again.Bytes())
			}
		}
		p.request("OPTIONS", 5, "")
		p.want(500) // RFC 3261 12.2.2: a number that was passed
		p.request("CANCEL", 1, "")
		p.want(481) // a stranger's: its branch is not that of the INVITE
		p.hangUp(30)
		p.request("BYE", 30, "")
		p.want(200)
		p.request("BYE", 31, "")
		p.want(481)
		p.request("INVITE", 1, offerText) // late copies do not ring again
		p.toTag = ""
		p.request("INVITE", 1, offerText)
		p.request("OPTIONS", 40, "")
		if m := p.read(); m.Method() != sip.OPTIONS {
			p.want(200)
		}
	})
}

// TestPBXReinvite: hold, resume, and offers from our side.
func TestPBXReinvite(t *testing.T) {
	byHand(t, PBXConfig{}, func(t *testing.T, p *peer) {
		first := version(t, p.answered(offerText))
		p.request("INVITE", 2, strings.ReplaceAll(offerText, "t=0 0\n", "t=0 0\na=sendonly\n"))
		m := p.want(200)
		if !bytes.Contains(m.Body(), []byte("a=recvonly")) || version(t, m) != first+1 {
			t.Errorf("hold was answered by\n%s", m.Body())
		}
		p.request("INVITE", 2, offerText) // a copy
		p.want(200)
		p.request("ACK", 2, "")

		p.request("INVITE", 3, "")
		m = p.want(200)
		if !bytes.Contains(m.Body(), []byte("a=sendrecv")) || version(t, m) != first+2 {
			t.Errorf("our offer is\n%s", m.Body())
		}
		p.request("UPDATE", 4, offerText)
		p.want(491) // our offer has no answer yet
		p.request("INVITE", 5, offerText)
		p.want(491)
		p.request("ACK", 5, "")
		p.request("ACK", 3, offerText)

		p.request("INVITE", 6, strings.ReplaceAll(offerText, " 8 0", " 8"))
		p.want(488)
		p.request("ACK", 6, "")
		p.request("INVITE", 7, "Content-Type: text/plain\n\nhello")
		p.want(415)
		p.request("ACK", 7, "")
		p.request("OPTIONS", 8, "")
		p.want(200)
		p.hangUp(9)
	})
}

// version is that of the description's origin.
func version(t *testing.T, m *sip.Message) int {
	t.Helper()
	f := strings.Fields(string(m.Body()))
	if len(f) < 4 {
		t.Fatalf("no description in\n%s", m.Bytes())
	}
	n := 0
	for _, c := range f[3] {
		n = n*10 + int(c-'0')
	}
	return n
}

// TestPBXCancel: 200 for the CANCEL and 487 for the INVITE until its ACK.
func TestPBXCancel(t *testing.T) {
	byHand(t, PBXConfig{Ring: time.Minute}, func(t *testing.T, p *peer) {
		p.request("INVITE", 1, offerText)
		p.want(180)
		p.toTag = ""
		cancel := func() {
			p.write("CANCEL sip:100@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKINVITE1\n" +
				"Max-Forwards: 70\nFrom: <sip:peer@192.0.2.1>;tag=peer\nTo: <sip:pbx@192.0.2.2>\nCall-ID: by-hand\nCSeq: 1 CANCEL\n")
		}
		cancel()
		if m := p.want(200); m.Method() != sip.CANCEL {
			t.Errorf("first came\n%s", m.Bytes())
		}
		p.want(487)
		p.want(487) // timer G
		cancel()
		p.want(200)
		p.write("ACK sip:100@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKINVITE1\n" +
			"Max-Forwards: 70\nFrom: <sip:peer@192.0.2.1>;tag=peer\nTo: <sip:pbx@192.0.2.2>;tag=" + p.toTag +
			"\nCall-ID: by-hand\nCSeq: 1 ACK\n")
	})
}

// TestPBXMerged: the same INVITE over two ways (RFC 3261 8.2.2.2).
func TestPBXMerged(t *testing.T) {
	byHand(t, PBXConfig{Ring: time.Minute}, func(t *testing.T, p *peer) {
		p.request("INVITE", 1, offerText)
		p.want(180)
		p.toTag = ""
		p.write("INVITE sip:100@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKother\n" +
			"Max-Forwards: 70\nFrom: <sip:peer@192.0.2.1>;tag=peer\nTo: <sip:pbx@192.0.2.2>\nCall-ID: by-hand\nCSeq: 1 INVITE\n" +
			"Contact: <sip:peer@192.0.2.1>\n")
		p.want(482)
	})
}

// TestPBXNoACK: a 2xx without ACK is repeated for 32 s and then hung up.
func TestPBXNoACK(t *testing.T) {
	byHand(t, PBXConfig{}, func(t *testing.T, p *peer) {
		start := time.Now()
		p.request("INVITE", 1, offerText)
		p.want(200)
		copies := 0
		m := p.read()
		for ; !m.IsRequest(); m = p.read() {
			copies++
		}
		if m.Method() != sip.BYE || copies != 10 || time.Since(start).Round(time.Second) != 32*time.Second {
			t.Errorf("%d copies, then after %s\n%s", copies, time.Since(start), m.Bytes())
		}
	})
}

// TestPBXLateOffer: the offer is ours, in the 200; tone goes where the ACK says.
func TestPBXLateOffer(t *testing.T) {
	byHand(t, PBXConfig{}, func(t *testing.T, p *peer) {
		rtp := newPeer(t, p.conn.(*memConn).net, mustAddr("192.0.2.1:4000"), pbxAddr)
		p.request("INVITE", 1, "")
		p.want(200)
		p.request("ACK", 1, offerText)
		buf := make([]byte, 1500)
		for i := range 3 {
			n, _, err := rtp.conn.ReadFromUDPAddrPort(buf)
			if err != nil || n != 172 || buf[0] != 0x80 || (buf[1] == 0x80) != (i == 0) {
				t.Errorf("packet %d: %d bytes, % x, %v", i, n, buf[:12], err)
			}
		}
		p.hangUp(2)
	})
}

// TestPBXReliableLateOffer: the offer goes out in the reliable 180, its answer comes
// in the PRACK, the 200 has none.
func TestPBXReliableLateOffer(t *testing.T) {
	byHand(t, PBXConfig{}, func(t *testing.T, p *peer) {
		p.request("INVITE", 1, "Require: 100rel\n")
		if m := p.want(180); len(m.Body()) == 0 || string(m.Value(sip.HdrRSeq)) != "1" {
			t.Errorf("180 is\n%s", m.Bytes())
		}
		p.want(180) // nobody acknowledged it
		p.request("PRACK", 2, "RAck: 2 1 INVITE\n")
		p.want(481)
		p.request("PRACK", 3, "RAck: 1 1 INVITE\n"+offerText)
		p.want(200)
		if m := p.want(200); m.Method() != sip.INVITE || len(m.Body()) != 0 {
			t.Errorf("the answer is\n%s", m.Bytes())
		}
		p.request("ACK", 1, "")
		p.hangUp(4)
	})
}

// TestPBXNoPRACK: without it the call is refused after 32 s (RFC 3262 3).
func TestPBXNoPRACK(t *testing.T) {
	byHand(t, PBXConfig{}, func(t *testing.T, p *peer) {
		p.request("INVITE", 1, "Require: 100rel\n"+offerText)
		for range 7 {
			p.want(180)
		}
		p.want(504)
		p.toTag = ""
	})
}

// TestPBXRingsOn: 180 comes again every minute, up to the longest call.
func TestPBXRingsOn(t *testing.T) {
	byHand(t, PBXConfig{MaxCall: 150 * time.Second, Ring: time.Hour}, func(t *testing.T, p *peer) {
		start := time.Now()
		p.request("INVITE", 1, offerText)
		for range 3 {
			p.want(180)
		}
		p.want(480)
		if d := time.Since(start); d != 150*time.Second {
			t.Errorf("ended after %s", d)
		}
	})
}

// TestPBXFull: further calls get 503, and room comes back.
func TestPBXFull(t *testing.T) {
	byHand(t, PBXConfig{MaxCalls: 1}, func(t *testing.T, p *peer) {
		p.answered(offerText)
		mine := p.toTag
		p.tag, p.toTag = "other", ""
		p.request("INVITE", 5, offerText)
		p.want(503)
		p.tag, p.toTag = "peer", mine
		p.hangUp(2)
		synctest.Wait()
		p.tag, p.toTag = "third", ""
		p.request("INVITE", 7, offerText)
		p.want(200)
		p.request("ACK", 7, "")
		p.hangUp(8)
	})
}

// TestPBXRoutes: our BYE follows the route set to where it leads.
func TestPBXRoutes(t *testing.T) {
	byHand(t, PBXConfig{}, func(t *testing.T, p *peer) {
		proxy := newPeer(t, p.conn.(*memConn).net, mustAddr("192.0.2.7:5070"), pbxAddr)
		p.write("INVITE sip:7@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1\n" +
			"Record-Route: <sip:192.0.2.7:5070;lr>, <sip:192.0.2.8;lr>\n" +
			"From: <sip:peer@192.0.2.1>;tag=peer\nTo: <sip:pbx@192.0.2.2>\nCall-ID: by-hand\nCSeq: 1 INVITE\n" +
			"Contact: <sip:peer@192.0.2.1>\n" + offerText)
		if m := p.want(200); m.First(sip.HdrRecordRoute) == nil {
			t.Errorf("no Record-Route in\n%s", m.Bytes())
		}
		p.request("ACK", 1, "")
		m := proxy.wantRequest(sip.BYE)
		routes := m.Elements(sip.HdrRoute)
		first, _ := routes.Next()
		if string(first) != "<sip:192.0.2.7:5070;lr>" || string(m.RequestURI()) != "sip:peer@192.0.2.1" {
			t.Errorf("BYE is\n%s", m.Bytes())
		}
	})
}
