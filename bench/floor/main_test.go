package main

import (
	"net/netip"
	"testing"
)

func TestOtherSide(t *testing.T) {
	f := forwarder{answer: netip.MustParseAddrPort("127.0.0.1:1"), probe: netip.MustParseAddrPort("127.0.0.1:2")}
	for _, c := range []struct{ message, to string }{
		{"INVITE sip:1@c01.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.1.9:5080;branch=z\r\n", "127.0.0.1:1"},
		{"INVITE sip:probe@probe.test SIP/2.0\r\n", "127.0.0.1:2"},
		{"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.1.9:5080;branch=z\r\n", "127.0.1.9:5080"},
		{"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.1.9;branch=z\r\n", ""},
		{"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.1.9:50", ""},
		{"SIP/2.0 200 OK\r\n", ""},
	} {
		to, ok := f.otherSide([]byte(c.message))
		if want := c.to != ""; ok != want || (want && to.String() != c.to) {
			t.Errorf("%q goes to %s, %t; want %q", c.message, to, ok, c.to)
		}
	}
}
