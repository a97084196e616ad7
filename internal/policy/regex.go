package policy

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// RegexError says what is wrong with a regex, where, and what would be right.
type RegexError struct {
	Pattern    string
	Offset     int // byte of Pattern at which the fault is
	what, want saying
}

// saying is a phrase with its values.
type saying struct {
	phrase Phrase
	args   []any
}

func say(p Phrase, args ...any) saying { return saying{p, args} }

// In gives the fault and what would be right, in a language.
func (e *RegexError) In(l Language) (what, want string) {
	return l.Say(e.what.phrase, e.what.args...), l.Say(e.want.phrase, e.want.args...)
}

// Error is the sentence for people; characters are counted from 1.
func (e *RegexError) Error() string {
	what, want := e.In(English)
	return fmt.Sprintf("value %q: character %d: %s; %s", e.Pattern, utf8.RuneCountInString(e.Pattern[:e.Offset])+1, what, want)
}

// ValidateRegex reports what is wrong with a regex of a rule: a *RegexError, nil if nothing
// is. The syntax is RE2's, as Go has it.
func ValidateRegex(text string) error {
	_, _, err := parseRegex(text)
	return err
}

// parseRegex gives the tree of a regex and the size of its program.
func parseRegex(text string) (*syntax.Regexp, int, error) {
	if len(text) > maxPattern {
		return nil, 0, &RegexError{text, maxPattern, say("%d bytes are too many", len(text)), say("write at most %d", maxPattern)}
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, 0, regexFault(text, err)
	}
	tree = tree.Simplify()
	prog, err := syntax.Compile(tree)
	if err != nil {
		return nil, 0, &RegexError{text, 0, say("it does not compile: %v", err), say("write it simpler")}
	}
	if n := len(prog.Inst); n > maxProgram {
		return nil, 0, &RegexError{text, firstCount(text), say("the regex compiles to %d steps", n), say("write one of at most %d, with smaller {counts} or as several rules", maxProgram)}
	}
	return tree, len(prog.Inst), nil
}

// adviceOn says of a fault that regexp/syntax finds what it is, and what would be right; "" of one that it has learnt since.
func adviceOn(code syntax.ErrorCode) (what, want Phrase) {
	switch code {
	case syntax.ErrInvalidCharClass:
		return "invalid character class", asRE2
	case syntax.ErrInvalidCharRange:
		return "invalid character class range", "write the smaller character first, as in a-z"
	case syntax.ErrInvalidEscape:
		return "invalid escape sequence", `write "\\" for a backslash itself, or leave it out before a letter that needs none`
	case syntax.ErrInvalidNamedCapture:
		return "invalid named capture", `write "(?P<name>...)" with a name of its own of letters, digits and _`
	case syntax.ErrInvalidPerlOp:
		return "invalid or unsupported Perl syntax", `write groups as "(...)", "(?:...)", "(?i)" or "(?P<name>...)"; look-ahead and look-behind are not known`
	case syntax.ErrInvalidRepeatOp:
		return "invalid nested repetition operator", "write one of *, +, ? and {n,m} only; possessive forms are not known"
	case syntax.ErrInvalidRepeatSize:
		return "invalid repeat count", "write a count of at most 1000, the smaller one first; a count within a count multiplies"
	case syntax.ErrInvalidUTF8:
		return "invalid UTF-8", `write the regex in UTF-8, or "\x{..}" for a byte`
	case syntax.ErrMissingBracket:
		return "missing closing ]", `close the class with "]", or write "\[" for a bracket itself`
	case syntax.ErrMissingParen:
		return "missing closing )", `close the group with ")", or write "\(" for a parenthesis itself`
	case syntax.ErrMissingRepeatArgument:
		return "missing argument to repetition operator", `put what is to be repeated before it, or write "\%s" for the character itself`
	case syntax.ErrTrailingBackslash:
		return "trailing backslash at end of expression", `write "\\" for a backslash itself`
	case syntax.ErrUnexpectedParen:
		return "unexpected )", `remove the ")", or write "\)" for a parenthesis itself`
	case syntax.ErrNestingDepth:
		return "expression nests too deeply", smaller
	case syntax.ErrLarge:
		return "expression too large", smaller
	}
	return "", asRE2
}

const (
	asRE2   Phrase = "write a regex as RE2 knows it"
	smaller Phrase = "write it with smaller {counts} and fewer nested groups"
)

// regexFault finds the offset that syntax.Error does not tell, and the advice.
func regexFault(text string, err error) error {
	var fault *syntax.Error
	if !errors.As(err, &fault) {
		return &RegexError{text, 0, say("it does not compile: %v", err), say(asRE2)}
	}
	what, want := adviceOn(fault.Code)
	if what == "" {
		return &RegexError{text, 0, say("it does not compile: %v", fault.Code), say(want)}
	}
	out := &RegexError{Pattern: text, what: say(what), want: say(want)}
	if i := strings.Index(text, fault.Expr); i >= 0 {
		out.Offset = i
	}
	switch fault.Code {
	case syntax.ErrMissingParen:
		out.Offset = openParen(text)
	case syntax.ErrUnexpectedParen:
		out.Offset = strayParen(text)
	case syntax.ErrMissingRepeatArgument:
		out.want.args = []any{fault.Expr}
	case syntax.ErrInvalidEscape:
		if e := fault.Expr; len(e) == 2 && e[1] >= '1' && e[1] <= '9' {
			out.want = say("back-references are not known; write the text out")
		}
	case syntax.ErrTrailingBackslash:
		out.Offset = len(text) - 1
	case syntax.ErrInvalidUTF8:
		out.Offset = invalidUTF8(text)
	case syntax.ErrLarge, syntax.ErrNestingDepth:
		out.Offset = firstCount(text)
	}
	return out
}

// parens walks the parentheses that count: unescaped ones outside of classes. It gives the
// offset of the first one that closes nothing, and of the last one left open, or -1.
func parens(text string) (stray, open int) {
	var opened []int
	inClass := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case inClass:
			inClass = c != ']'
		case c == '[':
			inClass = true
			if strings.HasPrefix(text[i+1:], "^]") {
				i += 2
			} else if strings.HasPrefix(text[i+1:], "]") {
				i++
			}
		case c == '(':
			opened = append(opened, i)
		case c == ')' && len(opened) == 0:
			return i, -1
		case c == ')':
			opened = opened[:len(opened)-1]
		}
	}
	if len(opened) == 0 {
		return -1, -1
	}
	return -1, opened[len(opened)-1]
}

func openParen(text string) int {
	_, open := parens(text)
	return max(open, 0)
}

func strayParen(text string) int {
	stray, _ := parens(text)
	return max(stray, 0)
}

func invalidUTF8(text string) int {
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD") {
			return i
		}
	}
	return 0
}

// firstCount is where the first {count} of a regex stands that is too large by its counts.
func firstCount(text string) int {
	return max(strings.IndexByte(text, '{'), 0)
}
