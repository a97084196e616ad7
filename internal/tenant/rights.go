package tenant

// Action is what is done to a noun.
type Action string

// The actions, as the audit writes them.
const (
	ActionCreate   Action = "create"
	ActionUpdate   Action = "update"
	ActionDelete   Action = "delete"
	ActionPassword Action = "password"
	ActionBackup   Action = "backup" // read all of it, secrets included
	ActionLink     Action = "link"   // a one-time link that sets a user's password
	ActionSecond   Action = "second factor"
	ActionPasskey  Action = "passkey" // a panel user's own, added or deleted
	ActionRequest  Action = "request" // a customer asks for more channels
	ActionConfirm  Action = "confirm" // keeps an apply that would go back by itself
	ActionRevert   Action = "revert"  // has such an apply go back; what that changes are entries of their own
)

// MayWrite gives the fault of a principal who may see the noun and not do this to it; nil: go on.
// What he may not even see is the scope's matter, not this one's.
func (p Principal) MayWrite(k Kind, a Action) *Fault {
	if p.Access == AccessReadOnly || p.Access == "" {
		return Forbidden("read-only access changes nothing", "access: operator or admin")
	}
	if p.Access != AccessAdmin && adminOnly(k, a) {
		return Forbidden("an operator may not "+string(a)+" a "+string(k), "access: admin")
	}
	switch p.Role {
	case RolePlatform:
		return nil
	case RoleCompany:
		if k == KindCompany {
			return Forbidden("only the platform changes a company", "ask the platform's operator")
		}
		return nil
	}
	switch {
	case k == KindCompany, k == KindProfile, k == KindCustomer && a != ActionUpdate:
		return Forbidden("a customer's own user may not "+string(a)+" a "+string(k), "ask your company")
	}
	return nil
}

// adminOnly is what an operator leaves to an administrator: who gets in, and which tenants there are.
func adminOnly(k Kind, a Action) bool {
	switch k {
	case KindUser, KindAPIKey, KindCompany:
		return true
	case KindCustomer:
		return a != ActionUpdate
	}
	return false
}

// MayChange gives the fault of a principal who changes settings of a customer that are above him.
func (p Principal) MayChange(before, after *Customer) *Fault {
	if p.Role == RolePlatform {
		return nil
	}
	ask := "ask the platform's operator"
	if p.Role == RoleCustomer {
		ask = "ask your company"
	}
	fixed := func(field string) *Fault {
		return &Fault{Code: CodeForbidden, Field: field, Message: "may not be changed by you", Want: ask}
	}
	switch {
	case before.Company != after.Company:
		return fixed("company")
	case p.Role == RoleCompany:
		return nil
	case before.CallLimit != after.CallLimit:
		return fixed("call_limit")
	case before.CPS != after.CPS:
		return fixed("cps")
	case before.Name != after.Name:
		return fixed("name")
	case before.Outbound != after.Outbound:
		return fixed("outbound")
	}
	return nil
}

// MayGive gives the fault of a principal who hands out more than he has himself, to a user or a key.
func (p Principal) MayGive(r Role, a Access) *Fault {
	if p.Role == RolePlatform || width(r) < width(p.Role) {
		return nil
	}
	if width(r) == width(p.Role) && (p.Access == AccessAdmin || a != AccessAdmin) {
		return nil
	}
	return &Fault{Code: CodeForbidden, Field: "role", Message: "is wider than your own", Want: "role: " + string(p.Role)}
}

func width(r Role) int {
	switch r {
	case RolePlatform:
		return 3
	case RoleCompany:
		return 2
	case RoleCustomer:
		return 1
	}
	return 4
}
