package overload

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"tollgate/bench/flood"
	"tollgate/test/harness"
)

// sources is from how many sockets, and of how many calls, a flood within calls comes.
const sources = 64

// TestWithin floods a customer with what belongs to calls, which goes first where there is too much: requests within
// calls of his, which have all that such a request needs; requests within calls that never were; ACKs; answers
// to nothing. Another customer's calls are set up, carried on and ended all the same.
func TestWithin(t *testing.T) {
	// Beside other tests the machine may be too busy to sort 40,000, and what is lost is sent again.
	s, most, much, tries := newScene(t), 3*time.Second, 20_000, 3
	if harness.Soak() {
		most, much, tries = 30*time.Second, 40_000, 1
	}
	floods := make([]*within, sources)
	for i := range floods {
		floods[i] = s.within(t, "1000", i)
	}
	again := 0 // INVITEs that were sent again without a flood: the machine was busy
	for _, c := range []struct {
		name    string
		rate    int
		methods []string
		real    bool // the call is there
	}{
		{"nothing", 0, []string{"BYE"}, false},
		{"within calls", much, []string{"INFO", "UPDATE", "NOTIFY", "REFER", "OPTIONS", "MESSAGE"}, true},
		{"of no call", much, []string{"INFO", "UPDATE", "NOTIFY", "REFER", "OPTIONS", "PRACK", "INVITE", "FLOOD"}, false},
		{"BYE of no call", much, []string{"BYE"}, false},
		{"ACKs and answers of no call", much, []string{"ACK", ""}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			// Of a machine with two cores, beside other tests, now and then little is left: what is lost then is sent again
			// by whoever was held up. So it counts what a flood does each time.
			for try := range tries {
				r := s.under(t, most, c.rate, func(n int) error {
					return floods[n%sources].send(c.methods[n/sources%len(c.methods)], n+1, c.real)
				})
				held := c.rate > 0 && r.Again > 2*again+r.Offered/4
				if c.rate == 0 {
					again = r.Again
				}
				if r.Completed != r.Offered || float64(r.InDialogLost) > 0.001*float64(r.InDialog) || held && try == tries-1 {
					t.Errorf("the other customer: %s", r)
				}
				if !held {
					break
				}
			}
		})
	}
}

// under is what becomes of the other customer's calls while so many requests a second come as send sends.
func (s *scene) under(t *testing.T, most time.Duration, rate int, send func(n int) error) *flood.Result {
	t.Helper()
	var all sync.WaitGroup
	all.Go(func() { t.Logf("%d of them", paced(most, rate, send)) })
	r, err := flood.Run(flood.Load{
		Node: s.Node, From: netip.MustParseAddr("127.0.0.2"), Domain: quiet, Rate: 20, For: most,
		Hold: time.Second, Every: 200 * time.Millisecond, Wait: 32 * time.Second,
	})
	all.Wait()
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	return r
}

// within is one call of the flooded customer's, and the socket that it was made from.
type within struct {
	conn           net.Conn
	id             string
	target, routes string
	to             string
}

// within makes a call that stays up.
func (s *scene) within(t *testing.T, to string, i int) *within {
	t.Helper()
	d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 2, byte(1 + i%8)}), 0))}
	conn, err := d.Dial("udp", s.Node.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	w := &within{conn: conn, id: fmt.Sprintf("within%d", i), target: "sip:" + to + "@" + flooded, to: "<sip:" + to + "@" + flooded + ">"}
	buf := make([]byte, 4096)
	for began := time.Now(); ; {
		if err := w.send("INVITE", 0, true); err != nil || time.Since(began) > 20*time.Second {
			t.Fatalf("call %d is not answered: %v", i, err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		for {
			n, err := conn.Read(buf)
			if err != nil {
				break // it is sent again
			}
			if bytes.HasPrefix(buf[:n], []byte("SIP/2.0 200 ")) {
				w.answered(buf[:n])
				if err := w.send("ACK", 0, true); err != nil {
					t.Fatal(err)
				}
				return w
			}
		}
	}
}

// answered notes what the 200 says of the dialog.
func (w *within) answered(answer []byte) {
	for line := range bytes.SplitSeq(answer, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "To":
			w.to = string(value)
		case "Contact":
			w.target = string(bytes.Trim(value, "<>"))
		case "Record-Route":
			w.routes = "Route: " + string(value) + "\r\n" + w.routes
		}
	}
}

// send sends a request of the call, or of one that there is not; without a method it is an answer.
func (w *within) send(method string, n int, real bool) error {
	id, to, routes, target := w.id, w.to, w.routes, w.target
	if !real {
		id, to, routes, target = fmt.Sprintf("none%d", n), "<sip:1000@"+flooded+">;tag=none", "", "sip:1000@"+flooded
	}
	first := method + " " + target + " SIP/2.0"
	if method == "" {
		first, method = "SIP/2.0 200 OK", "INVITE"
	}
	_, err := fmt.Fprintf(w.conn, "%s\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKw%d%s\r\n%sMax-Forwards: 70\r\nFrom: <sip:a@%s>;tag=1\r\n"+
		"To: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:a@%s>\r\nContent-Length: 0\r\n\r\n",
		first, w.conn.LocalAddr(), n, method, routes, flooded, to, id, 1+n, method, w.conn.LocalAddr())
	return err
}

// paced does something so often a second, for so long or until it fails, and says how often.
func paced(most time.Duration, perSecond int, do func(n int) error) (done int) {
	began := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for now := range tick.C {
		if now.Sub(began) > most {
			break
		}
		for ; done < int(now.Sub(began).Seconds()*float64(perSecond)); done++ {
			if do(done) != nil {
				return done
			}
		}
	}
	return done
}
