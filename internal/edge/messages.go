package edge

import (
	"context"
	"strings"

	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/relay"
	"tollgate/internal/tenant"
)

// Message is api.Node.
func (e *Edge) Message(ctx context.Context, customer tenant.CustomerID, user tenant.SIPUserID, from, text string) []relay.Delivery {
	c := e.customer(customer)
	if c == nil || len(c.Domains) == 0 {
		return nil
	}
	u := c.UserByID(user)
	if u == nil {
		return nil
	}
	host := c.Domains[0]
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	address := func(name string) string {
		// Of what a name may have only this is no part of a URI (RFC 3261 25.1).
		return "<sip:" + strings.ReplaceAll(name, "#", "%23") + "@" + host + ">"
	}
	return e.messenger.Send(ctx, e.phonesOf(c, u), &relay.Message{From: address(from), To: address(u.Username), Text: text})
}

// phonesOf lists the phones of a SIP user, wherever they register.
func (e *Edge) phonesOf(c *policy.Customer, u *policy.User) (list []registrar.Contact) {
	if c.RegistersHere() {
		return e.registrar.ByUser(nil, c.Settings.ID, u.ID)
	}
	for _, d := range c.Domains {
		list = e.registrar.ByAOR(list, c.Settings.ID, []byte(u.Username), d)
	}
	return list
}
