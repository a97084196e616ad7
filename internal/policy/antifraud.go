package policy

import "tollgate/sip"

// CallsEmergency says that a URI calls one of the customer's emergency numbers, as
// Identity.Emergency does of a request.
func (c *Customer) CallsEmergency(uri *sip.URI) bool { return c.isEmergency(uri) }
