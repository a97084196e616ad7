package sip

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

// parseAddr reads an IP literal, without brackets; IPv4 in IPv6 is unmapped. It
// exists because netip.ParseAddr takes a string, which is an allocation for each
// message. The ":::" that the grammar of RFC 3261 lets arise before an IPv4 part
// is read as "::" (RFC 5118 4.10).
func parseAddr(b []byte) (netip.Addr, bool) {
	if bytes.IndexByte(b, ':') < 0 {
		v4, ok := parseIPv4(b)
		return netip.AddrFrom4(v4), ok
	}
	return parseIPv6(b)
}

func parseIPv4(b []byte) (out [4]byte, ok bool) {
	for i := range out {
		part := b
		if i < 3 {
			dot := bytes.IndexByte(b, '.')
			if dot < 0 {
				return out, false
			}
			part, b = b[:dot], b[dot+1:]
		}
		n, ok := ParseUint(part)
		if !ok || n > 255 || len(part) > 1 && part[0] == '0' { // 010 is 8 to some
			return out, false
		}
		out[i] = byte(n)
	}
	return out, true
}

func parseIPv6(b []byte) (netip.Addr, bool) {
	if i := bytes.Index(b, []byte("::")); i >= 0 {
		head, n, ok := parseGroups(b[:i])
		if !ok {
			return netip.Addr{}, false
		}
		rest := b[i+2:]
		if len(rest) > 0 && rest[0] == ':' && bytes.IndexByte(rest, '.') > 0 {
			rest = rest[1:]
		}
		tail, m, ok := parseGroups(rest)
		if !ok || n+m > 14 { // "::" stands for at least one group
			return netip.Addr{}, false
		}
		copy(head[16-m:], tail[:m])
		return netip.AddrFrom16(head).Unmap(), true
	}
	out, n, ok := parseGroups(b)
	return netip.AddrFrom16(out).Unmap(), ok && n == 16
}

// parseGroups reads "h:h:h" or "h:h:d.d.d.d", also nothing, and returns how many
// bytes of the address it gave.
func parseGroups(b []byte) (out [16]byte, n int, ok bool) {
	for len(b) > 0 {
		part := b
		colon := bytes.IndexByte(b, ':')
		if colon >= 0 {
			part, b = b[:colon], b[colon+1:]
			if len(b) == 0 {
				return out, n, false
			}
		} else {
			b = nil
			if bytes.IndexByte(part, '.') >= 0 {
				v4, ok := parseIPv4(part)
				if !ok || n > 12 {
					return out, n, false
				}
				copy(out[n:], v4[:])
				return out, n + 4, true
			}
		}
		if len(part) > 4 || n > 14 || !all(part, clHex) {
			return out, n, false
		}
		var v uint16
		for _, c := range part {
			v = v<<4 | uint16(hexValue(c))
		}
		binary.BigEndian.PutUint16(out[n:], v)
		n += 2
	}
	return out, n, true
}
