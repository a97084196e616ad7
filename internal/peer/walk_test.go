package peer_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/transport"
)

// world is a network and a resolver that a test writes down; what would come from
// another goroutine waits until the test lets it happen.
type world struct {
	names   map[string][]string // host: addresses, with "tcp " before those of TCP
	known   bool                // names are in the cache
	streams map[string]bool     // address: takes connections
	closes  bool                // and closes them at once
	open    map[string]bool
	dials   int
	waiting []func()
	walk    peer.Walk
}

func (w *world) hops(host string) (list []transport.Hop) {
	for _, a := range w.names[host] {
		proto := transport.UDP
		if len(a) > 4 && a[:4] == "tcp " {
			proto, a = transport.TCP, a[4:]
		}
		list = append(list, transport.Hop{Proto: proto, Addr: netip.MustParseAddrPort(a)})
	}
	return list
}

func (w *world) Lookup(t transport.Target) ([]transport.Hop, bool) {
	return w.hops(t.Host), w.known
}

func (w *world) Resolve(t transport.Target, done func([]transport.Hop, error)) {
	w.waiting = append(w.waiting, func() { done(w.hops(t.Host), nil) })
}

func (w *world) Find(h transport.Hop, _ string) (transport.Flow, bool) {
	ok := h.Proto == transport.UDP && h.Addr.Addr().Is4() || w.open[h.Addr.String()]
	return transport.Flow{Proto: h.Proto, Remote: h.Addr}, ok
}

func (w *world) Dial(h transport.Hop, _ string, done func(transport.Flow, error)) {
	w.dials++
	w.waiting = append(w.waiting, func() {
		if !w.streams[h.Addr.String()] {
			done(transport.Flow{}, errors.New("refused"))
			return
		}
		w.open[h.Addr.String()] = !w.closes
		done(transport.Flow{Proto: h.Proto, Remote: h.Addr, Conn: 7}, nil)
	})
}

func (w *world) IsOwn(a netip.AddrPort) bool { return a.Port() == 9 }

func (w *world) Continue(_ uint8, ref uint64, apply func(*peer.Walk)) {
	if ref != 42 {
		panic("another ref")
	}
	apply(&w.walk)
}

// all walks to the end and tells each step.
func (w *world) all(r *peer.Router, size int, hosts ...string) (steps []string) {
	var list policy.Candidates
	for i, h := range hosts {
		list.List[i] = &policy.Destination{Host: h}
		list.N++
	}
	w.walk.Start(&list, transport.Target{})
	return w.rest(r, size)
}

func (w *world) rest(r *peer.Router, size int) (steps []string) {
	for len(steps) < 50 {
		flow, step := r.Next(&w.walk, size, w, 1, 42)
		switch step {
		case peer.Exhausted:
			return steps
		case peer.Waiting:
			next := w.waiting[0]
			w.waiting = w.waiting[1:]
			next()
		case peer.Ready:
			steps = append(steps, fmt.Sprintf("%s %s more=%v", flow.Proto, flow.Remote, w.walk.More()))
		}
	}
	return append(steps, "without end")
}

func newWorld() (*world, *peer.Router) {
	w := &world{open: map[string]bool{}, streams: map[string]bool{}, known: true, names: map[string][]string{
		"one":    {"192.0.2.1:5060", "192.0.2.2:5060"},
		"two":    {"192.0.2.3:5060"},
		"none":   {},
		"six":    {"[2001:db8::1]:5060"},
		"tcp":    {"tcp 192.0.2.4:5060", "tcp 192.0.2.5:5060"},
		"inside": {"127.0.0.1:5060", "[::ffff:127.0.0.1]:5060", "192.0.2.6:9", "192.0.2.6:5060"},
	}}
	return w, &peer.Router{Network: w, Resolver: w, Forbidden: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

func TestWalk(t *testing.T) {
	tests := []struct {
		name  string
		hosts []string
		size  int
		set   func(w *world)
		want  []string
		dials int
	}{
		{
			"each address, then the next candidate",
			[]string{"one", "none", "two"},
			500, nil,
			[]string{"udp 192.0.2.1:5060 more=true", "udp 192.0.2.2:5060 more=true", "udp 192.0.2.3:5060 more=false"},
			0,
		},
		{
			"names that have to be looked up",
			[]string{"one", "two"},
			500, func(w *world) { w.known = false },
			[]string{"udp 192.0.2.1:5060 more=true", "udp 192.0.2.2:5060 more=true", "udp 192.0.2.3:5060 more=false"},
			0,
		},
		{"no listener for IPv6", []string{"six", "two"}, 500, nil, []string{"udp 192.0.2.3:5060 more=false"}, 0},
		{"nothing", nil, 500, nil, nil, 0},
		{"forbidden networks and ourselves", []string{"inside"}, 500, nil, []string{"udp 192.0.2.6:5060 more=false"}, 0},
		{
			"an open connection",
			[]string{"tcp"},
			500, func(w *world) { w.open["192.0.2.4:5060"] = true },
			[]string{"tcp 192.0.2.4:5060 more=true"},
			1,
		},
		{
			"a dial that fails, one that does not",
			[]string{"tcp"},
			500, func(w *world) { w.streams["192.0.2.5:5060"] = true },
			[]string{"tcp 192.0.2.5:5060 more=false"},
			2,
		},
		{
			"a peer that closes at once is not dialled for ever",
			[]string{"tcp", "two"},
			500,
			func(w *world) { w.streams["192.0.2.4:5060"] = true; w.closes = true },
			[]string{"tcp 192.0.2.4:5060 more=true", "udp 192.0.2.3:5060 more=false"},
			2,
		},
		{
			"too large for UDP",
			[]string{"two"},
			1400, func(w *world) { w.streams["192.0.2.3:5060"] = true },
			[]string{"tcp 192.0.2.3:5060 more=false"},
			1,
		},
		{"too large, but no TCP there", []string{"two"}, 1400, nil, []string{"udp 192.0.2.3:5060 more=false"}, 1},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			w, r := newWorld()
			if c.set != nil {
				c.set(w)
			}
			if got := w.all(r, c.size, c.hosts...); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if w.dials != c.dials {
				t.Errorf("%d dials, want %d", w.dials, c.dials)
			}
		})
	}
}

// TestStreamless: who took no TCP is not asked again with the next large request.
func TestStreamless(t *testing.T) {
	w, r := newWorld()
	for range 3 {
		w.all(r, 1400, "two")
	}
	if w.dials != 1 {
		t.Errorf("%d dials", w.dials)
	}
}

func TestWalkForeign(t *testing.T) {
	w, r := newWorld()
	w.walk.Start(&policy.Candidates{Foreign: true}, transport.Target{Host: "two"})
	if w.walk.Destination() != nil {
		t.Error("a foreign host is no destination")
	}
	if got := w.rest(r, 500); !slices.Equal(got, []string{"udp 192.0.2.3:5060 more=false"}) {
		t.Errorf("%q", got)
	}
}

func TestSkipCandidate(t *testing.T) {
	w, r := newWorld()
	var list policy.Candidates
	list.List[0], list.List[1], list.N = &policy.Destination{Host: "one"}, &policy.Destination{Host: "two"}, 2
	w.walk.Start(&list, transport.Target{})
	r.Next(&w.walk, 0, w, 1, 42)
	if w.walk.Candidate() != 0 || w.walk.Destination().Host != "one" {
		t.Error("not at the first candidate")
	}
	w.walk.SkipCandidate()
	if got := w.rest(r, 500); !slices.Equal(got, []string{"udp 192.0.2.3:5060 more=false"}) {
		t.Errorf("%q", got)
	}
}

func TestTargetOfURI(t *testing.T) {
	for uri, want := range map[string]transport.Target{
		"sip:a@b.test":                   {Host: "b.test"},
		"sip:b.test:5070;transport=TCP":  {Host: "b.test", Port: 5070, Proto: transport.TCP},
		"sips:a@[2001:db8::1]":           {Host: "2001:db8::1", Proto: transport.TLS, ServerName: "2001:db8::1", Verify: true},
		"sip:a@b.test;transport=unknown": {},
		"tel:123":                        {},
		"":                               {},
	} {
		got, ok := peer.TargetOfURI([]byte(uri))
		if ok != (want.Host != "") || ok && got != want {
			t.Errorf("%q: %+v, %v", uri, got, ok)
		}
	}
}
