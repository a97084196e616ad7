// Package tenant holds the nouns that Tollgate serves (company, customer, domain,
// destination, rule, switch, SIP user, ...), their rules and their error codes.
//
// It is not its job to store them (package store), to decide with them (package
// policy) or to know SIP. Field names are those of tenants.yaml and of the API.
package tenant

import "time"

// CompanyID and the others are typed, so that one noun's id can never be passed as another's.
type CompanyID int64

// UserID is a panel user's.
type UserID int64

// CustomerID is a customer's.
type CustomerID int64

// DomainID is a domain's.
type DomainID int64

// DestinationID is a destination's.
type DestinationID int64

// RuleID is a routing or firewall rule's.
type RuleID int64

// SwitchID is a switch's.
type SwitchID int64

// SIPUserID is a SIP user's.
type SIPUserID int64

// ProfileID is a SIP profile's.
type ProfileID int64

// EntryID is one of the blocklist, the whitelist, the CLIs or the DIDs.
type EntryID int64

// GroupID is a destination group's row; people know it by its number.
type GroupID int64

// KeyID is an API key's.
type KeyID int64

// Stamp is what the store notes on each noun: Version is the revision of its last change
// (an update that carries one is refused when the noun has changed since; 0 = do not check).
type Stamp struct {
	Version   int64     `json:"version" yaml:"-"`
	UpdatedAt time.Time `json:"updated_at,omitzero" yaml:"-"`
}

// DefaultGroup is the destination group that every customer has.
const DefaultGroup = 1

// Company owns customers; Channels and CPS are ceilings over all of them, 0 = unlimited.
type Company struct {
	Stamp    `yaml:"-"`
	ID       CompanyID `json:"id" yaml:"-"`
	Name     string    `json:"name" yaml:"name"`
	Channels int       `json:"channels" yaml:"channels"`
	CPS      int       `json:"cps" yaml:"cps"`
}

// Role says what a panel user sees: all, his company, or his customer.
type Role string

// The roles, widest first.
const (
	RolePlatform Role = "platform"
	RoleCompany  Role = "company"
	RoleCustomer Role = "customer"
)

// Access says what a panel user may do with what he sees.
type Access string

// The levels of access.
const (
	AccessAdmin    Access = "admin"
	AccessOperator Access = "operator"
	AccessReadOnly Access = "read-only"
)

// User is a person who logs in to the panel; Company and Customer are 0 where the role is wider.
type User struct {
	Stamp       `yaml:"-"`
	ID          UserID     `json:"id" yaml:"-"`
	Email       string     `json:"email" yaml:"email"`
	Name        string     `json:"name" yaml:"name"`
	Role        Role       `json:"role" yaml:"role"`
	Access      Access     `json:"access" yaml:"access"`
	Company     CompanyID  `json:"company_id,omitempty" yaml:"-"`
	Customer    CustomerID `json:"customer_id,omitempty" yaml:"-"`
	Transparent bool       `json:"transparent" yaml:"transparent"` // of all customers that he manages
	// TransparentUntil is when Transparent ends by itself; zero: it does not.
	TransparentUntil time.Time `json:"transparent_until,omitzero" yaml:"-"`
	// Disabled keeps him out of the panel; what is his stays.
	Disabled bool `json:"disabled" yaml:"-"`
}

// Transcoding is the ordered list of codecs a customer's calls may be brought to.
type Transcoding struct {
	Enabled bool     `json:"enabled" yaml:"enabled"`
	Codecs  []string `json:"codecs" yaml:"codecs"`
}

// Antifraud holds the thresholds of mission row C9; 0 = off. Mode is enforce or monitor.
type Antifraud struct {
	Invite   int    `json:"invite" yaml:"invite"`
	Register int    `json:"register" yaml:"register"`
	Options  int    `json:"options" yaml:"options"`
	Mode     string `json:"mode" yaml:"mode"`
}

// Timers are mission row C10.
type Timers struct {
	Initial time.Duration `json:"initial" yaml:"initial"`   // no provisional response: next candidate
	Invite  time.Duration `json:"invite" yaml:"invite"`     // no final response: 404
	MaxCall time.Duration `json:"max_call" yaml:"max_call"` // longest call
}

// Emergency numbers and the destination group they go to (mission row E1).
type Emergency struct {
	Numbers []string `json:"numbers" yaml:"numbers"`
	Group   int      `json:"group" yaml:"group"`
}

// DestinationMode says how candidates of one group are ordered.
type DestinationMode string

// The modes of mission row C8.
const (
	ModePriority      DestinationMode = "priority"
	ModeLoadBalancing DestinationMode = "load_balancing"
)

// Customer is one account: the settings of its traffic.
type Customer struct {
	Stamp                    `yaml:"-"`
	ID                       CustomerID      `json:"id" yaml:"-"`
	Company                  CompanyID       `json:"company_id" yaml:"-"`
	Name                     string          `json:"name" yaml:"name"`
	CountryCode              string          `json:"country_code" yaml:"country_code"`
	InternationalPrefix      string          `json:"international_prefix" yaml:"international_prefix"`
	NationalPrefix           string          `json:"national_prefix" yaml:"national_prefix"`
	Realm                    string          `json:"realm" yaml:"realm"`
	Digest                   []string        `json:"digest" yaml:"digest"`
	CallLimit                int             `json:"call_limit" yaml:"call_limit"`
	CPS                      int             `json:"cps" yaml:"cps"`
	TopologyHiding           bool            `json:"topology_hiding" yaml:"topology_hiding"`
	RTPBridging              bool            `json:"rtp_bridging" yaml:"rtp_bridging"`
	Transcoding              Transcoding     `json:"transcoding" yaml:"transcoding"`
	Keepalive                bool            `json:"keepalive" yaml:"keepalive"`
	Transparent              bool            `json:"transparent" yaml:"transparent"`
	TransparentUntil         time.Time       `json:"transparent_until,omitzero" yaml:"-"` // when Transparent ends by itself; zero: it does not
	DestinationGroupsEnabled bool            `json:"destination_groups_enabled" yaml:"destination_groups_enabled"`
	DestinationMode          DestinationMode `json:"destination_mode" yaml:"destination_mode"`
	Antifraud                Antifraud       `json:"antifraud" yaml:"antifraud"`
	Timers                   Timers          `json:"timers" yaml:"timers"`
	InCallPing               string          `json:"in_call_ping" yaml:"in_call_ping"`
	NATPing                  string          `json:"nat_ping" yaml:"nat_ping"`
	ExtensionBlock           string          `json:"extension_block" yaml:"extension_block"`
	Registration             string          `json:"registration" yaml:"registration"`
	Outbound                 string          `json:"outbound" yaml:"outbound"`
	Emergency                Emergency       `json:"emergency" yaml:"emergency"`
	Trace                    bool            `json:"trace" yaml:"trace"`
}

// Domain selects a customer by the domain of a request; an IP literal is one too.
type Domain struct {
	Stamp    `yaml:"-"`
	ID       DomainID   `json:"id" yaml:"-"`
	Customer CustomerID `json:"customer_id" yaml:"-"`
	Name     string     `json:"name" yaml:"name"`
	Proven   bool       `json:"proven" yaml:"-"` // made by a platform user, or its DNS leads here: only then it works
}

// DestinationGroup is one of a customer's nine groups; 1 is made with the customer.
type DestinationGroup struct {
	Stamp    `yaml:"-"`
	ID       GroupID    `json:"id" yaml:"-"`
	Customer CustomerID `json:"customer_id" yaml:"-"`
	Number   int        `json:"number" yaml:"id"`
	Name     string     `json:"name" yaml:"name"`
}

// Destination is where a customer's requests go: a host, or a switch.
type Destination struct {
	Stamp     `yaml:"-"`
	ID        DestinationID `json:"id" yaml:"-"`
	Customer  CustomerID    `json:"customer_id" yaml:"-"`
	Name      string        `json:"name" yaml:"name"`
	Group     int           `json:"group" yaml:"group"`
	Host      string        `json:"host" yaml:"host"`
	Port      int           `json:"port" yaml:"port"`         // 0 = 5060, 5061 or by SRV
	Protocol  string        `json:"protocol" yaml:"protocol"` // udp tcp tls tls+srtp
	TLSVerify bool          `json:"tls_verify" yaml:"tls_verify"`
	Priority  int           `json:"priority" yaml:"priority"` // lower is tried first
	Position  int           `json:"position" yaml:"-"`        // order among equal priorities
	Class5    bool          `json:"class5" yaml:"class5"`
	Network   string        `json:"network" yaml:"network"`
	Switch    SwitchID      `json:"switch_id,omitempty" yaml:"-"`
	Headers   []HeaderEdit  `json:"headers" yaml:"headers"` // of the requests that go there
	Disabled  bool          `json:"disabled" yaml:"disabled"`
}

// HeaderRule matches one header of a request: the shape that routing and firewall rules share.
type HeaderRule struct {
	Stamp    `yaml:"-"`
	ID       RuleID     `json:"id" yaml:"-"`
	Customer CustomerID `json:"customer_id" yaml:"-"`
	Name     string     `json:"name" yaml:"name"`
	Header   string     `json:"header" yaml:"header"` // request-uri source-ip user-agent from to allow supported
	Value    string     `json:"value" yaml:"value"`
	Match    string     `json:"match" yaml:"match"` // regex word cidr
	Priority int        `json:"priority" yaml:"priority"`
	Position int        `json:"position" yaml:"-"` // order among equal priorities
}

// RoutingRule sends what it matches to a group (mission row R1).
type RoutingRule struct {
	HeaderRule `yaml:",inline"`
	Group      int `json:"group" yaml:"group"`
}

// FirewallRule accepts or drops what it matches (mission row F1).
type FirewallRule struct {
	HeaderRule `yaml:",inline"`
	Action     string `json:"action" yaml:"action"` // accept drop
	Mode       string `json:"mode" yaml:"mode"`     // enforce monitor
}

// BlocklistEntry is a number prefix that may not be called; Domain "" is all of the customer's calls.
type BlocklistEntry struct {
	Stamp    `yaml:"-"`
	ID       EntryID    `json:"id" yaml:"-"`
	Customer CustomerID `json:"customer_id" yaml:"-"`
	Domain   string     `json:"domain" yaml:"domain"`
	Prefix   string     `json:"prefix" yaml:"prefix"`
	Mode     string     `json:"mode" yaml:"mode"` // enforce monitor
}

// WhitelistEntry is a range that the customer's antifraud and bans leave alone (mission row X2).
type WhitelistEntry struct {
	Stamp    `yaml:"-"`
	ID       EntryID    `json:"id" yaml:"-"`
	Customer CustomerID `json:"customer_id" yaml:"-"`
	CIDR     string     `json:"cidr" yaml:"cidr"`
}

// Rewrite is one step of a parameter rewrite (mission row A14).
type Rewrite struct {
	What    string `json:"what" yaml:"what"` // destination cli
	Current string `json:"current" yaml:"current"`
	New     string `json:"new" yaml:"new"`
	Match   string `json:"match" yaml:"match"` // prefix regex
}

// Switch is an IP authentication entry (mission rows A1 to A14).
type Switch struct {
	Stamp             `yaml:"-"`
	ID                SwitchID     `json:"id" yaml:"-"`
	Customer          CustomerID   `json:"customer_id" yaml:"-"`
	Name              string       `json:"name" yaml:"name"`
	Direction         string       `json:"direction" yaml:"direction"` // ingress: receives calls from us; egress: sends calls to us
	Addresses         []string     `json:"addresses" yaml:"addresses"` // CIDRs, egress
	Host              string       `json:"host" yaml:"host"`           // ingress
	Port              int          `json:"port" yaml:"port"`
	Channels          int          `json:"channels" yaml:"channels"`
	CPS               int          `json:"cps" yaml:"cps"`
	Protocol          string       `json:"protocol" yaml:"protocol"`
	DialPattern       string       `json:"dial_pattern" yaml:"dial_pattern"`
	TechPrefix        string       `json:"tech_prefix" yaml:"tech_prefix"`
	CLIPrefix         string       `json:"cli_prefix" yaml:"cli_prefix"`
	ForceFrom         string       `json:"force_from" yaml:"force_from"`
	ForceNAT          bool         `json:"force_nat" yaml:"force_nat"`
	InterceptReinvite bool         `json:"intercept_reinvite" yaml:"intercept_reinvite"`
	CLIAuthentication bool         `json:"cli_authentication" yaml:"cli_authentication"`
	RestrictedCodecs  []string     `json:"restricted_codecs" yaml:"restricted_codecs"`
	Latching          string       `json:"latching" yaml:"latching"`
	Rewrite           []Rewrite    `json:"rewrite" yaml:"rewrite"`
	Headers           []HeaderEdit `json:"headers" yaml:"headers"` // of the requests that it is sent, or sends
	Manufacturer      string       `json:"manufacturer" yaml:"manufacturer"`
	Version           string       `json:"version" yaml:"version"`
	Username          string       `json:"username" yaml:"username"`
	Realm             string       `json:"realm" yaml:"realm"`
	Register          bool         `json:"register" yaml:"register"`
	OutboundProxies   []string     `json:"outbound_proxies" yaml:"outbound_proxies"`
}

// CLI tells customers who share an address apart (mission row A12).
type CLI struct {
	Stamp    `yaml:"-"`
	ID       EntryID    `json:"id" yaml:"-"`
	Customer CustomerID `json:"customer_id" yaml:"-"`
	Value    string     `json:"value" yaml:"value"`
	Match    string     `json:"match" yaml:"match"` // exact regex
}

// DID leads a number to a SIP user or a switch (mission row U5).
type DID struct {
	Stamp    `yaml:"-"`
	ID       EntryID    `json:"id" yaml:"-"`
	Customer CustomerID `json:"customer_id" yaml:"-"`
	Number   string     `json:"number" yaml:"number"`
	SIPUser  SIPUserID  `json:"sip_user_id,omitempty" yaml:"-"`
	Switch   SwitchID   `json:"switch_id,omitempty" yaml:"-"`
}

// Voicemail of a SIP user (mission row U7).
type Voicemail struct {
	Enabled bool   `json:"enabled" yaml:"enabled"`
	Email   string `json:"email" yaml:"email"`
}

// SIPUser is a phone's account. A nil field takes its profile's value, else the default.
type SIPUser struct {
	Stamp            `yaml:"-"`
	ID               SIPUserID  `json:"id" yaml:"-"`
	Customer         CustomerID `json:"customer_id" yaml:"-"`
	Username         string     `json:"username" yaml:"username"`
	Profile          ProfileID  `json:"profile_id,omitempty" yaml:"-"`
	Channels         *int       `json:"channels" yaml:"channels"`
	CPS              *int       `json:"cps" yaml:"cps"`
	Protocol         *string    `json:"protocol" yaml:"protocol"`
	AllowFrom        []string   `json:"allow_from" yaml:"allow_from"` // nil = absent
	NATPing          *string    `json:"nat_ping" yaml:"nat_ping"`
	RetainDID        *bool      `json:"retain_did" yaml:"retain_did"`
	SmartExtension   *bool      `json:"smart_extension" yaml:"smart_extension"`
	RestrictedCodecs []string   `json:"restricted_codecs" yaml:"restricted_codecs"` // nil = absent
	Latching         *string    `json:"latching" yaml:"latching"`
	Rewrite          []Rewrite  `json:"rewrite" yaml:"rewrite"` // nil = absent
	Voicemail        *Voicemail `json:"voicemail" yaml:"voicemail"`
}

// SIPProfile fills what a SIP user leaves empty (mission row U3).
type SIPProfile struct {
	Stamp            `yaml:"-"`
	ID               ProfileID `json:"id" yaml:"-"`
	Company          CompanyID `json:"company_id" yaml:"-"`
	Name             string    `json:"name" yaml:"name"`
	Capacity         int       `json:"capacity" yaml:"capacity"` // of all its users together, of all customers; 0 = unlimited
	Protocol         string    `json:"protocol" yaml:"protocol"`
	NATPing          string    `json:"nat_ping" yaml:"nat_ping"`
	RestrictedCodecs []string  `json:"restricted_codecs" yaml:"restricted_codecs"`
	Latching         string    `json:"latching" yaml:"latching"`
	Channels         int       `json:"channels" yaml:"channels"`
}

// APIKey lets a program in; the key itself is shown once and stored as a hash.
type APIKey struct {
	Stamp
	ID       KeyID      `json:"id"`
	Name     string     `json:"name"`
	Role     Role       `json:"role"`
	Access   Access     `json:"access"`
	Company  CompanyID  `json:"company_id,omitempty"`
	Customer CustomerID `json:"customer_id,omitempty"`
	Hint     string     `json:"hint"` // the key's first characters, to tell keys apart
	// Expires is when the key ends by itself; zero: it does not.
	Expires   time.Time `json:"expires,omitzero"`
	AllowFrom []string  `json:"allow_from"` // CIDRs from where it may be used; empty: from anywhere
	// Only narrows what it may be used for; "wall" is for a screen on a wall.
	Only string `json:"only,omitempty" enum:",wall"`
}

// OnlyWall is an API key that reads what a wall board shows, and nothing else.
const OnlyWall = "wall"

// Account is everything of one customer: what the policy compiler takes, whole. Destinations,
// routing and firewall rules stand in order of evaluation: priority, position, id. Only proven
// domains are in it.
type Account struct {
	Customer     Customer
	Domains      []Domain
	Groups       []DestinationGroup
	Destinations []Destination
	Routing      []RoutingRule
	Firewall     []FirewallRule
	Blocklist    []BlocklistEntry
	Whitelist    []string // CIDRs
	Switches     []Switch
	CLIs         []CLI
	DIDs         []DID
	SIPUsers     []SIPUser
	Profiles     []SIPProfile        // those that its SIP users name
	Credentials  map[SIPUserID]HA1   // of its SIP users, for the node alone; else nil
	Passwords    map[SwitchID]Secret // that its switches ask us for, likewise
}
