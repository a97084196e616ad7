package phones

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// raw is a UDP socket of a phone that does not only speak SIP.
type raw struct {
	*net.UDPConn
	s *stage.Stage
}

func newRaw(s *stage.Stage) *raw {
	s.Helper()
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(harness.IP(s.T)), 0)), net.UDPAddrFromAddrPort(s.Caller.Edge))
	if err != nil {
		s.Fatalf("%v", err)
	}
	s.T.Cleanup(func() { conn.Close() })
	return &raw{conn, s}
}

func (r *raw) sends(data []byte) {
	r.s.Helper()
	if _, err := r.Write(data); err != nil {
		r.s.Fatalf("%v", err)
	}
}

// hears is the next datagram, nil if there is none for a while.
func (r *raw) hears(patience time.Duration) []byte {
	r.s.Helper()
	buf := make([]byte, 4096)
	_ = r.SetReadDeadline(time.Now().Add(patience))
	n, err := r.Read(buf)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	case err != nil:
		r.s.Fatalf("%v", err)
	}
	return buf[:n]
}

// stun: a phone that holds to RFC 5626 asks by STUN over its flow whether that stands, and is told where it
// speaks from; nobody else is told anything.
func stun(s *stage.Stage) {
	r := newRaw(s)
	at := r.LocalAddr().(*net.UDPAddr).AddrPort()
	question := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, "tollgate-one"...)
	r.sends(question)
	if got := r.hears(silence); got != nil {
		s.Errorf("a stranger is told %x", got)
	}
	r.sends(fmt.Appendf(nil, "REGISTER sip:%[1]s SIP/2.0\r\nVia: SIP/2.0/UDP %[2]s;rport;branch=z9hG4bK%[3]s\r\nMax-Forwards: 70\r\nFrom: <sip:alice@%[1]s>;tag=1\r\n"+
		"To: <sip:alice@%[1]s>\r\nCall-ID: %[3]s\r\nCSeq: 1 REGISTER\r\nSupported: path, outbound\r\nExpires: 600\r\n"+
		"Contact: <sip:alice@%[2]s;ob>;reg-id=1;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\"\r\nContent-Length: 0\r\n\r\n", s.Domain, at, s.Caller.Mark))
	pbx := s.Callee.Accept("REGISTER")
	pbx.Answer(200, peer.With("Contact", pbx.Incoming().Get("Contact")+";expires=600"), peer.With("Require", "outbound"))
	if ok := r.hears(peer.Patience); !bytes.HasPrefix(ok, []byte("SIP/2.0 200 ")) || !bytes.Contains(ok, []byte("Require: outbound\r\n")) {
		s.Fatalf("a phone registers, and is told\n%s", ok)
	}
	for _, attributes := range []string{"", "\x80\x22\x00\x04blah"} {
		q := append(append(bytes.Clone(question[:2]), 0, byte(len(attributes))), question[4:]...)
		r.sends(append(q, attributes...))
		want := append([]byte{1, 1, 0, 12}, question[4:]...)
		want = append(want, 0, 0x20, 0, 8, 0, 1, byte(at.Port()>>8)^0x21, byte(at.Port())^0x12)
		for i, b := range at.Addr().AsSlice() {
			want = append(want, b^question[4+i])
		}
		if got := r.hears(peer.Patience); !bytes.Equal(got, want) {
			s.Errorf("the phone asks where it is, and is told\n%x, not\n%x", got, want)
		}
	}
	for _, bad := range [][]byte{question[:19], append(bytes.Clone(question), 0), append([]byte{1, 1}, question[2:]...), append([]byte{0, 1, 0, 0, 0}, question[5:]...)} {
		r.sends(bad)
	}
	other := newRaw(s)
	other.sends(question)
	for _, r := range []*raw{r, other} {
		if got := r.hears(silence); got != nil {
			s.Errorf("what is no question of a phone is answered by %x", got)
		}
	}
}
