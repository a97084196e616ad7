package main

import (
	"strings"
	"testing"

	"tollgate/bench/flood"
)

// A peer that lost half of its calls, one request within a call and one call of the other customer, and
// was as before in the second second.
func TestOverloadTable(t *testing.T) {
	trial := &flood.Trial{
		Rate: flood.Rate{PerSecond: 500, PerCPU: 2400},
		Load: &flood.Result{InDialog: 900}, Up: &flood.Result{InDialog: 100, InDialogLost: 1},
		Quiet: &flood.Result{Offered: 30, Completed: 29},
		After: &flood.Result{Offered: 20, Completed: 20, Begun: []int{10, 10}, Late: []int{5}},
	}
	r := &report{bench: &bench{rounds: 1}, peers: []*peer{{name: peerTollgate, label: "Tollgate"}}}
	r.overload = []overloadTurn{
		{Peer: peerTollgate, Times: 3, Capacity: flood.Rate{PerSecond: 1000, PerCPU: 3000}, Trial: trial},
		{Peer: peerTollgate, Times: 10, Void: "it fell"},
	}
	var b strings.Builder
	r.overloadTable(&b)
	for _, want := range []string{
		"| Tollgate | 3x | 0 | 1000 | 0.50 | 0.80 | 0.10 % | 1 of 30 | 1 s |",
		"| Tollgate at 3x: goodput | 0.80 | 0.90 | MISSED |",
		"| Tollgate at 3x: lost within calls | 0.10 % | 0.1 % | met |",
		"| Tollgate at 3x: other customer's calls that failed | 1 | 0 | MISSED |",
		"| Tollgate at 3x: as before after | 1 s | 5 s | met |",
		"Void: round 1, tollgate: it fell",
	} {
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("the table has no line %q", want)
		}
	}
	if t.Failed() {
		t.Log(b.String())
	}
}
