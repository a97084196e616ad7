package tenant

// Kind names a noun, as the audit, the API and faults write it.
type Kind string

// The kinds.
const (
	KindCompany     Kind = "company"
	KindUser        Kind = "user"
	KindCustomer    Kind = "customer"
	KindDomain      Kind = "domain"
	KindGroup       Kind = "destination-group"
	KindDestination Kind = "destination"
	KindRouting     Kind = "routing-rule"
	KindFirewall    Kind = "firewall-rule"
	KindBlocklist   Kind = "blocklist"
	KindWhitelist   Kind = "whitelist"
	KindSwitch      Kind = "switch"
	KindCLI         Kind = "cli"
	KindDID         Kind = "did"
	KindSIPUser     Kind = "sip-user"
	KindProfile     Kind = "sip-profile"
	KindAPIKey      Kind = "api-key"
	KindBan         Kind = "ban"           // kept by the node, not in the store
	KindFraudKey    Kind = "antifraud key" // likewise
	KindNode        Kind = "node"          // all of it, in the audit only
)

// PrincipalKind says how somebody came in.
type PrincipalKind string

// The ways in.
const (
	PrincipalUser   PrincipalKind = "user"   // a panel session
	PrincipalKey    PrincipalKind = "key"    // an API key
	PrincipalLocal  PrincipalKind = "local"  // the unix socket in the data folder
	PrincipalSystem PrincipalKind = "system" // Tollgate itself
)

// Principal is who acts: every write and every audit entry has one.
type Principal struct {
	Kind     PrincipalKind
	UserID   UserID // 0 unless Kind is user
	Email    string // a user's; a key's name; the login name of the unix socket's peer
	Role     Role
	Access   Access
	Company  CompanyID  // 0 for platform
	Customer CustomerID // 0 unless Role is customer
	Only     string     // an API key's: OnlyWall
	From     string     // where from: an address, "unix socket"
	Via      string     // panel, api, apply, demo; apply's writes are told apart by it
}

// Local is the principal of the node's own command line: platform, admin.
func Local(name string) Principal {
	return Principal{Kind: PrincipalLocal, Email: name, Role: RolePlatform, Access: AccessAdmin, From: "unix socket", Via: "cli"}
}

// System is Tollgate acting by itself, such as the demo or a DNS proof.
func System(via string) Principal {
	return Principal{Kind: PrincipalSystem, Email: "tollgate", Role: RolePlatform, Access: AccessAdmin, From: "", Via: via}
}

// Scope is what a query may see. The zero value sees nothing: no query without a scope.
type Scope struct {
	role     Role
	company  CompanyID
	customer CustomerID
}

// Platform sees everything.
func Platform() Scope { return Scope{role: RolePlatform} }

// OfCompany sees one company and its customers.
func OfCompany(id CompanyID) Scope { return Scope{role: RoleCompany, company: id} }

// OfCustomer sees one customer.
func OfCustomer(id CustomerID) Scope { return Scope{role: RoleCustomer, customer: id} }

// Scope is all that the principal may see.
func (p Principal) Scope() Scope {
	switch p.Role {
	case RolePlatform:
		return Platform()
	case RoleCompany:
		return OfCompany(p.Company)
	case RoleCustomer:
		return OfCustomer(p.Customer)
	}
	return Scope{}
}

// Role gives the width of the scope, "" for the zero scope.
func (s Scope) Role() Role { return s.role }

// Company is the company of a company scope, else 0.
func (s Scope) Company() CompanyID { return s.company }

// Customer is the customer of a customer scope, else 0.
func (s Scope) Customer() CustomerID { return s.customer }

// IsPlatform says whether everything is seen.
func (s Scope) IsPlatform() bool { return s.role == RolePlatform }

// Sees says whether a noun of that company and customer is in the scope; customer 0 is the company itself.
func (s Scope) Sees(company CompanyID, customer CustomerID) bool {
	switch s.role {
	case RolePlatform:
		return true
	case RoleCompany:
		return company != 0 && company == s.company
	case RoleCustomer:
		return customer != 0 && customer == s.customer
	}
	return false
}
