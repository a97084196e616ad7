package floods

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/bench/flood"
	"tollgate/test/harness"
)

// Domains of the two customers: one is flooded, the other lives as always. Nobody has the third.
const (
	flooded = "flooded.example"
	quiet   = "quiet.example"
	nobody  = "nobody.example"
)

// blocked is a prefix of the flooded customer's block list.
const blocked = "900"

// callIDs is what the Call-ID of everything begins with that is part of a flood.
const callIDs = "flood-"

// scene is a node with two customers, each with a PBX that is a registrar, too.
type scene struct {
	*testing.T
	node    *harness.Node
	udp     netip.AddrPort
	tcp     netip.AddrPort
	reached atomic.Int64 // requests of a flood that came to a PBX
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{T: t, node: harness.Start(t)}
	local := netip.MustParseAddr("127.0.0.1")
	s.udp, s.tcp = s.node.Addr("udp", local), s.node.Addr("tcp", local)
	var customers []harness.Customer
	for _, domain := range []string{flooded, quiet} {
		pbx, err := flood.NewDeciding(netip.MustParseAddr(harness.IP(t)), s.decide)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pbx.Close)
		customers = append(customers, harness.Customer{
			Name: domain, Domains: []string{domain}, Destinations: []harness.Destination{{Addr: pbx.Addr()}},
			Extra: map[bool]string{true: "blocklist: [{domain: \"\", prefix: \"" + blocked + "\"}]\n"}[domain == flooded],
		})
	}
	s.node.Apply(t, customers...)
	return s
}

// decide is how the PBXs answer: whoever floods has no account there.
func (s *scene) decide(request []byte) string {
	if !bytes.Contains(request, []byte("\r\nCall-ID: "+callIDs)) {
		return ""
	}
	s.reached.Add(1)
	if bytes.HasPrefix(request, []byte("REGISTER ")) {
		return "404 Not Found"
	}
	return ""
}

// life is what the other customer does during a flood.
type life struct {
	calls      *flood.Result
	registered int
	slowest    time.Duration // answer to a REGISTER
}

// live lets the other customer's phones call and register for so long, and longer while more does not
// return; none of that may fail.
func (s *scene) live(t *testing.T, least time.Duration, more func()) {
	t.Helper()
	b, end := life{}, time.Now().Add(least)
	var all sync.WaitGroup
	all.Go(func() { b.calls = s.call(t, quiet, flood.Load{Rate: 10, For: least, Hold: 300 * time.Millisecond}) })
	var mu sync.Mutex // guards b until all are back
	for i, protocol := range []string{"udp", "udp", "tcp"} {
		p := newPhone(t, s, protocol, fmt.Sprintf("phone%d", i), quiet)
		all.Go(func() {
			for time.Now().Before(end) {
				began := time.Now()
				if status := p.register(); status != 200 {
					t.Errorf("%s's REGISTER over %s was answered %d after %v (0: not at all)", p.user, protocol, status, time.Since(began))
				}
				mu.Lock()
				b.registered, b.slowest = b.registered+1, max(b.slowest, time.Since(began))
				mu.Unlock()
				<-time.After(100 * time.Millisecond)
			}
		})
	}
	more()
	all.Wait()
	c := b.calls
	t.Logf("the other customer: %d REGISTERs, the slowest took %v; calls: %s", b.registered, b.slowest.Round(time.Millisecond), c)
	if c.Offered == 0 || c.Completed != c.Offered || c.InDialogLost > 0 || b.registered == 0 {
		t.Errorf("the other customer completed %d of %d calls, lost %d of %d requests within them, and registered %d times",
			c.Completed, c.Offered, c.InDialogLost, c.InDialog, b.registered)
	}
}

// call makes calls of a domain.
func (s *scene) call(t *testing.T, domain string, l flood.Load) *flood.Result {
	l.Node, l.From, l.Domain, l.Wait = s.udp, netip.MustParseAddr("127.0.0.1"), domain, 32*time.Second
	r, err := flood.Run(l)
	if err != nil {
		t.Error(err)
		return &flood.Result{}
	}
	return r
}

// asked runs what an operator asks while something is wrong, one command after the other, until done.
func (s *scene) asked(t *testing.T, done <-chan struct{}) {
	t.Helper()
	for {
		for _, args := range [][]string{{"limits"}, {"decisions"}, {"why", quiet}} {
			began := time.Now()
			s.node.Must(t, args...)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("tollgate %s took %v", strings.Join(args, " "), took)
			}
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// resident is the node's memory in MiB.
func (s *scene) resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.node.PID()))
	if err != nil {
		t.Fatalf("the node is gone: %v", err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

// files is how many descriptors the node has open.
func (s *scene) files(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.node.PID()))
	if err != nil {
		t.Fatalf("the node is gone: %v", err)
	}
	return len(list)
}
