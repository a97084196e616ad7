package registrar_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/registrar"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// learn registers a phone by two messages, without waiting for anything: for tests of
// many, and for those without virtual time.
func (r *rig) learn(f transport.Flow) {
	user := userOf(f)
	at := f.Remote.String()
	var asked string
	r.tapped = func(_ transport.Flow, data []byte) bool {
		if data[0] == 'R' {
			asked = string(data)
		}
		return true
	}
	r.receive(f, `REGISTER sip:acme.test SIP/2.0
Via: SIP/2.0/UDP `+at+`;branch=z9hG4bK`+user+`;rport
Max-Forwards: 70
From: "A phone of a desk" <sip:`+user+`@acme.test>;tag=`+user+`
To: <sip:`+user+`@acme.test>
Call-ID: 5fb2c3d4e5f6@`+at+`
CSeq: 1 REGISTER
Contact: <sip:`+user+`@`+at+`;transport=udp;line=sr5fbb>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-0000`+user+`ab>"
User-Agent: Deskphone T46G 28.83.0.130
Expires: 7200
Content-Length: 0
`)
	r.receive(udp(pbxAddr), answer(asked, "200 OK", "Contact: "+header(asked, "Contact")+";expires=7200", "Content-Length: 0", "", ""))
	r.tapped = nil
}

// userOf is the user that learn registers.
func userOf(f transport.Flow) string {
	return fmt.Sprintf("%d", 300000+binary.BigEndian.Uint32(f.Remote.Addr().AsSlice())&0xffffff)
}

func (r *rig) receive(f transport.Flow, text string) {
	var m sip.Message
	if err := m.Parse([]byte(strings.ReplaceAll(text+"\n", "\n", "\r\n"))); err != nil {
		r.t.Fatalf("%v in %s", err, text)
	}
	r.layer.Receive(&m, f)
}

func nth(i int) transport.Flow {
	var raw [4]byte
	binary.BigEndian.PutUint32(raw[:], 198<<24|uint32(i))
	return udp(netip.AddrPortFrom(netip.AddrFrom4(raw), uint16(1024+i%60000)))
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestHundredThousand: what a node of this size needs for each phone, how long a
// restart takes, and that pings are spread evenly, also right after it.
func TestHundredThousand(t *testing.T) {
	const phones = 100_000
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, true)
		r.layer.Run()
		defer r.layer.Close()
		on := r.customer.Load()
		off := *on
		off.Settings.NATPing = "disabled"
		r.customer.Store(&off)
		r.journal.off = true
		for i := range 2000 { // what the layer keeps for so many at once is not counted
			r.learn(nth(phones + i))
		}
		r.wait(40 * time.Second)
		before := heap()
		for i := range phones {
			r.learn(nth(i))
			if i%2000 == 1999 {
				r.wait(40 * time.Second)
			}
		}
		each := (heap() - before) / phones
		t.Logf("%d bytes for each binding", each)
		if each > 700 || r.reg.Len() != phones+2000 {
			t.Errorf("%d bytes for each of %d bindings, want 700 at most", each, r.reg.Len())
		}
		r.journal.off = false
		r.customer.Store(on)
		if err := r.reg.Checkpoint(); err != nil {
			t.Fatal(err)
		}
		r.reg.Run()
		r.spread("running", 2)
		r.reg.Close()

		layer, next := r.restart(r.minter)
		if next.Len() != r.reg.Len() {
			t.Errorf("%d of %d are back", next.Len(), r.reg.Len())
		}
		layer.Run()
		defer layer.Close()
		next.Run()
		r.spread("after a restart", 2)
		next.Close()
	})
}

// spread counts the pings of some intervals, second by second.
func (r *rig) spread(name string, intervals int) {
	counts := make([]int, 30*intervals)
	start := time.Now()
	r.mu.Lock()
	r.tapped = func(transport.Flow, []byte) bool {
		if s := int(time.Since(start) / time.Second); s < len(counts) {
			counts[s]++
		}
		return true
	}
	r.mu.Unlock()
	r.wait(time.Duration(len(counts)) * time.Second)
	r.mu.Lock()
	r.tapped = nil
	r.mu.Unlock()
	most, all := 0, 0
	for _, n := range counts {
		most, all = max(most, n), all+n
	}
	average := all / len(counts)
	r.t.Logf("%s: %d pings a second on average, %d in the fullest", name, average, most)
	if want := r.reg.Len() * intervals; all < want*99/100 || all > want*101/100 || most*10 > average*12 {
		r.t.Errorf("%s: %d pings, want %d; %d in one second, %d on average", name, all, want, most, average)
	}
}

// TestAllocatesNothing: look-ups, and a refresh of what did not change.
func TestAllocatesNothing(t *testing.T) {
	for _, hidden := range []bool{false, true} {
		r := newRig(t, hidden)
		r.journal.off = true
		r.learn(nth(1))
		c, ok := r.reg.ByFlow(nth(1))
		if !ok {
			t.Fatal("not bound")
		}
		user, flow, room := []byte("3401"), nth(1), make([]registrar.Contact, 0, 8)
		refresh := r.refresher(nth(2))
		refresh()
		for name, f := range map[string]func(){
			"ByID":    func() { r.reg.ByID(c.Binding) },
			"ByFlow":  func() { r.reg.ByFlow(flow) },
			"ByAOR":   func() { room = r.reg.ByAOR(room[:0], 1, user, "acme.test") },
			"refresh": refresh,
		} {
			if n := testing.AllocsPerRun(2000, f); n != 0 {
				t.Errorf("%s: %v allocations", name, n)
			}
		}
		if len(room) != 1 {
			t.Errorf("%+v", room)
		}
	}
}
