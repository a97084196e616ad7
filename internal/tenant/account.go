package tenant

import (
	"fmt"
	"sort"
	"strings"
)

// CheckAccount gives what is wrong between the nouns of one customer, each of which is sound by
// itself: references, what must be there once, and the sums. Fault.Noun and Fault.Name say whose.
// a.Domains must hold all domains, proven or not; a.Profiles those of the customer's company.
func CheckAccount(a *Account) Faults {
	c := &accountCheck{a: a, groups: map[int]bool{DefaultGroup: true}, switches: map[SwitchID]*Switch{}}
	for i := range a.Groups {
		c.groups[a.Groups[i].Number] = true
	}
	for i := range a.Switches {
		c.switches[a.Switches[i].ID] = &a.Switches[i]
	}
	c.groupReferences()
	c.switchReferences()
	c.names()
	c.blocklist()
	c.sipUsers()
	c.sharedAddresses()
	c.channels()
	return c.faults
}

type accountCheck struct {
	a        *Account
	groups   map[int]bool
	switches map[SwitchID]*Switch
	faults   Faults
}

// dangling is the fault of a noun that names what is not there.
func (c *accountCheck) dangling(n Noun, field string, ref Ref, message, want string) {
	c.add(n, CodeUnknown, field, message, want)
	c.faults[len(c.faults)-1].Ref = ref
}

func (c *accountCheck) add(n Noun, code Code, field, message, want string) {
	c.faults = append(c.faults, &Fault{Code: code, Field: field, Message: message, Want: want, Noun: n.Kind(), Name: n.Label(), Owner: c.a.Customer.ID})
}

func (c *accountCheck) groupReferences() {
	for i := range c.a.Destinations {
		c.group(&c.a.Destinations[i], "group", c.a.Destinations[i].Group)
	}
	for i := range c.a.Routing {
		c.group(&c.a.Routing[i], "group", c.a.Routing[i].Group)
	}
	c.group(&c.a.Customer, "emergency.group", c.a.Customer.Emergency.Group)
}

func (c *accountCheck) group(n Noun, field string, number int) {
	if c.groups[number] || number < DefaultGroup || number > MaxGroup {
		return
	}
	c.dangling(n, field, RefGroup(number), fmt.Sprintf("this customer has no group %d", number), "one of "+c.groupList()+", or make it first")
}

func (c *accountCheck) groupList() string {
	var list []string
	for n := DefaultGroup; n <= MaxGroup; n++ {
		if c.groups[n] {
			list = append(list, fmt.Sprint(n))
		}
	}
	return strings.Join(list, ", ")
}

func (c *accountCheck) switchReferences() {
	for i := range c.a.Destinations {
		if d := &c.a.Destinations[i]; d.Switch != 0 {
			c.ingress(d, d.Switch)
		}
	}
	users := map[SIPUserID]bool{}
	for i := range c.a.SIPUsers {
		users[c.a.SIPUsers[i].ID] = true
	}
	for i := range c.a.DIDs {
		d := &c.a.DIDs[i]
		if d.Switch != 0 {
			c.ingress(d, d.Switch)
		}
		if d.SIPUser != 0 && !users[d.SIPUser] {
			c.dangling(d, "sip_user", RefSIPUser(d.SIPUser), "this customer has no such SIP user", "one of the customer's SIP users")
		}
	}
}

// ingress wants a switch of this customer that receives calls from us.
func (c *accountCheck) ingress(n Noun, id SwitchID) {
	s := c.switches[id]
	switch {
	case s == nil:
		c.dangling(n, "switch", RefSwitch(id), "this customer has no such switch", "one of the customer's ingress switches")
	case s.Direction != Ingress:
		c.add(n, CodeConflict, "switch", fmt.Sprintf("the switch %s sends calls to us and receives none", quote(s.Name)), "a switch with direction: ingress")
	}
}

// names finds what is there twice. The store's unique indexes say the same; here it is said of the second one, in words.
func (c *accountCheck) names() {
	twice(c, c.a.Domains, func(v *Domain) Noun { return v }, "name", "this customer has this domain already")
	twice(c, c.a.Groups, func(v *DestinationGroup) Noun { return v }, "id", "this customer has this group already")
	twice(c, c.a.Destinations, func(v *Destination) Noun { return v }, "name", "another destination of this customer has this name")
	twice(c, c.a.Routing, func(v *RoutingRule) Noun { return v }, "name", "another routing rule of this customer has this name")
	twice(c, c.a.Firewall, func(v *FirewallRule) Noun { return v }, "name", "another firewall rule of this customer has this name")
	twice(c, c.a.Blocklist, func(v *BlocklistEntry) Noun { return v }, "prefix", "this prefix is blocked already")
	twice(c, c.a.Switches, func(v *Switch) Noun { return v }, "name", "another switch of this customer has this name")
	twice(c, c.a.CLIs, func(v *CLI) Noun { return v }, "value", "this customer has this CLI already")
	twice(c, c.a.DIDs, func(v *DID) Noun { return v }, "number", "this customer has this DID already")
}

func twice[T any](c *accountCheck, list []T, noun func(*T) Noun, field, message string) {
	seen := make(map[string]bool, len(list))
	for i := range list {
		n := noun(&list[i])
		key := n.Key()
		if seen[key] {
			c.add(n, CodeInUse, field, message, "each once")
		}
		seen[key] = true
	}
}

func (c *accountCheck) blocklist() {
	own := map[string]bool{"": true}
	for _, d := range c.a.Domains {
		own[d.Name] = true
	}
	for i := range c.a.Blocklist {
		if b := &c.a.Blocklist[i]; !own[b.Domain] {
			c.add(b, CodeUnknown, "domain", fmt.Sprintf("%s is no domain of this customer", quote(b.Domain)), `one of its domains, or "" for all calls`)
		}
	}
}

func (c *accountCheck) sipUsers() {
	profiles := map[ProfileID]bool{0: true}
	for _, p := range c.a.Profiles {
		profiles[p.ID] = p.Company == c.a.Customer.Company
	}
	seen, free := map[string]bool{}, ""
	for i := range c.a.SIPUsers {
		u := &c.a.SIPUsers[i]
		if seen[u.Key()] {
			c.add(u, CodeDuplicate, "username", DuplicateUser, "a user name that is free")
		}
		seen[u.Key()] = true
		if !profiles[u.Profile] {
			c.dangling(u, "profile", RefProfile(u.Profile), "the customer's company has no such SIP profile", `one of its profiles, or "" for none`)
		}
		if !c.a.Customer.InBlock(u.Username) {
			if free == "" {
				free = c.free()
			}
			c.add(u, CodeOutOfRange, "username", quote(u.Username)+" is not in the customer's extension block "+c.a.Customer.ExtensionBlock, free)
		}
	}
}

func (c *accountCheck) free() string {
	taken := make([]string, len(c.a.SIPUsers))
	for i := range c.a.SIPUsers {
		taken[i] = c.a.SIPUsers[i].Username
	}
	free := c.a.Customer.FreeExtensions(taken, 5)
	if len(free) == 0 {
		return "a wider extension_block: every extension of it is taken"
	}
	return "a free extension: " + strings.Join(free, ", ")
}

// sharedAddresses: where entries share an address, CLI authentication decides for all of them or for none (mission row A12).
func (c *accountCheck) sharedAddresses() {
	for i := range c.a.Switches {
		s := &c.a.Switches[i]
		for j := range i {
			o := &c.a.Switches[j]
			if s.CLIAuthentication != o.CLIAuthentication && SharedRange(s, o) != "" {
				c.add(s, CodeConflict, "cli_authentication",
					fmt.Sprintf("must be the same on all entries that share an address, and %s shares %s", quote(o.Name), SharedRange(s, o)),
					fmt.Sprintf("cli_authentication: %t, or other addresses", o.CLIAuthentication))
			}
		}
	}
}

// SharedRange gives a range of s that overlaps one of o, "" where none does.
func SharedRange(s, o *Switch) string {
	if s.Direction != Egress || o.Direction != Egress {
		return ""
	}
	for _, a := range s.Addresses {
		for _, b := range o.Addresses {
			if Overlap(a, b) {
				return a
			}
		}
	}
	return ""
}

// channels is mission row K1: the users' channels fit into the account. The fault is of the first one who no longer does.
func (c *accountCheck) channels() {
	limit := c.a.Customer.CallLimit
	if limit <= 0 {
		return
	}
	sum := 0
	for i, t := range takers(c.a) {
		if sum += t.channels; sum > limit {
			c.add(&c.a.SIPUsers[i], CodeNoCapacity, "channels", NoChannelCapacity, "")
			return
		}
	}
}

// Unfit gives the SIP users who do not fit into the account's channels, taken in their order: each
// who does takes his own, each who does not leaves them to those after him.
func Unfit(a *Account) []*SIPUser {
	limit := a.Customer.CallLimit
	if limit <= 0 {
		return nil
	}
	var out []*SIPUser
	sum := 0
	for i, t := range takers(a) {
		if sum+t.channels > limit {
			out = append(out, &a.SIPUsers[i])
			continue
		}
		sum += t.channels
	}
	return out
}

// ChannelSum is how many channels the account's SIP users take together.
func ChannelSum(a *Account) int {
	sum := 0
	for _, t := range takers(a) {
		sum += t.channels
	}
	return sum
}

// LimitTooLow is the fault for a call limit lowered below what the SIP users have: it names them.
func LimitTooLow(a *Account) *Fault {
	list := takers(a)
	sort.SliceStable(list, func(i, j int) bool { return list[i].channels > list[j].channels })
	var names []string
	for i, t := range list {
		if i == 20 {
			names = append(names, fmt.Sprintf("and %d more", len(list)-i))
			break
		}
		names = append(names, fmt.Sprintf("%s (%d)", t.username, t.channels))
	}
	return &Fault{
		Code: CodeNoCapacity, Field: "call_limit", Noun: KindCustomer, Name: a.Customer.Name, Owner: a.Customer.ID,
		Message: fmt.Sprintf("%d is below the %d channels of its SIP users: %s", a.Customer.CallLimit, ChannelSum(a), strings.Join(names, ", ")),
		Want:    "a higher call_limit, or fewer channels for them first",
	}
}

type taker struct {
	username string
	channels int
}

func takers(a *Account) []taker {
	profiles := map[ProfileID]*SIPProfile{}
	for i := range a.Profiles {
		profiles[a.Profiles[i].ID] = &a.Profiles[i]
	}
	out := make([]taker, len(a.SIPUsers))
	for i := range a.SIPUsers {
		u := &a.SIPUsers[i]
		out[i] = taker{u.Username, u.EffectiveChannels(profiles[u.Profile], a.Customer.CallLimit)}
	}
	return out
}
