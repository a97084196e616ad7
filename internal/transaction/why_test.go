package transaction

import (
	"testing"

	"tollgate/sip"
)

// TestWhy: what a CANCEL gives as its reason, and how we say that (RFC 3326).
func TestWhy(t *testing.T) {
	const elsewhere = "\r\nReason: SIP;cause=200;text=\"Call completed elsewhere\""
	for lines, want := range map[string]string{
		"": "",
		"Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n":                                                 elsewhere,
		"Reason: sip ; text=\"a, b;cause=7\" ; CAUSE=200\r\n":                                                         elsewhere,
		"Reason: Q.850;cause=26;text=\"host 10.0.0.1\"\r\n":                                                           "\r\nReason: Q.850;cause=26",
		"Reason: SIP;cause=200, q.850;cause=26\r\n":                                                                   elsewhere + "\r\nReason: Q.850;cause=26",
		"Reason: Q.850;cause=16\r\nReason: SIP;cause=603\r\n":                                                         "\r\nReason: SIP;cause=603\r\nReason: Q.850;cause=16",
		"Reason: SIP\r\nReason: Q.850;cause\r\nReason: ;cause=200\r\nReason: preemption;cause=1\r\n":                  "",
		"Reason: SIP;cause=99, SIP;cause=700, Q.850;cause=0, Q.850;cause=128, SIP;cause=4294967496, SIP;cause=-1\r\n": "",
	} {
		var m sip.Message
		data := "CANCEL sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP b\r\nFrom: <sip:x@y>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 CANCEL\r\n" + lines + "\r\n"
		if err := m.Parse([]byte(data)); err != nil {
			t.Fatal(err)
		}
		if got := string(whyOf(&m).appendTo(nil)); got != want {
			t.Errorf("%q is said as %q, not %q", lines, got, want)
		}
	}
}
