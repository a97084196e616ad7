package policy

import (
	"cmp"
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"github.com/gaissmai/bart"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// Switch is an IP authentication entry of a customer, compiled (mission rows A1 to A16). One
// of direction egress sends calls to us, and is known by its ranges; one of direction ingress
// receives calls from us. Immutable.
type Switch struct {
	tenant.Switch // as it is stored

	Rewriter *Rewriter          // of its numbers; nil rewrites nothing
	Changes  []sip.HeaderChange // of the requests that it is sent, or sends
	Password tenant.Secret      // that it asks us for; "": none is set
	ranges   []netip.Prefix     // of an egress entry
}

// compileSwitches compiles a customer's entries, by id; what did not change is taken over.
func (c *Customer) compileSwitches(a *tenant.Account, was *Customer) error {
	given := a.Switches
	for i := range given {
		sw, err := compileSwitch(&given[i], a.Passwords[given[i].ID], c, was)
		if err != nil {
			return fmt.Errorf("switch %q: %w", given[i].Name, err)
		}
		c.Switches = append(c.Switches, sw)
		c.egress = c.egress || len(sw.ranges) > 0
	}
	slices.SortFunc(c.Switches, func(x, y *Switch) int { return cmp.Compare(x.ID, y.ID) })
	return nil
}

func compileSwitch(given *tenant.Switch, password tenant.Secret, c, was *Customer) (*Switch, error) {
	if old := was.Switch(given.ID); old != nil && was.Plan == c.Plan && old.Password == password && reflect.DeepEqual(old.Switch, *given) {
		return old, nil
	}
	sw := &Switch{Switch: *given, Password: password, Changes: HeaderChanges(given.Headers)}
	sw.Customer = c.Settings.ID
	var err error
	if sw.Rewriter, err = CompileRewriter(given); err != nil {
		return nil, err
	}
	if given.Direction != tenant.Egress {
		return sw, nil
	}
	for _, a := range given.Addresses {
		p, err := parsePrefix(a)
		if err != nil {
			return nil, err
		}
		sw.ranges = append(sw.ranges, p)
	}
	return sw, nil
}

// Switch finds one of the customer's switches by id, nil if he has none such.
func (c *Customer) Switch(id tenant.SwitchID) *Switch {
	i, ok := slices.BinarySearchFunc(c.Switches, id, func(sw *Switch, id tenant.SwitchID) int { return cmp.Compare(sw.ID, id) })
	if !ok {
		return nil
	}
	return c.Switches[i]
}

// Asks says that the switch asks us who we are: its challenges are for us, and no caller's.
func (sw *Switch) Asks() bool { return sw != nil && sw.Username != "" }

// Encrypts says that the switch is to use SRTP.
func (sw *Switch) Encrypts() bool { return sw != nil && sw.Protocol == protoSRTP }

// takes reports whether an entry may be used over a transport (mission row A5). That media is
// encrypted, as tls+srtp wants, is seen in the session description, not here.
func (sw *Switch) takes(transport string) bool { return takes(sw.Protocol, transport) }

// takes reports whether a protocol setting allows a transport.
func takes(protocol, transport string) bool {
	switch protocol {
	case "", transport:
		return true
	case protoSRTP:
		return transport == protoTLS
	}
	return false
}

// entries finds the egress entries of all customers by the ranges that hold a source. A
// change makes another table, which shares nearly all with the old one. Nil: none there are.
type entries = bart.Table[[]*Switch]

// addEntries indexes the entries of a customer.
func (s *Snapshot) addEntries(c *Customer) {
	for _, sw := range c.Switches {
		for _, p := range sw.ranges {
			if s.entries == nil {
				s.entries = new(entries)
			}
			here, _ := s.entries.Get(p)
			s.entries = s.entries.InsertPersist(p, append(slices.Clip(here), sw))
		}
	}
}

func (s *Snapshot) removeEntries(c *Customer) {
	for _, sw := range c.Switches {
		for _, p := range sw.ranges {
			here, _ := s.entries.Get(p)
			left := make([]*Switch, 0, len(here))
			for _, other := range here {
				if other.Customer != c.Settings.ID {
					left = append(left, other)
				}
			}
			if len(left) > 0 {
				s.entries = s.entries.InsertPersist(p, left)
			} else {
				s.entries = s.entries.DeletePersist(p)
			}
		}
	}
}

// holders goes through the entries that hold an address, from the narrowest range to the
// widest.
type holders struct {
	table *entries
	addr  netip.Addr
	bits  int // of the next range, at most
}

func (s *Snapshot) holders(addr netip.Addr) holders {
	return holders{s.entries, addr, addr.BitLen()}
}

// next gives the entries of the next range; nil: there is none.
func (h *holders) next() []*Switch {
	if h.table == nil || h.bits < 0 {
		return nil
	}
	p, list, ok := h.table.LookupPrefixLPM(netip.PrefixFrom(h.addr, h.bits))
	if h.bits = p.Bits() - 1; !ok {
		h.bits = -1
	}
	return list
}
