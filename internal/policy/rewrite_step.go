package policy

import (
	"tollgate/internal/tenant"
	"tollgate/sip"
)

// Rewrite rewrites the numbers of a request that an entry or a SIP user sent (step 11), into id.Numbers. What
// the number called becomes can be an emergency number.
func (s *Snapshot) Rewrite(r *Request, id *Identity) {
	if r.Registered.Switch != 0 {
		id.Numbers.readTo(r.Msg)
		return
	}
	w := id.Rewriter()
	if w == nil || r.Msg.Method() == sip.REGISTER {
		return
	}
	id.Numbers.Read(r.Msg, true, id.Emergency)
	w.Apply(&id.Numbers, id.Customer, nil)
	id.Emergency = id.Emergency || id.Numbers.Emergency || id.Customer.isEmergencyNumber(id.Numbers.Called.Bytes())
	id.Numbers.Emergency = id.Emergency
}

// Rewriter is that of the entry or SIP user that sent a request; nil rewrites nothing.
func (id *Identity) Rewriter() *Rewriter {
	switch {
	case id.Entry != nil:
		return id.Entry.Rewriter
	case id.User != nil:
		return id.User.Rewriter
	}
	return nil
}

// RewriterOf is that of the customer's entry, or else of his SIP user; 0: none. nil rewrites nothing.
func (c *Customer) RewriterOf(entry tenant.SwitchID, user tenant.SIPUserID) *Rewriter {
	if sw := c.Switch(entry); sw != nil {
		return sw.Rewriter
	}
	if u := c.UserByID(user); u != nil {
		return u.Rewriter
	}
	return nil
}

// ReadBy takes the number called, and the caller's own by his From, from their URIs, as the entry or
// SIP user that sent the request has them rewritten by w; nil rewrites nothing.
func (n *Numbers) ReadBy(w *Rewriter, c *Customer, from, uri []byte) {
	*n = Numbers{read: true}
	n.Called.read(uri)
	n.Calling.read(from)
	if called, err := sip.ParseURI(uri); err == nil {
		n.Emergency = c.isEmergency(&called)
	}
	w.Apply(n, c, nil)
	n.Emergency = n.Emergency || c.isEmergencyNumber(n.Called.Bytes())
}

// Screen refuses a call whose number is on the block list as one of the switches that it may
// go to would get it (step 12): no rule hides a number that may not be called.
func (s *Snapshot) Screen(r *Request, id *Identity, list *Candidates) Verdict {
	if r.Msg.Method() != sip.INVITE || len(id.Customer.blocklist.given) == 0 {
		return Verdict{}
	}
	for _, d := range list.All() {
		if d.Switch == nil || d.Switch.Rewriter == nil || len(d.Switch.Rewriter.rules) == 0 {
			continue
		}
		n := id.Numbers
		n.Read(r.Msg, false, id.Emergency)
		d.Switch.Rewriter.rewrite(&n, nil)
		if !n.Called.Changed {
			continue
		}
		var buf [3 * maxNumber]byte
		if v := id.Customer.blocked(r, id, n.AppendKey(buf[:0], &id.Customer.Plan)); v.Refused() {
			return v
		}
	}
	return Verdict{}
}

// ToldRewrite tells what Rewrite did, a step each.
func (e *Explanation) ToldRewrite(r *Request, id *Identity, v Verdict) {
	w := id.Rewriter()
	if w == nil || !id.Numbers.read {
		return
	}
	who := ""
	if id.Entry != nil {
		who = e.Language.Say("From switch %q: ", id.Entry.Name)
	} else {
		who = e.Language.Say("From SIP user %q: ", id.User.Username)
	}
	var n Numbers
	uri, err := sip.ParseURI(r.Msg.RequestURI())
	n.Read(r.Msg, true, err == nil && id.Customer.isEmergency(&uri))
	e.toldSteps(v, who, w, &n, id.Customer)
}

// ToldSwitches tells what each switch of the candidates would be sent, and what Screen found.
func (e *Explanation) ToldSwitches(r *Request, id *Identity, list *Candidates, v Verdict) {
	for _, d := range list.All() {
		if d.Switch == nil || d.Switch.Rewriter == nil {
			continue
		}
		n := id.Numbers
		n.Read(r.Msg, false, id.Emergency)
		e.toldSteps(Verdict{}, e.Language.Say("To switch %q: ", d.Switch.Name), d.Switch.Rewriter, &n, id.Customer)
	}
	if v.Refused() {
		e.Told("blocklist", v, e.Language.blocklist(id, v))
	}
}

func (e *Explanation) toldSteps(v Verdict, before string, w *Rewriter, n *Numbers, c *Customer) {
	var steps []RewriteStep
	w.Apply(n, c, &steps)
	changed := false
	for i := range steps {
		if steps[i].Changed() {
			changed = true
			e.Told("rewrite", v, before+steps[i].In(e.Language))
		}
	}
	if !changed && len(steps) > 0 {
		e.Told("rewrite", v, before+e.Language.Say("None of %d steps of rewriting changes a number.", len(steps)))
	}
}

// Dialling is a customer by himself, compiled as far as rewriting his numbers goes: for trying
// rules that need not be in force.
func Dialling(settings *tenant.Customer) (*Customer, error) {
	c := &Customer{Settings: *settings, Plan: planOf(settings)}
	return c, c.addEmergency()
}

// TryRewrite takes two numbers, "" for none, through a rewriting as traffic goes through it.
func (c *Customer) TryRewrite(w *Rewriter, called, calling string) (n Numbers, steps []RewriteStep) {
	n.read = true
	n.Called.readText([]byte(called), []byte{})
	n.Calling.readText([]byte(calling), []byte{})
	n.Emergency = c.isEmergencyNumber(n.Called.Bytes())
	steps = []RewriteStep{}
	w.Apply(&n, c, &steps)
	return n, steps
}
