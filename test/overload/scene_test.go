package overload

import (
	"fmt"
	"net/netip"
	"os"
	"testing"

	"tollgate/bench/flood"
	"tollgate/test/harness"
)

// Domains of the two customers: one is flooded, the other calls as always.
const (
	flooded = "flooded.example"
	quiet   = "quiet.example"
)

// scene is a node with a fifth of a core, and a PBX for each of its two customers.
type scene struct {
	t    *testing.T
	node *harness.Node
	addr netip.AddrPort
}

func newScene(t *testing.T) *scene {
	t.Helper()
	local := netip.MustParseAddr("127.0.0.1")
	var customers []harness.Customer
	for i, domain := range []string{flooded, quiet} {
		pbx, err := flood.NewCallee(netip.AddrFrom4([4]byte{127, 0, 0, byte(10 + i)}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pbx.Close)
		customers = append(customers, harness.Customer{Name: domain, Domains: []string{domain}, Destinations: []harness.Destination{{Addr: pbx.Addr()}}})
	}
	group, err := flood.NewCgroup(fmt.Sprintf("tollgate-overload-%d", os.Getpid()), 20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := group.Remove(); err != nil {
			t.Error(err)
		}
	})
	s := &scene{t: t, node: harness.Start(t)}
	s.addr = s.node.Addr("udp", local)
	s.node.Apply(t, customers...)
	if err := group.Add(s.node.PID()); err != nil {
		t.Fatal(err)
	}
	return s
}

// run makes calls of a domain.
func (s *scene) run(t *testing.T, l flood.Load) *flood.Result {
	l.Node = s.addr
	if !l.From.IsValid() {
		l.From = netip.MustParseAddr("127.0.0.1")
	}
	r, err := flood.Run(l)
	if err != nil {
		t.Error(err)
		return &flood.Result{}
	}
	return r
}
