package policy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxExamples bounds how many examples, and how many counter-examples, are looked at.
const maxExamples = 100

// Errors of RegexFromExamples.
var (
	ErrNoExamples   = errors.New("no examples: give at least one, and at most 100 of up to 64 characters each")
	ErrSameExamples = errors.New("one text is both an example and a counter-example")
	ErrFewExamples  = errors.New("no regex of the allowed size tells these examples and counter-examples apart: give fewer or shorter ones")
)

// RegexFromExamples makes up to three regexes, from narrow to wide, that match all examples and
// none of the counter-examples. The same examples in any order give the same regexes. Group 1 is
// what varies.
func RegexFromExamples(examples, counters []string) ([]string, error) {
	examples = slices.Compact(slices.Sorted(slices.Values(examples)))
	if len(examples) == 0 || len(examples) > maxExamples || len(counters) > maxExamples ||
		slices.ContainsFunc(slices.Concat(examples, counters), badExample) {
		return nil, ErrNoExamples
	}
	for _, c := range counters {
		if slices.Contains(examples, c) {
			return nil, ErrSameExamples
		}
	}
	s := shapeOf(examples)
	var fit []string
	for _, text := range []string{s.places(), s.bounded(len(s.prefix)), s.open(len(s.prefix)), s.bounded(0), s.open(0)} {
		if text != "" && !slices.Contains(fit, text) && fits(text, examples, counters) {
			fit = append(fit, text)
		}
	}
	switch n := len(fit); {
	case n > 3:
		return []string{fit[0], fit[n/2], fit[n-1]}, nil
	case n > 0:
		return fit, nil
	}
	quoted := make([]string, len(examples))
	for i, e := range examples {
		quoted[i] = regexp.QuoteMeta(e)
	}
	if only := "^(" + strings.Join(quoted, "|") + ")$"; fits(only, examples, counters) {
		return []string{only}, nil
	}
	return nil, ErrFewExamples
}

func badExample(text string) bool { return text == "" || len(text) > maxNumber || !ascii(text) }

func fits(text string, examples, counters []string) bool {
	p, err := compileRegex(text)
	return err == nil && !slices.ContainsFunc(counters, p.re.MatchString) &&
		!slices.ContainsFunc(examples, func(e string) bool { return !p.re.MatchString(e) })
}

// shape is what examples have in common.
type shape struct {
	examples []string
	prefix   string // of all of them, and never all of one
}

// shapeOf: of a single example the first characters are taken for what is common to its like,
// as an area code is.
func shapeOf(examples []string) shape {
	prefix := examples[0]
	for _, e := range examples[1:] {
		n := 0
		for n < len(prefix) && n < len(e) && prefix[n] == e[n] {
			n++
		}
		prefix = prefix[:n]
	}
	if len(examples) == 1 {
		prefix = prefix[:min(len(prefix), 3)]
	}
	for _, e := range examples {
		prefix = prefix[:min(len(prefix), len(e)-1)]
	}
	return shape{examples, prefix}
}

// places takes each place of the rest for itself: the characters seen there. "" where the
// examples differ in length, or there is but one.
func (s *shape) places() string {
	n := len(s.examples[0])
	if slices.ContainsFunc(s.examples, func(e string) bool { return len(e) != n }) {
		return ""
	}
	var b strings.Builder
	for i := len(s.prefix); i < n; i++ {
		var seen []byte
		for _, e := range s.examples {
			seen = append(seen, e[i])
		}
		slices.Sort(seen)
		if seen = slices.Compact(seen); len(seen) == 1 {
			b.WriteString(regexp.QuoteMeta(string(seen)))
		} else {
			b.WriteString("[" + members(seen) + "]")
		}
	}
	return "^" + regexp.QuoteMeta(s.prefix) + "(" + b.String() + ")$"
}

// bounded is the first n characters, and as many of the rest's kind as the examples have.
func (s *shape) bounded(n int) string {
	shortest, longest := maxNumber, 0
	for _, e := range s.examples {
		shortest, longest = min(shortest, len(e)-n), max(longest, len(e)-n)
	}
	count := "{" + strconv.Itoa(shortest) + "," + strconv.Itoa(longest) + "}"
	if shortest == longest {
		count = fmt.Sprintf("{%d}", shortest)
	}
	return s.kind(n, count)
}

// open is the first n characters, and any number of the rest's kind.
func (s *shape) open(n int) string { return s.kind(n, "+") }

// kind: digits behind a "+" that all or some examples begin with are digits, too.
func (s *shape) kind(n int, count string) string {
	var seen []byte
	for _, e := range s.examples {
		seen = append(seen, e[n:]...)
	}
	slices.Sort(seen)
	var class strings.Builder
	rest := slices.Compact(seen)
	for _, span := range []string{"09", "AZ", "az"} {
		had := len(rest)
		rest = slices.DeleteFunc(rest, func(c byte) bool { return c >= span[0] && c <= span[1] })
		if len(rest) < had {
			class.WriteString(span[:1] + "-" + span[1:])
		}
	}
	return "^" + regexp.QuoteMeta(s.examples[0][:n]) + "([" + class.String() + members(rest) + "]" + count + ")$"
}

// members writes characters as a class has them, runs of more than two as a range.
func members(sorted []byte) string {
	var b strings.Builder
	one := func(c byte) {
		if !letterOrDigit(c) {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	for i := 0; i < len(sorted); {
		end := i
		for end+1 < len(sorted) && sorted[end+1] == sorted[end]+1 && letterOrDigit(sorted[end+1]) && letterOrDigit(sorted[i]) {
			end++
		}
		one(sorted[i])
		if end > i+1 {
			b.WriteByte('-')
		}
		if end > i {
			one(sorted[end])
		}
		i = end + 1
	}
	return b.String()
}

func letterOrDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
