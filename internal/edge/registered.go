package edge

import (
	"net/netip"
	"strings"

	"tollgate/internal/api"
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
)

// mostRegistered is how many phones a draft is tried on.
const mostRegistered = 1000

// registered gives the last REGISTER of each phone of a customer that is registered, as far as its
// binding tells: REGISTERs that pass are no decisions, and a rule that would lock phones out must
// be seen to. There are none where a draft looks at what bindings do not hold, or is of rules that
// no REGISTER comes to.
func (e *Edge) registered(c *policy.Customer, d *api.Draft) (list []trace.Decision) {
	if d.Whole || d.Firewall == nil && c.RegistersHere() {
		return nil
	}
	own := func(id tenant.CustomerID) bool { return id == c.Settings.ID }
	for _, b := range e.registrar.List(own, registrar.Place{}, mostRegistered) {
		source, err := netip.ParseAddrPort(b.Source)
		if err != nil {
			continue
		}
		record, domain := "<sip:"+b.AOR+">", b.AOR[strings.LastIndexByte(b.AOR, '@')+1:]
		list = append(list, trace.Decision{
			At: b.Since, Customer: b.Customer, Method: "REGISTER", URI: "sip:" + domain, From: record, To: record,
			Transport: b.Transport, Source: source, UserAgent: b.UserAgent, By: policy.ByBinding.String(),
		})
	}
	return list
}
