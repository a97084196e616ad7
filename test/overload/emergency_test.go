package overload

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"tollgate/test/harness"
)

// TestEmergency floods a customer with calls, more than the node even reads: his own emergency calls get through at once,
// with nobody's share taken and no filter in their way.
func TestEmergency(t *testing.T) {
	s, most := newScene(t), 4*time.Second
	if harness.Soak() {
		most = 30 * time.Second
	}
	conn, err := net.Dial("udp", s.Node.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	flooder := &within{conn: conn, id: "", target: "sip:1000@" + flooded, to: "<sip:1000@" + flooded + ">"}
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		defer close(done)
		sent := paced(most, 40_000, func(n int) error {
			flooder.id = fmt.Sprintf("%sflood%d", busy, n)
			return flooder.send("INVITE", n, true)
		})
		t.Logf("%d INVITEs", sent)
	})
	slowest, calls := time.Duration(0), 0
	for ; ; calls++ {
		began := time.Now()
		s.within(t, [...]string{"112", "19222"}[calls%2], 1000+calls)
		slowest = max(slowest, time.Since(began))
		select {
		case <-time.After(50 * time.Millisecond):
			continue
		case <-done:
		}
		break
	}
	all.Wait()
	t.Logf("%d emergency calls, the slowest was set up in %v", calls, slowest.Round(time.Millisecond))
	if slowest > 2*time.Second || calls < 5 {
		t.Errorf("%d emergency calls, the slowest was set up in %v", calls, slowest)
	}
}
