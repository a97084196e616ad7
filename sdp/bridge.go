package sdp

import "net/netip"

// Face is what the other side is told instead of where its peer is: a port of a relay.
type Face struct {
	Addr    netip.Addr
	Port    uint16
	RTCP    uint16 // for a=rtcp; 0: there is no such line, RTCP is at Port+1
	Mux     bool   // a=rtcp-mux
	Profile Profile
	Crypto  [][]byte // complete values of the a=crypto lines
}

// Origin rewrites the o= line: the name "-", session id, version, and address (RFC 8866
// 5.2). The session's name stays.
func (e *Edit) Origin(id, version uint64, addr netip.Addr) {}

// Connection rewrites the session's c= line, where there is one. To be called before Bridge.
func (e *Edit) Connection(addr netip.Addr) {}

// Bridge rewrites a media description so that it names the face.
func (e *Edit) Bridge(m *Media, f Face) {}

// WithoutICE takes the session's ICE attributes out; those of streams go with Bridge.
func (e *Edit) WithoutICE() {}

// Off turns a stream off: port 0 (RFC 3264 6).
func (e *Edit) Off(m *Media) {}
