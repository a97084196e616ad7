package tenant

import (
	"fmt"
	"strconv"
	"strings"
)

// The directions of a switch.
const (
	Ingress = "ingress" // receives calls from us
	Egress  = "egress"  // sends calls to us
)

// Normalize brings the switch to the form that is stored.
func (v *Switch) Normalize() {
	v.Direction = strings.ToLower(v.Direction)
	v.Protocol = strings.ToLower(v.Protocol)
	if v.Host != "" {
		v.Host = CanonicalHost(v.Host)
	}
	for i, a := range v.Addresses {
		v.Addresses[i] = CanonicalCIDR(a)
	}
	canonicalCodecs(v.RestrictedCodecs)
	v.Addresses = present(v.Addresses)
	v.RestrictedCodecs = present(v.RestrictedCodecs)
	v.OutboundProxies = present(v.OutboundProxies)
	v.Rewrite = present(v.Rewrite)
	v.Headers = present(v.Headers)
}

// Validate gives all that is wrong with the switch by itself.
func (v *Switch) Validate() Faults {
	c := &check{}
	c.name("name", v.Name)
	c.oneOf("direction", v.Direction, Ingress, Egress)
	switch v.Direction {
	case Egress:
		c.egress(v)
	case Ingress:
		c.ingress(v)
	}
	c.number("port", v.Port, 0, 65535)
	c.limit("channels", v.Channels)
	c.limit("cps", v.CPS)
	c.protocol("protocol", v.Protocol, true)
	c.oneOf("dial_pattern", v.DialPattern, "e164", "+e164", "00", "national", "raw")
	c.dialled("tech_prefix", v.TechPrefix)
	c.dialled("cli_prefix", v.CLIPrefix)
	c.forceFrom(v.ForceFrom)
	c.codecs("restricted_codecs", v.RestrictedCodecs)
	c.latching(v.Latching)
	c.rewrites(v.Rewrite)
	c.headerEdits(v.Headers)
	c.text("manufacturer", v.Manufacturer, nameLimit)
	c.text("version", v.Version, nameLimit)
	return c.faults
}

// egress: known by its addresses, so it has no host and we never answer its challenges.
func (c *check) egress(v *Switch) {
	if len(v.Addresses) == 0 {
		c.add(CodeRequired, "addresses", "lists no address", "the ranges from which it sends calls, such as [198.51.100.0/28]")
	}
	for i, a := range v.Addresses {
		field := index("addresses", i)
		c.put(field, CheckCIDR(a))
		if fixed, of := Bits(a); of > 0 && fixed == 0 {
			c.add(CodeOutOfRange, field, a+" holds every address there is", "the addresses of this switch only")
		}
	}
	c.unique("addresses", v.Addresses)
	const want = "leave it out, or direction: ingress; one entry for each direction"
	c.absent("host", v.Host != "", "an egress switch sends calls to us and has no host", want)
	c.absent("username", v.Username != "", "an egress switch is known by its addresses", want)
	c.absent("realm", v.Realm != "", "an egress switch is known by its addresses", want)
	c.absent("register", v.Register, "only at an ingress switch can we register", want)
	c.absent("outbound_proxies", len(v.OutboundProxies) > 0, "an egress switch is not called by us", want)
}

// ingress: called by us, so it has a host; its calls to us would be another entry.
func (c *check) ingress(v *Switch) {
	if v.Host == "" {
		c.add(CodeRequired, "host", "is missing", "the address or host name to which calls are sent")
	} else {
		c.put("host", CheckHost(v.Host))
	}
	const want = "leave it out, or direction: egress; one entry for each direction"
	c.absent("addresses", len(v.Addresses) > 0, "an ingress switch is known by its host", want)
	c.absent("cli_authentication", v.CLIAuthentication, "an ingress switch sends no calls to us", want)
	c.text("username", v.Username, 128)
	c.realm("realm", v.Realm)
	if v.Register && v.Username == "" {
		c.add(CodeRequired, "username", "is missing", "the name to register with, or register: false")
	}
	for i, p := range v.OutboundProxies {
		c.put(index("outbound_proxies", i), checkHostPort(p))
	}
	c.unique("outbound_proxies", v.OutboundProxies)
}

func (c *check) absent(field string, there bool, message, want string) {
	if there {
		c.add(CodeConflict, field, message, want)
	}
}

// latching is how it is learnt where media comes from.
func (c *check) latching(v string) { c.oneOf("latching", v, "symmetric", "strict", "handover") }

func (c *check) forceFrom(v string) {
	c.text("force_from", v, 64)
	if strings.ContainsAny(v, "<>\"@;:/ \t") {
		c.add(CodeInvalid, "force_from", quote(v)+" is not the user part of an address", `a number or name alone, such as "390401234567"`)
	}
}

func (c *check) rewrites(list []Rewrite) {
	if len(list) > 100 {
		c.add(CodeOutOfRange, "rewrite", fmt.Sprintf("has %d steps", len(list)), "at most 100")
	}
	for i, r := range list {
		at := index("rewrite", i) + "."
		c.oneOf(at+"what", r.What, "destination", "cli")
		c.text(at+"new", r.New, 64)
		switch r.Match {
		case "prefix":
			c.dialled(at+"current", r.Current)
			c.dialled(at+"new", r.New)
		case "regex":
			if f := CheckRegex(r.Current); f != nil {
				c.put(at+"current", f)
			} else {
				c.replacement(at+"new", r.New, Groups(r.Current))
			}
		default:
			c.oneOf(at+"match", r.Match, "prefix", "regex")
		}
	}
}

// replacement wants only references to groups that the pattern has: $1, ${1}, and $$ for a dollar.
func (c *check) replacement(field, v string, groups int) {
	for rest := v; ; {
		_, after, found := strings.Cut(rest, "$")
		if !found {
			return
		}
		if rest = strings.TrimPrefix(after, "$"); len(rest) < len(after) {
			continue
		}
		name := strings.TrimPrefix(after, "{")
		digits := name[:len(name)-len(strings.TrimLeft(name, digitSet))]
		closed := len(name) == len(after) || strings.HasPrefix(name[len(digits):], "}")
		if n, err := strconv.Atoi(digits); err != nil || n > groups || !closed {
			c.add(CodeUnknown, field, quote("$"+digits)+" names no group of the pattern", fmt.Sprintf("$0 for the whole, up to $%d for its groups, $$ for a dollar", groups))
		}
		rest = name[len(digits):]
	}
}

// Normalize brings the CLI to the form that is stored.
func (v *CLI) Normalize() {
	if v.Match == "exact" {
		v.Value = StripNumber(v.Value)
	}
}

// Validate gives all that is wrong with the CLI by itself.
func (v *CLI) Validate() Faults {
	c := &check{}
	switch v.Match {
	case "exact":
		if v.Value == "" {
			c.add(CodeRequired, "value", "is missing", "a number")
		}
		c.dialled("value", v.Value)
	case "regex":
		c.put("value", CheckRegex(v.Value))
	default:
		c.oneOf("match", v.Match, "exact", "regex")
	}
	return c.faults
}

// Normalize brings the DID to the form that is stored: digits without separators and without a first +.
func (v *DID) Normalize() { v.Number = strings.TrimPrefix(StripNumber(v.Number), "+") }

// Validate gives all that is wrong with the DID by itself.
func (v *DID) Validate() Faults {
	c := &check{}
	if v.Number == "" {
		c.add(CodeRequired, "number", "is missing", `a number with its country code, such as "390401234567"`)
	}
	c.dialled("number", v.Number)
	switch {
	case v.SIPUser != 0 && v.Switch != 0:
		c.add(CodeConflict, "switch", "sip_user and switch exclude each other", "one of them")
	case v.SIPUser == 0 && v.Switch == 0:
		c.add(CodeRequired, "sip_user", "leads nowhere", "a sip_user or a switch")
	}
	return c.faults
}
