package tenantfile

import (
	"time"

	"github.com/goccy/go-yaml/ast"

	"tollgate/internal/tenant"
)

// The keys of each noun, in the order in which export writes them.

func companyFields() []field[tenant.Company] {
	return []field[tenant.Company]{
		text("name", func(v *tenant.Company) *string { return &v.Name }),
		number("channels", func(v *tenant.Company) *int { return &v.Channels }),
		number("cps", func(v *tenant.Company) *int { return &v.CPS }),
		was[tenant.Company](),
		{name: "users", read: func(r *reader, n ast.Node, path string, it *item[tenant.Company]) {
			it.users = readList(r, n, "users", "a user", userFields(true))
		}},
	}
}

// userFields: at the top of the file there are platform users, who have no customer.
func userFields(ofCompany bool) []field[tenant.User] {
	fields := []field[tenant.User]{
		text("email", func(v *tenant.User) *string { return &v.Email }),
		text("name", func(v *tenant.User) *string { return &v.Name }),
		word("role", func(v *tenant.User) *tenant.Role { return &v.Role }),
		word("access", func(v *tenant.User) *tenant.Access { return &v.Access }),
		flag("transparent", func(v *tenant.User) *bool { return &v.Transparent }),
		was[tenant.User](),
		password[tenant.User](false),
	}
	if ofCompany {
		fields = append(fields, named("customer", func(v *tenant.User) { v.Customer = 0 },
			func(v *tenant.User, n *names) any { return orNothing(n.customers[v.Customer]) }))
	}
	return fields
}

// orNothing leaves a reference out where there is none.
func orNothing(name string) any {
	if name == "" {
		return nil
	}
	return name
}

func profileFields() []field[tenant.SIPProfile] {
	return []field[tenant.SIPProfile]{
		text("name", func(v *tenant.SIPProfile) *string { return &v.Name }),
		named("company", func(v *tenant.SIPProfile) {}, func(v *tenant.SIPProfile, n *names) any { return n.companies[v.Company] }),
		number("capacity", func(v *tenant.SIPProfile) *int { return &v.Capacity }),
		text("protocol", func(v *tenant.SIPProfile) *string { return &v.Protocol }),
		text("nat_ping", func(v *tenant.SIPProfile) *string { return &v.NATPing }),
		texts("restricted_codecs", func(v *tenant.SIPProfile) *[]string { return &v.RestrictedCodecs }),
		text("latching", func(v *tenant.SIPProfile) *string { return &v.Latching }),
		number("channels", func(v *tenant.SIPProfile) *int { return &v.Channels }),
		was[tenant.SIPProfile](),
	}
}

func customerFields() []field[tenant.Customer] {
	fields := []field[tenant.Customer]{
		text("name", func(v *tenant.Customer) *string { return &v.Name }),
		named("company", func(v *tenant.Customer) {}, func(v *tenant.Customer, n *names) any { return n.companies[v.Company] }),
		text("country_code", func(v *tenant.Customer) *string { return &v.CountryCode }),
		text("international_prefix", func(v *tenant.Customer) *string { return &v.InternationalPrefix }),
		text("national_prefix", func(v *tenant.Customer) *string { return &v.NationalPrefix }),
		text("realm", func(v *tenant.Customer) *string { return &v.Realm }),
		texts("digest", func(v *tenant.Customer) *[]string { return &v.Digest }),
		number("call_limit", func(v *tenant.Customer) *int { return &v.CallLimit }),
		number("cps", func(v *tenant.Customer) *int { return &v.CPS }),
		flag("topology_hiding", func(v *tenant.Customer) *bool { return &v.TopologyHiding }),
		flag("rtp_bridging", func(v *tenant.Customer) *bool { return &v.RTPBridging }),
		group("transcoding",
			flag("enabled", func(v *tenant.Customer) *bool { return &v.Transcoding.Enabled }),
			texts("codecs", func(v *tenant.Customer) *[]string { return &v.Transcoding.Codecs })),
		flag("keepalive", func(v *tenant.Customer) *bool { return &v.Keepalive }),
		flag("transparent", func(v *tenant.Customer) *bool { return &v.Transparent }),
		flag("destination_groups_enabled", func(v *tenant.Customer) *bool { return &v.DestinationGroupsEnabled }),
		word("destination_mode", func(v *tenant.Customer) *tenant.DestinationMode { return &v.DestinationMode }),
		group("antifraud",
			number("invite", func(v *tenant.Customer) *int { return &v.Antifraud.Invite }),
			number("register", func(v *tenant.Customer) *int { return &v.Antifraud.Register }),
			number("options", func(v *tenant.Customer) *int { return &v.Antifraud.Options }),
			text("mode", func(v *tenant.Customer) *string { return &v.Antifraud.Mode })),
		group("timers",
			duration("initial", func(v *tenant.Customer) *time.Duration { return &v.Timers.Initial }),
			duration("invite", func(v *tenant.Customer) *time.Duration { return &v.Timers.Invite }),
			duration("max_call", func(v *tenant.Customer) *time.Duration { return &v.Timers.MaxCall })),
		text("in_call_ping", func(v *tenant.Customer) *string { return &v.InCallPing }),
		text("nat_ping", func(v *tenant.Customer) *string { return &v.NATPing }),
		text("extension_block", func(v *tenant.Customer) *string { return &v.ExtensionBlock }),
		text("registration", func(v *tenant.Customer) *string { return &v.Registration }),
		text("outbound", func(v *tenant.Customer) *string { return &v.Outbound }),
		group("emergency",
			texts("numbers", func(v *tenant.Customer) *[]string { return &v.Emergency.Numbers }),
			number("group", func(v *tenant.Customer) *int { return &v.Emergency.Group })),
		flag("trace", func(v *tenant.Customer) *bool { return &v.Trace }),
		was[tenant.Customer](),
	}
	for _, s := range sections() {
		fields = append(fields, field[tenant.Customer]{name: s.key(), read: func(r *reader, n ast.Node, _ string, it *item[tenant.Customer]) {
			s.read(r, n, it)
		}})
	}
	return fields
}

func groupFields() []field[tenant.DestinationGroup] {
	return []field[tenant.DestinationGroup]{
		number("id", func(v *tenant.DestinationGroup) *int { return &v.Number }),
		text("name", func(v *tenant.DestinationGroup) *string { return &v.Name }),
	}
}

func destinationFields() []field[tenant.Destination] {
	// What a switch brings along is left out beside it.
	own := func(f field[tenant.Destination]) field[tenant.Destination] {
		show := f.show
		f.show = func(v *tenant.Destination, n *names) any {
			if v.Switch != 0 {
				return nil
			}
			return show(v, n)
		}
		return f
	}
	return []field[tenant.Destination]{
		text("name", func(v *tenant.Destination) *string { return &v.Name }),
		number("group", func(v *tenant.Destination) *int { return &v.Group }),
		own(text("host", func(v *tenant.Destination) *string { return &v.Host })),
		own(number("port", func(v *tenant.Destination) *int { return &v.Port })),
		own(text("protocol", func(v *tenant.Destination) *string { return &v.Protocol })),
		own(flag("tls_verify", func(v *tenant.Destination) *bool { return &v.TLSVerify })),
		named("switch", func(v *tenant.Destination) { v.Switch = 0 }, func(v *tenant.Destination, n *names) any { return orNothing(n.switches[v.Switch]) }),
		number("priority", func(v *tenant.Destination) *int { return &v.Priority }),
		flag("class5", func(v *tenant.Destination) *bool { return &v.Class5 }),
		text("network", func(v *tenant.Destination) *string { return &v.Network }),
		headerEdits(func(v *tenant.Destination) *[]tenant.HeaderEdit { return &v.Headers }),
		flag("disabled", func(v *tenant.Destination) *bool { return &v.Disabled }),
		was[tenant.Destination](),
	}
}

func headerFields[T any](rule func(*T) *tenant.HeaderRule) []field[T] {
	return []field[T]{
		text("name", func(v *T) *string { return &rule(v).Name }),
		text("header", func(v *T) *string { return &rule(v).Header }),
		text("value", func(v *T) *string { return &rule(v).Value }),
		text("match", func(v *T) *string { return &rule(v).Match }),
		number("priority", func(v *T) *int { return &rule(v).Priority }),
	}
}

func routingFields() []field[tenant.RoutingRule] {
	return append(headerFields(func(v *tenant.RoutingRule) *tenant.HeaderRule { return &v.HeaderRule }),
		number("group", func(v *tenant.RoutingRule) *int { return &v.Group }),
		was[tenant.RoutingRule]())
}

func firewallFields() []field[tenant.FirewallRule] {
	return append(headerFields(func(v *tenant.FirewallRule) *tenant.HeaderRule { return &v.HeaderRule }),
		text("action", func(v *tenant.FirewallRule) *string { return &v.Action }),
		text("mode", func(v *tenant.FirewallRule) *string { return &v.Mode }),
		was[tenant.FirewallRule]())
}

func blocklistFields() []field[tenant.BlocklistEntry] {
	return []field[tenant.BlocklistEntry]{
		text("domain", func(v *tenant.BlocklistEntry) *string { return &v.Domain }),
		text("prefix", func(v *tenant.BlocklistEntry) *string { return &v.Prefix }),
		text("mode", func(v *tenant.BlocklistEntry) *string { return &v.Mode }),
	}
}

func switchFields() []field[tenant.Switch] {
	return []field[tenant.Switch]{
		text("name", func(v *tenant.Switch) *string { return &v.Name }),
		text("direction", func(v *tenant.Switch) *string { return &v.Direction }),
		texts("addresses", func(v *tenant.Switch) *[]string { return &v.Addresses }),
		text("host", func(v *tenant.Switch) *string { return &v.Host }),
		number("port", func(v *tenant.Switch) *int { return &v.Port }),
		number("channels", func(v *tenant.Switch) *int { return &v.Channels }),
		number("cps", func(v *tenant.Switch) *int { return &v.CPS }),
		text("protocol", func(v *tenant.Switch) *string { return &v.Protocol }),
		text("dial_pattern", func(v *tenant.Switch) *string { return &v.DialPattern }),
		text("tech_prefix", func(v *tenant.Switch) *string { return &v.TechPrefix }),
		text("cli_prefix", func(v *tenant.Switch) *string { return &v.CLIPrefix }),
		text("force_from", func(v *tenant.Switch) *string { return &v.ForceFrom }),
		flag("force_nat", func(v *tenant.Switch) *bool { return &v.ForceNAT }),
		flag("intercept_reinvite", func(v *tenant.Switch) *bool { return &v.InterceptReinvite }),
		flag("cli_authentication", func(v *tenant.Switch) *bool { return &v.CLIAuthentication }),
		texts("restricted_codecs", func(v *tenant.Switch) *[]string { return &v.RestrictedCodecs }),
		text("latching", func(v *tenant.Switch) *string { return &v.Latching }),
		rewrites(func(v *tenant.Switch) *[]tenant.Rewrite { return &v.Rewrite }, false),
		headerEdits(func(v *tenant.Switch) *[]tenant.HeaderEdit { return &v.Headers }),
		text("manufacturer", func(v *tenant.Switch) *string { return &v.Manufacturer }),
		text("version", func(v *tenant.Switch) *string { return &v.Version }),
		text("username", func(v *tenant.Switch) *string { return &v.Username }),
		text("realm", func(v *tenant.Switch) *string { return &v.Realm }),
		flag("register", func(v *tenant.Switch) *bool { return &v.Register }),
		texts("outbound_proxies", func(v *tenant.Switch) *[]string { return &v.OutboundProxies }),
		was[tenant.Switch](),
		password[tenant.Switch](false),
	}
}

func cliFields() []field[tenant.CLI] {
	return []field[tenant.CLI]{
		text("value", func(v *tenant.CLI) *string { return &v.Value }),
		text("match", func(v *tenant.CLI) *string { return &v.Match }),
	}
}

func didFields() []field[tenant.DID] {
	return []field[tenant.DID]{
		text("number", func(v *tenant.DID) *string { return &v.Number }),
		named("sip_user", nowhere, func(v *tenant.DID, n *names) any { return orNothing(n.sipUsers[v.SIPUser]) }),
		named("switch", nowhere, func(v *tenant.DID, n *names) any { return orNothing(n.switches[v.Switch]) }),
		was[tenant.DID](),
	}
}

// nowhere forgets both ways that a DID can lead: the file gives one of them, which replaces the other.
func nowhere(v *tenant.DID) { v.SIPUser, v.Switch = 0, 0 }

func sipUserFields() []field[tenant.SIPUser] {
	return []field[tenant.SIPUser]{
		text("username", func(v *tenant.SIPUser) *string { return &v.Username }),
		named("profile", func(v *tenant.SIPUser) { v.Profile = 0 }, func(v *tenant.SIPUser, n *names) any { return orNothing(n.profiles[v.Profile]) }),
		optional("channels", func(v *tenant.SIPUser) **int { return &v.Channels }, number[tenant.SIPUser]),
		optional("cps", func(v *tenant.SIPUser) **int { return &v.CPS }, number[tenant.SIPUser]),
		optional("protocol", func(v *tenant.SIPUser) **string { return &v.Protocol }, text[tenant.SIPUser]),
		optionalTexts("allow_from", func(v *tenant.SIPUser) *[]string { return &v.AllowFrom }),
		optional("nat_ping", func(v *tenant.SIPUser) **string { return &v.NATPing }, text[tenant.SIPUser]),
		optional("retain_did", func(v *tenant.SIPUser) **bool { return &v.RetainDID }, flag[tenant.SIPUser]),
		optional("smart_extension", func(v *tenant.SIPUser) **bool { return &v.SmartExtension }, flag[tenant.SIPUser]),
		optionalTexts("restricted_codecs", func(v *tenant.SIPUser) *[]string { return &v.RestrictedCodecs }),
		optional("latching", func(v *tenant.SIPUser) **string { return &v.Latching }, text[tenant.SIPUser]),
		rewrites(func(v *tenant.SIPUser) *[]tenant.Rewrite { return &v.Rewrite }, true),
		optional("voicemail", func(v *tenant.SIPUser) **tenant.Voicemail { return &v.Voicemail }, voicemail),
		was[tenant.SIPUser](),
		password[tenant.SIPUser](true),
	}
}

func voicemail(name string, to func(*tenant.SIPUser) *tenant.Voicemail) field[tenant.SIPUser] {
	return group(name,
		flag("enabled", func(v *tenant.SIPUser) *bool { return &to(v).Enabled }),
		text("email", func(v *tenant.SIPUser) *string { return &to(v).Email }),
		field[tenant.SIPUser]{name: "pin", read: func(r *reader, n ast.Node, path string, it *item[tenant.SIPUser]) {
			if v, ok := r.text(n, path); ok {
				it.pin = &reference{v, placeOf(n)}
			}
		}})
}
