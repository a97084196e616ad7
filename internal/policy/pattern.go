package policy

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
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
	maxProgram = 500  // instructions of the compiled program
)

// maxSteps bounds the regexes of one header on one value: RE2 takes at most program times
// value steps, of some 7 ns each. The most expensive regex can look at the longest value;
// where many are to look, values must be shorter.
const maxSteps = maxProgram * maxValue

// pattern is a compiled regex or word.
type pattern struct {
	re       *regexp.Regexp // nil: a word, which a literal decides alone
	size     int            // instructions of re
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
	tree, size, err := parseRegex(text)
	if err != nil {
		return pattern{}, err
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return pattern{}, err
	}
	return pattern{re, size, requiredLiterals(tree)}, nil
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
