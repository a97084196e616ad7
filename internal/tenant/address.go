package tenant

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// CheckCIDR gives what is wrong with an address range, nil if nothing is. A bare address is one.
func CheckCIDR(v string) *Fault {
	if a, err := netip.ParseAddr(v); err == nil && a.Zone() == "" {
		return nil
	}
	p, err := netip.ParsePrefix(v)
	if err != nil {
		return &Fault{Code: CodeInvalid, Message: quote(v) + " is not an IP address or CIDR range", Want: cidrWant(v)}
	}
	if m := p.Masked(); m != p {
		return &Fault{
			Code: CodeInvalid, Message: fmt.Sprintf("%s has bits set to the right of /%d", v, p.Bits()),
			Want: fmt.Sprintf("%s for the range, %s for the one address", m, netip.PrefixFrom(p.Addr(), p.Addr().BitLen())),
		}
	}
	return nil
}

// cidrWant guesses what was meant.
func cidrWant(v string) string {
	host, bits, found := strings.Cut(v, "/")
	a, err := netip.ParseAddr(host)
	if err == nil && found {
		return fmt.Sprintf("a mask of 0 to %d, not %s", a.BitLen(), quote(bits))
	}
	if CheckHost(v) == nil && strings.ContainsFunc(v, unicode.IsLetter) {
		return "addresses only; a host name is allowed only as the host of an ingress switch"
	}
	return "such as 192.0.2.10/32 or 2001:db8::/64"
}

// CanonicalCIDR gives the one way to write a range; a bare address gets its full mask.
func CanonicalCIDR(v string) string {
	if a, err := netip.ParseAddr(v); err == nil {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()).String()
	}
	if p, err := netip.ParsePrefix(v); err == nil {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		return p.String() // with bits that CheckCIDR finds, if there are any
	}
	return v
}

// CheckHost gives what is wrong with an address literal or host name (RFC 1123 2.1), nil if nothing is.
func CheckHost(v string) *Fault {
	if a, err := netip.ParseAddr(strings.Trim(v, "[]")); err == nil {
		if a.Zone() != "" {
			return &Fault{Code: CodeInvalid, Message: "an address with a zone is good on one machine only", Want: "a global address"}
		}
		return nil
	}
	bad := func(what, want string) *Fault {
		return &Fault{Code: CodeInvalid, Message: quote(v) + " " + what, Want: want}
	}
	name := strings.TrimSuffix(v, ".")
	if strings.Contains(name, ":") {
		return bad("is not a host", "the port goes into its own field")
	}
	if strings.Contains(name, "/") {
		return bad("is not a host", "one address or host name, without a mask or a scheme")
	}
	if name == "" || len(name) > 253 {
		return bad("is not a host", "an address, or a name such as pbx.example.com")
	}
	for label := range strings.SplitSeq(name, ".") {
		if what := badLabel(label); what != "" {
			return bad(what, "an address, or a name such as pbx.example.com")
		}
	}
	if last := name[strings.LastIndexByte(name, '.')+1:]; strings.Trim(last, digitSet) == "" {
		return bad("is not an IP address", "four numbers of 0 to 255, without leading zeros")
	}
	return nil
}

func badLabel(label string) string {
	switch {
	case label == "":
		return "has an empty part"
	case len(label) > 63:
		return "has a part of more than 63 characters"
	case label[0] == '-' || label[len(label)-1] == '-':
		return "has a part that begins or ends with a hyphen"
	}
	for i := range len(label) {
		b := label[i]
		letter := b|0x20 >= 'a' && b|0x20 <= 'z'
		if b >= 0x80 {
			return "is not ASCII: write it in its xn-- form"
		}
		if !letter && (b < '0' || b > '9') && b != '-' && b != '_' {
			return "holds " + quote(string(rune(b))) + ", which no host name does"
		}
	}
	return ""
}

// CanonicalHost gives the one way to write a host that CheckHost took: lower case, no last dot, no brackets.
func CanonicalHost(v string) string {
	if a, err := netip.ParseAddr(strings.Trim(v, "[]")); err == nil {
		return a.Unmap().String()
	}
	return strings.ToLower(strings.TrimSuffix(v, "."))
}

// checkHostPort takes host, host:port and [v6]:port.
func checkHostPort(v string) *Fault {
	if CheckHost(v) == nil {
		return nil
	}
	want := "host or host:port, such as 203.0.113.5:5060"
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		return &Fault{Code: CodeInvalid, Message: quote(v) + " is not a host and port", Want: want}
	}
	if f := CheckHost(host); f != nil {
		return f
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return &Fault{Code: CodeInvalid, Message: "the port " + quote(port) + " is not a number of 1 to 65535", Want: want}
	}
	return nil
}

// Bits gives how many bits a range fixes, and of how many; 0, 0 for what is no range.
func Bits(cidr string) (fixed, of int) {
	p, err := netip.ParsePrefix(CanonicalCIDR(cidr))
	if err != nil {
		return 0, 0
	}
	return p.Bits(), p.Addr().BitLen()
}
