package sdp_test

import (
	"bytes"
	"net/netip"
	"os"
	"testing"

	"tollgate/sdp"
)

// kilobyte is a description of about 1 KB, as a phone with video sends it.
func kilobyte(tb testing.TB) []byte {
	body, err := os.ReadFile("testdata/desk.sdp")
	if err != nil {
		tb.Fatal(err)
	}
	return append(body, bytes.Repeat([]byte("a=rtcp-fb:34 ccm fir\r\n"), (1024-len(body))/22)...)
}

func TestAllocations(t *testing.T) {
	body := kilobyte(t)
	var d sdp.Description
	var e sdp.Edit
	var out []byte
	list := []string{"G729", "AMR-WB", "opus"}
	if n := testing.AllocsPerRun(10, func() {
		_ = d.Parse(body)
		e.Reset(&d)
		e.Bar(list, nil)
		out, _ = e.Append(out[:0])
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// bridging is what a call keeps to bridge descriptions.
type bridging struct {
	d      sdp.Description
	e      sdp.Edit
	t      sdp.Transport
	crypto [][]byte
	out    []byte
	events int
}

// run bridges all streams of a body to SRTP.
func (b *bridging) run(body []byte) {
	addr := netip.AddrFrom4([4]byte{198, 51, 100, 7})
	_ = b.d.Parse(body)
	b.d.Hash()
	b.e.Reset(&b.d)
	b.e.Origin(1, 2, addr)
	b.e.Connection(addr)
	b.e.WithoutICE()
	for i := range b.d.Media() {
		m := &b.d.Media()[i]
		_ = b.d.Transport(m, &b.t)
		b.d.Payloads(m, func(_ uint8, _ []byte, _ int, event bool) {
			if event {
				b.events++
			}
		})
		b.e.Bridge(m, sdp.Face{Addr: addr, Port: 30000, RTCP: 30001, Mux: true, Profile: b.t.Profile.Secure(), Crypto: b.crypto})
	}
	b.out, _ = b.e.Append(b.out[:0])
}

func newBridging() *bridging {
	return &bridging{crypto: [][]byte{[]byte("1 AES_CM_128_HMAC_SHA1_80 inline:" + string(bytes.Repeat([]byte{'k'}, 40)))}}
}

func TestBridgeAllocations(t *testing.T) {
	body, work := kilobyte(t), newBridging()
	if n := testing.AllocsPerRun(10, func() { work.run(body) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if work.events == 0 || len(work.out) < len(body) {
		t.Errorf("%d events in\n%s", work.events, work.out)
	}
}

func BenchmarkBridge(b *testing.B) {
	body, work := kilobyte(b), newBridging()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		work.run(body)
	}
}

func BenchmarkParse(b *testing.B) {
	body := kilobyte(b)
	var d sdp.Description
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		_ = d.Parse(body)
	}
}

func BenchmarkBar(b *testing.B) {
	body := kilobyte(b)
	var d sdp.Description
	var e sdp.Edit
	var out []byte
	list := []string{"G729", "AMR-WB", "opus"}
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		_ = d.Parse(body)
		e.Reset(&d)
		e.Bar(list, nil)
		out, _ = e.Append(out[:0])
	}
}
