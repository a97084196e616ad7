package sdp

import (
	"bytes"
	"net/netip"
)

// Profile is what a media description's packets are (RFC 8866 5.14).
type Profile uint8

// The profiles. Other is everything that a UDP relay cannot carry or does not know, TCP
// first of all.
const (
	Other Profile = iota
	AVP           // RTP/AVP
	AVPF          // RTP/AVPF, RFC 4585
	SAVP          // RTP/SAVP, RFC 3711
	SAVPF         // RTP/SAVPF, RFC 5124
	DTLS          // UDP/TLS/RTP/SAVP and SAVPF, RFC 5764
	UDPTL         // udptl: T.38
	UDP           // udp, and all of UDP/... that is none of the above
)

// String is the protocol field; of Other it is "other".
func (p Profile) String() string {
	return [...]string{"other", "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "udptl", "udp"}[p]
}

// RTP reports whether it is RTP over UDP, secured or not.
func (p Profile) RTP() bool { return p >= AVP && p <= DTLS }

// Feedback reports whether it is AVPF or SAVPF: which has to stay so when only the keys
// change.
func (p Profile) Feedback() bool { return p == AVPF || p == SAVPF }

// Profile reads the protocol of a media description, in any case.
func (d *Description) Profile(m *Media) Profile {
	proto := d.Slice(m.Proto)
	for p := AVP; p <= UDP; p++ {
		if equalFold(proto, p.String()) {
			return p
		}
	}
	if equalFold(proto, "UDP/TLS/RTP/SAVPF") {
		return DTLS
	}
	if first, _, more := bytes.Cut(proto, []byte{'/'}); more && equalFold(first, "udp") {
		return UDP
	}
	return Other
}

// Transport is where and how a media description wants its media (RFC 8866 5.7 and 5.14,
// RFC 3605, RFC 5761, RFC 4568). The zero value is ready; one that is used again does not
// allocate.
type Transport struct {
	Addr      netip.Addr // of the stream or of the session; invalid: there is none. 0.0.0.0 and :: are hold
	Port      uint16     // 0: the stream is off
	RTCP      uint16     // that of a=rtcp, else Port+1; 0: none (no RTP, or Port is 65535)
	RTCPAddr  netip.Addr // where a=rtcp names another address; else invalid
	Mux       bool       // a=rtcp-mux; what it means depends on the other side (RFC 5761 5.1.1)
	Profile   Profile
	Direction Direction // as its writer sees it; on hold by 0.0.0.0 it is SendOnly or Inactive
	Crypto    []Span    // values of the a=crypto lines in order; in t's own memory
	Audio     bool
}

// Transport reads what a media description says of its transport into t. An error is a
// *Fault: an address that is a name, of many (multicast) or none at all, a port that is no
// number. Of a stream that is off nothing is faulty, since nothing is sent.
func (d *Description) Transport(m *Media, t *Transport) error {
	*t = Transport{
		Port: m.Number, Profile: d.Profile(m), Direction: d.Direction(m), Crypto: t.Crypto[:0], Audio: d.Is(m, "audio"),
	}
	return nil
}
