package dialog_test

import (
	"testing"

	"tollgate/internal/dialog"
	"tollgate/internal/transport"
	"tollgate/sip"
)

func TestBuild(t *testing.T) {
	b := dialog.Build{
		Method: sip.BYE, Target: []byte("sip:bob@b"), Routes: []byte("<sip:p;lr>"),
		Out: dialog.Address{Proto: transport.TLS, Host: "[2001:db8::1]", Port: 5061}, Branch: []byte("z9hG4bK1"),
		From: []byte("<sip:a@a>"), FromTag: []byte("1"), To: []byte("<sip:b@b>"), ToTag: []byte("2"),
		CallID: []byte("c"), CSeq: 3, Headers: "Reason: x\r\n", Type: "application/sdp", Body: []byte("v=0\r\n"),
	}
	want := "BYE sip:bob@b SIP/2.0\nVia: SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bK1;rport\nRoute: <sip:p;lr>\n" +
		"From: <sip:a@a>;tag=1\nTo: <sip:b@b>;tag=2\nCall-ID: c\nCSeq: 3 BYE\nMax-Forwards: 70\nReason: x\n" +
		"Content-Type: application/sdp\nContent-Length: 5\n\nv=0\n"
	if got := string(b.Append(nil)); got != crlf(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	b.Routes, b.ToTag, b.Headers, b.Body = nil, nil, "", nil
	var m sip.Message
	if err := m.Parse(b.Append(nil)); err != nil || sip.Validate(&m).Status != 0 || m.ToTag() != nil || m.ContentLength() != 0 {
		t.Errorf("%v\n%s", err, b.Append(nil))
	}
}

// TestLargeMessages: what cannot be written as one message is an error, never half of one.
func TestLargeMessages(t *testing.T) {
	m := request(t, "INVITE", "1", "X: "+string(make([]byte, 0))+repeat("x", 65400)+"\n")
	var e sip.Edit
	var h dialog.Hiding
	if _, err := forward(&h, m, false).Write(&e, nil); err == nil {
		t.Error("more than 65535 bytes are written")
	}
	m = request(t, "INVITE", "1", repeat("Route: <sip:p;lr>\n", 80))
	if _, err := forward(&h, m, false).Write(&e, nil); err == nil {
		t.Error("80 operations in an edit of 64")
	}
}

func repeat(s string, n int) string {
	b := make([]byte, 0, n*len(s))
	for range n {
		b = append(b, s...)
	}
	return string(b)
}
