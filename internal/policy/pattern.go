package policy

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"tollgate/internal/tenant"
)

// The ways in which a header rule compares.
const (
	matchRegex = "regex"
	matchWord  = "word"
	matchCIDR  = "cidr"
)

// Bounds of a regex, so that no customer's rule can make a request expensive.
const (
	maxPattern = 1024 // bytes of the text
	maxProgram = 1000 // instructions of the compiled program; "a{1000}" alone has as many
)

// pattern is a compiled regex or word.
type pattern struct {
	re       *regexp.Regexp // nil: a word, which a literal decides alone
	literals []string       // in lower case: one of them is in whatever matches; none: unknown
}

// patterns holds compiled patterns by kind and text, so that rules that did not change are
// not compiled again.
type patterns struct {
	of map[[2]string]pattern
}

func newPatterns() *patterns { return &patterns{of: make(map[[2]string]pattern)} }

// compile finds a pattern here or in old, or compiles it; from then on it is here.
func (p *patterns) compile(match, text string, old *patterns) (pattern, error) {
	key := [2]string{match, text}
	if known, ok := p.of[key]; ok {
		return known, nil
	}
	if old != nil {
		if known, ok := old.of[key]; ok {
			p.of[key] = known
			return known, nil
		}
	}
	compiled, err := compilePattern(match, text)
	if err == nil {
		p.of[key] = compiled
	}
	return compiled, err
}

func compilePattern(match, text string) (pattern, error) {
	switch match {
	case matchRegex, "":
		return compileRegex(text)
	case matchWord:
		if text == "" {
			return pattern{}, errors.New("value: empty; write the word to look for")
		}
		if len(text) > maxPattern {
			return pattern{}, fmt.Errorf("value: %d bytes; write at most %d", len(text), maxPattern)
		}
		if ascii(text) {
			return pattern{literals: []string{strings.ToLower(text)}}, nil
		}
		return compileRegex("(?i)" + regexp.QuoteMeta(text))
	}
	return pattern{}, fmt.Errorf("match %q: write regex, word or cidr", match)
}

func compileRegex(text string) (pattern, error) {
	if err := ValidateRegex(text); err != nil {
		return pattern{}, err
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return pattern{}, err
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return pattern{}, err
	}
	return pattern{re: re, literals: requiredLiterals(tree.Simplify())}, nil
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Rule is one header rule by itself, compiled by the very engine that matches traffic: for
// checking a rule and for trying it on values.
type Rule struct{ set *ruleSet }

// CompileRule compiles one rule, or says what is wrong with it and what would be right.
func CompileRule(r *tenant.HeaderRule) (*Rule, error) {
	set, _, err := compileRuleSet([]*tenant.HeaderRule{r}, nil)
	if err != nil {
		return nil, err
	}
	return &Rule{set}, nil
}

// ValidateRule is the error of CompileRule.
func ValidateRule(r *tenant.HeaderRule) error {
	_, err := CompileRule(r)
	return err
}
