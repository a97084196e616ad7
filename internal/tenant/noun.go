package tenant

import (
	"strconv"
	"strings"
)

// Noun is what the store and the file need to know of every noun.
type Noun interface {
	// Kind says which noun it is.
	Kind() Kind
	// Label names it among those of its kind and customer, for people.
	Label() string
	// Key is what may be there once only: in its customer, its company, or everywhere.
	Key() string
	// Normalize brings it to the one form in which it is stored and compared.
	Normalize()
	// Validate gives all that is wrong with it by itself.
	Validate() Faults
	// Meta is its stamp, for the store to fill.
	Meta() *Stamp
}

// Meta gives the stamp itself.
func (s *Stamp) Meta() *Stamp { return s }

// Kind of a company.
func (v *Company) Kind() Kind { return KindCompany }

// Label is the name.
func (v *Company) Label() string { return v.Name }

// Key is the name.
func (v *Company) Key() string { return v.Name }

// Kind of a user.
func (v *User) Kind() Kind { return KindUser }

// Label is the e-mail address.
func (v *User) Label() string { return v.Email }

// Key is the e-mail address.
func (v *User) Key() string { return v.Email }

// Kind of a customer.
func (v *Customer) Kind() Kind { return KindCustomer }

// Label is the name.
func (v *Customer) Label() string { return v.Name }

// Key is the name.
func (v *Customer) Key() string { return v.Name }

// Kind of a domain.
func (v *Domain) Kind() Kind { return KindDomain }

// Label is the name.
func (v *Domain) Label() string { return v.Name }

// Key is the name.
func (v *Domain) Key() string { return v.Name }

// Kind of a group.
func (v *DestinationGroup) Kind() Kind { return KindGroup }

// Label is the number.
func (v *DestinationGroup) Label() string { return strconv.Itoa(v.Number) }

// Key is the number.
func (v *DestinationGroup) Key() string { return strconv.Itoa(v.Number) }

// Kind of a destination.
func (v *Destination) Kind() Kind { return KindDestination }

// Label is the name.
func (v *Destination) Label() string { return v.Name }

// Key is the name.
func (v *Destination) Key() string { return v.Name }

// Kind of a routing rule.
func (v *RoutingRule) Kind() Kind { return KindRouting }

// Label is the name.
func (v *HeaderRule) Label() string { return v.Name }

// Key is the name.
func (v *HeaderRule) Key() string { return v.Name }

// Kind of a firewall rule.
func (v *FirewallRule) Kind() Kind { return KindFirewall }

// Kind of a blocklist entry.
func (v *BlocklistEntry) Kind() Kind { return KindBlocklist }

// Label is the prefix and, where it has one, the domain.
func (v *BlocklistEntry) Label() string {
	if v.Domain == "" {
		return v.Prefix
	}
	return v.Prefix + " at " + v.Domain
}

// Key is prefix and domain.
func (v *BlocklistEntry) Key() string { return v.Prefix + "@" + v.Domain }

// Kind of a whitelist entry.
func (v *WhitelistEntry) Kind() Kind { return KindWhitelist }

// Label is the range.
func (v *WhitelistEntry) Label() string { return v.CIDR }

// Key is the range.
func (v *WhitelistEntry) Key() string { return v.CIDR }

// Kind of a switch.
func (v *Switch) Kind() Kind { return KindSwitch }

// Label is the name.
func (v *Switch) Label() string { return v.Name }

// Key is the name.
func (v *Switch) Key() string { return v.Name }

// Kind of a CLI.
func (v *CLI) Kind() Kind { return KindCLI }

// Label is the value.
func (v *CLI) Label() string { return v.Value }

// Key is the way of matching and the value.
func (v *CLI) Key() string { return v.Match + " " + v.Value }

// Kind of a DID.
func (v *DID) Kind() Kind { return KindDID }

// Label is the number.
func (v *DID) Label() string { return v.Number }

// Key is the number.
func (v *DID) Key() string { return v.Number }

// Kind of a SIP user.
func (v *SIPUser) Kind() Kind { return KindSIPUser }

// Label is the user name.
func (v *SIPUser) Label() string { return v.Username }

// Key is the user name in lower case: two that differ in case only would be mistaken for each other.
func (v *SIPUser) Key() string { return strings.ToLower(v.Username) }

// Kind of a profile.
func (v *SIPProfile) Kind() Kind { return KindProfile }

// Label is the name.
func (v *SIPProfile) Label() string { return v.Name }

// Key is the name.
func (v *SIPProfile) Key() string { return v.Name }

// Kind of an API key.
func (v *APIKey) Kind() Kind { return KindAPIKey }

// Label is the name.
func (v *APIKey) Label() string { return v.Name }

// Key is not the key itself, which nobody has: names may repeat, hints do not.
func (v *APIKey) Key() string { return v.Hint }
