package peer

import (
	"net/netip"
	"testing"
)

// direct are two endpoints without an edge between them.
func direct(t *testing.T, proto string) (caller, callee *UA) {
	t.Helper()
	caller, callee = New(t, proto, "127.0.0.1"), New(t, proto, "127.0.0.1")
	caller.Edge = callee.Addr()
	return caller, callee
}

func TestCallBetweenPeers(t *testing.T) {
	for _, proto := range []string{"udp", "tcp", "tls"} {
		t.Run(proto, func(t *testing.T) {
			caller, callee := direct(t, proto)
			out := caller.Invite("sip:bob@example.test")
			in := callee.Accept("INVITE")
			in.Answer(180)
			out.Expect(180)
			in.Answer(200, SDP(callee, 1))
			out.Expect(200)
			out.Ack()
			in.Expect("ACK")
			in.Request("INFO")
			out.Reply(out.Expect("INFO"), 200)
			in.Expect("200 INFO")
			out.Request("BYE")
			in.Reply(in.Expect("BYE"), 200)
			out.Expect("200 BYE")
		})
	}
}

func TestRefusalAndCancelBetweenPeers(t *testing.T) {
	caller, callee := direct(t, "udp")
	out := caller.Invite("sip:bob@example.test")
	in := callee.Accept("INVITE")
	in.Answer(180)
	out.Expect(180)
	out.Cancel()
	in.Reply(in.Expect("CANCEL"), 200)
	in.Answer(487)
	out.ExpectSet("200 CANCEL", 487)
	in.Expect("ACK")
}

func TestCallThroughProxy(t *testing.T) {
	for _, recordRoute := range []bool{false, true} {
		caller, callee := direct(t, "udp")
		in, out := New(t, "udp", "127.0.0.1"), New(t, "udp", "127.0.0.1")
		p := &Proxy{In: in, Out: out, RecordRoute: recordRoute, Route: func(*Message) netip.AddrPort { return callee.Addr() }}
		p.Run()
		caller.Edge = in.Addr()
		a := caller.Invite("sip:bob@example.test")
		b := callee.Accept("INVITE")
		b.Answer(200)
		a.Expect(200)
		a.Ack()
		b.Expect("ACK")
		b.Request("BYE")
		a.Reply(a.Expect("BYE"), 200)
		b.Expect("200 BYE")
	}
}

func TestLeaksAreFound(t *testing.T) {
	caller := New(t, "udp", "127.0.7.1")
	callee := New(t, "udp", "127.0.7.12")
	caller.Edge = callee.Addr()
	caller.Start("OPTIONS", "sip:bob@example.test", With("Subject", "127.0.7.112"))
	callee.Accept("OPTIONS")
	leaks := callee.Leaks(caller.Names(callee)...)
	if len(leaks) < 5 { // Via (branch, address), From (tag, host), Call-ID, Contact
		t.Fatalf("a message that names its sender everywhere shows only %q", leaks)
	}
	if contains("127.0.7.112", "127.0.7.11") || !contains("a 127.0.7.11:5060", "127.0.7.11") {
		t.Fatal("an address must be found whole")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, bad := range []string{
		"", "INVITE sip:a SIP/2.0\r\n", "INVITE a b SIP/2.0\r\n\r\n", "SIP/2.0 99 x\r\n\r\n",
		"BYE sip:a SIP/2.0\r\nContent-Length: 5\r\n\r\nabc", "BYE sip:a SIP/2.0\r\nno colon\r\n\r\n",
		"BYE sip:a SIP/2.0\r\nFrom: <sip:a@2001:db8::1>;tag=x\r\n\r\n",
	} {
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
