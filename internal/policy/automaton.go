package policy

import "slices"

// automaton finds all of a set of literals in one pass over a value, whatever the case of
// its ASCII letters (Aho and Corasick, "Efficient string matching", 1975).
type automaton struct {
	begins  [4]uint64 // bytes that a literal begins with; no other leaves the first state
	next    []uint16  // row of a state: its successor by column, and tells where that reports something
	columns int
	class   [256]uint8 // of a byte: which column; 0 = in no literal
	found   [][]uint16
}

const (
	// maxStates bounds an automaton: states are numbered in 15 bits.
	maxStates = 1 << 15
	// tells marks a successor that reports something, so that the others are not looked up.
	tells = 1 << 15
)

// newAutomaton builds the automaton of literals in lower case; literals[i] belongs to
// owners[i], which is what find reports. With none it finds nothing. The caller keeps their
// total length under maxStates.
func newAutomaton(literals []string, owners []uint16) automaton {
	states := 1
	for _, lit := range literals {
		states += len(lit)
	}
	if len(literals) == 0 {
		return automaton{}
	}
	a := automaton{columns: 1}
	for _, lit := range literals {
		a.addClasses(lit)
	}
	a.found = make([][]uint16, 1, states)
	a.next = make([]uint16, a.columns, states*a.columns)
	for i, lit := range literals {
		a.addLiteral(lit, owners[i])
	}
	a.link()
	for i, to := range a.next {
		if len(a.found[to]) > 0 {
			a.next[i] |= tells
		}
	}
	for c, column := range a.class {
		if a.next[column] != 0 {
			a.begins[c/64] |= 1 << (c % 64)
		}
	}
	a.next, a.found = slices.Clip(a.next), slices.Clip(a.found)
	return a
}

func (a *automaton) addClasses(lit string) {
	for i := range len(lit) {
		c := lit[i]
		if a.class[c] != 0 {
			continue
		}
		a.class[c] = uint8(a.columns)
		if c >= 'a' && c <= 'z' {
			a.class[c-'a'+'A'] = uint8(a.columns)
		}
		a.columns++
	}
}

// addLiteral adds the path of a literal to the trie; 0 is both the root and "no edge".
func (a *automaton) addLiteral(lit string, owner uint16) {
	state := 0
	for i := range len(lit) {
		edge := state*a.columns + int(a.class[lit[i]])
		if a.next[edge] == 0 {
			a.next[edge] = uint16(len(a.found))
			a.found = append(a.found, nil)
			a.next = append(a.next, make([]uint16, a.columns)...)
		}
		state = int(a.next[edge])
	}
	a.found[state] = append(a.found[state], owner)
}

// link turns the trie into an automaton: a missing edge leads where the longest suffix
// would go, and each state reports what its suffixes report.
func (a *automaton) link() {
	fail := make([]uint16, len(a.found))
	var queue []uint16
	for _, child := range a.next[:a.columns] {
		if child != 0 {
			queue = append(queue, child)
		}
	}
	for len(queue) > 0 {
		state := int(queue[0])
		queue = queue[1:]
		suffix := int(fail[state])
		for _, owner := range a.found[suffix] {
			if !slices.Contains(a.found[state], owner) {
				a.found[state] = append(a.found[state], owner)
			}
		}
		for column := range a.columns {
			edge, other := state*a.columns+column, a.next[suffix*a.columns+column]
			if child := a.next[edge]; child != 0 {
				fail[child] = other
				queue = append(queue, child)
			} else {
				a.next[edge] = other
			}
		}
	}
}

// find sets the bit of every owner of a literal that value holds, and tells whether there is one.
func (a *automaton) find(value []byte, hits *ruleBits) (found bool) {
	state := 0
	for _, c := range value {
		if state == 0 && a.begins[c/64]>>(c%64)&1 == 0 {
			continue
		}
		to := a.next[state*a.columns+int(a.class[c])]
		state = int(to &^ tells)
		if to&tells == 0 {
			continue
		}
		for _, owner := range a.found[state] {
			hits.set(owner)
		}
		found = true
	}
	return found
}
