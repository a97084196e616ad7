package threat

import (
	"iter"
	"math/bits"
	"net/netip"
	"strings"

	"tollgate/sip"
)

// speller finds the domain that a host may have been meant for: the one that it is below
// (sip.acme.example), one that differs in at most two letters, one below it, or one that is
// the same but for the last label (acme.com). It is made for one list of strangers.
type speller struct {
	names    []spelling
	domains  map[string]bool
	children map[string]string // a domain, by what it is below
	stems    map[string]string // a domain, by all but its last label
	before   map[string]string // what was found for hosts that were asked for already
}

// spelling is a domain and the set of its characters: an edit changes at most two of them,
// so that one comparison is enough for most.
type spelling struct {
	name    string
	letters uint64
}

const mostEdits = 2

func newSpeller(domains iter.Seq[string]) *speller {
	s := &speller{
		domains: make(map[string]bool), children: make(map[string]string),
		stems: make(map[string]string), before: make(map[string]string),
	}
	for name := range domains {
		s.names = append(s.names, spelling{name, lettersOf(name)})
		s.domains[name] = true
		if _, parent, ok := strings.Cut(name, "."); ok {
			s.children[parent] = name
		}
		if i := strings.LastIndexByte(name, '.'); i > 0 {
			s.stems[name[:i]] = name
		}
	}
	return s
}

// nearest gives the domain that is most like a host; "" where none is, where the host is one,
// and where it is an address.
func (s *speller) nearest(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if found, ok := s.before[host]; ok {
		return found
	}
	found := ""
	if _, err := netip.ParseAddr(host); err != nil && strings.Contains(host, ".") && !s.domains[host] {
		found = s.search(host)
	}
	s.before[host] = found
	return found
}

func (s *speller) search(host string) string {
	for _, rest, ok := strings.Cut(host, "."); ok; _, rest, ok = strings.Cut(rest, ".") {
		if s.domains[rest] {
			return rest
		}
	}
	best, least, letters := "", mostEdits+1, lettersOf(host)
	for _, n := range s.names {
		if bits.OnesCount64(letters^n.letters) <= 2*mostEdits {
			if d := distance(host, n.name); d < least {
				best, least = n.name, d
			}
		}
	}
	if best != "" {
		return best
	}
	if child := s.children[host]; child != "" {
		return child
	}
	for rest, ok := host[:strings.LastIndexByte(host, '.')], true; ok; _, rest, ok = strings.Cut(rest, ".") {
		if name := s.stems[rest]; name != "" {
			return name
		}
	}
	return ""
}

// lettersOf is the set of the characters of a name.
func lettersOf(name string) (set uint64) {
	for i := range len(name) {
		set |= 1 << (name[i] & 63) // a-z, 0-9, - and . have bits of their own
	}
	return set
}

// distance is how many letters to add, drop or change make one name the other; more than
// mostEdits where it is more than that.
func distance(a, b string) int {
	const longest = 255
	if len(a)-len(b) > mostEdits || len(b)-len(a) > mostEdits || len(b) > longest {
		return mostEdits + 1
	}
	var row [longest + 1]int
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := range len(a) {
		above, least := row[0], mostEdits+1 // above: the row before, one to the left
		row[0] = i + 1
		for j := range len(b) {
			cost := above
			if a[i] != b[j] {
				cost = 1 + min(above, row[j], row[j+1])
			}
			above, row[j+1] = row[j+1], cost
			least = min(least, cost)
		}
		if least > mostEdits {
			return least
		}
	}
	return row[len(b)]
}

// hostOf is the host of the URI in a request line, "" where it has none that can be read.
func hostOf(line string) string {
	_, rest, _ := strings.Cut(line, " ")
	raw, _, _ := strings.Cut(rest, " ")
	uri, err := sip.ParseURI([]byte(raw))
	if err != nil {
		return ""
	}
	return string(uri.Host)
}
