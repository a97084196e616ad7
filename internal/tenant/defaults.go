package tenant

import "time"

// NewCustomer is a customer with every default of tenants.yaml; Realm "" becomes its first domain.
func NewCustomer() Customer {
	return Customer{
		InternationalPrefix: "00",
		Digest:              []string{"sha-256", "md5"},
		Transcoding:         Transcoding{Codecs: []string{}},
		Keepalive:           true,
		DestinationMode:     ModePriority,
		Antifraud:           Antifraud{Mode: "enforce"},
		Timers:              Timers{Initial: 5 * time.Second, Invite: 120 * time.Second, MaxCall: 12 * time.Hour},
		InCallPing:          "off",
		NATPing:             "enabled",
		Registration:        "relay",
		Outbound:            "customer",
		Emergency:           Emergency{Numbers: []string{"112"}, Group: DefaultGroup},
		Trace:               true,
	}
}

// NewUser is a panel user with the least that one can have.
func NewUser() User { return User{Role: RoleCustomer, Access: AccessReadOnly} }

// NewAPIKey is an API key without bounds of its own; Role and Access have no default.
func NewAPIKey() APIKey { return APIKey{AllowFrom: []string{}} }

// NewDestination is a destination in group 1 over UDP.
func NewDestination() Destination {
	return Destination{Group: DefaultGroup, Protocol: "udp", Priority: 10, Headers: []HeaderEdit{}}
}

// NewRoutingRule is a routing rule with its defaults.
func NewRoutingRule() RoutingRule {
	return RoutingRule{HeaderRule: HeaderRule{Match: "regex", Priority: 10}, Group: DefaultGroup}
}

// NewFirewallRule is a firewall rule with its defaults; Action has none.
func NewFirewallRule() FirewallRule {
	return FirewallRule{HeaderRule: HeaderRule{Match: "regex", Priority: 10}, Mode: "enforce"}
}

// NewBlocklistEntry is a block list entry with its defaults; Prefix has none.
func NewBlocklistEntry() BlocklistEntry { return BlocklistEntry{Mode: "enforce"} }

// NewSwitch is a switch with its defaults; Direction has none.
func NewSwitch() Switch {
	return Switch{
		DialPattern: "e164", Latching: "symmetric",
		Addresses: []string{}, RestrictedCodecs: []string{}, Rewrite: []Rewrite{}, Headers: []HeaderEdit{}, OutboundProxies: []string{},
	}
}

// NewCLI is a CLI that is compared whole.
func NewCLI() CLI { return CLI{Match: "exact"} }

// NewProfile is a SIP profile that fills in nothing but the defaults.
func NewProfile() SIPProfile {
	return SIPProfile{NATPing: "enabled", Latching: "symmetric", RestrictedCodecs: []string{}}
}
