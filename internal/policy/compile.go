package policy

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tollgate/internal/tenant"
)

// compile makes an account ready for decisions. What did not change since the customer
// was last compiled is taken over from there.
func (t *Table) compile(s *Snapshot, a *tenant.Account) (*Customer, error) {
	c := &Customer{
		Settings: a.Customer, Plan: planOf(&a.Customer), Transparent: s.transparent.of(&a.Customer),
		here: a.Customer.Registration == registersHere, grouped: a.Customer.DestinationGroupsEnabled,
		balanced: a.Customer.DestinationMode == tenant.ModeLoadBalancing,
	}
	c.Company, _ = s.companies.get(hashID(a.Customer.Company), a.Customer.Company)
	if c.Company == nil {
		c.Company = &Company{ID: a.Customer.Company}
	}
	was := s.Customer(a.Customer.ID)
	if was == nil {
		was = new(Customer)
	}
	var routing, firewall, blocklist, callers error
	c.routing, routing = compileRouting(a.Routing, was.routing)
	c.firewall, firewall = compileFirewall(a.Firewall, was.firewall)
	c.blocklist, blocklist = compileBlocklist(a.Blocklist, &c.Plan, was.blocklist, was.Plan == c.Plan)
	c.callers, callers = compileCallers(a, &c.Plan, was.callers, was.Plan == c.Plan)
	faults := []error{
		routing, firewall, blocklist, callers, c.addDomains(a.Domains), c.compileSwitches(a, was),
		t.addDestinations(c, a), c.addDIDs(a.DIDs), c.addRegistrations(), c.compileUsers(a), c.addEmergency(),
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return c, nil
}

// CanonicalDomain is the one form in which a domain is compared: lower case, without a
// final dot, without brackets; an IPv6 literal as RFC 5952 writes it.
func CanonicalDomain(name string) (string, error) {
	bare := strings.TrimSuffix(name, ".")
	if strings.HasPrefix(bare, "[") && strings.HasSuffix(bare, "]") {
		bare = bare[1 : len(bare)-1]
	}
	if addr, err := netip.ParseAddr(bare); err == nil {
		if addr.Zone() != "" {
			return "", fmt.Errorf("domain %q: a zone means something on one machine only; leave out %%%s", name, addr.Zone())
		}
		return addr.Unmap().String(), nil
	}
	if bare == "" || len(bare) > maxDomain {
		return "", fmt.Errorf("domain %q: has %d characters, write 1 to %d", name, len(bare), maxDomain)
	}
	for i := range len(bare) {
		if !domainByte(bare[i]) {
			return "", fmt.Errorf("domain %q: character %d must be a letter, a digit, \"-\", \"_\" or \".\"", name, i+1)
		}
	}
	return strings.ToLower(bare), nil
}

// maxDomain is the longest name of the DNS (RFC 1035 2.3.4), without its final dot.
const maxDomain = 253

func domainByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '.' || b == '_'
}

func (c *Customer) addDomains(domains []tenant.Domain) error {
	var faults []error
	for i := range domains {
		name, err := CanonicalDomain(domains[i].Name)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if !slices.Contains(c.Domains, name) {
			c.Domains = append(c.Domains, name)
		}
	}
	return errors.Join(faults...)
}

func (t *Table) addDestinations(c *Customer, a *tenant.Account) error {
	var faults []error
	for i := range a.Destinations {
		d, err := compileDestination(&a.Destinations[i], c)
		if err != nil {
			faults = append(faults, fmt.Errorf("destination %q: %w", a.Destinations[i].Name, err))
			continue
		}
		if known, ok := t.resolved[d.ID]; ok && known.host == d.Host && d.Addrs == nil {
			d.Addrs = known.addrs
		}
		c.Destinations = append(c.Destinations, d)
	}
	slices.SortStableFunc(c.Destinations, func(x, y *Destination) int { return cmp.Compare(x.ID, y.ID) })
	c.sortGroups()
	return errors.Join(faults...)
}

// sortGroups fills the groups: lower priority number first, equal ones by position (none: last), then id.
func (c *Customer) sortGroups() {
	c.groups = [maxGroup + 1][]*Destination{}
	for _, d := range c.Destinations {
		c.groups[d.Group] = append(c.groups[d.Group], d)
	}
	for _, group := range c.groups {
		slices.SortStableFunc(group, func(x, y *Destination) int {
			return cmp.Or(cmp.Compare(x.Priority, y.Priority), cmp.Compare(place(x.position), place(y.position)))
		})
	}
}

// moved is the customer with one destination replaced by its like at other addresses.
func (c *Customer) moved(d *Destination) *Customer {
	copied := *c
	copied.Destinations = slices.Clone(c.Destinations)
	for i, old := range copied.Destinations {
		if old.ID == d.ID {
			copied.Destinations[i] = d
		}
	}
	copied.sortGroups()
	copied.ways = c.movedWay(d)
	return &copied
}

func compileDestination(from *tenant.Destination, c *Customer) (*Destination, error) {
	d := &Destination{
		ID: from.ID, Customer: c.Settings.ID, Name: from.Name, Host: from.Host, Protocol: from.Protocol,
		Verify: from.TLSVerify, Network: from.Network, Priority: from.Priority, position: from.Position, Group: from.Group,
		Class5: from.Class5, Disabled: from.Disabled, Changes: HeaderChanges(from.Headers),
	}
	port := from.Port
	if from.Switch != 0 {
		sw, err := c.receivingSwitch(from.Switch)
		if err != nil {
			return nil, err
		}
		d.Switch, d.Host, d.Protocol, port = sw, sw.Host, sw.Protocol, sw.Port
	}
	if d.Group == 0 {
		d.Group = tenant.DefaultGroup
	}
	if d.Group < 0 || d.Group > maxGroup {
		return nil, fmt.Errorf("group %d: write 1 to %d", d.Group, maxGroup)
	}
	return d, d.settle(port)
}

// settle checks where a destination is, and brings it to the form in which it is looked for.
func (d *Destination) settle(port int) error {
	if err := d.settleProtocol(); err != nil {
		return err
	}
	if port < 0 || port > 65535 {
		return fmt.Errorf("port %d: write 0 to 65535", port)
	}
	host, err := CanonicalDomain(d.Host)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	d.Host, d.ServerName, d.Port = host, host, uint16(port)
	d.place()
	if d.Switch != nil {
		d.Via = strings.Join(d.Switch.OutboundProxies, ",")
		for _, p := range d.Switch.OutboundProxies {
			d.Proxies = append(d.Proxies, proxy(p))
		}
	}
	return nil
}

// settleProtocol checks the protocol and replaces the text by the constant: one text for
// all destinations stays in the processor's cache.
func (d *Destination) settleProtocol() error {
	switch d.Protocol {
	case "", protoUDP:
		d.Protocol = protoUDP
	case protoTCP:
		d.Protocol = protoTCP
	case protoTLS:
		d.Protocol = protoTLS
	case protoSRTP:
		d.Protocol, d.Encrypted = protoSRTP, true
	default:
		return fmt.Errorf("protocol %q: write udp, tcp, tls or tls+srtp", d.Protocol)
	}
	return nil
}

// place gives a destination whose host is an address its port and that address.
func (d *Destination) place() {
	addr, err := netip.ParseAddr(d.Host)
	if err != nil {
		return
	}
	if d.Port == 0 {
		d.Port = d.DefaultPort()
	}
	d.Addrs, d.Literal = []netip.AddrPort{netip.AddrPortFrom(addr, d.Port)}, true
}

// listening brings resolved addresses to the form in which sources are compared.
func listening(d *Destination, addrs []netip.AddrPort) []netip.AddrPort {
	out := make([]netip.AddrPort, 0, len(addrs))
	for _, a := range addrs {
		port := cmp.Or(a.Port(), d.Port, d.DefaultPort())
		at := netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), port)
		if at.IsValid() && !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	slices.SortFunc(out, netip.AddrPort.Compare)
	return out
}

// receivingSwitch finds a switch of the customer's that receives calls from us.
func (c *Customer) receivingSwitch(id tenant.SwitchID) (*Switch, error) {
	sw := c.Switch(id)
	switch {
	case sw == nil:
		return nil, fmt.Errorf("switch %d: the customer has no such switch", id)
	case sw.Direction != tenant.Ingress:
		return nil, fmt.Errorf("switch %q: sends calls to us; a destination must be one that receives calls from us (direction: ingress)", sw.Name)
	}
	return sw, nil
}

// addEmergency notes the emergency numbers as the plan writes them, and also with the
// country code alone, as a phone dials them that puts its country before everything.
func (c *Customer) addEmergency() error {
	e := &c.Settings.Emergency
	for _, n := range e.Numbers {
		number, ok := c.Plan.Append(nil, []byte(n), nil)
		if !ok {
			return fmt.Errorf("emergency number %q: write digits", n)
		}
		c.emergency = append(c.emergency, string(number))
		if c.Plan.Country != "" && number[0] != '+' {
			c.emergency = append(c.emergency, "+"+c.Plan.Country+string(number))
		}
	}
	for _, n := range c.emergency {
		c.emergencyLongest = max(c.emergencyLongest, len(n))
	}
	if e.Group < 0 || e.Group > maxGroup {
		return fmt.Errorf("emergency group %d: write 1 to %d", e.Group, maxGroup)
	}
	return nil
}
