package doctor

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"tollgate/internal/config"
)

// maxDestinations is how many are asked; each may take two seconds.
const maxDestinations = 20

// destinations looks whether the PBXs are there. What the running node knows is not asked again.
func (v *visit) destinations(ctx context.Context) {
	asked, up := 0, 0
	for i := range v.Destinations {
		d := &v.Destinations[i]
		if asked == maxDestinations {
			v.ok("%d more destinations are not asked", len(v.Destinations)-i)
			break
		}
		if v.misplaced(d) {
			continue
		}
		switch d.Status {
		case "up":
			up++
		case "down":
			v.warn(v.hints(d), "the node says that %s is down: no good answer to its OPTIONS", d.text())
		default:
			asked++
			if v.ask(ctx, d) {
				up++
			}
		}
	}
	if v.Tenants != "" && (up > 0 || v.fine()) {
		v.ok("%d of %d destinations answer", up, len(v.Destinations))
	}
}

// misplaced tells of a destination whose network no listener is in.
func (v *visit) misplaced(d *Destination) bool {
	if d.Network == "" || slices.ContainsFunc(v.Config.SIP.Listen, func(l config.Listener) bool { return l.Network == d.Network }) {
		return false
	}
	v.problem([]string{"in node.yaml, a listener of that side:  - {url: \"udp://ADDRESS:PORT\", network: " + d.Network + "}"},
		"%s is in the network %s, and no listener is", d.text(), d.Network)
	return true
}

func (v *visit) ask(ctx context.Context, d *Destination) bool {
	addrs := v.addressesOf(ctx, d.Host)
	if len(addrs) == 0 {
		v.problem([]string{"dig +short " + d.Host}, "%s has no address in DNS", d.text())
		return false
	}
	proto, port := transportOf(d.Protocol), d.Port
	if _, err := netip.ParseAddr(d.Host); port == 0 && err != nil {
		v.ok("%s leads to %s; not asked, since DNS decides on its port", d.text(), texts(addrs))
		return false
	}
	if port == 0 {
		port = 5060
		if proto == "tls" {
			port = 5061
		}
	}
	err := v.Ask(ctx, proto, netip.AddrPortFrom(addrs[0], uint16(port)))
	switch {
	case err == nil:
		return true
	case errors.Is(err, syscall.ECONNREFUSED):
		v.warn(v.hints(d), "%s: nothing listens there for %s", d.text(), strings.ToUpper(proto))
	default:
		v.warn(v.hints(d), "%s: %v", d.text(), err)
	}
	return false
}

// hints are what to look at where a PBX does not answer.
func (v *visit) hints(d *Destination) []string {
	return []string{"on the PBX:  ss -ulnp; ss -tlnp    # does it listen on " + d.address() + ", and does its firewall let this machine in?"}
}

func transportOf(protocol string) string {
	if protocol == "" {
		return "udp"
	}
	proto, _, _ := strings.Cut(protocol, "+") // tls+srtp
	return proto
}

func (d *Destination) address() string {
	at := transportOf(d.Protocol) + " " + d.Host
	if d.Port != 0 {
		at += ":" + strconv.Itoa(d.Port)
	}
	return at
}

func (d *Destination) text() string {
	return "destination " + d.Name + " of " + d.Customer + " (" + d.address() + ")"
}
