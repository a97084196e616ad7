package sip

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

// invite is a request of 1.1 KB with 15 header fields, as a carrier's SBC sends it.
var invite = []byte(strings.ReplaceAll(`INVITE sip:+390401234567@edge.example.com:5060;user=phone SIP/2.0
Via: SIP/2.0/UDP 192.0.2.17:5060;rport;branch=z9hG4bK-524287-1---5d8a9f0c2b7e4a61
Max-Forwards: 70
From: "Acme Reception" <sip:+390409876543@pbx.example.net;user=phone>;tag=a73kszlfl
To: <sip:+390401234567@edge.example.com;user=phone>
Call-ID: f81d4fae-7dec-11d0-a765-00a0c91e6bf6@192.0.2.17
CSeq: 101 INVITE
Contact: <sip:+390409876543@192.0.2.17:5060;transport=udp>
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, INFO, PRACK, UPDATE
Supported: 100rel, timer, replaces, path
Session-Expires: 1800;refresher=uac
Min-SE: 90
User-Agent: Example PBX 18.12.1 (build 20261101)
P-Asserted-Identity: "Acme Reception" <sip:+390409876543@pbx.example.net>
Content-Type: application/sdp
Content-Length: 279

`, "\n", "\r\n") + strings.ReplaceAll(`v=0
o=- 3902471230 3902471230 IN IP4 192.0.2.17
s=Example PBX
c=IN IP4 192.0.2.17
t=0 0
m=audio 16384 RTP/AVP 8 0 18 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
`, "\n", "\r\n"))

func mustParse(t testing.TB, buf []byte) *Message {
	t.Helper()
	m := new(Message)
	if err := m.Parse(buf); err != nil {
		t.Fatal(err)
	}
	return m
}

func BenchmarkParse(b *testing.B) {
	var m Message
	b.SetBytes(int64(len(invite)))
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Parse(invite); err != nil {
			b.Fatal(err)
		}
	}
}

// edit is what a proxy does to a request: six operations.
func edit(m *Message, e *Edit, to netip.AddrPort) {
	e.Reset(m)
	e.At(m.SpanOf(m.RequestURI())).String("sip:+390401234567@").AddrPort(to)
	e.Insert(m.First(HdrVia).Line.Off).String("Via: SIP/2.0/UDP ").AddrPort(to).String(";branch=z9hG4bK0123456789abcdef\r\n")
	e.Insert(m.First(HdrVia).Line.Off).String("Record-Route: <sip:").AddrPort(to).String(";lr;tg=0123456789abcdef>\r\n")
	e.At(m.First(HdrMaxForwards).Value).Uint(uint64(m.MaxForwards() - 1))
	e.Delete(m.First(HdrPAI).Line)
	e.Insert(m.HeadersEnd()).String("X-Edge: 1\r\n")
}

func BenchmarkParseEditWrite(b *testing.B) {
	var m Message
	var e Edit
	to := netip.MustParseAddrPort("198.51.100.7:5060")
	out := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Parse(invite); err != nil {
			b.Fatal(err)
		}
		edit(&m, &e, to)
		var err error
		if out, err = e.Write(out[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	m := mustParse(b, invite)
	b.ReportAllocs()
	for b.Loop() {
		if v := Validate(m); v.Status != 0 {
			b.Fatal(v)
		}
	}
}

func BenchmarkResponse(b *testing.B) {
	m := mustParse(b, invite)
	out := make([]byte, 0, 4096)
	r := Response{Status: 180, ToTag: []byte("abc"), Received: netip.MustParseAddrPort("192.0.2.17:5060")}
	b.ReportAllocs()
	for b.Loop() {
		out = r.Append(out[:0], m)
	}
}

func BenchmarkFramer(b *testing.B) {
	var f Framer
	b.ReportAllocs()
	for b.Loop() {
		if n, _, err := f.Next(invite); n != len(invite) || err != nil {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkCold reads, judges and answers the messages of calls as a node does: between
// two of them the caches have gone to other work. It walks 64 MB in random order.
func BenchmarkCold(b *testing.B) {
	kinds := [...][]byte{invite, response(b, 180), response(b, 200), within(b, "ACK"), within(b, "BYE")}
	pool := make([][]byte, 0, 64<<10)
	for size := 0; size < 64<<20; size += len(pool[len(pool)-1]) {
		pool = append(pool, append([]byte(nil), kinds[len(pool)%len(kinds)]...))
	}
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
	messages := make([]Message, 4096)
	out := make([]byte, 0, 4096)
	r := Response{Status: 200, ToTag: []byte("abc"), Received: netip.MustParseAddrPort("192.0.2.17:5060")}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m := &messages[i%len(messages)]
		if m.Parse(pool[i%len(pool)]) != nil || Validate(m).Status != 0 {
			b.Fatal("wrong result")
		}
		if m.IsRequest() && m.Method() != ACK {
			out = r.Append(out[:0], m)
		}
	}
}

// response is a response to invite with what its callee adds.
func response(b *testing.B, status int) []byte {
	r := Response{
		Status: status, ToTag: []byte("8f3a5c7e91"), RecordRoute: true,
		Headers: []byte("Record-Route: <sip:192.0.2.9;lr;tg=0123456789abcdef>\r\nContact: <sip:+390401234567@198.51.100.7:5060>\r\n"),
		Body:    mustParse(b, invite).Body(), ContentType: "application/sdp",
	}
	req := strings.Replace(string(invite), "Via: ", "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK0123456789abcdef\r\nVia: ", 1)
	return r.Append(nil, mustParse(b, []byte(req)))
}

// within is a request inside of the dialog of invite.
func within(b *testing.B, method string) []byte {
	head := string(invite[:mustParse(b, invite).First(HdrContact).Line.Off])
	head = strings.ReplaceAll(head, "INVITE", method)
	head = strings.Replace(head, "user=phone>\r\nCall-ID", "user=phone>;tag=8f3a5c7e91\r\nCall-ID", 1)
	return []byte(head + "Route: <sip:192.0.2.9;lr;tg=0123456789abcdef>\r\nContent-Length: 0\r\n\r\n")
}

func BenchmarkDecodeToken(b *testing.B) {
	random := rand.NewChaCha8([32]byte{})
	var raw [16]byte
	tokens := make([][]byte, 4096)
	for i := range tokens {
		random.Read(raw[:])
		tokens[i] = AppendToken(nil, raw[:])
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if !DecodeToken(raw[:], tokens[i%len(tokens)]) {
			b.Fatal("wrong result")
		}
	}
}
