package gate_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/internal/transport"
	"tollgate/sip"
)

// BenchmarkCall is what one INVITE-180-200-ACK-BYE-200 call costs without sockets.
func BenchmarkCall(b *testing.B) {
	for _, hidden := range []bool{false, true} {
		b.Run(fmt.Sprintf("hidden=%v", hidden), func(b *testing.B) { benchCall(b, hidden) })
	}
}

func benchCall(b *testing.B, hidden bool) {
	r := newRig(b, hidden, 0)
	var m sip.Message
	give := func(from transport.Flow, data []byte) {
		if err := m.Parse(data); err != nil {
			b.Fatal(err)
		}
		r.layer.Receive(&m, from)
	}
	alice := transport.Flow{Proto: transport.UDP, Local: edgeAddr, Remote: aliceAddr}
	bob := transport.Flow{Proto: transport.UDP, Local: edgeAddr, Remote: pbxAddr}
	wire := strings.ReplaceAll(invite, "\n", "\r\n") // the template of each call
	b.ReportAllocs()
	for i := range b.N {
		id := fmt.Sprintf("%08d", i)
		one := strings.NewReplacer("call1@", id+"@", "z9hG4bKa1", "z9hG4bKa1"+id).Replace(wire)
		b.StopTimer()
		one = strings.Replace(one, "\r\n\r\n", "\r\nContent-Length: 5\r\n\r\n", 1)
		b.StartTimer()
		give(alice, []byte(one))
		toBob := r.last[pbxAddr]
		b.StopTimer()
		ringing := []byte(crlf(answer(toBob, "180 Ringing", "Contact: <sip:bob@203.0.113.10:5060>")))
		ok := []byte(crlf(answer(toBob, "200 OK", "Contact: <sip:bob@203.0.113.10:5060>")))
		b.StartTimer()
		give(bob, ringing)
		give(bob, ok)
		b.StopTimer()
		d := dialogOf{toBob, r.last[aliceAddr]}
		ack := []byte(crlf(strings.Replace(r.byAlice(d, "ACK", 7, "a2"+id), "call1@", id+"@", 1)))
		bye := []byte(crlf(strings.Replace(r.byAlice(d, "BYE", 8, "a3"+id), "call1@", id+"@", 1)))
		b.StartTimer()
		give(alice, ack)
		give(alice, bye)
		b.StopTimer()
		gone := []byte(crlf(answer(r.last[pbxAddr], "200 OK", "")))
		b.StartTimer()
		give(bob, gone)
	}
	b.StopTimer()
	if r.calls.Live() != 0 {
		b.Fatalf("%d calls left", r.calls.Live())
	}
}

func crlf(text string) string {
	return strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\r\n") + "\r\nContent-Length: 0\r\n\r\n"
}
