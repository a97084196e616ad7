package store

import (
	"github.com/uptrace/bun"

	"tollgate/internal/tenant"
)

// within narrows a query to what the scope may see. The zero scope sees nothing.
func within(q *bun.SelectQuery, o owner, s tenant.Scope) *bun.SelectQuery {
	switch s.Role() {
	case tenant.RolePlatform:
		return q
	case tenant.RoleCompany:
		return ofCompany(q, o, s.Company())
	case tenant.RoleCustomer:
		return ofCustomer(q, o, s.Customer())
	}
	return q.Where("1 = 0")
}

// ofCompany leaves what belongs to one company or its customers.
func ofCompany(q *bun.SelectQuery, o owner, id tenant.CompanyID) *bun.SelectQuery {
	switch o {
	case ownsItself:
		return q.Where("id = ?", int64(id))
	case theCustomer, ownedByCompany, ownedByRole:
		return q.Where("company_id = ?", int64(id))
	case ownedByCustomer:
		return q.Where("customer_id IN (SELECT id FROM customers WHERE company_id = ?)", int64(id))
	}
	return q.Where("1 = 0")
}

// ofCustomer leaves what belongs to one customer.
func ofCustomer(q *bun.SelectQuery, o owner, id tenant.CustomerID) *bun.SelectQuery {
	switch o {
	case theCustomer:
		return q.Where("id = ?", int64(id))
	case ownedByCompany:
		// Its company's profiles: its SIP users may name them.
		return q.Where("company_id = (SELECT company_id FROM customers WHERE id = ?)", int64(id))
	case ownedByCustomer, ownedByRole:
		return q.Where("customer_id = ?", int64(id))
	}
	return q.Where("1 = 0")
}
