package policy

import (
	"net/netip"
	"strings"

	"github.com/gaissmai/bart"
)

// prefixes finds the longest prefix of a number, in the form in which numbers are compared.
// A prefix is kept as one of IPv6, four bits for each sign, so that a table made for routes
// serves: a look-up reads three or four cache lines of a hundred thousand entries, where a map
// for each length would read as many for each digit.
type prefixes struct {
	// abroad is an entry that is the international prefix alone: every foreign number.
	abroad *blocked
	// long is what does not fit 128 bits: no number of a real plan.
	long    map[string]*blocked
	longest int
	table   bart.Table[*blocked]
}

// abroad is the key of an entry that is the international prefix alone.
const abroad = "+"

// mostSigns is how many signs of a number fit an address.
const mostSigns = 32

// sign is a digit, "+", "*" or "#" in four bits. 0 stands behind a number's end, and other
// is what no prefix has.
func sign(c byte) byte {
	const other = 15
	switch {
	case c >= '0' && c <= '9':
		return c - '0' + 1
	case c == '+':
		return 11
	case c == '*':
		return 12
	case c == '#':
		return 13
	}
	return other
}

// signs packs the first signs of a number.
func signs[S string | []byte](number S) (ip netip.Addr, bits int) {
	var b [mostSigns / 2]byte
	n := min(len(number), mostSigns)
	for i := range n {
		b[i/2] |= sign(number[i]) << (4 * (1 - i&1))
	}
	return netip.AddrFrom16(b), 4 * n
}

// add takes an entry; a later one of the same key takes its place.
func (p *prefixes) add(key string, b *blocked) {
	switch {
	case key == abroad:
		p.abroad = b
	case len(key) > mostSigns:
		if p.long == nil {
			p.long = make(map[string]*blocked)
		}
		p.long[key] = b
		p.longest = max(p.longest, len(key))
	default:
		p.table.Insert(netip.PrefixFrom(signs(key)), b)
	}
}

// get is the entry of exactly this key, nil if there is none.
func (p *prefixes) get(key string) *blocked {
	switch {
	case key == abroad:
		return p.abroad
	case len(key) > mostSigns:
		return p.long[key]
	}
	b, _ := p.table.Get(netip.PrefixFrom(signs(key)))
	return b
}

// find is the longest entry that a number begins with, nil if there is none.
func (p *prefixes) find(number []byte, country string) *blocked {
	if p == nil {
		return nil
	}
	for n := min(len(number), p.longest); n > mostSigns; n-- {
		if b := p.long[string(number[:n])]; b != nil {
			return b
		}
	}
	ip, _ := signs(number)
	if b, ok := p.table.Lookup(ip); ok {
		return b
	}
	if p.abroad != nil && len(number) > 1 && number[0] == '+' && !strings.HasPrefix(string(number[1:]), country) {
		return p.abroad
	}
	return nil
}

// each tells of all entries, in any order.
func (p *prefixes) each(f func(*blocked)) {
	for _, b := range p.table.All() {
		f(b)
	}
	for _, b := range p.long {
		f(b)
	}
	if p.abroad != nil {
		f(p.abroad)
	}
}
