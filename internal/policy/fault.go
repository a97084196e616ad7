package policy

import (
	"strconv"
	"strings"
)

// Fault gives in a language what is wrong with a form, or what would be right: a text that other
// packages wrote in English, which cannot import this one. It is found by the format with which it
// was written; what no format fits stays as it is.
func (l Language) Fault(text string) string {
	if l != Italian || text == "" {
		return text
	}
	best, italian, values := "", "", []string(nil)
	for _, table := range []map[string]string{italianFaults, italianShapes} {
		if exact := table[text]; exact != "" {
			return exact
		}
		for format, to := range table {
			if !strings.Contains(format, "%") || len(format) < len(best) || len(format) == len(best) && format >= best {
				continue
			}
			if found := valuesIn(format, text); found != nil {
				best, italian, values = format, to, found
			}
		}
	}
	if best != "" {
		return putInto(italian, values)
	}
	if quoted, err := strconv.QuotedPrefix(text); err == nil && strings.HasPrefix(text[len(quoted):], " ") {
		return quoted + " " + l.Fault(text[len(quoted)+1:])
	}
	return text
}

// valuesIn gives the values with which a format makes a text, nil if it does not.
func valuesIn(format, text string) (values []string) {
	literal, format, _ := strings.Cut(format, "%")
	text, ok := strings.CutPrefix(text, literal)
	for ok && format != "" {
		verb := format[0]
		literal, format, _ = strings.Cut(format[1:], "%")
		end := valueEnd(text, literal, format == "")
		if end <= 0 || verb == 'd' && !allDigits([]byte(strings.TrimPrefix(text[:end], "-"))) {
			return nil
		}
		values = append(values, text[:end])
		text = text[end+len(literal):]
	}
	if !ok || text != "" {
		return nil
	}
	return values
}

// valueEnd is where the value ends with which a text begins and which a literal follows, at the
// text's end if it is the last; below 1: nowhere. What is quoted may hold anything.
func valueEnd(text, literal string, last bool) int {
	if quoted, err := strconv.QuotedPrefix(text); err == nil && strings.HasPrefix(text[len(quoted):], literal) && !last {
		return len(quoted)
	}
	if !last {
		return strings.Index(text, literal)
	}
	if !strings.HasSuffix(text, literal) {
		return 0
	}
	return len(text) - len(literal)
}

// putInto puts values in the place of a format's verbs; one that is itself a fixed text becomes Italian.
func putInto(format string, values []string) string {
	var b strings.Builder
	for _, v := range values {
		literal, rest, _ := strings.Cut(format, "%")
		for _, table := range []map[string]string{italianFaults, italianPhrases} {
			if fixed := table[v]; fixed != "" {
				v = fixed
			}
		}
		b.WriteString(literal + v)
		format = rest[1:]
	}
	return b.String() + format
}
