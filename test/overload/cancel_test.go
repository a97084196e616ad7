package overload

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"tollgate/bench/flood"
	"tollgate/test/harness"
)

// TestCancels floods a customer with CANCELs that belong to no call, many more than a fifth of a core can
// answer. They wait in line behind that customer's calls, so another's find their turn.
func TestCancels(t *testing.T) {
	// Beside other tests the machine may be too busy to sort 40,000, and what is lost is sent again.
	s, most, much := newScene(t), 4*time.Second, 20_000
	if harness.Soak() {
		most, much = 30*time.Second, 40_000
	}
	again := 0 // INVITEs that were sent again without a flood: the machine was busy
	for _, perSecond := range []int{0, much} {
		t.Run(fmt.Sprint(perSecond), func(t *testing.T) {
			var all sync.WaitGroup
			all.Go(func() { s.cancels(t, perSecond, most) })
			r, err := flood.Run(flood.Load{
				Node: s.Node, From: netip.MustParseAddr("127.0.0.2"), Domain: quiet, Rate: 20, For: most, Hold: time.Second, Wait: 32 * time.Second,
			})
			all.Wait()
			if err != nil {
				t.Fatal(err)
			}
			t.Log(r)
			if r.Completed != r.Offered || r.InDialogLost > 0 || perSecond > 0 && r.Again > 2*again+r.Offered/4 {
				t.Errorf("the other customer: %s", r)
			}
			again = r.Again
		})
	}
}

// cancels sends so many a second, each once.
func (s *scene) cancels(t *testing.T, perSecond int, most time.Duration) {
	conn, err := net.Dial("udp", s.Node.String())
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	began, sent := time.Now(), 0
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for now := range tick.C {
		if now.Sub(began) > most {
			break
		}
		for ; sent < int(now.Sub(began).Seconds()*float64(perSecond)); sent++ {
			if _, err := fmt.Fprintf(conn, "CANCEL sip:1000@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKc%d\r\nMax-Forwards: 70\r\nFrom: <sip:a@%s>;tag=1\r\n"+
				"To: <sip:1000@%s>\r\nCall-ID: c%d\r\nCSeq: 1 CANCEL\r\nContent-Length: 0\r\n\r\n", flooded, conn.LocalAddr(), sent, flooded, flooded, sent); err != nil {
				t.Error(err)
				return
			}
		}
	}
	t.Logf("%d CANCELs", sent)
}
