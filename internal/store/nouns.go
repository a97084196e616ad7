package store

import (
	"tollgate/internal/tenant"
)

// The tables, one function a noun. What a noun needs beyond the generic code stands in hooks.go.

func companies() *table[tenant.Company, tenant.CompanyID] {
	return &table[tenant.Company, tenant.CompanyID]{
		name: "companies", kind: tenant.KindCompany, owner: ownsItself, global: true,
		fresh:  func() (v tenant.Company) { return v },
		noun:   func(v *tenant.Company) tenant.Noun { return v },
		id:     func(v *tenant.Company) *tenant.CompanyID { return &v.ID },
		search: func(v *tenant.Company) string { return v.Name },
		hooks:  hooks[tenant.Company]{after: afterCompany},
	}
}

func customers() *table[tenant.Customer, tenant.CustomerID] {
	return &table[tenant.Customer, tenant.CustomerID]{
		name: "customers", kind: tenant.KindCustomer, owner: theCustomer, global: true,
		indexed: true,
		fresh:   tenant.NewCustomer,
		noun:    func(v *tenant.Customer) tenant.Noun { return v },
		id:      func(v *tenant.Customer) *tenant.CustomerID { return &v.ID },
		company: func(v *tenant.Customer) *tenant.CompanyID { return &v.Company },
		search:  func(v *tenant.Customer) string { return v.Name + " " + v.Realm },
		hooks:   hooks[tenant.Customer]{before: beforeCustomer, after: afterCustomer},
	}
}

func users() *table[tenant.User, tenant.UserID] {
	return &table[tenant.User, tenant.UserID]{
		name: "users", kind: tenant.KindUser, owner: ownedByRole, global: true,
		indexed:  true,
		fresh:    tenant.NewUser,
		noun:     func(v *tenant.User) tenant.Noun { return v },
		id:       func(v *tenant.User) *tenant.UserID { return &v.ID },
		company:  func(v *tenant.User) *tenant.CompanyID { return &v.Company },
		customer: func(v *tenant.User) *tenant.CustomerID { return &v.Customer },
		search:   func(v *tenant.User) string { return v.Email + " " + v.Name },
		hooks:    hooks[tenant.User]{before: beforeUser},
	}
}

func apiKeys() *table[tenant.APIKey, tenant.KeyID] {
	return &table[tenant.APIKey, tenant.KeyID]{
		name: "api_keys", kind: tenant.KindAPIKey, owner: ownedByRole,
		fresh:    tenant.NewAPIKey,
		noun:     func(v *tenant.APIKey) tenant.Noun { return v },
		id:       func(v *tenant.APIKey) *tenant.KeyID { return &v.ID },
		company:  func(v *tenant.APIKey) *tenant.CompanyID { return &v.Company },
		customer: func(v *tenant.APIKey) *tenant.CustomerID { return &v.Customer },
		search:   func(v *tenant.APIKey) string { return v.Name + " " + v.Hint },
		hooks:    hooks[tenant.APIKey]{before: beforeAPIKey},
	}
}

func sipProfiles() *table[tenant.SIPProfile, tenant.ProfileID] {
	return &table[tenant.SIPProfile, tenant.ProfileID]{
		name: "sip_profiles", kind: tenant.KindProfile, owner: ownedByCompany,
		fresh:   tenant.NewProfile,
		noun:    func(v *tenant.SIPProfile) tenant.Noun { return v },
		id:      func(v *tenant.SIPProfile) *tenant.ProfileID { return &v.ID },
		company: func(v *tenant.SIPProfile) *tenant.CompanyID { return &v.Company },
		search:  func(v *tenant.SIPProfile) string { return v.Name },
		hooks:   hooks[tenant.SIPProfile]{after: afterProfile},
	}
}

func domains() *table[tenant.Domain, tenant.DomainID] {
	return &table[tenant.Domain, tenant.DomainID]{
		name: "domains", kind: tenant.KindDomain, owner: ownedByCustomer, global: true,
		indexed:  true,
		fresh:    func() (v tenant.Domain) { return v },
		noun:     func(v *tenant.Domain) tenant.Noun { return v },
		id:       func(v *tenant.Domain) *tenant.DomainID { return &v.ID },
		customer: func(v *tenant.Domain) *tenant.CustomerID { return &v.Customer },
		search:   func(v *tenant.Domain) string { return v.Name },
		hooks:    hooks[tenant.Domain]{before: beforeDomain, after: afterDomain},
	}
}

func groups() *table[tenant.DestinationGroup, tenant.GroupID] {
	return &table[tenant.DestinationGroup, tenant.GroupID]{
		name: "destination_groups", kind: tenant.KindGroup, owner: ownedByCustomer,
		fresh:    func() (v tenant.DestinationGroup) { return v },
		noun:     func(v *tenant.DestinationGroup) tenant.Noun { return v },
		id:       func(v *tenant.DestinationGroup) *tenant.GroupID { return &v.ID },
		customer: func(v *tenant.DestinationGroup) *tenant.CustomerID { return &v.Customer },
		search:   func(v *tenant.DestinationGroup) string { return v.Label() + " " + v.Name },
		hooks:    hooks[tenant.DestinationGroup]{before: beforeGroup},
	}
}

func destinations() *table[tenant.Destination, tenant.DestinationID] {
	return &table[tenant.Destination, tenant.DestinationID]{
		name: "destinations", kind: tenant.KindDestination, owner: ownedByCustomer,
		indexed:  true,
		fresh:    tenant.NewDestination,
		noun:     func(v *tenant.Destination) tenant.Noun { return v },
		id:       func(v *tenant.Destination) *tenant.DestinationID { return &v.ID },
		customer: func(v *tenant.Destination) *tenant.CustomerID { return &v.Customer },
		refs:     func(v *tenant.Destination) []column { return []column{reference("switch_id", v.Switch)} },
		search:   func(v *tenant.Destination) string { return v.Name + " " + v.Host + " " + v.Protocol },
	}
}

func routingRules() *table[tenant.RoutingRule, tenant.RuleID] {
	return &table[tenant.RoutingRule, tenant.RuleID]{
		name: "routing_rules", kind: tenant.KindRouting, owner: ownedByCustomer,
		fresh:    tenant.NewRoutingRule,
		noun:     func(v *tenant.RoutingRule) tenant.Noun { return v },
		id:       func(v *tenant.RoutingRule) *tenant.RuleID { return &v.ID },
		customer: func(v *tenant.RoutingRule) *tenant.CustomerID { return &v.Customer },
		search:   func(v *tenant.RoutingRule) string { return v.Name + " " + v.Header + " " + v.Value },
		hooks:    hooks[tenant.RoutingRule]{before: beforeRouting},
	}
}

func firewallRules() *table[tenant.FirewallRule, tenant.RuleID] {
	return &table[tenant.FirewallRule, tenant.RuleID]{
		name: "firewall_rules", kind: tenant.KindFirewall, owner: ownedByCustomer,
		fresh:    tenant.NewFirewallRule,
		noun:     func(v *tenant.FirewallRule) tenant.Noun { return v },
		id:       func(v *tenant.FirewallRule) *tenant.RuleID { return &v.ID },
		customer: func(v *tenant.FirewallRule) *tenant.CustomerID { return &v.Customer },
		search:   func(v *tenant.FirewallRule) string { return v.Name + " " + v.Header + " " + v.Value + " " + v.Action },
	}
}

func blocklist() *table[tenant.BlocklistEntry, tenant.EntryID] {
	return &table[tenant.BlocklistEntry, tenant.EntryID]{
		name: "blocklist", kind: tenant.KindBlocklist, owner: ownedByCustomer,
		fresh:    tenant.NewBlocklistEntry,
		noun:     func(v *tenant.BlocklistEntry) tenant.Noun { return v },
		id:       func(v *tenant.BlocklistEntry) *tenant.EntryID { return &v.ID },
		customer: func(v *tenant.BlocklistEntry) *tenant.CustomerID { return &v.Customer },
		search:   func(v *tenant.BlocklistEntry) string { return v.Prefix + " " + v.Domain },
	}
}

func whitelist() *table[tenant.WhitelistEntry, tenant.EntryID] {
	return &table[tenant.WhitelistEntry, tenant.EntryID]{
		name: "whitelist", kind: tenant.KindWhitelist, owner: ownedByCustomer,
		fresh:    func() (v tenant.WhitelistEntry) { return v },
		noun:     func(v *tenant.WhitelistEntry) tenant.Noun { return v },
		id:       func(v *tenant.WhitelistEntry) *tenant.EntryID { return &v.ID },
		customer: func(v *tenant.WhitelistEntry) *tenant.CustomerID { return &v.Customer },
		search:   func(v *tenant.WhitelistEntry) string { return v.CIDR },
		hooks:    hooks[tenant.WhitelistEntry]{before: beforeWhitelist},
	}
}

func switches() *table[tenant.Switch, tenant.SwitchID] {
	return &table[tenant.Switch, tenant.SwitchID]{
		name: "switches", kind: tenant.KindSwitch, owner: ownedByCustomer,
		indexed:  true,
		fresh:    tenant.NewSwitch,
		noun:     func(v *tenant.Switch) tenant.Noun { return v },
		id:       func(v *tenant.Switch) *tenant.SwitchID { return &v.ID },
		customer: func(v *tenant.Switch) *tenant.CustomerID { return &v.Customer },
		search:   switchText,
		hooks:    hooks[tenant.Switch]{before: beforeSwitch, after: afterSwitch},
	}
}

func switchText(v *tenant.Switch) string {
	text := v.Name + " " + v.Host + " " + v.Manufacturer
	for _, a := range v.Addresses {
		text += " " + a
	}
	return text
}

func clis() *table[tenant.CLI, tenant.EntryID] {
	return &table[tenant.CLI, tenant.EntryID]{
		name: "clis", kind: tenant.KindCLI, owner: ownedByCustomer,
		fresh:    tenant.NewCLI,
		noun:     func(v *tenant.CLI) tenant.Noun { return v },
		id:       func(v *tenant.CLI) *tenant.EntryID { return &v.ID },
		customer: func(v *tenant.CLI) *tenant.CustomerID { return &v.Customer },
		search:   func(v *tenant.CLI) string { return v.Value },
		hooks:    hooks[tenant.CLI]{after: afterCLI},
	}
}

func dids() *table[tenant.DID, tenant.EntryID] {
	return &table[tenant.DID, tenant.EntryID]{
		name: "dids", kind: tenant.KindDID, owner: ownedByCustomer,
		indexed:  true,
		fresh:    func() (v tenant.DID) { return v },
		noun:     func(v *tenant.DID) tenant.Noun { return v },
		id:       func(v *tenant.DID) *tenant.EntryID { return &v.ID },
		customer: func(v *tenant.DID) *tenant.CustomerID { return &v.Customer },
		refs: func(v *tenant.DID) []column {
			return []column{reference("switch_id", v.Switch), reference("sip_user_id", v.SIPUser)}
		},
		search: func(v *tenant.DID) string { return v.Number },
		hooks:  hooks[tenant.DID]{after: afterDID},
	}
}

func sipUsers() *table[tenant.SIPUser, tenant.SIPUserID] {
	return &table[tenant.SIPUser, tenant.SIPUserID]{
		name: "sip_users", kind: tenant.KindSIPUser, owner: ownedByCustomer,
		indexed:  true,
		fresh:    func() (v tenant.SIPUser) { return v },
		noun:     func(v *tenant.SIPUser) tenant.Noun { return v },
		id:       func(v *tenant.SIPUser) *tenant.SIPUserID { return &v.ID },
		customer: func(v *tenant.SIPUser) *tenant.CustomerID { return &v.Customer },
		refs:     func(v *tenant.SIPUser) []column { return []column{reference("profile_id", v.Profile)} },
		search:   func(v *tenant.SIPUser) string { return v.Username },
		hooks:    hooks[tenant.SIPUser]{before: beforeSIPUser, after: afterSIPUser},
	}
}
