package transport_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/internal/overload"
	"tollgate/internal/transport"
)

// slow takes its time for each datagram, so that they pile up.
type slow struct {
	*sink
	each time.Duration
}

func (s slow) Receive(f transport.Flow, data []byte) {
	for began := time.Now(); time.Since(began) < s.each; {
		runtime.Gosched()
	}
	s.sink.Receive(f, data)
}

// request is one such as a look tells apart.
func request(method, host, tag string, n int) string {
	return fmt.Sprintf("%s sip:1@%s SIP/2.0\r\nTo: <sip:1@%s>%s\r\nCall-ID: %d\r\n\r\n", method, host, host, tag, n)
}

// While a reader is behind, what belongs to calls that are up overtakes new calls, and
// nothing overtakes what it depends on.
func TestUDPUrgentFirst(t *testing.T) {
	for _, listen := range []string{"127.0.0.1", "0.0.0.0", "::"} {
		t.Run(listen, func(t *testing.T) {
			tr, err := transport.New(listening(on(transport.UDP, listen)))
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			const calls = 800
			s := slow{&sink{got: make(chan received, 2*calls)}, 100 * time.Microsecond}
			peer := udpPeer(t, "127.0.0.1")
			send := func(text string) {
				t.Helper()
				if _, err := peer.WriteToUDPAddrPort([]byte(text), at(tr, 0, "127.0.0.1")); err != nil {
					t.Fatal(err)
				}
			}
			for n := range calls {
				send(request("INVITE", "a.example", "", n))
				if n == calls/4 { // early enough to find room
					send(request("CANCEL", "a.example", "", n))
				}
			}
			for n := range 20 {
				send(request("BYE", "a.example", ";tag=1", n))
			}
			send(request("INVITE", "a.example", ";tag=1", 0))
			tr.Start(s)

			byes, before, again, canceled := 0, 0, 0, 0
			var invited []string
			for byes < 20 || again == 0 || canceled == 0 {
				got := await(t, s.got, "what is urgent")
				switch {
				case got.flow.Local.Addr().String() != "127.0.0.1" && got.flow.Local.Addr().String() != "::1":
					t.Fatalf("it was sent to %s", got.flow.Local)
				case strings.HasPrefix(got.data, "BYE"):
					byes++
				case strings.HasPrefix(got.data, "CANCEL"):
					canceled++
					if !slices.Contains(invited, request("INVITE", "a.example", "", calls/4)) {
						t.Error("a CANCEL overtook its INVITE")
					}
				case strings.Contains(got.data, ";tag=1"):
					again++
				default:
					if byes < 20 {
						before++
					}
					invited = append(invited, got.data)
				}
			}
			if before > calls/2 {
				t.Errorf("%d of %d new calls came before the BYEs of calls that were up", before, calls)
			}
			for i := 1; i < len(invited); i++ {
				if invited[i-1] == invited[i] {
					t.Errorf("twice:\n%s", invited[i])
				}
			}
			o := tr.Overload()
			if !o.Now || o.Shed[overload.Rest]+o.Shed[overload.Urgent] > 0 {
				t.Errorf("overload: %+v", o)
			}
		})
	}
}

// One share's flood neither takes another's places nor is it let through whole by the
// kernel.
func TestUDPFloodOfOne(t *testing.T) {
	cfg := listening(on(transport.UDP, "127.0.0.1"))
	cfg.Readers = 1
	cfg.Rank = func(_ transport.Flow, l *overload.Look) overload.Rank {
		return overload.Rank{Class: overload.Invite, Share: uint64(l.Host[0]), ByHost: true}
	}
	tr, err := transport.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	s := slow{&sink{got: make(chan received, 1<<20)}, 50 * time.Microsecond}
	tr.Start(s)
	flooder, other := udpPeer(t, "127.0.0.1"), udpPeer(t, "127.0.0.1")
	sent, asked := 0, 0
	next := time.Now()
	for began := time.Now(); time.Since(began) < 2*time.Second; sent++ {
		if _, err := flooder.WriteToUDPAddrPort([]byte(request("INVITE", "flood.example", "", sent)), at(tr, 0, "127.0.0.1")); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(next) {
			next = next.Add(50 * time.Millisecond)
			if _, err := other.WriteToUDPAddrPort([]byte(request("INVITE", "other.example", "", asked)), at(tr, 0, "127.0.0.1")); err != nil {
				t.Fatal(err)
			}
			asked++
		}
	}
	served, mine := 0, 0
	for mine < asked*3/4 { // in its first moments a flood fills the socket's buffer
		if got := await(t, s.got, fmt.Sprintf("call %d of %d of the other customer, after %d of the flood", mine, asked, served)); strings.Contains(got.data, "other.example") {
			mine++
			continue
		}
		served++
	}
	o := tr.Overload()
	t.Logf("%d sent, %d served, %d read and dropped", sent, served, o.Shed[overload.Invite])
	if read := served + int(o.Shed[overload.Invite]); read > sent*3/4 && sent > 100_000 {
		t.Errorf("%d of %d were read", read, sent)
	}
}
