package ua

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// FuzzPBX gives a PBX that has a call up any datagram, then places a real call.
func FuzzPBX(f *testing.F) {
	head := " sip:100@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=t\r\nTo: <sip:c@d>\r\nCall-ID: i\r\n"
	f.Add("INVITE" + head + "CSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.9>\r\nContent-Length: 0\r\n\r\n")
	f.Add("INVITE" + head + "CSeq: 1 INVITE\r\nRequire: 100rel\r\nContact: <sip:a@x>\r\nRecord-Route: <sip:192.0.2.9;lr>\r\n\r\n")
	f.Add("CANCEL" + head + "CSeq: 1 CANCEL\r\n\r\n")
	f.Add("BYE" + head + "CSeq: 2 BYE\r\n\r\n")
	f.Add("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=t\r\nTo: <sip:c@d>;tag=u\r\nCall-ID: i\r\nCSeq: 1 INVITE\r\n\r\n")
	f.Add("\r\n\r\n")
	f.Fuzz(func(t *testing.T, datagram string) {
		if leavesNetwork(datagram) {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			n := newMemNet()
			pbx, stop := memPBX(t, n, PBXConfig{MaxCall: time.Minute})
			defer stop()
			p := newPeer(t, n, mustAddr("192.0.2.9:5060"), pbxAddr)
			for range 2 {
				_, _ = p.conn.WriteToUDPAddrPort([]byte(datagram), pbxAddr)
				synctest.Wait()
			}
			l, err := Probe(t.Context(), memProbe(n, "100"))
			if err != nil || l.Outcome != Answered {
				t.Errorf("%v\n%s", err, &l)
			}
			timer := time.NewTimer(3 * time.Minute)
			<-timer.C
			synctest.Wait()
			pbx.mu.Lock()
			defer pbx.mu.Unlock()
			if pbx.live != 0 {
				t.Errorf("%d calls are left", pbx.live)
			}
		})
	})
}

// leavesNetwork tells whether a message may ask for a stream, which is no thing of a
// memNet.
func leavesNetwork(s string) bool {
	s = strings.ToLower(s)
	return strings.Contains(s, "transport") || strings.Contains(s, "sips")
}

// FuzzProbe answers a probe with any status line and header.
func FuzzProbe(f *testing.F) {
	f.Add("180 Ringing", "Contact: <sip:x@192.0.2.2>\nRequire: 100rel\nRSeq: 1\n")
	f.Add("200 OK", "Contact: <sip:x@192.0.2.2>\nRecord-Route: <sip:[::1];lr>\n")
	f.Add("302 Moved", "Contact: *\n")
	f.Add("486 \u202e\x00", "X: \x1b\n")
	f.Fuzz(func(t *testing.T, line, extra string) {
		if strings.ContainsAny(line, "\r\n") || leavesNetwork(extra) {
			return
		}
		l := probeByHand(t, ProbeConfig{Ring: time.Second}, func(p *peer) {
			m := p.read()
			p.respond(m, line, "a", extra)
		})
		for _, r := range l.String() {
			if r != '\n' && (r < ' ' || r == 0x7f || r == 0x202e) {
				t.Errorf("hostile bytes in\n%q", l.String())
			}
		}
	})
}

// TestStrangers: connections that say nothing of use neither stay nor stop calls.
func TestStrangers(t *testing.T) {
	pbx, _ := startPBX(t, PBXConfig{Listen: netip.MustParseAddrPort("127.0.0.2:0")})
	for _, noise := range []string{"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x00\xa5\x01", "INVITE sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n"} {
		conn, err := net.Dial("tcp", pbx.Addr(TCP).String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(noise)); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, err := conn.Read(make([]byte, 100)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q: %d bytes, %v", noise, n, err)
		}
	}
	ping(t, pbx.Addr(TCP))
	l, err := Probe(t.Context(), ProbeConfig{Server: pbx.Addr(TCP), Proto: TCP, URI: "sip:100@127.0.0.2"})
	if err != nil || l.Outcome != Answered {
		t.Errorf("%v\n%s", err, &l)
	}
}

// ping sends a keepalive in two pieces and wants its answer (RFC 5626 4.4.1).
func ping(t *testing.T, addr netip.AddrPort) {
	t.Helper()
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = conn.Write([]byte("\r\n\r\n"))
	buf := make([]byte, 10)
	if n, err := conn.Read(buf); err != nil || string(buf[:n]) != "\r\n" {
		t.Errorf("%q, %v", buf[:n], err)
	}
}

// TestConnectionLost: the far end closes the connection while it rings.
func TestConnectionLost(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Read(make([]byte, 4096))
		_ = conn.Close()
	}()
	ladder, err := Probe(t.Context(), ProbeConfig{Server: addrPort(l.Addr()), Proto: TCP, URI: "sip:100@127.0.0.1"})
	if err != nil || ladder.Outcome != Failed || ladder.Error != errLost.Error() {
		t.Errorf("%v\n%s", err, &ladder)
	}
}

// TestNothingStays: what a PBX and a probe have started has ended when they return.
// The virtual network sees to that for UDP.
func TestNothingStays(t *testing.T) {
	pbx, stop := startPBX(t, PBXConfig{Listen: netip.MustParseAddrPort("127.0.0.2:0")})
	for range 20 {
		if _, err := Probe(t.Context(), ProbeConfig{Server: pbx.Addr(TCP), Proto: TCP, URI: "sip:100@127.0.0.2"}); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	buf := make([]byte, 1<<18)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "internal/ua.(*") {
			t.Errorf("still runs:\n%s", stack)
		}
	}
}
