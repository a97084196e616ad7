package policy

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// addRegistrations notes the ways to the switches at which we register; destinations are there
// already.
func (c *Customer) addRegistrations() error {
	for _, sw := range c.Switches {
		if !sw.Register {
			continue
		}
		way, err := c.wayTo(sw.ID)
		if err != nil {
			return fmt.Errorf("switch %q: %w", sw.Name, err)
		}
		c.Registrations = append(c.Registrations, way)
	}
	return nil
}

// identifyRegistered finds whose a request to a Contact of ours is that we have registered at a
// switch. It comes in as if an entry had sent it, from that switch's addresses only.
func (s *Snapshot) identifyRegistered(r *Request, id *Identity, at netip.AddrPort, mayCall bool) Verdict {
	c := s.Customer(r.Registered.Customer)
	if c == nil || !mayCall {
		return Refuse(ForeignToken)
	}
	sw := c.Switch(r.Registered.Switch)
	if sw == nil || !sw.Register || !s.isAt(c, sw, at) {
		return Refuse(ForeignToken)
	}
	id.Customer, id.Entry, id.By = c, sw, ByEntry
	return Verdict{}
}

// isAt says that a switch at which we register is known at an address; port 0 is any.
func (s *Snapshot) isAt(c *Customer, sw *Switch, at netip.AddrPort) bool {
	for _, d := range c.Registrations {
		if d.Switch == sw && holds(d.Addrs, at) {
			return true
		}
	}
	return holds(s.registrars[sw.ID], at)
}

func holds(list []netip.AddrPort, at netip.AddrPort) bool {
	return slices.ContainsFunc(list, func(a netip.AddrPort) bool {
		return a.Addr() == at.Addr() && (at.Port() == 0 || at.Port() == a.Port())
	})
}

// RegisteredAt tells where a switch is at which we register, as its name, or those of the proxies
// that it is called by, have last been resolved; nil forgets it. They replace those
// told before; of one switch nobody tells two things at once.
func (t *Table) RegisteredAt(way *Destination, addrs []netip.AddrPort) {
	id := way.Switch.ID
	addrs = listening(way, addrs)
	if slices.Equal(addrs, t.current.Load().registrars[id]) {
		return // as mostly: who asks holds up calls, and is not to wait for settings that are being changed
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	next := *t.current.Load()
	next.countAddrs(way.Customer, next.registrars[id], -1)
	next.countAddrs(way.Customer, addrs, 1)
	all := maps.Clone(next.registrars)
	if all == nil {
		all = make(map[tenant.SwitchID][]netip.AddrPort)
	}
	if all[id] = addrs; len(addrs) == 0 {
		delete(all, id)
	}
	next.registrars = all
	t.current.Store(&next)
}

// readTo takes the numbers of a request that names us by a token: who is called stands in its To.
func (n *Numbers) readTo(m *sip.Message) {
	n.Read(m, true, false)
	to, ok := nameIn(m, sip.HdrTo)
	n.Called = Number{}
	n.Called.Changed = ok && n.Called.read(to)
}

// Dialled is the URI of who is called: the Request-URI, or that of To where that is a Contact of ours at a switch.
func (r *Request) Dialled() []byte {
	if r.Registered.Switch != 0 {
		if to, ok := nameIn(r.Msg, sip.HdrTo); ok {
			return to
		}
	}
	return r.Msg.RequestURI()
}
