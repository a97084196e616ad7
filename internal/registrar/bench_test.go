package registrar_test

import (
	"strings"
	"testing"

	"tollgate/internal/transport"
	"tollgate/sip"
)

// BenchmarkRefresh: a REGISTER and its 2xx, without sockets.
func BenchmarkRefresh(b *testing.B) {
	for _, hidden := range []bool{false, true} {
		name := map[bool]string{false: "plain", true: "hidden"}[hidden]
		b.Run(name, func(b *testing.B) {
			r := newRig(b, hidden)
			r.journal.off = true
			refresh := r.refresher(nth(1))
			b.ReportAllocs()
			for b.Loop() {
				refresh()
			}
		})
	}
}

// refresher gives a function that registers a phone again, over a connection, so that
// its transactions end at once; it allocates nothing itself.
func (r *rig) refresher(f transport.Flow) func() {
	f.Proto, f.Conn = transport.TCP, 5
	var asked []byte
	r.tapped = func(_ transport.Flow, data []byte) bool {
		if data[0] == 'R' {
			asked = append(asked[:0], data...)
		}
		return true
	}
	request := []byte(strings.ReplaceAll(`REGISTER sip:acme.test SIP/2.0
Via: SIP/2.0/TCP 10.0.0.5:5060;branch=z9hG4bK1;rport
Max-Forwards: 70
From: "Desk" <sip:3401@acme.test>;tag=1
To: <sip:3401@acme.test>
Call-ID: 5fb2c3d4e5f6@10.0.0.5
CSeq: 1 REGISTER
Contact: <sip:3401@10.0.0.5:5060;transport=tcp>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>";reg-id=1
User-Agent: Deskphone T46G 28.83.0.130
Expires: 600
Content-Length: 0

`, "\n", "\r\n"))
	pbxTag := []byte("pbx")
	var m, sent, ok sip.Message
	var out, headers []byte
	return func() {
		if m.Parse(request) != nil {
			r.t.Fatal("request")
		}
		r.layer.Receive(&m, f)
		if sent.Parse(asked) != nil {
			r.t.Fatal("sent on")
		}
		headers = append(append(append(headers[:0], "Contact: "...), sent.Value(sip.HdrContact)...), ";expires=600\r\n"...)
		res := sip.Response{Status: 200, ToTag: pbxTag, Headers: headers}
		out = res.Append(out[:0], &sent)
		if ok.Parse(out) != nil {
			r.t.Fatal("answer")
		}
		r.layer.Receive(&ok, udp(pbxAddr))
	}
}

// BenchmarkRefreshHere: a REGISTER that is answered here, without sockets.
func BenchmarkRefreshHere(b *testing.B) {
	r := newRig(b, false)
	r.crowd(2)
	r.journal.off = true
	refresh := r.refresherHere(nth(1))
	b.ReportAllocs()
	for b.Loop() {
		refresh()
	}
}

// refresherHere gives a function that registers a SIP user's phone again at the node, over a
// connection, so that its transaction ends at once; it allocates nothing itself.
func (r *rig) refresherHere(f transport.Flow) func() {
	const digits = 8 // of CSeq
	f.Proto, f.Conn = transport.TCP, 5
	answered := false
	r.tapped = func(_ transport.Flow, data []byte) bool {
		answered = strings.HasPrefix(string(data[:11]), "SIP/2.0 200")
		return true
	}
	user := userOf(nth(1))
	head := strings.ReplaceAll(`REGISTER sip:acme.test SIP/2.0
Via: SIP/2.0/TCP 10.0.0.5:5060;branch=z9hG4bK1;rport
Max-Forwards: 70
From: "Desk" <sip:`+user+`@acme.test>;tag=1
To: <sip:`+user+`@acme.test>
Call-ID: 5fb2c3d4e5f6@10.0.0.5
CSeq: `, "\n", "\r\n")
	request := []byte(head + strings.ReplaceAll(`10000000 REGISTER
Contact: <sip:`+user+`@10.0.0.5:5060;transport=tcp>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>";reg-id=1
Supported: path, outbound
User-Agent: Deskphone T46G 28.83.0.130
Expires: 600
Content-Length: 0

`, "\n", "\r\n"))
	var m sip.Message
	return func() {
		for i := len(head) + digits - 1; ; i-- {
			if request[i]++; request[i] <= '9' {
				break
			}
			request[i] = '0'
		}
		if m.Parse(request) != nil {
			r.t.Fatal("request")
		}
		if r.layer.Receive(&m, f); !answered {
			r.t.Fatal("not answered with 200")
		}
	}
}
