package main

import (
	"strings"
	"testing"
	"time"
)

// TestBansReport: ratios are taken within a round, and a void turn is in none.
func TestBansReport(t *testing.T) {
	turn := func(round int, target string, each, packets int) banTurn {
		return banTurn{
			Round: round, Node: banKernel, Target: target, Sent: sent{Packets: packets, Took: time.Second},
			Dropped: packets, Machine: time.Duration(each * packets),
		}
	}
	calls := func(round int, target string, cpu time.Duration, failed int) banTurn {
		return banTurn{Round: round, Target: target, Sent: sent{Packets: 1, Took: time.Second}, CPU: cpu, Calls: 100, Failed: failed}
	}
	broken := turn(1, banKernel, 9000, 10)
	broken.Void = "it was cold"
	r := report{bench: &bench{rounds: 2}, bans: &bansResult{
		Costs: []banTurn{
			turn(0, banSend, 500, 1000), turn(0, banKernel, 700, 900), turn(0, banStep3, 1500, 400),
			turn(1, banSend, 500, 1000), broken, turn(1, banStep3, 1500, 400),
		},
		Calls: []banTurn{calls(0, banNothing, 100*time.Millisecond, 0), calls(0, banKernel, 110*time.Millisecond, 3)},
	}}
	var b strings.Builder
	r.bansTable(&b)
	for _, want := range []string{
		"| dropped by the kernel | 900 | 700 | 200 | 100.0 % |",
		"beyond sending | 0.20 | 0.30 | met |",
		"beside nothing sent | 1.10 | 1.05 | MISSED |",
		"| failed calls under it, of 100 | 3 | 0 | MISSED |",
		"Void: round 2, kernel, kernel: it was cold",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// TestSenderKnowsItsWaiting: the kernel tells it for the calling thread.
func TestSenderKnowsItsWaiting(t *testing.T) {
	if d, err := threadWaited(); err != nil || d < 0 {
		t.Errorf("%v, %v", d, err)
	}
}
