package ua

import (
	"fmt"
	"strings"
	"time"
)

// Proto is a transport protocol as a URI's transport parameter names it.
type Proto string

// The protocols that are spoken.
const (
	UDP Proto = "udp"
	TCP Proto = "tcp"
	TLS Proto = "tls"
)

// ParseProto reads a protocol's name in any case.
func ParseProto(s string) (Proto, error) {
	switch p := Proto(strings.ToLower(s)); p {
	case UDP, TCP, TLS:
		return p, nil
	}
	return "", fmt.Errorf("protocol %q: want udp, tcp or tls", s)
}

func (p Proto) via() string { return strings.ToUpper(string(p)) }

// stream says whether the protocol delivers by itself, so that nothing but a 2xx
// is repeated over it (RFC 3261 17.1.1.2, 13.3.1.4).
func (p Proto) stream() bool { return p != UDP }

// port is the one that a URI without a port means (RFC 3261 19.1.2).
func (p Proto) port() uint16 {
	if p == TLS {
		return 5061
	}
	return 5060
}

// The timers of RFC 3261 17, in its own words.
const (
	t1       = 500 * time.Millisecond
	t2       = 4 * time.Second
	giveUp   = 64 * t1         // timers B, F and H, and the wait for ACK and PRACK
	lastCall = 5 * time.Second // for BYE or CANCEL once we are told to stop
)
