package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tollgate/internal/config"
)

// Private says whether an address means nothing outside of its own network: loopback,
// link-local, RFC 1918, RFC 4193, or a provider's shared space (RFC 6598).
func Private(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || sharedSpace().Contains(a)
}

func sharedSpace() netip.Prefix { return netip.MustParsePrefix("100.64.0.0/10") }

// addresses looks whether each listener's address is one of this machine.
func (v *visit) addresses(context.Context) {
	own, err := v.Own()
	if err != nil {
		v.problem(nil, "the addresses of this machine cannot be read: %v", err)
		return
	}
	var bound []string
	for _, l := range v.Config.SIP.Listen {
		a := l.Addr.Addr()
		switch {
		case a.IsUnspecified(), slices.Contains(own, a.WithZone("")), a.Is4() && a.IsLoopback(): // all of 127.0.0.0/8 is lo's
			if s := a.String(); !slices.Contains(bound, s) {
				bound = append(bound, s)
			}
		default:
			v.problem([]string{"ip -brief address    # what this machine has: " + texts(own)},
				"%s: no interface of this machine has the address %s", l.URL(), a)
		}
	}
	if v.fine() {
		v.ok("SIP is spoken on %s", strings.Join(bound, ", "))
	}
}

// texts writes addresses, those that mean something elsewhere first.
func texts(list []netip.Addr) string {
	var near, far []string
	for _, a := range list {
		if a.IsLoopback() || a.IsLinkLocalUnicast() {
			near = append(near, a.String())
		} else {
			far = append(far, a.String())
		}
	}
	return strings.Join(append(far, near...), ", ")
}

// advertise looks whether anybody outside is told an address that he can reach, and
// whether what is told leads somewhere.
func (v *visit) advertise(ctx context.Context) {
	var public, private []string
	add := func(list *[]string, s string) {
		if !slices.Contains(*list, s) {
			*list = append(*list, s)
		}
	}
	for _, l := range v.Config.SIP.Listen {
		addrs, told := v.told(ctx, &l)
		for _, a := range addrs {
			if Private(a) {
				add(&private, told)
			} else {
				add(&public, told)
			}
		}
		if len(addrs) == 0 && l.Advertise != "" {
			v.problem([]string{"dig +short " + told}, "%s advertises %s, which has no address: phones cannot answer", l.URL(), told)
		}
	}
	switch {
	case !v.fine():
	case len(public) > 0:
		v.ok("phones are told %s", strings.Join(public, ", "))
	default:
		v.warn([]string{v.advertiseLine()},
			"phones are told %s, which only this network reaches: give the public address that leads here, if phones are to come from outside", strings.Join(private, ", "))
	}
}

// told gives what a listener's peers are told, and the addresses that this is.
func (s *System) told(ctx context.Context, l *config.Listener) ([]netip.Addr, string) {
	if l.Advertise != "" {
		host := hostOf(l.Advertise)
		return s.addressesOf(ctx, host), host
	}
	if !l.Addr.Addr().IsUnspecified() {
		return []netip.Addr{l.Addr.Addr()}, l.Addr.Addr().String()
	}
	// A wildcard tells the address that was asked. Of its addresses, that of the way
	// to the internet is the one that outsiders would ask.
	if a, ok := s.Source(outside(l.Addr.Addr())); ok {
		return []netip.Addr{a}, a.String()
	}
	return []netip.Addr{l.Addr.Addr()}, "the address that was asked"
}

// outside is an address that is nobody's (RFC 5737, RFC 3849), to ask for the way to the internet.
func outside(family netip.Addr) netip.Addr {
	if family.Is4() {
		return netip.AddrFrom4([4]byte{192, 0, 2, 1})
	}
	return netip.MustParseAddr("2001:db8::1")
}

func (s *System) addressesOf(ctx context.Context, host string) []netip.Addr {
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return []netip.Addr{a.Unmap()}
	}
	list, err := s.Resolve(ctx, host)
	if err != nil {
		return nil
	}
	return list
}

// hostOf takes the port off host, host:port, [v6]:port or a bare address.
func hostOf(s string) string {
	if _, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return strings.Trim(s, "[]")
	}
	if at := strings.LastIndexByte(s, ':'); at >= 0 {
		s = s[:at]
	}
	return strings.Trim(s, "[]")
}

func (v *visit) advertiseLine() string {
	url := "udp://10.0.0.4:5060"
	if len(v.Config.SIP.Listen) > 0 {
		l := v.Config.SIP.Listen[0]
		url = l.URL()
		if a, ok := v.Source(outside(l.Addr.Addr())); ok && l.Addr.Addr().IsUnspecified() {
			url = fmt.Sprintf("%s://%s", l.Proto, netip.AddrPortFrom(a, l.Addr.Port()))
		}
	}
	return fmt.Sprintf("in node.yaml, under sip: listen:  - {url: %q, advertise: PUBLIC-ADDRESS}    # and so for each listener", url)
}

// mine gives the addresses that mean this node to others: those of the machine, what
// is advertised, and platform.host.
func (v *visit) mine(ctx context.Context) []netip.Addr {
	list, _ := v.Own() // the check of addresses has told of it
	hosts := []string{v.Config.Platform.Host}
	for _, l := range v.Config.SIP.Listen {
		hosts = append(hosts, hostOf(l.Advertise))
		list = append(list, l.Addr.Addr())
	}
	for _, h := range hosts {
		if h != "" {
			list = append(list, v.addressesOf(ctx, h)...)
		}
	}
	return list
}

// Public is how outsiders should name this node: platform.host, what is advertised,
// or the first address that means something outside; "" where there is none.
func (s *System) Public(ctx context.Context) string {
	if s.Config.Platform.Host != "" {
		return s.Config.Platform.Host
	}
	for _, l := range s.Config.SIP.Listen {
		addrs, told := s.told(ctx, &l)
		if len(addrs) > 0 && !Private(addrs[0]) {
			return told
		}
	}
	return ""
}
