package tenantfile

import (
	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// What sets passwords: compared with what is stored, so that a file that is applied twice changes
// nothing the second time. No password is in a change, a fault or the diff.

// secretOp begins the operation that sets one secret of a noun.
func secretOp(phase int, n tenant.Noun, id int64, customerName string, at place, field, how string) op {
	return op{
		phase: phase, action: tenant.ActionPassword, noun: n.Kind(), id: id, name: n.Label(),
		find:    func(string) place { return at },
		changes: []Change{{Action: tenant.ActionPassword, Noun: n.Kind(), Name: n.Label(), Customer: customerName, Field: field, After: how}},
	}
}

// text gives the password, and makes one where the file says generate.
func (s *secret) password(a *applying, n tenant.Noun, customer string) string {
	if !s.generate {
		return s.text
	}
	v := store.GeneratePassword()
	a.generated = append(a.generated, Generated{Noun: n.Kind(), Name: n.Label(), Customer: customer, Password: v})
	return v
}

func (s *secret) how(isNew bool) string {
	switch {
	case s.generate:
		return "generated"
	case isNew:
		return "set"
	}
	return "changed"
}

func sipUserSecrets(p *planner, c *customerPlan, it *item[tenant.SIPUser], before, after *tenant.SIPUser) {
	user, customer := *after, c.after.Customer
	p.sipPassword(c, it, before, after)
	if it.pin == nil {
		return
	}
	pin := it.pin.name
	if f := tenant.CheckPIN(pin); f != nil {
		p.fault(it.pin.at, f.Code, f.Field, f.Message, f.Want)
		return
	}
	if before != nil {
		if stored, err := p.st.VoicemailPIN(p.ctx, before.ID); err == nil && stored == pin {
			return
		}
	} else if pin == "" {
		return
	}
	o := secretOp(p.phaseOf("sip_users"), after, int64(after.ID), customer.Name, it.pin.at, "voicemail.pin", "changed")
	o.company, o.customer = customer.Company, customer.ID
	o.run = func(a *applying) error {
		return a.tx.SetVoicemailPIN(a.ctx, tenant.SIPUserID(a.id(int64(user.ID))), pin)
	}
	p.add(o)
}

// sipPassword: a new user, and one with a new name (HA1 holds it), needs a password.
func (p *planner) sipPassword(c *customerPlan, it *item[tenant.SIPUser], before, after *tenant.SIPUser) {
	s, user, customer := it.secret, *after, c.after.Customer
	isNew := before == nil || before.Username != after.Username
	if s == nil {
		if isNew && !it.unread("password") {
			f := tenant.PasswordMissing(tenant.KindSIPUser, after.Username)
			p.fault(it.at, f.Code, f.Field, f.Message, f.Want)
		}
		return
	}
	if s.ha1 == "" && !s.generate {
		if f := tenant.CheckPassword(after.Username, s.text); f != nil {
			p.fault(s.at, f.Code, f.Field, f.Message, f.Want)
			return
		}
	}
	if s.ha1 != "" && customer.Realm != "" && s.realm != customer.Realm {
		f := store.WrongRealm(s.realm, customer.Realm)
		p.fault(s.at, f.Code, f.Field, f.Message, f.Want)
		return
	}
	if before != nil && !isNew && p.holds(c, before, s) {
		return
	}
	o := secretOp(p.phaseOf("sip_users"), after, int64(after.ID), customer.Name, s.at, "password", s.how(isNew))
	o.company, o.customer = customer.Company, customer.ID
	o.run = func(a *applying) error {
		id := tenant.SIPUserID(a.id(int64(user.ID)))
		if s.ha1 != "" {
			return a.tx.SetSIPHA1(a.ctx, id, s.realm, s.ha1)
		}
		return a.tx.SetSIPPassword(a.ctx, id, s.password(a, &user, customer.Name))
	}
	p.add(o)
}

// holds says whether what is stored of a SIP user's password is that of the file. A password that is generated is so once.
func (p *planner) holds(c *customerPlan, u *tenant.SIPUser, s *secret) bool {
	creds, err := p.credentials(c.before.Customer.ID)
	h, ok := creds[u.ID]
	if err != nil || !ok {
		return false
	}
	if s.ha1 == "" {
		return s.generate || h.Holds(u.Username, s.text)
	}
	want, f := store.ParseHA1(s.realm, s.ha1)
	if f != nil || want.Realm != h.Realm {
		return false
	}
	return (want.MD5 != "" && want.MD5 == h.MD5) || (want.SHA256 != "" && want.SHA256 == h.SHA256)
}

// credentials reads a customer's once.
func (p *planner) credentials(id tenant.CustomerID) (map[tenant.SIPUserID]store.HA1, error) {
	if c, ok := p.creds[id]; ok {
		return c, nil
	}
	c, err := p.st.SIPCredentials(p.ctx, id)
	if err == nil {
		p.creds[id] = c
	}
	return c, err
}

func switchSecrets(p *planner, c *customerPlan, it *item[tenant.Switch], before, after *tenant.Switch) {
	s, v, customer := it.secret, *after, c.after.Customer
	stored := ""
	if before != nil {
		var err error
		if stored, err = p.st.SwitchPassword(p.ctx, before.ID); err != nil {
			stored = ""
		}
	}
	if s == nil {
		if after.Username != "" && stored == "" && (before == nil || before.Username == "") && !it.unread("password") {
			f := tenant.PasswordMissing(tenant.KindSwitch, after.Name)
			p.fault(it.at, f.Code, f.Field, f.Message, f.Want)
		}
		return
	}
	if after.Username == "" {
		p.fault(s.at, tenant.CodeConflict, "password", "a password without a username is never asked for", "a username, or no password")
		return
	}
	if stored != "" && (s.generate || stored == s.text) {
		return
	}
	o := secretOp(p.phaseOf("switches"), after, int64(after.ID), customer.Name, s.at, "password", s.how(stored == ""))
	o.company, o.customer = customer.Company, customer.ID
	o.run = func(a *applying) error {
		return a.tx.SetSwitchPassword(a.ctx, tenant.SwitchID(a.id(int64(v.ID))), s.password(a, &v, customer.Name))
	}
	p.add(o)
}

func (p *planner) userSecret(it *item[tenant.User], v, cur *tenant.User) error {
	s, user := it.secret, *v
	if s == nil {
		return nil
	}
	if !s.generate {
		if f := tenant.CheckUserPassword(v.Email, s.text); f != nil {
			p.fault(s.at, f.Code, f.Field, f.Message, f.Want)
			return nil
		}
	}
	if cur != nil {
		same, err := p.st.UserPasswordIs(p.ctx, cur.ID, s.text)
		if s.generate {
			same, err = p.st.HasUserPassword(p.ctx, cur.ID)
		}
		if err != nil || same {
			return err
		}
	}
	o := secretOp(phaseUsers, v, int64(v.ID), "", s.at, "password", s.how(cur == nil))
	o.company, o.customer = v.Company, v.Customer
	o.run = func(a *applying) error {
		return a.tx.SetUserPassword(a.ctx, tenant.UserID(a.id(int64(user.ID))), s.password(a, &user, ""))
	}
	p.add(o)
	return nil
}

func (p *planner) phaseOf(list string) int {
	for i, s := range sections() {
		if s.key() == list {
			return phaseNouns + i
		}
	}
	return phaseNouns
}
