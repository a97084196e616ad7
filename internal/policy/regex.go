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
	Pattern string
	Offset  int    // byte of Pattern at which the fault is
	What    string // the fault
	Want    string // what would be right
}

// Error is the sentence for people; characters are counted from 1.
func (e *RegexError) Error() string {
	return fmt.Sprintf("value %q: character %d: %s; %s", e.Pattern, utf8.RuneCountInString(e.Pattern[:e.Offset])+1, e.What, e.Want)
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
		return nil, 0, &RegexError{text, maxPattern, fmt.Sprintf("%d bytes are too many", len(text)), fmt.Sprintf("write at most %d", maxPattern)}
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, 0, regexFault(text, err)
	}
	tree = tree.Simplify()
	prog, err := syntax.Compile(tree)
	if err != nil {
		return nil, 0, &RegexError{text, 0, err.Error(), "write it simpler"}
	}
	if n := len(prog.Inst); n > maxProgram {
		return nil, 0, &RegexError{text, firstCount(text), fmt.Sprintf("the regex compiles to %d steps", n), fmt.Sprintf("write one of at most %d, with smaller {counts} or as several rules", maxProgram)}
	}
	return tree, len(prog.Inst), nil
}

// regexFault finds the offset that syntax.Error does not tell, and the advice.
func regexFault(text string, err error) error {
	var fault *syntax.Error
	if !errors.As(err, &fault) {
		return &RegexError{text, 0, err.Error(), "write a regex as RE2 knows it"}
	}
	out := &RegexError{Pattern: text, What: fault.Code.String(), Want: "write a regex as RE2 knows it"}
	if i := strings.Index(text, fault.Expr); i >= 0 {
		out.Offset = i
	}
	switch fault.Code {
	case syntax.ErrMissingBracket:
		out.Want = `close the class with "]", or write "\[" for a bracket itself`
	case syntax.ErrMissingParen:
		out.Offset = openParen(text)
		out.Want = `close the group with ")", or write "\(" for a parenthesis itself`
	case syntax.ErrUnexpectedParen:
		out.Offset = strayParen(text)
		out.Want = `remove the ")", or write "\)" for a parenthesis itself`
	case syntax.ErrMissingRepeatArgument:
		out.Want = fmt.Sprintf(`put what is to be repeated before it, or write "\%s" for the character itself`, fault.Expr)
	case syntax.ErrInvalidRepeatOp:
		out.Want = "write one of *, +, ? and {n,m} only; possessive forms are not known"
	case syntax.ErrInvalidRepeatSize:
		out.Want = "write a count of at most 1000, the smaller one first; a count within a count multiplies"
	case syntax.ErrInvalidCharRange:
		out.Want = "write the smaller character first, as in a-z"
	case syntax.ErrInvalidEscape:
		out.Want = escapeAdvice(fault.Expr)
	case syntax.ErrTrailingBackslash:
		out.Offset = len(text) - 1
		out.Want = `write "\\" for a backslash itself`
	case syntax.ErrInvalidPerlOp:
		out.Want = `write groups as "(...)", "(?:...)", "(?i)" or "(?P<name>...)"; look-ahead and look-behind are not known`
	case syntax.ErrInvalidNamedCapture:
		out.Want = `write "(?P<name>...)" with a name of its own of letters, digits and _`
	case syntax.ErrInvalidUTF8:
		out.Offset = invalidUTF8(text)
		out.Want = `write the regex in UTF-8, or "\x{..}" for a byte`
	case syntax.ErrLarge, syntax.ErrNestingDepth:
		out.Offset = firstCount(text)
		out.Want = "write it with smaller {counts} and fewer nested groups"
	}
	return out
}

func escapeAdvice(expr string) string {
	if len(expr) == 2 && expr[1] >= '1' && expr[1] <= '9' {
		return "back-references are not known; write the text out"
	}
	return `write "\\" for a backslash itself, or leave it out before a letter that needs none`
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
