package tenant

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"
)

// The caps on a customer's regular expressions: RE2 runs in linear time, and this bounds the factor.
const (
	RegexLength = 1024 // bytes of one pattern
	RegexSize   = 500  // instructions of one compiled pattern; package policy has the same caps
)

// CheckRegex gives what is wrong with a pattern of RE2, nil if nothing is; the message names the
// offset (in characters, from 1) at which the fault stands.
func CheckRegex(pattern string) *Fault {
	if pattern == "" {
		return &Fault{Code: CodeRequired, Message: "is missing", Want: `a regular expression; "^$" matches what is empty or missing`}
	}
	if len(pattern) > RegexLength {
		return &Fault{Code: CodeInvalid, Message: fmt.Sprintf("the pattern has %d bytes", len(pattern)), Want: fmt.Sprintf("at most %d", RegexLength)}
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return regexFault(pattern, err)
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return regexFault(pattern, err)
	}
	if len(prog.Inst) > RegexSize {
		return &Fault{
			Code: CodeInvalid, Message: fmt.Sprintf("the pattern compiles to %d steps", len(prog.Inst)),
			Want: fmt.Sprintf("at most %d: smaller repeat counts", RegexSize),
		}
	}
	return nil
}

// Groups counts the capturing groups of a pattern that CheckRegex took.
func Groups(pattern string) int {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0
	}
	return re.MaxCap()
}

func regexFault(pattern string, err error) *Fault {
	var se *syntax.Error
	if !errors.As(err, &se) {
		return &Fault{Code: CodeInvalid, Message: err.Error(), Want: "a regular expression of RE2"}
	}
	at := regexOffset(pattern, se)
	message := fmt.Sprintf("regular expression: %s at character %d", se.Code, len([]rune(pattern[:at]))+1)
	if se.Expr != pattern {
		message += ": " + quote(se.Expr)
	}
	return &Fault{Code: CodeInvalid, Message: message, Want: regexWant(se)}
}

// regexOffset finds the fault; for unbalanced brackets the parser names the whole pattern, so look for the bracket.
func regexOffset(pattern string, se *syntax.Error) int {
	switch se.Code {
	case syntax.ErrMissingParen, syntax.ErrUnexpectedParen:
		return unbalanced(pattern)
	case syntax.ErrTrailingBackslash:
		return len(pattern) - 1
	}
	return max(0, strings.Index(pattern, se.Expr))
}

// unbalanced gives the offset of the first ")" too many, else of the last "(" that nothing closes.
func unbalanced(pattern string) int {
	var open []int
	class := false
	for i := 0; i < len(pattern); i++ {
		switch b := pattern[i]; {
		case b == '\\':
			i++
		case class:
			class = b != ']'
		case b == '[':
			class = true
		case b == '(':
			open = append(open, i)
		case b == ')' && len(open) == 0:
			return i
		case b == ')':
			open = open[:len(open)-1]
		}
	}
	if len(open) == 0 {
		return 0
	}
	return open[len(open)-1]
}

func regexWant(se *syntax.Error) string {
	switch se.Code {
	case syntax.ErrMissingParen, syntax.ErrUnexpectedParen:
		return `one ")" for each "("; a literal one is "\("`
	case syntax.ErrMissingBracket:
		return `"]" at the end of the class; a literal one is "\["`
	case syntax.ErrMissingRepeatArgument:
		return `something to repeat before it; "\" before a literal one`
	case syntax.ErrInvalidPerlOp:
		return "RE2 has no look-around and no backreferences: two rules instead"
	case syntax.ErrInvalidRepeatSize:
		return "a repeat count of at most 1000, the smaller one first"
	case syntax.ErrTrailingBackslash:
		return `"\\" for a backslash itself`
	case syntax.ErrInvalidEscape:
		return `an escape that RE2 knows; "\\" for a backslash itself`
	case syntax.ErrInvalidCharRange:
		return "the smaller character first"
	}
	return "a regular expression of RE2"
}
