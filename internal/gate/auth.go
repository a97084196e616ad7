package gate

import (
	"tollgate/internal/auth"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// authenticate asks for a password whoever calls himself the customer's own (step 9), and holds
// who has given it to what he may be.
func (g *Gate) authenticate(_ *transaction.Shard, p *passage) (policy.Verdict, bool) {
	if !g.cfg.Table.Snapshot().Asks(&p.req, &p.id) {
		return policy.Verdict{}, false
	}
	c := p.id.Customer
	if p.req.Dry {
		p.id.User = c.Claimed(p.msg)
	} else if v := g.check(p); v.Refused() {
		return v, false
	}
	if p.id.User == nil {
		return policy.Refuse(policy.WrongPassword), false
	}
	p.id.By = policy.ByUser
	return c.Admit(p.id.User, &p.req), false
}

// check looks at the credentials of a request.
func (g *Gate) check(p *passage) policy.Verdict {
	header := sip.HdrProxyAuthorization
	if p.msg.Method() == sip.REGISTER {
		header = sip.HdrAuthorization
	}
	realm := realmOf(p.id.Customer)
	if !p.answer.Find(p.msg, header, realm.Name) {
		p.answer = auth.Credentials{}
		return ask(p, policy.Challenged)
	}
	user := p.id.Customer.User(p.answer.Username)
	var ha1 *tenant.HA1
	if user != nil {
		ha1 = &user.HA1
	}
	switch g.cfg.Auth.Check(&p.answer, &realm, ha1, p.msg, p.req.Source.Addr(), p.req.Now) {
	case auth.OK:
		p.id.User = user
		return policy.Verdict{}
	case auth.Stale:
		return ask(p, policy.StaleNonce)
	case auth.Replay:
		return ask(p, policy.Replayed)
	case auth.BadAlgorithm:
		return ask(p, policy.DigestAlgorithm)
	case auth.Elsewhere:
		return policy.Refuse(policy.CredentialsElsewhere)
	default:
		return ask(p, policy.WrongPassword)
	}
}

func realmOf(c *policy.Customer) auth.Realm {
	return auth.Realm{Scope: int64(c.Settings.ID), Name: c.Settings.Realm, Algorithms: c.Settings.Digest}
}

// ask refuses with a challenge: 401 to a REGISTER, 407 to all others (RFC 3261 22.2, 22.3).
func ask(p *passage, why policy.Reason) policy.Verdict {
	v := policy.Refuse(why)
	if p.msg.Method() == sip.REGISTER {
		v.Status = 401
	}
	return v
}

// challenge is the header lines of a refusal that asks for a password. Who gave a wrong one
// and who named a user that there is not get the same.
func (g *Gate) challenge(p *passage, v policy.Verdict) []byte {
	realm := realmOf(p.id.Customer)
	stale := v.Reason == policy.StaleNonce || v.Reason == policy.Replayed
	p.lines = g.cfg.Auth.AppendChallenge(p.lines[:0], &realm, p.req.Source.Addr(), p.req.Now, v.Status == 407, stale)
	return p.lines
}

// tellAuthenticate tells who would be asked for a password; nobody is.
func tellAuthenticate(e *policy.Explanation, p *passage, v policy.Verdict) {
	id, l := &p.id, e.Language
	asked := l.Say("A password would be asked for. ")
	switch {
	case id.User != nil && v.Refused():
		e.Told("authenticate", v, asked+l.Say("With it: ")+v.Reason.In(l))
	case id.User != nil:
		e.Told("authenticate", v, asked+l.Say("What follows is for who gives that of SIP user %q.", id.User.Username))
	case v.Refused():
		e.Told("authenticate", v, asked+l.Say("From names no SIP user of the customer: no password is right."))
	case id.Entry != nil && id.Customer.AsksIn() != "":
		e.Told("authenticate", v, l.Say("The source is an entry of the customer: no password is asked for."))
	}
}
