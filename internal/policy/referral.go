package policy

import "tollgate/sip"

// Referral refuses a REFER from outside by which the PBX would call a number on the block list (mission row B1;
// RFC 3515 2.1): who may not call it may not have it called for him either, and the PBX's own trunk may not lead
// past us. The number is that of Refer-To, in any disguise; a host that is no domain of the customer's is held
// against the entries of all of them.
func (c *Customer) Referral(r *Request, id *Identity) Verdict {
	return c.names(r, id, r.Msg.Value(sip.HdrReferTo))
}

// Redirection is Referral for the Contacts of a 3xx from outside to a call of the PBX (RFC 3261 21.3).
func (c *Customer) Redirection(r *Request, id *Identity) Verdict {
	contacts := r.Msg.Elements(sip.HdrContact)
	for contact, ok := contacts.Next(); ok; contact, ok = contacts.Next() {
		if v := c.names(r, id, contact); v.Refused() {
			return v
		}
	}
	return Verdict{}
}

// names holds a name-addr, which somebody else is to call, against the block list.
func (c *Customer) names(r *Request, id *Identity, value []byte) Verdict {
	if len(c.blocklist.given) == 0 {
		return Verdict{}
	}
	to, err := sip.ParseNameAddr(value)
	if err != nil {
		return Verdict{}
	}
	uri, err := sip.ParseURI(to.URI)
	if err != nil || len(uri.User) == 0 || r.Ours != nil && r.Ours(to.URI) {
		return Verdict{}
	}
	domain, emergency := id.Domain, id.Emergency
	id.Domain, id.Emergency = c.domainAt(&uri), c.isEmergency(&uri)
	var buf [3 * maxNumber]byte
	number, _ := c.Plan.AppendURI(buf[:0], &uri)
	v := c.blocked(r, id, number)
	id.Domain, id.Emergency = domain, emergency
	return v
}

// domainAt is the customer's domain that a URI's host is, "" if it is none.
func (c *Customer) domainAt(u *sip.URI) string {
	for _, d := range c.Domains {
		if IsHost(u, d) {
			return d
		}
	}
	return ""
}
