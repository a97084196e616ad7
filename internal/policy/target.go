package policy

import (
	"tollgate/sip"
)

// registersHere is the registration of a customer whose phones register at this node.
const registersHere = "local"

// RegistersHere says that the customer's phones register at this node, as SIP users, instead
// of at his PBX through it.
func (c *Customer) RegistersHere() bool { return c.here }

// Target finds the SIP user that a request is for, by his name in one of the customer's domains
// or at this node, or by a number of the customer's that leads to him; did is that number as it
// was called, nil in the other case. nil: it is for no SIP user.
//
// Before SIP users come emergency calls, and the destination that a smart extension's calls go
// to. The number is the one that an entry's rewriting has made.
func (s *Snapshot) Target(r *Request, id *Identity) (u *User, did []byte) {
	c := id.Customer
	if c == nil || !c.RegistersHere() || id.Emergency || id.Smart() || r.Msg.Method() == sip.REGISTER {
		return nil, nil
	}
	uri, err := sip.ParseURI(r.Msg.RequestURI())
	if err != nil || id.Direction == Outbound && s.foreign(r, c) {
		return nil, nil
	}
	if id.Numbers.Called.Changed {
		uri = sip.URI{Scheme: sip.SchemeSIP, User: id.Numbers.Called.Bytes()}
	}
	if u = c.named(&uri); u != nil {
		return u, nil
	}
	if u = c.DIDUser(&uri); u != nil {
		return u, uri.User
	}
	return nil, nil
}

// named is the SIP user that a URI's user part names, whatever its host.
func (c *Customer) named(u *sip.URI) *User {
	if c.users == nil || u.Scheme == sip.SchemeTEL {
		return nil
	}
	var room [3 * maxUsername]byte
	return c.users[string(username(room[:0], u))]
}

// Smart says that a request goes to the customer's destination that is marked class 5, whomever
// it is for: all of a SIP user whose smart extension is on (mission row U6), but for his
// emergency calls.
func (id *Identity) Smart() bool {
	return id.User != nil && id.User.SmartExtension && id.Direction == Inbound && !id.Emergency
}

// class5 is the way of a smart extension: to the destination that is marked, of several the
// first one that is enabled.
func (c *Customer) class5(r *Request, id *Identity, out *Candidates) Verdict {
	for g, group := range c.groups {
		for i, d := range group {
			if d.Class5 && !d.Disabled {
				out.Group = g
				return fill(r, id, out, group[i:i+1])
			}
		}
	}
	return Refuse(NoClass5)
}
