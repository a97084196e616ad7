package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestReadOwnThreads(t *testing.T) {
	before, err := readThreadTimes(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for busy := time.Now(); time.Since(busy) < 30*time.Millisecond; {
		continue
	}
	after, err := readThreadTimes(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	spent, err := after.since(before)
	if err != nil {
		t.Fatal(err)
	}
	if spent < 5*time.Millisecond {
		t.Errorf("30 ms of work show as %s", spent)
	}
}

func TestThreadThatEndedIsAFault(t *testing.T) {
	if _, err := (threadTimes{1: 5}).since(threadTimes{1: 1, 2: 7}); err == nil {
		t.Error("a thread's lost time went unnoticed")
	}
	if d, err := (threadTimes{1: 5, 3: 2}).since(threadTimes{1: 1}); err != nil || d != 6 {
		t.Errorf("got %d, %v; want 6", d, err)
	}
}

func TestParseStat(t *testing.T) {
	pid, parent, ok := parseStat("41 (a) b (c) S 7 41 41 0")
	if !ok || pid != 41 || parent != 7 {
		t.Errorf("got %d, %d, %t", pid, parent, ok)
	}
	for _, bad := range []string{"", "41", "41 (x", "x (y) S 1", "41 (y) S", "41 (y) S z"} {
		if _, _, ok := parseStat(bad); ok {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestCallers(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(callers()), "\n")
	if lines[0] != "SEQUENTIAL" || len(lines) != 1+sources {
		t.Fatalf("%d lines, the first %q", len(lines), lines[0])
	}
	addresses, domains, refused := map[string]bool{}, map[string]bool{}, 0
	for _, line := range lines[1:] {
		f := strings.Split(line, ";")
		addresses[f[0]], domains[f[1]] = true, true
		if f[2] == "1900" {
			refused++
		}
	}
	if len(addresses) != sources || len(domains) != customers {
		t.Errorf("%d sources and %d domains", len(addresses), len(domains))
	}
	if got := refusedOf(2*sources + 60); got != 2*refused+1 {
		t.Errorf("%d refused, want %d", got, 2*refused+1)
	}
}

func TestFaultsVoidARun(t *testing.T) {
	l := load{calls: 1000}
	good := loadResult{Calls: 1000, Answered: 1000 - refusedOf(1000)}
	if err := good.faults(l, true); err != nil {
		t.Error(err)
	}
	for name, r := range map[string]loadResult{
		"failed":          {Calls: 1000, Answered: good.Answered, Failed: 1},
		"short":           {Calls: 999, Answered: good.Answered},
		"wrongly refused": {Calls: 1000, Answered: good.Answered - 1},
		"not refused":     {Calls: 1000, Answered: 1000},
	} {
		if r.faults(l, true) == nil {
			t.Errorf("%s: counts as good", name)
		}
	}
}

func TestReadStat(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.csv")
	text := "StartTime;OutgoingCall(C);FailedCall(C);CallRate(C);\nx;1;0;1.5;\nx;8;2;3.5;\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readStat(file)
	if err != nil || got["OutgoingCall(C)"] != 8 || got["FailedCall(C)"] != 2 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestRatioIsTakenWithinARound(t *testing.T) {
	r := samples{
		{Peer: "a", Rate: 5, Round: 0, PerCall: 20},
		{Peer: "b", Rate: 5, Round: 0, PerCall: 10},
		{Peer: "a", Rate: 5, Round: 1, PerCall: 90},
		{Peer: "b", Rate: 5, Round: 1, PerCall: 30},
		{Peer: "a", Rate: 5, Round: 2, PerCall: 99, Void: "x"},
		{Peer: "b", Rate: 5, Round: 2, PerCall: 1},
		{Peer: "a", Rate: 6, Round: 0, PerCall: 1},
	}
	if x, ok := r.ratio("a", "b", 5); !ok || x != 2.5 {
		t.Errorf("got %v, %t; want the median of 2 and 3", x, ok)
	}
	if _, ok := r.ratio("a", "none", 5); ok {
		t.Error("a ratio to nobody")
	}
}

func TestPercentile(t *testing.T) {
	var values []time.Duration
	for i := range 200 {
		values = append(values, time.Duration(200-i))
	}
	if p := percentile(values, 99); p != 198 {
		t.Errorf("p99 of 1..200 is %d", p)
	}
	if p := percentile(values[:1], 50); p != 200 {
		t.Errorf("p50 of one value is %d", p)
	}
}

func TestParseBenchmarks(t *testing.T) {
	got := parseBenchmarks("./sip", "goos: linux\nBenchmarkParse-2   1000   912.5 ns/op   0 B/op   0 allocs/op\nPASS\n")
	want := []microResult{{"sip", "Parse-2", "912.5 ns/op, 0 B/op, 0 allocs/op"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestProbeMessage(t *testing.T) {
	m := parseProbe([]byte("SIP/2.0 200 OK\r\nRecord-Route: <sip:a;lr>, <sip:b;lr>\r\nrecord-route: <sip:c;lr>\r\nCall-ID: probe7@127.0.0.1:5\r\nTo: <sip:x>;tag=1\r\n\r\nbody"))
	if m.status != 200 || m.n != 7 || m.header("to") != "<sip:x>;tag=1" {
		t.Errorf("got %+v", m)
	}
	if got := m.routes(); got != "Route: <sip:c;lr>\r\nRoute: <sip:b;lr>\r\nRoute: <sip:a;lr>\r\n" {
		t.Errorf("routes %q", got)
	}
}

// TestProbeOfAnother: what comes late of an earlier prober's calls is nothing to this one.
func TestProbeOfAnother(t *testing.T) {
	p := &prober{first: 300, calls: make([]probeCall, 2)}
	for number, want := range map[int]*probeCall{-1: nil, 299: nil, 300: &p.calls[0], 301: &p.calls[1], 302: nil} {
		if p.call(number) != want {
			t.Errorf("call %d is %p, want %p", number, p.call(number), want)
		}
	}
	busy := "SIP/2.0 500 Late\r\nCall-ID: probe%d@127.0.0.1:5\r\nCSeq: 1 INVITE\r\n\r\n"
	p.onResponse(parseProbe(fmt.Appendf(nil, busy, 299)), time.Now(), netip.AddrPort{})
	if p.fault != nil {
		t.Errorf("another's answer: %v", p.fault)
	}
	p.onResponse(parseProbe(fmt.Appendf(nil, busy, 300)), time.Now(), netip.AddrPort{})
	if p.fault == nil {
		t.Error("an answer of 500 to a call of its own is no fault")
	}
}

func TestSecondsOfEachPart(t *testing.T) {
	for _, c := range []struct {
		args             []string
		calls, registers int
	}{
		{nil, 6, 2},
		{[]string{"-seconds", "4"}, 4, 4},
		{[]string{"-seconds", "6"}, 6, 6},
	} {
		b, err := parseFlags(c.args)
		if err != nil || b.seconds != c.calls || b.registerSeconds != c.registers {
			t.Errorf("%v: calls for %d s, REGISTERs for %d s, %v; want %d and %d", c.args, b.seconds, b.registerSeconds, err, c.calls, c.registers)
		}
	}
}

func TestFlags(t *testing.T) {
	for _, bad := range [][]string{{"-rates", "x"}, {"-rounds", "0"}, {"-parts", "cpu,nothing"}} {
		if _, err := parseFlags(bad); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	b, err := parseFlags([]string{"-rates", "5,6", "-peers", "floor"})
	if err != nil || !slices.Equal(b.rates, []int{5, 6}) || !slices.Equal(b.peers, []string{"floor"}) {
		t.Errorf("got %+v, %v", b, err)
	}
}
