package sip

import (
	"net/netip"
	"strings"
	"testing"
)

func TestResponse(t *testing.T) {
	text := strings.Replace(good, "Max-Forwards", "v: SIP/2.0/TCP 192.0.2.2, SIP/2.0/TCP 192.0.2.3\nRecord-Route: <sip:192.0.2.2;lr>\nTimestamp: 54\nrecord-route: <sip:192.0.2.3;lr>\nMax-Forwards", 1)
	req := mustParse(t, onWire(text))
	for _, c := range []struct {
		name string
		r    Response
		want string
	}{
		{"trying", Response{Status: 100, ToTag: []byte("b1")}, `SIP/2.0 100 Trying
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1
Via: SIP/2.0/TCP 192.0.2.2, SIP/2.0/TCP 192.0.2.3
From: "Alice" <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>
Call-ID: 1@192.0.2.1
CSeq: 1 INVITE
Timestamp: 54
Content-Length: 0

`},
		{"ok", Response{
			Status: 200, ToTag: []byte("b1"), Received: netip.MustParseAddrPort("192.0.2.1:5060"), RecordRoute: true,
			Headers: []byte("Contact: <sip:x>\r\n"), ContentType: "application/sdp", Body: []byte("v=0\r\n"),
		}, `SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1
Via: SIP/2.0/TCP 192.0.2.2, SIP/2.0/TCP 192.0.2.3
From: "Alice" <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>;tag=b1
Call-ID: 1@192.0.2.1
CSeq: 1 INVITE
Record-Route: <sip:192.0.2.2;lr>
Record-Route: <sip:192.0.2.3;lr>
Contact: <sip:x>
Content-Type: application/sdp
Content-Length: 5

v=0
`},
		{"own reason, other source", Response{Status: 400, Reason: "Bad From", Received: netip.MustParseAddrPort("[::ffff:192.0.2.9]:7000")}, `SIP/2.0 400 Bad From
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;received=192.0.2.9
Via: SIP/2.0/TCP 192.0.2.2, SIP/2.0/TCP 192.0.2.3
From: "Alice" <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>
Call-ID: 1@192.0.2.1
CSeq: 1 INVITE
Content-Length: 0

`},
	} {
		got := c.r.Append(nil, req)
		if string(got) != string(onWire(c.want)) {
			t.Errorf("%s: got\n%s", c.name, got)
		}
		if v := Validate(mustParse(t, got)); v.Status != 0 {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
}

// TestResponseKeepsToTag: in a dialog the tag of the request stays.
func TestResponseKeepsToTag(t *testing.T) {
	req := mustParse(t, onWire(strings.Replace(good, "To: <sip:bob@example.com>", "To: sip:bob@example.com;tag=mine", 1)))
	r := Response{Status: 481, ToTag: []byte("theirs")}
	if m := mustParse(t, r.Append(nil, req)); string(m.ToTag()) != "mine" || string(m.Reason()) != "Call/Transaction Does Not Exist" {
		t.Errorf("%s", m.Bytes())
	}
}

// TestAppendVia: RFC 3261 18.2.1 and RFC 3581 4.
func TestAppendVia(t *testing.T) {
	src := netip.MustParseAddrPort("192.0.2.9:6000")
	src6 := netip.MustParseAddrPort("[2001:db8::9]:6000")
	for _, c := range []struct {
		src      netip.AddrPort
		in, want string
	}{
		{src, "SIP/2.0/UDP 192.0.2.9:5060;branch=b", "SIP/2.0/UDP 192.0.2.9:5060;branch=b"},
		{src, "SIP/2.0/UDP 192.0.2.9", "SIP/2.0/UDP 192.0.2.9"},
		{src, "SIP/2.0/UDP 10.0.0.1;branch=b", "SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.9"},
		{src, "SIP/2.0/UDP 10.0.0.1", "SIP/2.0/UDP 10.0.0.1;received=192.0.2.9"},
		{src, "SIP/2.0/UDP host.example;branch=b", "SIP/2.0/UDP host.example;branch=b;received=192.0.2.9"},
		{src, "SIP/2.0/UDP 192.0.2.9;rport;branch=b", "SIP/2.0/UDP 192.0.2.9;rport=6000;branch=b;received=192.0.2.9"},
		{src, "SIP/2.0/UDP 192.0.2.9;branch=b;RPORT", "SIP/2.0/UDP 192.0.2.9;branch=b;rport=6000;received=192.0.2.9"},
		{src, "SIP/2.0/UDP 192.0.2.9;rport=1;branch=b", "SIP/2.0/UDP 192.0.2.9;rport=6000;branch=b;received=192.0.2.9"},
		{src, "SIP/2.0/UDP 10.0.0.1;received=6.6.6.6;branch=b", "SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.9"},
		{src, "SIP/2.0/UDP 192.0.2.9;received=6.6.6.6;branch=b", "SIP/2.0/UDP 192.0.2.9;branch=b"},
		{src, "SIP / 2.0 / UDP\r\n 10.0.0.1 : 5060 ; branch = b ", "SIP / 2.0 / UDP\r\n 10.0.0.1 : 5060 ; branch = b;received=192.0.2.9"},
		{src6, "SIP/2.0/UDP [2001:db8::9]:5060;branch=b", "SIP/2.0/UDP [2001:db8::9]:5060;branch=b"},
		{src6, "SIP/2.0/UDP [2001:0db8:0::9];branch=b", "SIP/2.0/UDP [2001:0db8:0::9];branch=b"},
		{src6, "SIP/2.0/UDP [fe80::1];rport;branch=b", "SIP/2.0/UDP [fe80::1];rport=6000;branch=b;received=2001:db8::9"},
	} {
		v, err := ParseVia([]byte(c.in))
		if err != nil {
			t.Fatalf("%q: %v", c.in, err)
		}
		if got := string(AppendVia(nil, []byte(c.in), &v, c.src)); got != c.want {
			t.Errorf("%q from %v: %q, want %q", c.in, c.src, got, c.want)
		}
	}
}

func TestReasonPhrase(t *testing.T) {
	for status, want := range map[int]string{-1: "Global Failure", 200: "OK", 483: "Too Many Hops", 199: "Early Dialog Terminated", 299: "OK", 499: "Request Failure", 699: "Global Failure"} {
		if got := ReasonPhrase(status); got != want {
			t.Errorf("%d: %q", status, got)
		}
	}
}
