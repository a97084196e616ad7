package edge

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"tollgate/internal/api"
	"tollgate/internal/gate"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// The bounds of what is kept of clashes.
const (
	maxClashes  = 1000      // addresses; then the one that was quiet longest goes
	clashMemory = time.Hour // after the last request
	maxClashURI = 256       // bytes of each URI
	maxSharers  = 10        // other customers that are named
)

// clashes remembers addresses that several customers have a destination at, or one has and
// others an entry, and that sent requests which nothing told apart
// (policy.SharedDestinationClash).
type clashes struct {
	mu sync.Mutex
	of map[netip.AddrPort]*clash // as policy compares sources: port 0 = any, over TCP and TLS
}

type clash struct {
	count    int
	last     time.Time
	from, to []byte
}

// note remembers a refusal.
func (c *clashes) note(d *gate.Decision, now time.Time) {
	at := netip.AddrPortFrom(d.Source.Addr().Unmap(), d.Source.Port())
	if d.Proto != transport.UDP {
		at = netip.AddrPortFrom(at.Addr(), 0)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.of[at]
	if one == nil || now.Sub(one.last) > clashMemory {
		one = c.add(at)
	}
	one.count++
	one.last, one.from, one.to = now, one.from[:0], one.to[:0]
	if d.Message == nil {
		return
	}
	if from, err := sip.ParseNameAddr(d.Message.Value(sip.HdrFrom)); err == nil {
		one.from = append(one.from, from.URI[:min(len(from.URI), maxClashURI)]...)
	}
	to := d.Message.RequestURI()
	one.to = append(one.to, to[:min(len(to), maxClashURI)]...)
}

// add makes room for an address. mu is held.
func (c *clashes) add(at netip.AddrPort) *clash {
	if c.of == nil {
		c.of = make(map[netip.AddrPort]*clash)
	}
	if _, known := c.of[at]; !known && len(c.of) >= maxClashes {
		var oldest netip.AddrPort
		for other, one := range c.of {
			if !oldest.IsValid() || one.last.Before(c.of[oldest].last) {
				oldest = other
			}
		}
		delete(c.of, oldest)
	}
	one := &clash{}
	c.of[at] = one
	return one
}

// recent copies what has not passed, and forgets the rest.
func (c *clashes) recent(now time.Time) map[netip.AddrPort]api.Clash {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[netip.AddrPort]api.Clash, len(c.of))
	for at, one := range c.of {
		if now.Sub(one.last) > clashMemory {
			delete(c.of, at)
			continue
		}
		out[at] = api.Clash{Count: one.count, Last: one.last.UTC(), From: string(one.from), To: string(one.to)}
	}
	return out
}

// byDestination tells each destination of a snapshot of the clash at its address, the latest
// one, if another customer has that address still.
func (c *clashes) byDestination(s *policy.Snapshot, now time.Time) map[tenant.DestinationID]api.Clash {
	recent := c.recent(now)
	out := make(map[tenant.DestinationID]api.Clash)
	for at, list := range residents(s, recent) {
		for _, d := range list {
			one := recent[at]
			one.Sharers, one.More = sharers(list, s.Entrants(at.Addr()), d.Customer)
			if len(one.Sharers) > 0 && out[d.ID].Last.Before(one.Last) {
				out[d.ID] = one
			}
		}
	}
	return out
}

// residents gives all destinations at each of some addresses.
func residents(s *policy.Snapshot, recent map[netip.AddrPort]api.Clash) map[netip.AddrPort][]*policy.Destination {
	out := make(map[netip.AddrPort][]*policy.Destination, len(recent))
	if len(recent) == 0 {
		return out
	}
	for customer := range s.Customers {
		for _, d := range customer.Destinations {
			for _, at := range sources(d) {
				if _, clashed := recent[at]; clashed && !slices.Contains(out[at], d) {
					out[at] = append(out[at], d)
				}
			}
		}
	}
	return out
}

// sources is where requests of a destination come from. What a switch sends is none of its own.
func sources(d *policy.Destination) []netip.AddrPort {
	if d.Switch != nil {
		return nil
	}
	list := make([]netip.AddrPort, 0, 2*len(d.Addrs))
	for _, at := range d.Addrs {
		list = append(list, at, netip.AddrPortFrom(at.Addr(), 0))
	}
	return list
}

// sharers is which other customers have one of the destinations, or an entry there, the first
// few of them.
func sharers(list []*policy.Destination, entrants []tenant.CustomerID, own tenant.CustomerID) (others []tenant.CustomerID, more bool) {
	for _, d := range list {
		entrants = append(entrants, d.Customer)
	}
	for _, id := range entrants {
		if id == own || slices.Contains(others, id) {
			continue
		}
		if len(others) == maxSharers {
			return others, true
		}
		others = append(others, id)
	}
	return others, false
}

// Clashes is api.Node.
func (e *Edge) Clashes() map[tenant.DestinationID]api.Clash {
	return e.clashes.byDestination(e.table.Snapshot(), time.Now())
}
