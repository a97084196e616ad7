// Package peer knows our neighbours: it turns the candidates that policy chose
// into flows, address by address (RFC 3263 4.3), and watches by OPTIONS whether
// destinations are alive (mission row C6).
//
// It is not its job to choose destinations, nor to know calls.
package peer

import (
	"math/rand/v2"
	"net/netip"

	"tollgate/internal/policy"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// Network is what a walk needs of the transport.
type Network interface {
	Find(h transport.Hop, network string) (transport.Flow, bool)
	Dial(h transport.Hop, network string, done func(transport.Flow, error))
	IsOwn(a netip.AddrPort) bool
}

// Resolver is what a walk needs of the resolver.
type Resolver interface {
	Lookup(t transport.Target) ([]transport.Hop, bool)
	Resolve(t transport.Target, done func([]transport.Hop, error))
}

// Router walks candidates. It is safe for concurrent use.
type Router struct {
	Network  Network
	Resolver Resolver
	// Forbidden networks are where no destination may lead.
	Forbidden []netip.Prefix
	OwnToo    bool // our own listeners are no forbidden destination
	Inside    bool // the way leads along a dialog, which may spiral through ourselves

	streamless streamless
}

// Walk is the way through the candidates of one request: each candidate's
// addresses in turn, then the next candidate.
type Walk struct {
	list    policy.Candidates
	foreign transport.Target
	network string // of foreign; "" = any
	next    int    // candidate to resolve next
	current *policy.Destination
	proxy   int // how many of the proxies of current were tried
	first   int // and with which of them this walk has begun
	hops    []transport.Hop
	single  [1]transport.Hop // that hops are of, where a destination is an address
	hop     int
	opened  transport.Flow // to the current hop, by a dial of this walk
}

// Start begins a walk; foreign is the target where list.Foreign is set.
func (w *Walk) Start(list *policy.Candidates, foreign transport.Target) {
	*w = Walk{list: *list, foreign: foreign}
}

// Within keeps the way to a foreign target to a network's listeners: a dialog stays in the
// network that it began in.
func (w *Walk) Within(network string) { w.network = network }

// Destination is the candidate that the last Next led to; nil for a foreign host.
func (w *Walk) Destination() *policy.Destination { return w.current }

// Candidate is the place of Destination in the list.
func (w *Walk) Candidate() int { return w.next - 1 }

// SkipCandidate leaves the current candidate's other addresses out.
func (w *Walk) SkipCandidate() {
	w.lead(nil)
	w.proxy = w.proxies()
}

// proxies is how many ways there are to the current candidate, 0 for the direct one.
func (w *Walk) proxies() int {
	if w.current == nil {
		return 0
	}
	return len(w.current.Proxies)
}

// lead turns to other addresses.
func (w *Walk) lead(hops []transport.Hop) { w.hops, w.hop, w.opened = hops, 0, transport.Flow{} }

// More says that another address or candidate is left to try.
func (w *Walk) More() bool {
	return w.hop < len(w.hops) || w.proxy < w.proxies() || !w.list.Foreign && w.next < w.list.N
}

// Step says what Next came to.
type Step uint8

// The steps.
const (
	Ready     Step = iota // the flow may be used
	Waiting               // the continuation will be called
	Exhausted             // nothing is left
)

// Waiter is told that a walk can go on. apply must be called under the lock that
// guards the walk, and Next again after it.
type Waiter interface {
	Continue(shard uint8, ref uint64, apply func(*Walk))
}

// largest is the size beyond which a request should not go over UDP where the
// path MTU is unknown (RFC 3261 18.1.1).
const largest = 1300

// Next gives the next flow to try for a request of size bytes, without those that its destination adds (0: one
// that none are added to). When it has to
// wait it returns Waiting, and w is untouched until waiter is called.
func (r *Router) Next(w *Walk, size int, waiter Waiter, shard uint8, ref uint64) (transport.Flow, Step) {
	for {
		for w.hop < len(w.hops) {
			flow, step, again := r.connect(w, size, waiter, shard, ref)
			if !again {
				return flow, step
			}
		}
		target, ok := w.advance()
		if !ok {
			return transport.Flow{}, Exhausted
		}
		if w.current != nil && w.current.Literal && w.proxies() == 0 {
			w.single[0] = transport.Hop{Proto: target.Proto, Addr: w.current.Addrs[0], ServerName: target.ServerName, Verify: target.Verify}
			w.lead(w.single[:])
			continue
		}
		hops, known := r.Resolver.Lookup(target)
		if !known {
			r.Resolver.Resolve(target, func(hops []transport.Hop, err error) {
				waiter.Continue(shard, ref, func(w *Walk) { w.lead(hops) })
			})
			return transport.Flow{}, Waiting
		}
		w.lead(hops)
	}
}

// advance goes to the next candidate and gives its target.
func (w *Walk) advance() (transport.Target, bool) {
	if w.list.Foreign {
		if w.next > 0 {
			return transport.Target{}, false
		}
		w.next = 1
		return w.foreign, true
	}
	if w.proxy < w.proxies() {
		return w.byProxy(), true
	}
	if w.next >= w.list.N {
		return transport.Target{}, false
	}
	w.current = w.list.List[w.next]
	w.next++
	if n := w.proxies(); n > 0 {
		w.proxy, w.first = 0, rand.IntN(n)
		return w.byProxy(), true
	}
	return TargetOf(w.current), true
}

// byProxy gives the next of the proxies by which the current candidate is called (mission row
// A11): each walk begins with any of them, and then takes the others in turn.
func (w *Walk) byProxy() transport.Target {
	p := w.current.Proxies[(w.first+w.proxy)%len(w.current.Proxies)]
	w.proxy++
	return targetBy(w.current, p)
}

// connect gives a flow to the current hop; again says to look at the next one.
func (r *Router) connect(w *Walk, size int, waiter Waiter, shard uint8, ref uint64) (flow transport.Flow, step Step, again bool) {
	hop := w.hops[w.hop]
	if r.forbidden(hop.Addr) {
		w.hop++
		return flow, step, true
	}
	if flow, dialled := w.opened, w.opened.Proto != 0; dialled {
		// Not looked for again: a peer that closes at once would be dialled for ever.
		w.hop, w.opened = w.hop+1, transport.Flow{}
		return flow, Ready, false
	}
	network := w.network
	if w.current != nil {
		network = w.current.Network
	}
	if size > 0 && w.current != nil {
		size += policy.Growth(nil, w.current)
	}
	large := size > largest && hop.Proto == transport.UDP && !r.streamless.has(hop.Addr)
	if large {
		hop.Proto = transport.TCP
	}
	if flow, ok := r.Network.Find(hop, network); ok {
		w.hop++
		return flow, Ready, false
	}
	if hop.Proto == transport.UDP {
		w.hop++ // no listener of ours leads there
		return flow, step, true
	}
	r.Network.Dial(hop, network, func(flow transport.Flow, err error) {
		waiter.Continue(shard, ref, func(w *Walk) {
			switch {
			case err == nil:
				w.opened = flow
			case large:
				r.streamless.add(hop.Addr) // RFC 3261 18.1.1: then UDP all the same
			default:
				w.hop++
			}
		})
	})
	return flow, Waiting, false
}

// forbidden keeps destinations out of our own listeners and of networks where
// nobody's PBX is.
func (r *Router) forbidden(a netip.AddrPort) bool {
	if !r.OwnToo && !r.Inside && r.Network.IsOwn(a) {
		return true
	}
	for _, p := range r.Forbidden {
		if p.Contains(a.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// TargetOf is where a destination is looked for.
func TargetOf(d *policy.Destination) transport.Target {
	proto, _ := transport.ParseProto(d.Transport())
	return transport.Target{Host: d.Host, Port: d.Port, Proto: proto, ServerName: d.ServerName, Verify: d.Verify}
}

// targetBy is where a destination is called by one of its proxies.
func targetBy(d *policy.Destination, p policy.Proxy) transport.Target {
	t := TargetOf(d)
	t.Host, t.Port, t.ServerName = p.Host, p.Port, p.Host
	return t
}

// TargetsOf is all that a destination is called by: its proxies, else itself.
func TargetsOf(d *policy.Destination) []transport.Target {
	if len(d.Proxies) == 0 {
		return []transport.Target{TargetOf(d)}
	}
	all := make([]transport.Target, len(d.Proxies))
	for i, p := range d.Proxies {
		all[i] = targetBy(d, p)
	}
	return all
}

// TargetOfURI is where a URI leads (RFC 3263 4); false where no SIP host stands in it.
func TargetOfURI(uri []byte) (transport.Target, bool) {
	u, err := sip.ParseURI(uri)
	if err != nil || u.Scheme != sip.SchemeSIP && u.Scheme != sip.SchemeSIPS || len(u.Host) == 0 {
		return transport.Target{}, false
	}
	t := transport.Target{Host: string(u.Host), Port: u.Port}
	if v, ok := u.Param("transport"); ok {
		t.Proto, _ = transport.ParseProto(string(v))
		if t.Proto == 0 {
			return t, false
		}
	}
	if u.Scheme == sip.SchemeSIPS {
		t.Proto, t.ServerName, t.Verify = transport.TLS, t.Host, true
	}
	return t, true
}
