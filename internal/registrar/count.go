package registrar

import "tollgate/internal/tenant"

// CountOf is how many phones of a customer have registered.
func (r *Registrar) CountOf(customer tenant.CustomerID) int { return r.census.count(customer) }
