package overload

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

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
	flood.Scene
	node *harness.Node
	tcp  netip.AddrPort
	tls  netip.AddrPort
}

// emergencies are each customer's: the usual number, and one that only his country has.
const emergencies = "emergency: {numbers: [\"112\", \"19222\"], group: 1}\n"

// busy is what the Call-ID of a call begins with that a PBX refuses.
const busy = "busy-"

func refuse(request []byte) string {
	if bytes.Contains(request, []byte("\r\nCall-ID: "+busy)) {
		return "486 Busy Here"
	}
	return ""
}

func newScene(t *testing.T) *scene {
	t.Helper()
	local := netip.MustParseAddr("127.0.0.1")
	var customers []harness.Customer
	for i, domain := range []string{flooded, quiet} {
		pbx, err := flood.NewDeciding(netip.AddrFrom4([4]byte{127, 0, 0, byte(10 + i)}), refuse)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pbx.Close)
		customers = append(customers, harness.Customer{Name: domain, Domains: []string{domain}, Destinations: []harness.Destination{{Addr: pbx.Addr()}}, Extra: emergencies})
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
	s := &scene{node: harness.Start(t)}
	s.Scene = flood.Scene{Node: s.node.Addr("udp", local), Flooded: flooded, Quiet: quiet, CPU: s.cpu}
	s.tcp, s.tls = s.node.Addr("tcp", local), s.node.Addr("tls", local)
	s.node.Apply(t, customers...)
	if err := group.Add(s.node.PID()); err != nil {
		t.Fatal(err)
	}
	return s
}

// cpu is the time that the node has spent on a CPU.
func (s *scene) cpu() (sum time.Duration, err error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.node.PID()))
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		var ns int64
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that has ended
		}
		if _, err := fmt.Sscan(string(text), &ns); err != nil {
			return 0, err
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}
