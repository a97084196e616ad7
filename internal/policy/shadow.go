package policy

import (
	"regexp/syntax"
	"slices"
	"strings"

	"tollgate/internal/tenant"
)

// Why a rule can never match.
const (
	ShadowSame  = "same"      // an earlier rule looks for the same
	ShadowWider = "wider"     // an earlier rule matches all that it matches, and more
	ShadowAll   = "catch_all" // an earlier rule matches every request
)

// Shadow says that a rule can never match, since an earlier one always does where it would.
type Shadow struct {
	Rule, By tenant.RuleID
	Why      string
}

// Shadows finds rules that can never match. It sees what can be seen of a pair of rules: what two
// of them cover together is not looked for, so a rule that it does not name may be one all the same.
func Shadows(rules []*tenant.HeaderRule) (list []Shadow) {
	sorted := ranked(rules, func(r **tenant.HeaderRule) *tenant.HeaderRule { return *r })
	for i, r := range sorted {
		for _, earlier := range sorted[:i] {
			if why := hides(earlier, r); why != "" {
				list = append(list, Shadow{Rule: r.ID, By: earlier.ID, Why: why})
				break
			}
		}
	}
	return list
}

// hides says why a rule behind another can never match, "" where it can.
func hides(earlier, later *tenant.HeaderRule) string {
	same := earlier.Header == later.Header
	switch {
	case same && earlier.Match == later.Match && earlier.Value == later.Value:
		return ShadowSame
	case catchesAll(earlier):
		return ShadowAll
	case !same || earlier.Match != later.Match:
		return ""
	case earlier.Match == matchWord && strings.Contains(lowerASCII(later.Value), lowerASCII(earlier.Value)):
		return ShadowWider
	case earlier.Match == matchCIDR && covers(earlier.Value, later.Value):
		return ShadowWider
	}
	return ""
}

func covers(wide, narrow string) bool {
	w, errWide := parsePrefix(wide)
	n, errNarrow := parsePrefix(narrow)
	return errWide == nil && errNarrow == nil && w.Bits() <= n.Bits() && w.Contains(n.Addr())
}

// catchesAll says that a rule matches every request: a regex that any value matches, the absent
// one too, or, of headers that every request has, any value that is not empty.
func catchesAll(r *tenant.HeaderRule) bool {
	if r.Match != matchRegex && r.Match != "" {
		return false
	}
	tree, err := syntax.Parse(r.Value, syntax.Perl)
	if err != nil {
		return false
	}
	always := slices.Contains([]string{"request-uri", "source-ip", "from", "to"}, r.Header)
	return matchesAny(tree.Simplify(), always)
}

// matchesAny says that a regex matches whatever it is tried on; with some, whatever is not empty.
func matchesAny(re *syntax.Regexp, some bool) bool {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpStar, syntax.OpQuest:
		return true
	case syntax.OpPlus:
		return some && anyChar(re.Sub[0])
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return some
	case syntax.OpCapture:
		return matchesAny(re.Sub[0], some)
	case syntax.OpBeginText, syntax.OpBeginLine, syntax.OpEndText, syntax.OpEndLine:
		return true
	case syntax.OpAlternate:
		return slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return matchesAny(sub, some) })
	case syntax.OpConcat:
		return concatAny(re.Sub, some)
	}
	return false
}

// concatAny wants at most one part that takes text: with two, such as .+.+, one character is too
// few; and between ^ and $ that part has to take all of it.
func concatAny(parts []*syntax.Regexp, some bool) bool {
	first, last := parts[0].Op, parts[len(parts)-1].Op
	begins := first == syntax.OpBeginText || first == syntax.OpBeginLine
	ends := last == syntax.OpEndText || last == syntax.OpEndLine
	taking := 0
	for _, p := range parts {
		if !matchesAny(p, some) {
			return false
		}
		if p.Op == syntax.OpPlus || p.Op == syntax.OpAnyChar || p.Op == syntax.OpAnyCharNotNL {
			taking++
		}
	}
	whole := slices.ContainsFunc(parts, func(p *syntax.Regexp) bool {
		return (p.Op == syntax.OpStar || p.Op == syntax.OpPlus) && anyChar(p.Sub[0])
	})
	return taking <= 1 && (!begins || !ends || whole)
}

func anyChar(re *syntax.Regexp) bool {
	return re.Op == syntax.OpAnyChar || re.Op == syntax.OpAnyCharNotNL
}
