package harness

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Customer is what a scenario asks of tenants.yaml; what it leaves empty is the default,
// except keepalive and pings of phones, which are off unless asked for: scripted peers
// answer only what a scenario expects.
type Customer struct {
	Name                     string
	Domains                  []string
	Hidden, Keepalive, Pings bool
	Mode                     string // load_balancing
	Outbound                 string // any
	Initial, Invite, MaxCall string
	Destinations             []Destination
	Groups                   []int // beside group 1; given, groups are on
	Rules                    []Rule
	Extra                    string // more lines of the customer, each with its own newline
}

// Destination is one of a customer's.
type Destination struct {
	Name            string // default: d1, d2, ... by position
	Addr            netip.AddrPort
	Host            string // instead of Addr's address
	Proto           string // default udp
	Group, Priority int    // default 1, and by position
	Network         string // whose listeners lead there; default any
	Switch          string // instead of all that says where
	Headers         string // the list, as YAML has it in one line
}

// Rule is a routing rule.
type Rule struct {
	Header, Value, Match string // Match: default regex
	Group                int
}

// Tenants writes tenants.yaml.
func Tenants(customers ...Customer) string {
	var b strings.Builder
	b.WriteString("companies:\n  - name: Black Box\ncustomers:\n")
	for _, c := range customers {
		c.write(&b)
	}
	return b.String()
}

func (c *Customer) write(b *strings.Builder) {
	line := func(format string, args ...any) { fmt.Fprintf(b, "    "+format+"\n", args...) }
	fmt.Fprintf(b, "  - name: %q\n", c.Name)
	line("company: Black Box")
	line("keepalive: %t", c.Keepalive)
	line("topology_hiding: %t", c.Hidden)
	if !c.Pings {
		line("nat_ping: disabled")
	}
	if c.Mode != "" {
		line("destination_mode: %s", c.Mode)
	}
	if c.Outbound != "" {
		line("outbound: %s", c.Outbound)
	}
	if timers := c.timers(); timers != "" {
		line("timers: {%s}", timers)
	}
	line("domains: [%s]", quoted(c.Domains))
	if len(c.Groups) > 0 {
		line("destination_groups_enabled: true")
		line("destination_groups:")
		for _, id := range c.Groups {
			line("  - {id: %d, name: group-%d}", id, id)
		}
	}
	line("destinations:")
	for i, d := range c.Destinations {
		line("  - %s", d.yaml(i))
	}
	if len(c.Rules) > 0 {
		line("routing_rules:")
	}
	for i, r := range c.Rules {
		line("  - {name: rule%d, header: %s, value: %q, match: %s, priority: %d, group: %d}",
			i, r.Header, r.Value, or(r.Match, "regex"), i+1, r.Group)
	}
	for extra := range strings.Lines(c.Extra) {
		b.WriteString("    " + extra)
	}
}

func (c *Customer) timers() string {
	var parts []string
	for name, value := range map[string]string{"initial": c.Initial, "invite": c.Invite, "max_call": c.MaxCall} {
		if value != "" {
			parts = append(parts, name+": "+value)
		}
	}
	return strings.Join(parts, ", ")
}

func (d Destination) yaml(position int) string {
	group, priority := max(d.Group, 1), d.Priority
	if priority == 0 {
		priority = 10 * (position + 1)
	}
	more := ""
	if d.Network != "" {
		more = fmt.Sprintf(", network: %q", d.Network)
	}
	if d.Headers != "" {
		more += ", headers: " + d.Headers
	}
	if d.Switch != "" {
		return fmt.Sprintf("{name: %q, group: %d, switch: %q, priority: %d%s}", d.NameAt(position), group, d.Switch, priority, more)
	}
	return fmt.Sprintf("{name: %q, group: %d, host: %q, port: %d, protocol: %s, priority: %d%s}",
		d.NameAt(position), group, or(d.Host, d.Addr.Addr().String()), d.Addr.Port(), or(d.Proto, "udp"), priority, more)
}

// NameAt is the destination's name, given its place in the list.
func (d Destination) NameAt(position int) string { return or(d.Name, "d"+strconv.Itoa(position+1)) }

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strconv.Quote(s)
	}
	return strings.Join(out, ", ")
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
