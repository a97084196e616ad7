package policy

import (
	"net/netip"
	"strings"

	"tollgate/internal/tenant"
)

// Rule is one header rule by itself, compiled by the very engine that matches traffic: for
// checking a rule and for trying it on values.
type Rule struct {
	rule    rule
	matcher headerRules
}

// CompileRule compiles one rule, or says what is wrong with it and what would be right: of
// a regex with a *RegexError.
func CompileRule(r *tenant.HeaderRule) (*Rule, error) {
	compiled, err := compileRule(r, nil, newPatterns())
	if err != nil {
		return nil, err
	}
	out := &Rule{rule: compiled}
	out.matcher.compile([]rule{compiled})
	return out, nil
}

// ValidateRule is the error of CompileRule.
func ValidateRule(r *tenant.HeaderRule) error {
	_, err := CompileRule(r)
	return err
}

// Match reports whether a header value matches, and the verdict on a value that is refused
// unseen because it is too long. A source-ip is an address in text.
func (r *Rule) Match(value string) (bool, Verdict) {
	var addr netip.Addr
	if r.rule.header == headerSource {
		if a, err := netip.ParseAddr(value); err == nil {
			addr = a.Unmap()
		}
	}
	if len(value) > maxValue {
		return false, tooLong(r.rule.header)
	}
	rank := r.matcher.first([]byte(value), addr)
	if rank == tooCostly {
		return false, tooLong(r.rule.header)
	}
	return rank >= 0, Verdict{}
}

// Find is Match that also tells where, in bytes of value: the leftmost match of a regex, the
// first place of a word, all of an address.
func (r *Rule) Find(value string) (start, end int, ok bool, v Verdict) {
	if ok, v = r.Match(value); !ok {
		return 0, 0, false, v
	}
	switch p := &r.rule.pattern; {
	case r.rule.cidr.IsValid():
		end = len(value)
	case p.re != nil:
		at := p.re.FindStringIndex(value)
		start, end = at[0], at[1]
	default:
		word := p.literals[0]
		start = strings.Index(lowerASCII(value), word)
		end = start + len(word)
	}
	return start, end, true, Verdict{}
}

// lowerASCII folds what the automaton folds, and keeps the length.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
