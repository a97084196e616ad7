package transport

// Proto is a SIP transport protocol. The zero value means "not said".
type Proto uint8

// The protocols that are served. WS and WSS will follow TLS.
const (
	UDP Proto = iota + 1
	TCP
	TLS
)

var protoNames = [...]struct {
	name, via string
	port      uint16
}{
	UDP: {"udp", "UDP", 5060},
	TCP: {"tcp", "TCP", 5060},
	TLS: {"tls", "TLS", 5061},
}

func (p Proto) known() bool { return p >= UDP && p <= TLS }

// Reliable says whether the protocol delivers by itself, so that no request is
// retransmitted over it (RFC 3261 17.1.1.2).
func (p Proto) Reliable() bool { return p != UDP && p != 0 }

// String gives the protocol as a URI's transport parameter has it: "udp".
func (p Proto) String() string {
	if !p.known() {
		return ""
	}
	return protoNames[p].name
}

// Via gives the protocol as a Via header has it: "UDP".
func (p Proto) Via() string {
	if !p.known() {
		return ""
	}
	return protoNames[p].via
}

// DefaultPort is the port where none is given: 5060, or 5061 for TLS (RFC 3261 19.1.2).
func (p Proto) DefaultPort() uint16 {
	if !p.known() {
		return protoNames[UDP].port
	}
	return protoNames[p].port
}

// ParseProto reads a protocol's name in any case. It allocates nothing.
func ParseProto(s string) (Proto, bool) {
	if len(s) != 3 {
		return 0, false
	}
	var l [3]byte
	for i := range l {
		l[i] = s[i] | 0x20
	}
	switch l {
	case [3]byte{'u', 'd', 'p'}:
		return UDP, true
	case [3]byte{'t', 'c', 'p'}:
		return TCP, true
	case [3]byte{'t', 'l', 's'}:
		return TLS, true
	}
	return 0, false
}
