package tenantfile

import (
	"github.com/goccy/go-yaml/ast"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
)

// listOf is a section whose noun is T: all that the generic code has to know of it.
type listOf[T any, ID ~int64] struct {
	name     string // its key in the file
	of       string // what one item is
	fields   func() []field[T]
	bare     func(*T) *string // where an item is one text and no mapping
	fresh    func() T
	noun     func(*T) tenant.Noun
	id       func(*T) *ID
	customer func(*T) *tenant.CustomerID
	position func(*T) *int // where order counts; nil elsewhere
	get      func(*tenant.Account) []T
	put      func(*tenant.Account, []T)
	writer   func(*store.Tx) store.Writer[T, ID]
	// resolve turns the names that the item gives into ids; nil where there are none.
	resolve func(p *planner, c *customerPlan, it *item[T], v *T)
	// remap turns ids of nouns that the plan makes into those that they got; nil where there are none.
	remap func(v *T, id func(int64) int64)
	// secrets adds what sets passwords; nil where there are none.
	secrets func(p *planner, c *customerPlan, it *item[T], before, after *T)
	// fixed is a noun that is neither made nor deleted by a file; nil: none is.
	fixed func(*T) bool
}

func (s *listOf[T, ID]) key() string { return s.name }

func (s *listOf[T, ID]) read(r *reader, n ast.Node, it *item[tenant.Customer]) {
	var l *list[T]
	if s.bare != nil {
		l = readTexts(r, n, s.name, s.bare)
	} else {
		l = readList(r, n, s.name, s.of, s.fields())
	}
	if l != nil {
		it.lists[s.name] = l
	}
}

func domainSection() section {
	return &listOf[tenant.Domain, tenant.DomainID]{
		name: "domains", of: "a domain",
		bare:     func(v *tenant.Domain) *string { return &v.Name },
		fresh:    func() (v tenant.Domain) { return v },
		noun:     func(v *tenant.Domain) tenant.Noun { return v },
		id:       func(v *tenant.Domain) *tenant.DomainID { return &v.ID },
		customer: func(v *tenant.Domain) *tenant.CustomerID { return &v.Customer },
		get:      func(a *tenant.Account) []tenant.Domain { return a.Domains },
		put:      func(a *tenant.Account, l []tenant.Domain) { a.Domains = l },
		writer:   func(tx *store.Tx) store.Writer[tenant.Domain, tenant.DomainID] { return tx.Domains },
	}
}

func groupSection() section {
	return &listOf[tenant.DestinationGroup, tenant.GroupID]{
		name: "destination_groups", of: "a destination group", fields: groupFields,
		fresh:    func() (v tenant.DestinationGroup) { return v },
		noun:     func(v *tenant.DestinationGroup) tenant.Noun { return v },
		id:       func(v *tenant.DestinationGroup) *tenant.GroupID { return &v.ID },
		customer: func(v *tenant.DestinationGroup) *tenant.CustomerID { return &v.Customer },
		get:      func(a *tenant.Account) []tenant.DestinationGroup { return a.Groups },
		put:      func(a *tenant.Account, l []tenant.DestinationGroup) { a.Groups = l },
		writer:   func(tx *store.Tx) store.Writer[tenant.DestinationGroup, tenant.GroupID] { return tx.Groups },
		fixed:    func(v *tenant.DestinationGroup) bool { return v.Number == tenant.DefaultGroup },
	}
}

func destinationSection() section {
	return &listOf[tenant.Destination, tenant.DestinationID]{
		name: "destinations", of: "a destination", fields: destinationFields,
		fresh:    tenant.NewDestination,
		noun:     func(v *tenant.Destination) tenant.Noun { return v },
		id:       func(v *tenant.Destination) *tenant.DestinationID { return &v.ID },
		customer: func(v *tenant.Destination) *tenant.CustomerID { return &v.Customer },
		position: func(v *tenant.Destination) *int { return &v.Position },
		get:      func(a *tenant.Account) []tenant.Destination { return a.Destinations },
		put:      func(a *tenant.Account, l []tenant.Destination) { a.Destinations = l },
		writer:   func(tx *store.Tx) store.Writer[tenant.Destination, tenant.DestinationID] { return tx.Destinations },
		resolve:  resolveDestination,
		remap:    func(v *tenant.Destination, id func(int64) int64) { v.Switch = tenant.SwitchID(id(int64(v.Switch))) },
	}
}

// resolveDestination finds the switch by its name. Host and switch replace each other where the file gives one of them.
func resolveDestination(p *planner, c *customerPlan, it *item[tenant.Destination], v *tenant.Destination) {
	ref, named := it.refs["switch"]
	if !named || ref.name == "" {
		if it.has("host") && v.Host != "" {
			v.Switch = 0
		}
		if v.Switch == 0 && v.Protocol == "" && !it.has("protocol") {
			v.Protocol = tenant.NewDestination().Protocol
		}
		return
	}
	v.Switch = p.switchNamed(c, ref, it.bad)
	if !it.has("host") {
		v.Host = ""
	}
	if !it.has("port") {
		v.Port = 0
	}
	if !it.has("protocol") {
		v.Protocol = ""
	}
}

func routingSection() section {
	return &listOf[tenant.RoutingRule, tenant.RuleID]{
		name: "routing_rules", of: "a routing rule", fields: routingFields,
		fresh:    tenant.NewRoutingRule,
		noun:     func(v *tenant.RoutingRule) tenant.Noun { return v },
		id:       func(v *tenant.RoutingRule) *tenant.RuleID { return &v.ID },
		customer: func(v *tenant.RoutingRule) *tenant.CustomerID { return &v.Customer },
		position: func(v *tenant.RoutingRule) *int { return &v.Position },
		get:      func(a *tenant.Account) []tenant.RoutingRule { return a.Routing },
		put:      func(a *tenant.Account, l []tenant.RoutingRule) { a.Routing = l },
		writer:   func(tx *store.Tx) store.Writer[tenant.RoutingRule, tenant.RuleID] { return tx.RoutingRules },
	}
}

func firewallSection() section {
	return &listOf[tenant.FirewallRule, tenant.RuleID]{
		name: "firewall_rules", of: "a firewall rule", fields: firewallFields,
		fresh:    tenant.NewFirewallRule,
		noun:     func(v *tenant.FirewallRule) tenant.Noun { return v },
		id:       func(v *tenant.FirewallRule) *tenant.RuleID { return &v.ID },
		customer: func(v *tenant.FirewallRule) *tenant.CustomerID { return &v.Customer },
		position: func(v *tenant.FirewallRule) *int { return &v.Position },
		get:      func(a *tenant.Account) []tenant.FirewallRule { return a.Firewall },
		put:      func(a *tenant.Account, l []tenant.FirewallRule) { a.Firewall = l },
		writer:   func(tx *store.Tx) store.Writer[tenant.FirewallRule, tenant.RuleID] { return tx.FirewallRules },
	}
}

func blocklistSection() section {
	return &listOf[tenant.BlocklistEntry, tenant.EntryID]{
		name: "blocklist", of: "a blocklist entry", fields: blocklistFields,
		fresh:    tenant.NewBlocklistEntry,
		noun:     func(v *tenant.BlocklistEntry) tenant.Noun { return v },
		id:       func(v *tenant.BlocklistEntry) *tenant.EntryID { return &v.ID },
		customer: func(v *tenant.BlocklistEntry) *tenant.CustomerID { return &v.Customer },
		get:      func(a *tenant.Account) []tenant.BlocklistEntry { return a.Blocklist },
		put:      func(a *tenant.Account, l []tenant.BlocklistEntry) { a.Blocklist = l },
		writer:   func(tx *store.Tx) store.Writer[tenant.BlocklistEntry, tenant.EntryID] { return tx.Blocklist },
	}
}

// whitelistSection: an account holds the ranges alone, so that ids are found by them.
func whitelistSection() section {
	return &listOf[tenant.WhitelistEntry, tenant.EntryID]{
		name: "whitelist", of: "a range",
		bare:     func(v *tenant.WhitelistEntry) *string { return &v.CIDR },
		fresh:    func() (v tenant.WhitelistEntry) { return v },
		noun:     func(v *tenant.WhitelistEntry) tenant.Noun { return v },
		id:       func(v *tenant.WhitelistEntry) *tenant.EntryID { return &v.ID },
		customer: func(v *tenant.WhitelistEntry) *tenant.CustomerID { return &v.Customer },
		get: func(a *tenant.Account) []tenant.WhitelistEntry {
			out := make([]tenant.WhitelistEntry, len(a.Whitelist))
			for i, r := range a.Whitelist {
				out[i] = tenant.WhitelistEntry{Customer: a.Customer.ID, CIDR: r}
			}
			return out
		},
		put: func(a *tenant.Account, l []tenant.WhitelistEntry) {
			a.Whitelist = make([]string, len(l))
			for i := range l {
				a.Whitelist[i] = l[i].CIDR
			}
		},
		writer: func(tx *store.Tx) store.Writer[tenant.WhitelistEntry, tenant.EntryID] { return tx.Whitelist },
	}
}

func switchSection() section {
	return &listOf[tenant.Switch, tenant.SwitchID]{
		name: "switches", of: "a switch", fields: switchFields,
		fresh:    tenant.NewSwitch,
		noun:     func(v *tenant.Switch) tenant.Noun { return v },
		id:       func(v *tenant.Switch) *tenant.SwitchID { return &v.ID },
		customer: func(v *tenant.Switch) *tenant.CustomerID { return &v.Customer },
		get:      func(a *tenant.Account) []tenant.Switch { return a.Switches },
		put:      func(a *tenant.Account, l []tenant.Switch) { a.Switches = l },
		writer:   func(tx *store.Tx) store.Writer[tenant.Switch, tenant.SwitchID] { return tx.Switches },
		resolve: func(p *planner, _ *customerPlan, _ *item[tenant.Switch], v *tenant.Switch) {
			p.names.switches[v.ID] = v.Name
		},
		secrets: switchSecrets,
	}
}

func cliSection() section {
	return &listOf[tenant.CLI, tenant.EntryID]{
		name: "clis", of: "a CLI", fields: cliFields,
		fresh:    tenant.NewCLI,
		noun:     func(v *tenant.CLI) tenant.Noun { return v },
		id:       func(v *tenant.CLI) *tenant.EntryID { return &v.ID },
		customer: func(v *tenant.CLI) *tenant.CustomerID { return &v.Customer },
		get:      func(a *tenant.Account) []tenant.CLI { return a.CLIs },
		put:      func(a *tenant.Account, l []tenant.CLI) { a.CLIs = l },
		writer:   func(tx *store.Tx) store.Writer[tenant.CLI, tenant.EntryID] { return tx.CLIs },
	}
}

func sipUserSection() section {
	return &listOf[tenant.SIPUser, tenant.SIPUserID]{
		name: "sip_users", of: "a SIP user", fields: sipUserFields,
		fresh:    func() (v tenant.SIPUser) { return v },
		noun:     func(v *tenant.SIPUser) tenant.Noun { return v },
		id:       func(v *tenant.SIPUser) *tenant.SIPUserID { return &v.ID },
		customer: func(v *tenant.SIPUser) *tenant.CustomerID { return &v.Customer },
		get:      func(a *tenant.Account) []tenant.SIPUser { return a.SIPUsers },
		put:      func(a *tenant.Account, l []tenant.SIPUser) { a.SIPUsers = l },
		writer:   func(tx *store.Tx) store.Writer[tenant.SIPUser, tenant.SIPUserID] { return tx.SIPUsers },
		resolve:  resolveSIPUser,
		remap:    func(v *tenant.SIPUser, id func(int64) int64) { v.Profile = tenant.ProfileID(id(int64(v.Profile))) },
		secrets:  sipUserSecrets,
	}
}

func resolveSIPUser(p *planner, c *customerPlan, it *item[tenant.SIPUser], v *tenant.SIPUser) {
	p.names.sipUsers[v.ID] = v.Username
	ref, ok := it.refs["profile"]
	if !ok || ref.name == "" {
		return
	}
	id, ok := p.profiles[profileKey{c.after.Customer.Company, ref.name}]
	if !ok && !c.it.unread("company") {
		p.fault(ref.at, tenant.CodeUnknown, "profile", "the customer's company has no SIP profile "+quote(ref.name), "one under sip_profiles whose company is "+quote(p.names.companies[c.after.Customer.Company]))
		it.bad["profile"] = true
	}
	v.Profile = id
}

func didSection() section {
	return &listOf[tenant.DID, tenant.EntryID]{
		name: "dids", of: "a DID", fields: didFields,
		fresh:    func() (v tenant.DID) { return v },
		noun:     func(v *tenant.DID) tenant.Noun { return v },
		id:       func(v *tenant.DID) *tenant.EntryID { return &v.ID },
		customer: func(v *tenant.DID) *tenant.CustomerID { return &v.Customer },
		get:      func(a *tenant.Account) []tenant.DID { return a.DIDs },
		put:      func(a *tenant.Account, l []tenant.DID) { a.DIDs = l },
		writer:   func(tx *store.Tx) store.Writer[tenant.DID, tenant.EntryID] { return tx.DIDs },
		resolve:  resolveDID,
		remap: func(v *tenant.DID, id func(int64) int64) {
			v.Switch, v.SIPUser = tenant.SwitchID(id(int64(v.Switch))), tenant.SIPUserID(id(int64(v.SIPUser)))
		},
	}
}

func resolveDID(p *planner, c *customerPlan, it *item[tenant.DID], v *tenant.DID) {
	if ref, ok := it.refs["switch"]; ok && ref.name != "" {
		v.Switch = p.switchNamed(c, ref, it.bad)
	}
	ref, ok := it.refs["sip_user"]
	if !ok || ref.name == "" {
		return
	}
	want := tenant.SIPUser{Username: ref.name}
	if id, there := c.sipUser(want.Key()); there {
		v.SIPUser = id
		return
	}
	if !c.vague["sip_users"] {
		p.fault(ref.at, tenant.CodeUnknown, "sip_user", "this customer has no SIP user "+quote(ref.name), "one of its sip_users")
	}
	it.bad["sip_user"], v.SIPUser = true, unknownID
}

// sipUser finds a SIP user by his key, as the file leaves them: the list stands when DIDs are read.
func (c *customerPlan) sipUser(key string) (tenant.SIPUserID, bool) {
	if c.users == nil {
		c.users = make(map[string]tenant.SIPUserID, len(c.after.SIPUsers))
		for i := range c.after.SIPUsers {
			c.users[c.after.SIPUsers[i].Key()] = c.after.SIPUsers[i].ID
		}
	}
	id, there := c.users[key]
	return id, there
}

// switchNamed finds a switch of the customer as the file leaves it; 0 and a fault where there is none.
func (p *planner) switchNamed(c *customerPlan, ref reference, bad map[string]bool) tenant.SwitchID {
	for i := range c.after.Switches {
		if c.after.Switches[i].Name == ref.name {
			return c.after.Switches[i].ID
		}
	}
	if !c.vague["switches"] {
		p.fault(ref.at, tenant.CodeUnknown, "switch", "this customer has no switch "+quote(ref.name), "one of its switches with direction: ingress")
	}
	bad["switch"] = true
	return unknownID
}

// unknownID stands for what a fault was told of.
const unknownID = -1 << 62
