package policy

import (
	"math/bits"
	"net/netip"
	"regexp"
	"slices"

	"github.com/gaissmai/bart"
)

// headerRules is all rules on one header: the address ranges in a trie, the patterns in
// blocks of at most blockRules, in order.
//
// What every request looks at stands together, here as in all that is compiled: between two
// requests of one customer it leaves the processor's caches, and then each line counts.
type headerRules struct {
	ranges   *bart.Table[int] // the lowest rank of the ranges that cover a prefix
	blocks   []block
	memo     memo
	remember bool // use memo; without where it would save nothing
	header   header
}

// blockRules is how many patterns one automaton serves, so that the hits fit the stack.
const blockRules = 512

// ruleBits is a set of rules of one block.
type ruleBits [blockRules / 64]uint64

func (b *ruleBits) set(i uint16) { b[i/64] |= 1 << (i % 64) }

// block matches up to blockRules patterns against a value in one pass: the literals of all
// of them at once, and then, in order, the regexes of which a literal was found.
type block struct {
	open     bool // always holds some
	literals automaton
	always   ruleBits         // regexes of which no literal is known
	regexes  []*regexp.Regexp // nil: the literal decides
	sizes    []int            // of their programs
	ranks    []int
}

// compile fills in rules, of which there is at least one, and all of one header.
func (h *headerRules) compile(rules []rule) {
	h.header = rules[0].header
	var pats, ranges []rule
	for _, r := range rules {
		if r.cidr.IsValid() {
			ranges = append(ranges, r)
			continue
		}
		pats = append(pats, r)
		h.remember = h.remember || r.pattern.re != nil && h.header.recurs()
	}
	if len(ranges) > 0 {
		h.ranges = rangeTable(ranges)
	}
	if h.remember {
		h.memo.seed()
	}
	for len(pats) > 0 {
		n := blockLen(pats)
		h.blocks = append(h.blocks, newBlock(pats[:n]))
		pats = pats[n:]
	}
}

// blockLen is how many of the rules fit one block, at least one.
func blockLen(rules []rule) int {
	states := 1
	for i, r := range rules {
		for _, lit := range r.pattern.literals {
			states += len(lit)
		}
		if i > 0 && (i == blockRules || states > maxStates) {
			return i
		}
	}
	return len(rules)
}

// reads reports whether the value of the header is looked at, and not the address alone.
func (h *headerRules) reads() bool { return len(h.blocks) > 0 }

// rangeTable makes the longest match tell the lowest rank of all matches: wider ranges go
// in first, and narrower ones inherit from them.
func rangeTable(rules []rule) *bart.Table[int] {
	slices.SortStableFunc(rules, func(x, y rule) int { return x.cidr.Bits() - y.cidr.Bits() })
	table := new(bart.Table[int])
	for _, r := range rules {
		rank := r.rank
		if wider, ok := table.LookupPrefix(r.cidr); ok {
			rank = min(rank, wider)
		}
		table.Insert(r.cidr, rank)
	}
	return table
}

func newBlock(rules []rule) block {
	b := block{
		regexes: make([]*regexp.Regexp, len(rules)), sizes: make([]int, len(rules)), ranks: make([]int, len(rules)),
	}
	var literals []string
	var owners []uint16
	for i, r := range rules {
		b.regexes[i], b.sizes[i], b.ranks[i] = r.pattern.re, r.pattern.size, r.rank
		for _, lit := range r.pattern.literals {
			literals, owners = append(literals, lit), append(owners, uint16(i))
		}
	}
	b.literals = newAutomaton(literals, owners)
	for i, r := range rules {
		if len(r.pattern.literals) == 0 {
			b.always.set(uint16(i))
			b.open = true
		}
	}
	return b
}

// What first tells instead of a rank.
const (
	noMatch   = -1
	tooCostly = -2 // the value is too long for as many regexes
)

// first is the lowest rank of a rule that matches the value, or, for address ranges, the
// address; else noMatch or tooCostly.
func (h *headerRules) first(value []byte, addr netip.Addr) int {
	best := noMatch
	if h.ranges != nil {
		if rank, ok := h.ranges.Lookup(addr); ok {
			best = rank
		}
	}
	if !h.reads() {
		return best
	}
	rank := h.firstPattern(value)
	if best == noMatch || rank == tooCostly || rank >= 0 && rank < best {
		return rank
	}
	return best
}

func (h *headerRules) firstPattern(value []byte) int {
	if !h.remember {
		return h.search(value)
	}
	key := h.memo.key(value)
	if rank, ok := h.memo.get(key); ok {
		return rank
	}
	rank := h.search(value)
	h.memo.put(key, rank)
	return rank
}

func (h *headerRules) search(value []byte) int {
	steps := maxSteps
	for i := range h.blocks {
		if rank := h.blocks[i].first(value, &steps); rank != noMatch {
			return rank
		}
	}
	return noMatch
}

// first spends steps on each regex that it runs.
func (b *block) first(value []byte, steps *int) int {
	var hits ruleBits
	if b.open {
		hits = b.always
	}
	if !b.literals.find(value, &hits) && !b.open {
		return noMatch
	}
	for word, set := range hits {
		for ; set != 0; set &= set - 1 {
			i := word*64 + bits.TrailingZeros64(set)
			re := b.regexes[i]
			if re == nil {
				return b.ranks[i]
			}
			if *steps -= b.sizes[i] * len(value); *steps < 0 {
				return tooCostly
			}
			if re.Match(value) {
				return b.ranks[i]
			}
		}
	}
	return noMatch
}
