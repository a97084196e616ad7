package policy

import "tollgate/sip"

// Referral refuses a REFER from outside by which the PBX would call a number on the block list (mission row B1;
// RFC 3515 2.1): who may not call it may not have it called for him either, and the PBX's own trunk may not lead
// past us. The number is that of Refer-To, in any disguise; a host that is no domain of the customer's is held
// against the entries of all of them. One Refer-To that can be read is wanted (RFC 3515 2.4.1): which number another
// one calls depends on who reads it.
func (c *Customer) Referral(r *Request, id *Identity) Verdict {
	if len(c.blocklist.given) == 0 {
		return Verdict{}
	}
	to := r.Msg.Elements(sip.HdrReferTo)
	value, _ := to.Next()
	if _, more := to.Next(); (more || !readable(value)) && !c.Transparent {
		v := Refuse(BadMessage)
		v.Detail = "Bad Refer-To"
		return v
	}
	return c.names(r, id, value)
}

// readable says that a name-addr is one, with a URI that is one.
func readable(value []byte) bool {
	to, err := sip.ParseNameAddr(value)
	if err == nil {
		_, err = sip.ParseURI(to.URI)
	}
	return err == nil
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
	if !v.Refused() {
		v = c.otherwise(r, id, &uri, number)
	}
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
