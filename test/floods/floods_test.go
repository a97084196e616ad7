package floods

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"tollgate/bench/flood"
	"tollgate/test/harness"
)

const (
	rate = 20_000 // requests of a flood a second
	// ports is from how many sockets a flood comes.
	ports = 4
)

// growth is how much memory a flood may take for good or for a while, in MiB: transactions live
// for 32 s after their end and are bounded by number, decisions and records by size.
func growth() int {
	if harness.Soak() {
		return 1024
	}
	return 128
}

// lasts is for how long a flood does.
func lasts() time.Duration {
	if harness.Soak() {
		return time.Minute
	}
	return time.Second
}

// kind is one request of which there is too much.
type kind struct {
	name    string
	request func(p *phone, callID string) []byte
	status  int  // what it is answered; 0: nothing
	reaches bool // the PBX hears of it
}

// kinds are all of them. Methods within calls name a call that is not there.
func kinds() []kind {
	within := func(method string) func(*phone, string) []byte {
		return func(p *phone, callID string) []byte {
			return p.request(method, "sip:1000@"+flooded, "<sip:1000@"+flooded+">;tag=gone", callID, "")
		}
	}
	outside := func(method, user, domain string) func(*phone, string) []byte {
		return func(p *phone, callID string) []byte {
			return p.request(method, "sip:"+user+domain, "<sip:"+user+domain+">", callID, "")
		}
	}
	registers := func(domain string) func(*phone, string) []byte {
		return func(p *phone, callID string) []byte { // each for another user
			return p.request("REGISTER", "sip:"+domain, "<sip:"+callID+"@"+domain+">", callID, "Expires: 300\r\n")
		}
	}
	return []kind{
		{"REGISTER", registers(flooded), 404, true},
		{"OPTIONS", outside("OPTIONS", "1000@", flooded), 200, true},
		{"INVITE to a blocked number", outside("INVITE", blocked+"1@", flooded), 403, false},
		{"BYE of no call", within("BYE"), 481, false},
		{"INFO of no call", within("INFO"), 481, false},
		{"INVITE of no call", within("INVITE"), 481, false},
		{"CANCEL of no call", outside("CANCEL", "1000@", flooded), 481, false},
		{"ACK of no call", within("ACK"), 0, false},
		{"strangers' OPTIONS", outside("OPTIONS", "1000@", nobody), 0, false},
		{"strangers' INVITE", outside("INVITE", "1000@", nobody), 0, false},
		{"strangers' REGISTER", registers(nobody), 0, false},
	}
}

// TestFloods: each kind of request alone is answered as it is to be, or not at all; twenty thousand a
// second of it are answered so or not at all, and hurt nobody else.
func TestFloods(t *testing.T) {
	s := newScene(t)
	t.Run("no flood", func(t *testing.T) {
		s.beside(t, func() {})
	})
	for i, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			alone := newPhone(t, s, "udp", "alone", flooded)
			k.alone(t, alone, fmt.Sprintf("%salone-%d", callIDs, i))
			before := s.reached.Load()
			answers := map[int]int{}
			s.beside(t, func() { answers = s.flood(t, k, i) })
			k.judge(t, answers)
			if n := s.reached.Load() - before; (n > 0) != k.reaches {
				t.Errorf("%d of the flood's requests reached a PBX", n)
			}
			k.alone(t, alone, fmt.Sprintf("%safter-%d", callIDs, i))
		})
	}
}

// beside lets the other customer live while something is done, asks on the command line meanwhile, and
// looks at memory and at the flooded customer's calls afterwards.
func (s *scene) beside(t *testing.T, do func()) {
	t.Helper()
	before := s.resident(t)
	s.live(t, lasts(), func() {
		done := make(chan struct{})
		go func() {
			defer close(done)
			do()
		}()
		s.asked(t, done)
	})
	after := s.resident(t)
	t.Logf("memory: %d MiB before, %d MiB afterwards", before, after)
	if after > before+growth() {
		t.Errorf("the node grew from %d to %d MiB", before, after)
	}
	if r := s.call(t, flooded, flood.Load{Rate: 10, Most: 3, For: time.Second}); r.Completed != 3 {
		t.Errorf("afterwards the customer's calls fail: %s", r)
	}
}

// alone sends one request, and one that is always answered; what comes before that is the first one's.
func (k kind) alone(t *testing.T, p *phone, callID string) {
	t.Helper()
	clear(p.heard)
	request := k.request(p, callID)
	if k.status != 0 {
		if got := p.ask(request); got != k.status {
			t.Errorf("one alone is answered %d, want %d (0: not at all)", got, k.status)
		}
		return
	}
	if _, err := p.conn.Write(request); err != nil {
		t.Fatal(err)
	}
	hello := p.request("MESSAGE", "sip:1000@"+flooded, "<sip:1000@"+flooded+">", callID+"-hello", "")
	hello = bytes.Replace(hello, []byte("Max-Forwards: 70"), []byte("Max-Forwards: 0"), 1)
	if got := p.ask(hello); got != 483 || len(p.heard) > 1 {
		t.Errorf("one alone is answered %v, want nothing but 483 to another request", p.heard)
	}
}

// flood sends as many as there is time for, and gives what came back by status.
func (s *scene) flood(t *testing.T, k kind, number int) map[int]int {
	answers := map[int]int{}
	var mu sync.Mutex // guards answers
	var all sync.WaitGroup
	end := time.Now().Add(lasts())
	for port := range ports {
		p := newPhone(t, s, "udp", fmt.Sprintf("flood%d", port), flooded)
		all.Go(func() {
			for {
				if _, err := p.answer(end.Add(time.Second)); err != nil {
					break // all that is to come has come
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for status, n := range p.heard {
				answers[status] += n
			}
		})
		all.Go(func() {
			n := 0
			paced(end, rate/ports, func() bool {
				n++
				_, err := p.conn.Write(k.request(p, fmt.Sprintf("%s%d-%d-%d", callIDs, number, port, n)))
				return err == nil
			})
		})
	}
	all.Wait()
	return answers
}

// paced does something so often a second until the end, or until it fails.
func paced(end time.Time, perSecond int, do func() bool) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	began, done := time.Now(), 0
	for now := range tick.C {
		if !now.Before(end) {
			return
		}
		for ; done < int(now.Sub(began).Seconds()*float64(perSecond)); done++ {
			if !do() {
				return
			}
		}
	}
}

// judge: a flood gets the answers that one request alone gets or silence; where a PBX is asked, also
// 503 when the node has no room for more, and 404 when the PBX could not answer in time.
func (k kind) judge(t *testing.T, answers map[int]int) {
	t.Helper()
	t.Logf("answers by status: %v", answers)
	for status, n := range answers {
		if status >= 200 && status != k.status && !(k.reaches && (status == 503 || status == 404)) {
			t.Errorf("%d times %d, want %d or nothing", n, status, k.status)
		}
		if k.status == 0 {
			t.Errorf("%d times %d, want silence", n, status)
		}
	}
	if k.status != 0 && answers[k.status] == 0 {
		t.Errorf("nobody was answered %d", k.status)
	}
}
