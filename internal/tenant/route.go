package tenant

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// Normalize brings the domain to the one form in which it is stored and looked up.
func (v *Domain) Normalize() { v.Name = CanonicalHost(v.Name) }

// Validate gives all that is wrong with the domain by itself.
func (v *Domain) Validate() Faults {
	c := &check{}
	c.put("name", CheckHost(v.Name))
	return c.faults
}

// Normalize does nothing: a group has one form only.
func (v *DestinationGroup) Normalize() {}

// Validate gives all that is wrong with the group by itself.
func (v *DestinationGroup) Validate() Faults {
	c := &check{}
	c.group("number", v.Number)
	c.text("name", v.Name, nameLimit)
	return c.faults
}

// Normalize brings the destination to the form that is stored; a switch brings its own host and protocol.
func (v *Destination) Normalize() {
	v.Headers = present(v.Headers)
	if v.Switch != 0 {
		if v.Protocol == "udp" { // the default, not a wish
			v.Protocol = ""
		}
		return
	}
	v.Host = CanonicalHost(v.Host)
	v.Protocol = strings.ToLower(v.Protocol)
}

// Validate gives all that is wrong with the destination by itself.
func (v *Destination) Validate() Faults {
	c := &check{}
	c.name("name", v.Name)
	c.group("group", v.Group)
	c.number("priority", v.Priority, 0, 65535)
	c.text("network", v.Network, nameLimit)
	c.headerEdits(v.Headers)
	if v.Switch != 0 {
		c.switchOnly(v)
		return c.faults
	}
	if v.Host == "" {
		c.add(CodeRequired, "host", "is missing", "an address or a host name, or a switch")
	} else {
		c.put("host", CheckHost(v.Host))
	}
	c.number("port", v.Port, 0, 65535)
	c.protocol("protocol", v.Protocol, false)
	return c.faults
}

// switchOnly refuses what a destination would say twice: the switch has host, port and protocol of its own.
func (c *check) switchOnly(v *Destination) {
	const want = "leave it out: the switch has its own"
	if v.Host != "" {
		c.add(CodeConflict, "host", "host and switch exclude each other", "one of them")
	}
	if v.Port != 0 {
		c.add(CodeConflict, "port", "port and switch exclude each other", want)
	}
	if v.Protocol != "" {
		c.add(CodeConflict, "protocol", "protocol and switch exclude each other", want)
	}
}

// Protocols are the ways to reach a peer.
func Protocols() []string { return []string{"udp", "tcp", "tls", "tls+srtp"} }

func (c *check) protocol(field, v string, anyAllowed bool) {
	if strings.EqualFold(v, "smpp") {
		c.add(CodeUnsupported, field, "SMPP is not supported", "one of "+strings.Join(Protocols(), ", "))
		return
	}
	allowed := Protocols()
	if anyAllowed {
		allowed = slices.Concat([]string{""}, allowed)
	}
	c.oneOf(field, v, allowed...)
}

// Normalize brings the rule to the form that is stored.
func (v *HeaderRule) Normalize() {
	v.Header = strings.ToLower(v.Header)
	if v.Match == "cidr" {
		v.Value = CanonicalCIDR(v.Value)
	}
}

// RoutingHeaders are the headers that a routing rule may look at; a firewall rule also at allow and supported.
func RoutingHeaders() []string {
	return []string{"request-uri", "source-ip", "user-agent", "from", "to"}
}

// FirewallHeaders are the headers that a firewall rule may look at.
func FirewallHeaders() []string { return append(RoutingHeaders(), "allow", "supported") }

func (c *check) header(v *HeaderRule, headers []string) {
	c.name("name", v.Name)
	c.oneOf("header", v.Header, headers...)
	c.number("priority", v.Priority, 0, 65535)
	switch v.Match {
	case "regex":
		c.put("value", CheckRegex(v.Value))
	case "word":
		if v.Value == "" {
			c.add(CodeRequired, "value", "is missing", "the text to look for")
		}
		c.text("value", v.Value, 250)
	case "cidr":
		if v.Header != "source-ip" {
			c.add(CodeConflict, "match", "cidr compares addresses, which "+v.Header+" is not", "header: source-ip, or match: regex")
		}
		c.put("value", CheckCIDR(v.Value))
	default:
		c.oneOf("match", v.Match, "regex", "word", "cidr")
	}
}

// Validate gives all that is wrong with the rule by itself.
func (v *RoutingRule) Validate() Faults {
	c := &check{}
	c.header(&v.HeaderRule, RoutingHeaders())
	c.group("group", v.Group)
	return c.faults
}

// Validate gives all that is wrong with the rule by itself.
func (v *FirewallRule) Validate() Faults {
	c := &check{}
	c.header(&v.HeaderRule, FirewallHeaders())
	c.oneOf("action", v.Action, "accept", "drop")
	c.oneOf("mode", v.Mode, "enforce", "monitor")
	return c.faults
}

// Normalize brings the entry to the form that is stored: digits without separators. One that says no mode enforces.
func (v *BlocklistEntry) Normalize() {
	v.Prefix = StripNumber(v.Prefix)
	v.Mode = cmp.Or(v.Mode, "enforce")
	if v.Domain != "" {
		v.Domain = CanonicalHost(v.Domain)
	}
}

// Validate gives all that is wrong with the entry by itself.
func (v *BlocklistEntry) Validate() Faults {
	c := &check{}
	if v.Domain != "" {
		c.put("domain", CheckHost(v.Domain))
	}
	if v.Prefix == "" {
		c.add(CodeRequired, "prefix", "is missing", `the first digits of the numbers that may not be called, such as "00882"`)
	}
	c.dialled("prefix", v.Prefix)
	c.oneOf("mode", v.Mode, "enforce", "monitor")
	return c.faults
}

// StripNumber takes the visual separators of RFC 3966 5.1.1 and blanks out of a number.
func StripNumber(v string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.() ", r) {
			return -1
		}
		return r
	}, v)
}

func (c *check) dialled(field, v string) {
	plain := strings.TrimPrefix(v, "+")
	if len(plain) > 32 || strings.Trim(plain, digitSet+"*#") != "" {
		c.add(CodeInvalid, field, quote(v)+" is not a number", "up to 32 digits, * or #, with or without a first +")
	}
}

// Normalize brings the range to the form that is stored.
func (v *WhitelistEntry) Normalize() { v.CIDR = CanonicalCIDR(v.CIDR) }

// Validate gives all that is wrong with the entry by itself.
func (v *WhitelistEntry) Validate() Faults {
	c := &check{}
	c.put("cidr", CheckCIDR(v.CIDR))
	return c.faults
}

// Wide says whether a range is wider than a tenant may whitelist or ban: /24, or /48 for IPv6 (mission row X2).
func Wide(cidr string) bool {
	fixed, of := Bits(cidr)
	return (of == 32 && fixed < 24) || (of == 128 && fixed < 48)
}

// Overlap says whether two ranges share an address.
func Overlap(a, b string) bool {
	p, errA := netip.ParsePrefix(CanonicalCIDR(a))
	q, errB := netip.ParsePrefix(CanonicalCIDR(b))
	return errA == nil && errB == nil && p.Overlaps(q)
}
