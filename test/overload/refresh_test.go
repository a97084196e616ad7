package overload

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"tollgate/test/harness"
)

// prompt is how soon an answer comes, or the phone would ask again (timer T1 of RFC 3261 17.1.2.2).
const prompt = 500 * time.Millisecond

// TestRefresh floods a customer with what may wait longest: MESSAGEs, and REGISTERs of phones that are not registered. The
// phones that are registered with him stay so: they are answered when they refresh, while as many others of his that send
// a MESSAGE hardly are.
func TestRefresh(t *testing.T) {
	s, most := newScene(t), 4*time.Second
	if harness.Soak() {
		most = 30 * time.Second
	}
	var bound, others []*asker
	for i := range 10 {
		from := netip.AddrFrom4([4]byte{127, 0, 2, byte(10 + i)})
		bound = append(bound, s.asker(t, from, "REGISTER", fmt.Sprintf("bound%d", i)))
		others = append(others, s.asker(t, from, "MESSAGE", fmt.Sprintf("other%d", i)))
	}
	for _, p := range bound {
		harness.Eventually(t, harness.Soon, func() error { return p.asks() })
	}
	if refresh, rest := s.refreshing(t, 0, most, bound, others); min(refresh, rest) < 0.9 {
		t.Fatal("not even without a flood")
	}
	for perSecond := 20_000; ; perSecond *= 2 {
		refresh, rest := s.refreshing(t, perSecond, most, bound, others)
		if rest > 0.8 && perSecond < 100_000 {
			continue // it is not too much yet
		}
		// What the kernel has no room for it drops whoever sent it.
		if 1-refresh > max(1-rest, 0.2)/2 {
			t.Error("phones that are registered have no better place")
		}
		return
	}
}

// refreshing says for which part there was a prompt answer: of the registered phones' REGISTERs, and of the others' MESSAGEs.
func (s *scene) refreshing(t *testing.T, perSecond int, most time.Duration, bound, others []*asker) (refresh, rest float64) {
	t.Helper()
	flooder := s.asker(t, netip.MustParseAddr("127.0.0.4"), "", "flooder")
	methods := [...]string{"MESSAGE", "REGISTER"}
	var all sync.WaitGroup
	all.Go(func() {
		paced(most, perSecond, func(n int) error {
			return flooder.send(methods[n%2], fmt.Sprintf("%s%d-%d", busy, perSecond, n), n+1)
		})
	})
	refreshed, served := make([]float64, len(bound)), make([]float64, len(others))
	for i := range bound {
		all.Go(func() { refreshed[i] = bound[i].answered(most) })
		all.Go(func() { served[i] = others[i].answered(most) })
	}
	all.Wait()
	refresh, rest = mean(refreshed), mean(served)
	t.Logf("beside %d a second, answered within %v: %.2f of the phones' refreshes, %.2f of others' MESSAGEs", perSecond, prompt, refresh, rest)
	return refresh, rest
}

// asker is a phone of the flooded customer's that sends one kind of request.
type asker struct {
	conn   net.Conn
	method string
	id     string
	cseq   int
}

func (s *scene) asker(t *testing.T, from netip.Addr, method, id string) *asker {
	t.Helper()
	d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	conn, err := d.Dial("udp", s.Node.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &asker{conn: conn, method: method, id: id}
}

// answered asks for so long, ten times a second at most, and says for which part there was a prompt 200.
func (p *asker) answered(most time.Duration) float64 {
	asked, good := 0, 0
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < most; asked++ {
		if p.asks() == nil {
			good++
		}
		<-tick.C
	}
	return float64(good) / float64(max(asked, 1))
}

// asks sends the next request, once, and wants a prompt 200.
func (p *asker) asks() error {
	p.cseq++
	if err := p.send(p.method, p.id, p.cseq); err != nil {
		return err
	}
	if err := p.conn.SetReadDeadline(time.Now().Add(prompt)); err != nil {
		return err
	}
	answer, mine := make([]byte, 4096), fmt.Appendf(nil, "\r\nCSeq: %d %s\r\n", p.cseq, p.method)
	for {
		n, err := p.conn.Read(answer)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(answer[:n], []byte("SIP/2.0 200 ")) && bytes.Contains(answer[:n], mine) {
			return nil
		}
	}
}

// send sends one request; who calls himself busy is refused, and so never registered.
func (p *asker) send(method, id string, cseq int) error {
	me := p.conn.LocalAddr()
	target := "sip:1000@" + flooded
	if method == "REGISTER" {
		target = "sip:" + flooded
	}
	_, err := fmt.Fprintf(p.conn, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKp%s-%d\r\nMax-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=1\r\n"+
		"To: <sip:%s@%s>\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:%s@%s>\r\nContent-Length: 0\r\n\r\n",
		method, target, me, id, cseq, p.id, flooded, p.id, flooded, id, cseq, method, p.id, me)
	return err
}

func mean(list []float64) (sum float64) {
	for _, x := range list {
		sum += x / float64(len(list))
	}
	return sum
}
