package overload_test

import (
	"strings"
	"testing"

	"tollgate/internal/overload"
)

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, message string
		want          overload.Look
		no            bool
	}{
		{
			name: "a new call", message: "INVITE sip:1000@acme.example SIP/2.0\nTo: <sip:1000@acme.example>\nCall-ID: 1@x\n\n",
			want: overload.Look{Method: overload.INVITE, URI: []byte("sip:1000@acme.example"), Host: []byte("acme.example")},
		},
		{
			name: "port and parameters", message: "INVITE sip:1000@acme.example:5080;transport=udp SIP/2.0\nCall-ID: 2\nTo: x\n\n",
			want: overload.Look{Method: overload.INVITE, URI: []byte("sip:1000@acme.example:5080;transport=udp"), Host: []byte("acme.example:5080")},
		},
		{
			name: "no user, compact names, no blanks", message: "REGISTER sip:acme.example SIP/2.0\ni:3\nt:<sip:a@acme.example>\n\n",
			want: overload.Look{Method: overload.REGISTER, URI: []byte("sip:acme.example"), Host: []byte("acme.example")},
		},
		{
			name: "in a dialog", message: "OPTIONS sip:a@192.0.2.1 SIP/2.0\nTO : \"x;tag=no\" <sip:a@b;tag=no> ; Tag = 7\nCall-ID: 4\n\n",
			want: overload.Look{Method: overload.OPTIONS, URI: []byte("sip:a@192.0.2.1"), Host: []byte("192.0.2.1"), InDialog: true},
		},
		{
			name: "a tag in the URI is none", message: "INVITE sip:a@b SIP/2.0\nTo: <sip:a@b;tag=7>\nCall-ID: 5\n\n",
			want: overload.Look{Method: overload.INVITE, URI: []byte("sip:a@b"), Host: []byte("b")},
		},
		{
			name: "a folded To", message: "INVITE sip:a@b SIP/2.0\nTo: <sip:a@b>\n ;tag=7\nCall-ID: 6\n\n",
			want: overload.Look{Method: overload.INVITE, URI: []byte("sip:a@b"), Host: []byte("b"), InDialog: true},
		},
		{
			name: "To in the body", message: "INVITE tel:+49 SIP/2.0\nCall-ID: 7\n\nTo: x;tag=1\n",
			want: overload.Look{Method: overload.INVITE, URI: []byte("tel:+49"), Host: []byte("+49")},
		},
		{
			name: "lines of NAT keepalive before it", message: "\n\nCANCEL sip:a@b SIP/2.0\nCall-ID: 8\nTo: x\n\n",
			want: overload.Look{Method: overload.CANCEL, URI: []byte("sip:a@b"), Host: []byte("b")},
		},
		{
			name: "an ACK", message: "ACK sip:a@b SIP/2.0\nt: x;tag=1\n\n" + strings.Repeat("x", 9000),
			want: overload.Look{Method: overload.ACK, URI: []byte("sip:a@b"), Host: []byte("b"), InDialog: true},
		},
		{name: "a response", message: "SIP/2.0 200 OK\nTo: x\n\n", no: true},
		{name: "no line", message: "INVITE sip:a@b SIP/2.0", no: true},
		{name: "one word", message: "INVITE\n\n", no: true},
		{name: "nothing", message: "", no: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := overload.Read([]byte(strings.ReplaceAll(c.message, "\n", "\r\n")))
			if ok == c.no {
				t.Fatalf("ok is %v", ok)
			}
			if got.Method != c.want.Method || string(got.URI) != string(c.want.URI) || string(got.Host) != string(c.want.Host) ||
				got.InDialog != c.want.InDialog {
				t.Errorf("got %q %q, method %d, in dialog %v", got.URI, got.Host, got.Method, got.InDialog)
			}
			if whole := strings.TrimLeft(strings.ReplaceAll(c.message, "\n", "\r\n"), "\r\n"); !c.no && string(got.Message) != whole {
				t.Errorf("got %q of %q", got.Message, whole)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("INVITE sip:1000@acme.example SIP/2.0\r\nTo: <sip:1000@acme.example>\r\n ;tag=1\r\nCall-ID: 1@x\r\n\r\n"))
	f.Add([]byte("t:\r\n"))
	f.Add([]byte("INVITE sip:a@b SIP/2.0\r\n\nTo: x\r\n\r\n")) // it once was a panic
	f.Add([]byte("INVITE sip:a@b SIP/2.0\nt\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if l, ok := overload.Read(data); ok && len(l.URI) > len(data) {
			t.Error("more than there was")
		}
	})
}

func TestReadAllocatesNothing(t *testing.T) {
	m := []byte("INVITE sip:1000@acme.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nTo: <sip:1000@acme.example>\r\nCall-ID: 1@x\r\n\r\n")
	if n := testing.AllocsPerRun(100, func() { overload.Read(m) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRead(b *testing.B) {
	m := []byte("INVITE sip:1000@acme.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\nFrom: <sip:a@192.0.2.1>;tag=1\r\nCall-ID: 1@x\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.1>\r\nTo: <sip:1000@acme.example>\r\n\r\n")
	for b.Loop() {
		overload.Read(m)
	}
}
