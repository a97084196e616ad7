package policy

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"tollgate/internal/tenant"
)

// rewriteRule is one rule of a parameter rewrite (mission row A14).
type rewriteRule struct {
	called bool           // on the number called, else on the calling one
	prefix string         // where re is nil
	re     *regexp.Regexp // nil: a prefix, and the rest is kept
	with   []piece        // what stands in place of the match
	text   string         // the rule as people read it
}

// piece is a part of a replacement: text, or a group of the match.
type piece struct {
	text  string
	group int // -1: text
}

// maxRules bounds the rules of one list.
const maxRules = 100

func compileRewrites(list []tenant.Rewrite) ([]rewriteRule, error) {
	if len(list) > maxRules {
		return nil, fmt.Errorf("rewrite: %d rules; write at most %d", len(list), maxRules)
	}
	var rules []rewriteRule
	for i := range list {
		r, err := compileRewrite(&list[i])
		if err != nil {
			return nil, fmt.Errorf("rewrite[%d]: %w", i, err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func compileRewrite(given *tenant.Rewrite) (r rewriteRule, err error) {
	switch given.What {
	case whatCalled:
		r.called = true
	case whatCalling:
	default:
		return r, fmt.Errorf("what %q: write destination or cli", given.What)
	}
	r.text = fmt.Sprintf("%s %q -> %q", given.Match, given.Current, given.New)
	switch given.Match {
	case "prefix":
		r.prefix, r.with = given.Current, []piece{{given.New, -1}}
	case matchRegex:
		compiled, err := compileRegex(given.Current)
		if err != nil {
			return r, err
		}
		r.re = compiled.re
		r.with, err = compileReplacement(given.New, r.re.NumSubexp())
		return r, err
	default:
		return r, fmt.Errorf("match %q: write prefix or regex", given.Match)
	}
	return r, nil
}

// compileReplacement reads $1, ${1} and $$; all other text stands for itself.
func compileReplacement(text string, groups int) (out []piece, err error) {
	for {
		before, after, found := strings.Cut(text, "$")
		if before != "" {
			out = append(out, piece{before, -1})
		}
		if !found {
			return out, nil
		}
		if strings.HasPrefix(after, "$") {
			out, text = append(out, piece{"$", -1}), after[1:]
			continue
		}
		name, braced := strings.CutPrefix(after, "{")
		digits := name[:len(name)-len(strings.TrimLeft(name, "0123456789"))]
		text = name[len(digits):]
		if braced {
			if !strings.HasPrefix(text, "}") {
				return nil, fmt.Errorf("new: %q: close it with \"}\"", "${"+digits)
			}
			text = text[1:]
		}
		n, err := strconv.Atoi(digits)
		if err != nil || n > groups {
			return nil, fmt.Errorf("new: %q names no group of the regex; write $0 to $%d, or $$ for a dollar", "$"+digits, groups)
		}
		out = append(out, piece{group: n})
	}
}

// apply rewrites a number once, and says why not, where it did not. Emergency: it is one that stays.
func (r *rewriteRule) apply(n *Number, emergency bool) Phrase {
	var room [2 * maxNumber]byte
	text := n.Bytes()
	from, to, match := r.find(text)
	switch {
	case from < 0:
		return ", which does not match"
	case emergency:
		return "; an emergency number is left as it is"
	}
	out, fits := r.expand(append(room[:0], text[:from]...), text, match)
	if out = append(out, text[to:]...); !fits || len(out) > maxNumber {
		return "; the result would be longer than 64 characters, so it is left as it is"
	}
	if !n.set(out) {
		return "; nothing would be left, so it is left as it is"
	}
	return ""
}

// find gives the place of the leftmost match, -1 if there is none. A prefix of nothing is
// before every number, but before no name.
func (r *rewriteRule) find(text []byte) (from, to int, match []int) {
	switch {
	case len(text) == 0:
		return -1, 0, nil
	case r.re != nil:
		if match = r.re.FindStringSubmatchIndex(string(text)); match == nil { // a copy, so that n need not be on the heap
			return -1, 0, nil
		}
		return match[0], match[1], match
	case r.prefix == "" && !dialledBegin(text[0]), !hasPrefix(text, r.prefix):
		return -1, 0, nil
	}
	return 0, len(r.prefix), nil
}

// expand appends the replacement; false when it becomes too long.
func (r *rewriteRule) expand(dst, text []byte, match []int) ([]byte, bool) {
	for _, p := range r.with {
		if p.group < 0 {
			dst = append(dst, p.text...)
		} else if at := match[2*p.group]; at >= 0 {
			dst = append(dst, text[at:match[2*p.group+1]]...)
		}
		if len(dst) > maxNumber {
			return dst, false
		}
	}
	return dst, true
}
