package tenant

import (
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// check gathers the faults of one noun.
type check struct{ faults Faults }

func (c *check) add(code Code, field, message, want string) {
	c.faults = append(c.faults, &Fault{Code: code, Field: field, Message: message, Want: want})
}

// put adds a fault that another function found, at field; nil is no fault.
func (c *check) put(field string, f *Fault) {
	if f != nil {
		f.Field = field
		c.faults = append(c.faults, f)
	}
}

// nameLimit is how long a name may be, in characters.
const nameLimit = 64

// name wants a short line of text that reads the same in a log, a page and a file.
func (c *check) name(field, v string) {
	if v == "" {
		c.add(CodeRequired, field, "is missing", "a name of 1 to 64 characters")
		return
	}
	c.text(field, v, nameLimit)
	if strings.TrimSpace(v) != v {
		c.add(CodeInvalid, field, "begins or ends with a blank", "the name without it")
	}
}

// CheckName gives what is wrong with the name that somebody gives to what is his own; nil: nothing.
func CheckName(field, v string) Faults {
	c := &check{}
	c.name(field, v)
	return c.faults
}

// text wants printable characters only: what is stored here ends in headers, logs and pages.
func (c *check) text(field, v string, limit int) {
	if !utf8.ValidString(v) || strings.ContainsFunc(v, func(r rune) bool { return !unicode.IsPrint(r) }) {
		c.add(CodeInvalid, field, "holds characters that cannot be printed", "one line of plain text")
	}
	if n := utf8.RuneCountInString(v); n > limit {
		c.add(CodeInvalid, field, fmt.Sprintf("has %d characters", n), fmt.Sprintf("at most %d", limit))
	}
}

func (c *check) number(field string, v, low, high int) {
	if v < low || v > high {
		c.add(CodeOutOfRange, field, fmt.Sprintf("%d is out of range", v), fmt.Sprintf("%d to %d", low, high))
	}
}

// limit is a ceiling of calls or calls per second, 0 = unlimited.
func (c *check) limit(field string, v int) {
	if v < 0 || v > 1_000_000 {
		c.add(CodeOutOfRange, field, fmt.Sprintf("%d is out of range", v), "0 (unlimited) to 1000000")
	}
}

func (c *check) oneOf(field, v string, allowed ...string) {
	if slices.Contains(allowed, v) {
		return
	}
	shown := make([]string, len(allowed))
	for i, a := range allowed {
		if shown[i] = a; a == "" {
			shown[i] = `""`
		}
	}
	code, what := CodeInvalid, fmt.Sprintf("%s is not known", quote(v))
	if v == "" {
		code, what = CodeRequired, "is missing"
	}
	c.add(code, field, what, "one of "+strings.Join(shown, ", "))
}

func (c *check) email(field, v string) {
	a, err := mail.ParseAddress(v)
	if err != nil || a.Address != v || len(v) > 254 {
		c.add(CodeInvalid, field, quote(v)+" is not an e-mail address", "such as ops@example.com")
	}
}

// digits wants only the characters of set, at most limit of them.
func (c *check) digits(field, v, set string, limit int, want string) {
	if len(v) > limit || strings.Trim(v, set) != "" {
		c.add(CodeInvalid, field, quote(v)+" is not made of "+describe(set), want)
	}
}

func describe(set string) string {
	if set == digitSet {
		return "at most a few digits"
	}
	return "the characters " + set
}

const digitSet = "0123456789"

// quote shows a hostile value in a message: one line, no control characters, not long.
func quote(v string) string {
	if len(v) > 80 {
		v = strings.ToValidUTF8(v[:80], "") + "..."
	}
	return strconv.Quote(v)
}

func index(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

// unique reports a second value that is the same as an earlier one.
func (c *check) unique(field string, values []string) {
	seen := map[string]int{}
	for i, v := range values {
		if _, twice := seen[v]; twice {
			c.add(CodeInUse, index(field, i), quote(v)+" is listed twice", "each once")
		}
		seen[v] = i
	}
}
