package policy

import (
	"fmt"
	"maps"
	"strings"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// did is a number of the customer's own and where calls to it go (mission row U5), before any
// routing rule.
type did struct {
	number string
	to     tenant.SwitchID // 0: it leads to a SIP user
	user   tenant.SIPUserID
}

func didKey(d *tenant.DID) string { return strings.TrimPrefix(d.Number, "+") }

// addDIDs compiles the DIDs; switches and destinations are there already.
func (c *Customer) addDIDs(given []tenant.DID) error {
	if len(given) == 0 {
		return nil
	}
	c.dids = make(map[string]*did, len(given))
	c.ways = make(map[tenant.SwitchID][]*Destination)
	for i := range given {
		from := &given[i]
		c.dids[didKey(from)] = &did{from.Number, from.Switch, from.SIPUser}
		if from.Switch == 0 || c.ways[from.Switch] != nil {
			continue
		}
		way, err := c.wayTo(from.Switch)
		if err != nil {
			return fmt.Errorf("DID %q: %w", from.Number, err)
		}
		c.ways[from.Switch] = []*Destination{way}
	}
	return nil
}

// wayTo is the destination by which a switch is called: one of the customer's, which may say
// by which network, else one of its own, which has no id and no group.
func (c *Customer) wayTo(id tenant.SwitchID) (*Destination, error) {
	sw, err := c.receivingSwitch(id)
	if err != nil {
		return nil, err
	}
	for _, d := range c.Destinations {
		if d.Switch == sw {
			return d, nil
		}
	}
	d := &Destination{Customer: c.Settings.ID, Name: sw.Name, Host: sw.Host, Protocol: sw.Protocol, Switch: sw}
	return d, d.settle(sw.Port)
}

// Way is how a switch is called that some DID leads to, nil where none does.
func (c *Customer) Way(id tenant.SwitchID) *Destination {
	if len(c.ways[id]) == 0 {
		return nil
	}
	return c.ways[id][0]
}

// did finds the customer's DID that a URI names, nil if it names none.
func (c *Customer) did(u *sip.URI) *did {
	if c.dids == nil {
		return nil
	}
	var room numberRoom
	global, dialled, ok := c.Plan.forms(&room, u)
	if !ok {
		return nil
	}
	if d := c.dids[string(global)]; d != nil {
		return d
	}
	return c.dids[string(dialled)]
}

// didWay is the way to the switch that a DID leads to, nil where none of them is called. A
// registration is for no number. The number is the one that an entry's rewriting has made.
func (c *Customer) didWay(r *Request, id *Identity, out *Candidates) []*Destination {
	if c.ways == nil || r.Msg.Method() == sip.REGISTER {
		return nil
	}
	uri, err := sip.ParseURI(r.Msg.RequestURI())
	if err != nil {
		return nil
	}
	if id.Numbers.Called.Changed {
		uri = sip.URI{Scheme: sip.SchemeSIP, User: id.Numbers.Called.Bytes()}
	}
	d := c.did(&uri)
	if d == nil || d.to == 0 {
		return nil
	}
	out.DID = d.number
	return c.ways[d.to]
}

// movedWay gives the ways with a switch's destination replaced by its like at other addresses.
func (c *Customer) movedWay(d *Destination) map[tenant.SwitchID][]*Destination {
	if d.Switch == nil || len(c.ways[d.Switch.ID]) == 0 || c.ways[d.Switch.ID][0].ID != d.ID {
		return c.ways
	}
	ways := maps.Clone(c.ways)
	ways[d.Switch.ID] = []*Destination{d}
	return ways
}
