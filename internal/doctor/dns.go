package doctor

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"tollgate/internal/transport"
)

// maxDomains is how many domains are looked up; more would take minutes where DNS is slow.
const maxDomains = 50

// dns looks whether the customers' domains lead here. Phones with an outbound proxy
// do without, so what does not lead here is a warning.
func (v *visit) dns(ctx context.Context) {
	if v.Tenants == "" && len(v.TenantFaults) == 0 {
		v.ok("no customers to look up: there is no tenants.yaml and no running node")
		return
	}
	mine, here := v.mine(ctx), 0
	for i, d := range v.Domains {
		if i == maxDomains {
			v.ok("%d more domains are not looked up", len(v.Domains)-i)
			break
		}
		if v.domain(ctx, d, mine) {
			here++
		}
	}
	if here > 0 {
		v.ok("%d of %d domains of %s lead here", here, len(v.Domains), v.Tenants)
	}
}

// domain tells of one that does not lead here.
func (v *visit) domain(ctx context.Context, name string, mine []netip.Addr) bool {
	literal, err := netip.ParseAddr(name)
	if err == nil {
		if slices.Contains(mine, literal.Unmap()) {
			return true
		}
		v.warn(nil, "the domain %s is an address, and none of this node", name)
		return false
	}
	addrs, err := v.Resolve(ctx, name)
	if slices.ContainsFunc(addrs, func(a netip.Addr) bool { return slices.Contains(mine, a) }) {
		return true
	}
	do := v.records(ctx, name)
	switch {
	case len(addrs) > 0:
		v.warn(do, "%s leads to %s, not to this node: phones need it as their outbound proxy", name, texts(addrs))
	case err == nil || errors.Is(err, transport.ErrNoHost):
		v.warn(do, "%s has no address in DNS: phones need this node as their outbound proxy", name)
	default:
		v.warn(do, "%s cannot be looked up: %v", name, err)
	}
	return false
}

// records are the lines of a zone that would lead here.
func (v *visit) records(ctx context.Context, name string) []string {
	to := v.Public(ctx)
	a, err := netip.ParseAddr(to)
	switch {
	case to == "":
		return nil
	case err != nil:
		return []string{"in its DNS zone:  " + name + ". CNAME " + to + "."}
	case a.Is4():
		return []string{"in its DNS zone:  " + name + ". A " + to}
	}
	return []string{"in its DNS zone:  " + name + ". AAAA " + to}
}
