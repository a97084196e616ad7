package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tollgate/internal/live"
	"tollgate/internal/peer"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/uac"
)

// same shows a noun as it is stored.
func same[T any](_ context.Context, items []T) ([]T, error) { return items, nil }

// zero is a noun whose fields have no defaults but the zero ones.
func zero[T any]() (v T) { return v }

// nouns are the resources.
func (s *server) nouns() {
	s.tenants()
	s.routes()
	s.lists()
	s.callers()
}

func (s *server) tenants() {
	register(s, resource[tenant.Company, company, tenant.CompanyID]{
		path: "companies", one: "company", all: "companies", reader: s.store.Companies, show: s.companiesWithUse,
		writer: func(tx *store.Tx) store.Writer[tenant.Company, tenant.CompanyID] { return tx.Companies },
		fresh:  zero[tenant.Company],
		id:     func(v *tenant.Company) *tenant.CompanyID { return &v.ID },
	})
	register(s, resource[tenant.Customer, customer, tenant.CustomerID]{
		path: "customers", one: "customer", all: "customers", reader: s.store.Customers, show: s.withUse, modes: true,
		writer: func(tx *store.Tx) store.Writer[tenant.Customer, tenant.CustomerID] { return tx.Customers },
		fresh:  tenant.NewCustomer,
		id:     func(v *tenant.Customer) *tenant.CustomerID { return &v.ID },
	})
	register(s, resource[tenant.User, tenant.User, tenant.UserID]{
		path: "users", one: "user", all: "users", reader: s.store.Users, show: same[tenant.User], modes: true,
		writer:    func(tx *store.Tx) store.Writer[tenant.User, tenant.UserID] { return tx.Users },
		fresh:     tenant.NewUser,
		id:        func(v *tenant.User) *tenant.UserID { return &v.ID },
		writeOnly: map[string]string{"password": "For the panel; never shown again."},
		split:     s.userPassword,
	})
	register(s, resource[tenant.APIKey, apiKey, tenant.KeyID]{
		path: "api-keys", one: "API key", all: "API keys", reader: s.store.APIKeys, show: s.showKeys,
		writer: func(tx *store.Tx) store.Writer[tenant.APIKey, tenant.KeyID] { return tx.APIKeys },
		fresh:  tenant.NewAPIKey,
		id:     func(v *tenant.APIKey) *tenant.KeyID { return &v.ID },
		create: makeKey,
	})
}

func (s *server) routes() {
	register(s, resource[tenant.Domain, tenant.Domain, tenant.DomainID]{
		path: "domains", one: "domain", all: "domains", reader: s.store.Domains, show: same[tenant.Domain],
		writer: func(tx *store.Tx) store.Writer[tenant.Domain, tenant.DomainID] { return tx.Domains },
		fresh:  zero[tenant.Domain],
		id:     func(v *tenant.Domain) *tenant.DomainID { return &v.ID },
	})
	register(s, resource[tenant.DestinationGroup, tenant.DestinationGroup, tenant.GroupID]{
		path: "destination-groups", one: "destination group", all: "destination groups", reader: s.store.Groups, show: same[tenant.DestinationGroup],
		writer: func(tx *store.Tx) store.Writer[tenant.DestinationGroup, tenant.GroupID] { return tx.Groups },
		fresh:  zero[tenant.DestinationGroup],
		id:     func(v *tenant.DestinationGroup) *tenant.GroupID { return &v.ID },
	})
	register(s, resource[tenant.Destination, destination, tenant.DestinationID]{
		path: "destinations", one: "destination", all: "destinations", reader: s.store.Destinations, show: s.withStates,
		writer: func(tx *store.Tx) store.Writer[tenant.Destination, tenant.DestinationID] { return tx.Destinations },
		fresh:  tenant.NewDestination,
		id:     func(v *tenant.Destination) *tenant.DestinationID { return &v.ID },
	})
	nullable(s.huma, "Destination", "clash")
	register(s, resource[tenant.RoutingRule, routingRule, tenant.RuleID]{
		path: "routing-rules", one: "routing rule", all: "routing rules", reader: s.store.RoutingRules, show: s.withRoutingHits,
		writer: func(tx *store.Tx) store.Writer[tenant.RoutingRule, tenant.RuleID] { return tx.RoutingRules },
		fresh:  tenant.NewRoutingRule,
		id:     func(v *tenant.RoutingRule) *tenant.RuleID { return &v.ID },
	})
}

func (s *server) lists() {
	register(s, resource[tenant.FirewallRule, firewallRule, tenant.RuleID]{
		path: "firewall-rules", one: "firewall rule", all: "firewall rules", reader: s.store.FirewallRules, show: s.withFirewallHits,
		writer: func(tx *store.Tx) store.Writer[tenant.FirewallRule, tenant.RuleID] { return tx.FirewallRules },
		fresh:  tenant.NewFirewallRule,
		id:     func(v *tenant.FirewallRule) *tenant.RuleID { return &v.ID },
	})
	register(s, resource[tenant.BlocklistEntry, blocklistEntry, tenant.EntryID]{
		path: "blocklist", one: "blocklist entry", all: "blocklist entries", reader: s.store.Blocklist, show: s.withBlocklistHits,
		writer: func(tx *store.Tx) store.Writer[tenant.BlocklistEntry, tenant.EntryID] { return tx.Blocklist },
		fresh:  tenant.NewBlocklistEntry,
		id:     func(v *tenant.BlocklistEntry) *tenant.EntryID { return &v.ID },
	})
	register(s, resource[tenant.WhitelistEntry, tenant.WhitelistEntry, tenant.EntryID]{
		path: "whitelist", one: "whitelist entry", all: "whitelist entries", reader: s.store.Whitelist, show: same[tenant.WhitelistEntry],
		writer: func(tx *store.Tx) store.Writer[tenant.WhitelistEntry, tenant.EntryID] { return tx.Whitelist },
		fresh:  zero[tenant.WhitelistEntry],
		id:     func(v *tenant.WhitelistEntry) *tenant.EntryID { return &v.ID },
	})
}

func (s *server) callers() {
	register(s, resource[tenant.Switch, Switch, tenant.SwitchID]{
		path: "switches", one: "switch", all: "switches", reader: s.store.Switches, show: s.switchesWithUse,
		writer:    func(tx *store.Tx) store.Writer[tenant.Switch, tenant.SwitchID] { return tx.Switches },
		fresh:     tenant.NewSwitch,
		id:        func(v *tenant.Switch) *tenant.SwitchID { return &v.ID },
		writeOnly: map[string]string{"password": "What an ingress switch asks of us; never shown again."},
		split:     switchPassword,
	})
	register(s, resource[tenant.CLI, tenant.CLI, tenant.EntryID]{
		path: "clis", one: "CLI", all: "CLIs", reader: s.store.CLIs, show: same[tenant.CLI],
		writer: func(tx *store.Tx) store.Writer[tenant.CLI, tenant.EntryID] { return tx.CLIs },
		fresh:  tenant.NewCLI,
		id:     func(v *tenant.CLI) *tenant.EntryID { return &v.ID },
	})
	register(s, resource[tenant.DID, tenant.DID, tenant.EntryID]{
		path: "dids", one: "DID", all: "DIDs", reader: s.store.DIDs, show: same[tenant.DID],
		writer: func(tx *store.Tx) store.Writer[tenant.DID, tenant.EntryID] { return tx.DIDs },
		fresh:  zero[tenant.DID],
		id:     func(v *tenant.DID) *tenant.EntryID { return &v.ID },
	})
	register(s, resource[tenant.SIPUser, sipUser, tenant.SIPUserID]{
		path: "sip-users", one: "SIP user", all: "SIP users", reader: s.store.SIPUsers, show: showSIPUsers,
		writer: func(tx *store.Tx) store.Writer[tenant.SIPUser, tenant.SIPUserID] { return tx.SIPUsers },
		fresh:  zero[tenant.SIPUser],
		id:     func(v *tenant.SIPUser) *tenant.SIPUserID { return &v.ID },
		writeOnly: map[string]string{
			"password":          "Stored as a hash, never shown again.",
			"generate_password": "Make a password, and show it in this one answer.",
			"voicemail.pin":     "4 to 12 digits; never shown again.",
		},
		split: sipSecrets,
	})
	nullable(s.huma, "SipUser", "voicemail") // where the profile's counts
	register(s, resource[tenant.SIPProfile, SIPProfile, tenant.ProfileID]{
		path: "sip-profiles", one: "SIP profile", all: "SIP profiles", reader: s.store.SIPProfiles, show: s.profilesWithUse,
		writer: func(tx *store.Tx) store.Writer[tenant.SIPProfile, tenant.ProfileID] { return tx.SIPProfiles },
		fresh:  tenant.NewProfile,
		id:     func(v *tenant.SIPProfile) *tenant.ProfileID { return &v.ID },
	})
}

// nullable describes a property as an object that may be null, for which huma has no tag.
func nullable(api huma.API, schema, property string) {
	s := api.OpenAPI().Components.Schemas.Map()[schema]
	s.Properties[property] = &huma.Schema{AnyOf: []*huma.Schema{s.Properties[property], {Type: "null"}}}
}

// customers gives the ids of all customers of a scope.
func (s *server) customers(ctx context.Context, scope tenant.Scope) (map[tenant.CustomerID]bool, error) {
	list, err := s.store.CustomerIDs(ctx, scope)
	ids := make(map[tenant.CustomerID]bool, len(list))
	for _, id := range list {
		ids[id] = true
	}
	return ids, err
}

// company is a company with what its customers use of its channels now; nothing is told to one of them.
type company struct {
	tenant.Company
	Use *limitNow `json:"use,omitempty" doc:"Absent for a customer's own users."`
}

func (s *server) companiesWithUse(ctx context.Context, items []tenant.Company) ([]company, error) {
	out := make([]company, len(items))
	for i := range items {
		out[i].Company, out[i].Use = items[i], s.sharedUse(ctx, live.Company, int64(items[i].ID))
	}
	return out, nil
}

// sharedUse is what is used now of a limit that several customers share; nil for one of them.
func (s *server) sharedUse(ctx context.Context, kind live.ScopeKind, id int64) *limitNow {
	if principalOf(ctx).Role == tenant.RoleCustomer {
		return nil
	}
	use := s.node.Usage(live.Scope{Kind: kind, ID: id})
	return &limitNow{use.Calls, use.Peak}
}

// customer is a customer with what he uses of his limit now, so that a list of them is one request.
type customer struct {
	tenant.Customer
	Use limitNow `json:"use"`
}

type limitNow struct {
	Calls int `json:"calls" doc:"Now."`
	Peak  int `json:"peak" doc:"Most at once since the node's start."`
}

func (s *server) withUse(_ context.Context, items []tenant.Customer) ([]customer, error) {
	out := make([]customer, len(items))
	for i := range items {
		use := s.node.Usage(live.Scope{Kind: live.Customer, ID: int64(items[i].ID)})
		out[i] = customer{items[i], limitNow{use.Calls, use.Peak}}
	}
	return out, nil
}

// Switch is a switch with what it uses of its channels now, and how our registration there does.
type Switch struct {
	tenant.Switch
	Use          limitNow   `json:"use"`
	Registration *uac.State `json:"registration" doc:"Of ours at this switch, null where we do not register."`
}

func (s *server) switchesWithUse(_ context.Context, items []tenant.Switch) ([]Switch, error) {
	ours, out := s.node.Registrations(), make([]Switch, len(items))
	for i := range items {
		use := s.node.Usage(live.Scope{Kind: live.Switch, ID: int64(items[i].ID)})
		out[i] = Switch{Switch: items[i], Use: limitNow{use.Calls, use.Peak}}
		if r, ok := ours[items[i].ID]; ok {
			out[i].Registration = &r
		}
	}
	return out, nil
}

// SIPProfile is a SIP profile with what its users use of its capacity now; nothing is told to a
// customer, since those of others are in it.
type SIPProfile struct {
	tenant.SIPProfile
	Use *limitNow `json:"use,omitempty" doc:"Absent for a customer's own users."`
}

func (s *server) profilesWithUse(ctx context.Context, items []tenant.SIPProfile) ([]SIPProfile, error) {
	out := make([]SIPProfile, len(items))
	for i := range items {
		out[i].SIPProfile, out[i].Use = items[i], s.sharedUse(ctx, live.Profile, int64(items[i].ID))
	}
	return out, nil
}

// destination is a destination with how it does right now.
type destination struct {
	tenant.Destination
	CustomerName string           `json:"customer"`
	State        destinationState `json:"state"`
	Clash        *clash           `json:"clash"`
	Registration *uac.State       `json:"registration" doc:"Of ours at the switch that it is, null where we do not register."`
}

type destinationState struct {
	Status    string    `json:"status" enum:"up,down,unknown,off" doc:"off: keepalive is off."`
	Since     time.Time `json:"since,omitzero"`
	RTT       float64   `json:"rtt_ms" doc:"Of the last answered OPTIONS, in milliseconds; 0 = none."`
	LastCode  int       `json:"last_code" doc:"Of the last answer; 0 = none."`
	Addresses []string  `json:"addresses" nullable:"false" doc:"Where its host leads now."`
}

func (s *server) withStates(ctx context.Context, items []tenant.Destination) ([]destination, error) {
	states, clashes, ours := s.node.DestinationStates(), s.node.Clashes(), s.node.Registrations()
	names := map[tenant.CustomerID]string{}
	out := make([]destination, len(items))
	for i := range items {
		d := &items[i]
		name, err := s.nameOf(ctx, names, d.Customer)
		if err != nil {
			return nil, err
		}
		clash, err := s.showClash(ctx, names, clashes, d.ID)
		if err != nil {
			return nil, err
		}
		state, known := states[d.ID]
		if !known {
			state.Status = peer.StatusUnknown
		}
		out[i] = destination{Destination: *d, CustomerName: name, Clash: clash, State: destinationState{
			Status: state.Status, Since: state.Since, RTT: float64(state.RTT.Microseconds()) / 1000, LastCode: state.LastCode,
			Addresses: present(state.Addrs),
		}}
		if r, ok := ours[d.Switch]; ok {
			out[i].Registration = &r
		}
	}
	return out, nil
}
