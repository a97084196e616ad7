package gate

import (
	"strings"

	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/sip"
)

// toUser finds the phones of the SIP user that a request is for (step 13), all that have
// registered here; done is false where it is for none.
func (g *Gate) toUser(p *passage) (v policy.Verdict, done bool) {
	if p.id.Direction == policy.Inbound && p.registers() {
		return p.ownRegistration(), true
	}
	to, did := g.cfg.Table.Snapshot().Target(&p.req, &p.id)
	if to == nil {
		return v, false
	}
	p.phones = g.cfg.Registrar.ByUser(p.phones[:0], p.id.Customer.Settings.ID, to.ID)
	if len(p.phones) == 0 {
		if p.msg.Method() == sip.OPTIONS && p.id.Unproven() {
			return v, false // nobody asked him for a password: he gets what he would get for a user that there is not
		}
		return policy.Refuse(policy.UserNotRegistered), true
	}
	if p.phones = p.others(p.phones); len(p.phones) == 0 {
		return policy.Refuse(policy.PhoneIsSource), true
	}
	if to.RetainDID && did != nil {
		retain(p.phones, did)
	}
	return v, true
}

// registers says that the request is a registration that is answered here.
func (p *passage) registers() bool {
	return p.msg.Method() == sip.REGISTER && p.id.Customer.RegistersHere()
}

// ownRegistration: a SIP user registers nobody but himself (RFC 3261 10.3 step 4).
func (p *passage) ownRegistration() policy.Verdict {
	p.phones = p.phones[:0]
	if na, err := sip.ParseNameAddr(p.msg.Value(sip.HdrTo)); err == nil && p.id.User != nil {
		if u, err := sip.ParseURI(na.URI); err == nil && p.id.Customer.UserOf(&u) == p.id.User {
			return policy.Verdict{}
		}
	}
	return policy.Refuse(policy.IdentityNotOwned)
}

// retain puts the number that was called in place of the user that phones have in their Contacts
// (mission row U5).
func retain(list []registrar.Contact, did []byte) {
	for i := range list {
		scheme, rest, _ := strings.Cut(list[i].URI, ":")
		if _, host, ok := strings.Cut(rest, "@"); ok {
			rest = host
		}
		list[i].URI = scheme + ":" + string(did) + "@" + rest
	}
}
