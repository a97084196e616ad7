package policy

import (
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLiterals bounds the alternatives that stand for one regex; one with more is tried
// on every value.
const maxLiterals = 32

// requiredLiterals finds texts of which every match of a regex holds at least one, in lower
// case; none means that nothing is known. Case is folded for ASCII only, as the automaton
// does: what Unicode folds further ("k" and the Kelvin sign) splits a literal.
func requiredLiterals(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		if lit := longestPlain(re.Rune, re.Flags&syntax.FoldCase != 0); lit != "" {
			return []string{lit}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return requiredLiterals(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return requiredLiterals(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if lits := requiredLiterals(sub); shortest(lits) > shortest(best) {
				best = lits
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			lits := requiredLiterals(sub)
			if lits == nil || len(all)+len(lits) > maxLiterals {
				return nil
			}
			all = append(all, lits...)
		}
		return all
	}
	return nil
}

// shortest is how much a set of literals is worth: the length of its shortest one.
func shortest(lits []string) int {
	if len(lits) == 0 {
		return 0
	}
	n := len(lits[0])
	for _, lit := range lits {
		n = min(n, len(lit))
	}
	return n
}

// longestPlain is the longest run of runes that the automaton compares as the regex does.
func longestPlain(runes []rune, fold bool) string {
	var best, run strings.Builder
	keep := func() {
		if run.Len() > best.Len() {
			best.Reset()
			best.WriteString(run.String())
		}
		run.Reset()
	}
	for _, r := range runes {
		if !plainRune(r, fold) {
			keep()
			continue
		}
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		run.WriteRune(r)
	}
	keep()
	return best.String()
}

func plainRune(r rune, fold bool) bool {
	if r == utf8.RuneError {
		return false // stands for any invalid byte
	}
	if !fold {
		return true
	}
	if r >= utf8.RuneSelf {
		return false
	}
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if f >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
