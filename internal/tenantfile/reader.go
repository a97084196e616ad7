package tenantfile

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"tollgate/internal/tenant"
)

// sizeLimit is how large a file may be; a hundred thousand rules take some 20 MB.
const sizeLimit = 64 << 20

// faultLimit is how many faults are told at once.
const faultLimit = 200

// reader walks the YAML and gathers what is wrong with it.
type reader struct {
	file      string
	secrets   Secrets
	looksLike *regexp.Regexp // a number that some readers of YAML would see
	faults    Faults
	limit     int // how many faults are told
	total     int // faults found, also those beyond the limit
}

func newReader(file string, secrets Secrets) *reader {
	return &reader{file: file, secrets: secrets, limit: faultLimit, looksLike: regexp.MustCompile(`^[-+]?[0-9][0-9_]*([eE][-+]?[0-9]+)?$`)}
}

func (r *reader) fault(at place, code tenant.Code, field, message, want string) {
	if r.total++; len(r.faults) < r.limit {
		r.faults = append(r.faults, &Fault{r.file, at.line, at.column, code, field, message, want})
	}
}

func at(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{t.Position.Line, t.Position.Column}
}

func placeOf(n ast.Node) place { return at(n.GetToken()) }

// document gives the one mapping that the file is; nil for an empty one.
func (r *reader) document(data []byte) ast.Node {
	if len(data) > sizeLimit {
		r.fault(place{1, 1}, tenant.CodeOutOfRange, "", fmt.Sprintf("the file has %d bytes", len(data)), fmt.Sprintf("at most %d", sizeLimit))
		return nil
	}
	text := strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n")
	if !utf8.ValidString(text) {
		r.fault(place{1, 1}, tenant.CodeInvalid, "", "is not UTF-8", "plain text, saved as UTF-8")
		return nil
	}
	tokens := lexer.Tokenize(text)
	if !r.tame(tokens) {
		return nil
	}
	f, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(err)
		return nil
	}
	var body ast.Node
	for _, d := range f.Docs {
		switch {
		case d.Body == nil:
		case body != nil:
			r.fault(placeOf(d.Body), tenant.CodeInvalid, "", "a second document", "one document a file, without ---")
		default:
			body = d.Body
		}
	}
	return body
}

// syntax tells what the YAML parser did not understand; it stops at the first.
func (r *reader) syntax(err error) {
	var ye yaml.Error
	if errors.As(err, &ye) && ye.GetToken() != nil {
		r.fault(at(ye.GetToken()), tenant.CodeInvalid, "", "not YAML: "+ye.GetMessage(), "check quotes, brackets and indentation around here")
		return
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	r.fault(place{1, 1}, tenant.CodeInvalid, "", "not YAML: "+first, "a mapping such as that of docs/tenants.example.yaml")
}

// entry is one key of a mapping.
type entry struct {
	key   string
	at    place
	value ast.Node
}

// plain gives the node itself; anchors, aliases and tags are refused, so that what is written is what is read.
func (r *reader) plain(n ast.Node, field string) (ast.Node, bool) {
	what := ""
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode:
		what = "anchors and aliases are not read"
	case *ast.TagNode:
		what = "tags are not read"
	default:
		return n, true
	}
	r.fault(placeOf(n), tenant.CodeUnsupported, field, what, "write the value itself")
	return nil, false
}

// mapping gives the entries of a mapping, each key once.
func (r *reader) mapping(n ast.Node, field, want string) ([]entry, bool) {
	n, ok := r.plain(n, field)
	if !ok {
		return nil, false
	}
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		r.fault(placeOf(n), tenant.CodeInvalid, field, "is "+describe(n), want)
		return nil, false
	}
	seen := make(map[string]place, len(values))
	var out []entry
	for _, v := range values {
		key, at := v.Key.GetToken().Value, placeOf(v.Key)
		if _, text := v.Key.(*ast.StringNode); !text {
			r.fault(at, tenant.CodeInvalid, field, describe(v.Key)+" is no key", "the plain name of a field")
			continue
		}
		if before, twice := seen[key]; twice {
			r.fault(at, tenant.CodeInUse, key, fmt.Sprintf("is given twice, first in line %d", before.line), "each key once")
			continue
		}
		seen[key] = at
		out = append(out, entry{key, at, v.Value})
	}
	return out, true
}

// sequence gives the items of a list.
func (r *reader) sequence(n ast.Node, field, want string) ([]ast.Node, bool) {
	n, ok := r.plain(n, field)
	if !ok {
		return nil, false
	}
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		r.fault(placeOf(n), tenant.CodeInvalid, field, "is "+describe(n)+", not a list", want)
		return nil, false
	}
	return s.Values, true
}

// describe says what a value is, in the words of a person.
func describe(n ast.Node) string {
	switch v := n.(type) {
	case *ast.NullNode:
		return "empty"
	case *ast.BoolNode:
		return v.GetToken().Value + ", which YAML takes for yes or no"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "the number " + v.GetToken().Value
	case *ast.StringNode:
		return "the text " + strconv.Quote(shorten(v.Value))
	case *ast.LiteralNode:
		return "a block of text"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	}
	return "something else"
}

func shorten(v string) string {
	if len(v) > 60 {
		return strings.ToValidUTF8(v[:60], "") + "..."
	}
	return v
}

// text wants a text; a number that nobody quoted is refused, since YAML reads 040 as 32.
func (r *reader) text(n ast.Node, field string) (string, bool) {
	n, ok := r.plain(n, field)
	if !ok {
		return "", false
	}
	switch v := n.(type) {
	case *ast.StringNode:
		if v.GetToken().Type == token.StringType && r.looksLike.MatchString(v.Value) {
			r.fault(placeOf(n), tenant.CodeInvalid, field, v.Value+" is not quoted, and some programs read it as a number", quoteIt(v.Value))
			return "", false
		}
		return v.Value, true
	case *ast.LiteralNode:
		return strings.TrimSuffix(v.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode:
		raw := n.GetToken().Value
		what := raw + " is a number in YAML where text is meant"
		if trimmed := strings.TrimLeft(raw, "+-"); len(trimmed) > 1 && trimmed[0] == '0' {
			what = raw + " is octal in YAML"
		}
		r.fault(placeOf(n), tenant.CodeInvalid, field, what, quoteIt(raw))
	case *ast.BoolNode:
		r.fault(placeOf(n), tenant.CodeInvalid, field, "is "+describe(n), quoteIt(n.GetToken().Value))
	case *ast.NullNode:
		r.fault(placeOf(n), tenant.CodeInvalid, field, "is empty", `a text, "" for none, or leave the key out`)
	default:
		r.fault(placeOf(n), tenant.CodeInvalid, field, "is "+describe(n)+" where text is meant", "one text")
	}
	return "", false
}

func quoteIt(v string) string { return "quote it: " + strconv.Quote(v) }

// number wants a whole number, written as people do.
func (r *reader) number(n ast.Node, field string) (int, bool) {
	n, ok := r.plain(n, field)
	if !ok {
		return 0, false
	}
	raw, where := n.GetToken().Value, placeOf(n)
	switch n := n.(type) {
	case *ast.IntegerNode:
		v, err := strconv.Atoi(raw)
		if err == nil && strconv.Itoa(v) == raw {
			return v, true
		}
		r.fault(where, tenant.CodeInvalid, field, raw+" is not read as what it looks like", "a decimal number without leading zeros, such as "+decimal(raw))
	case *ast.StringNode:
		if v, err := strconv.Atoi(n.Value); err == nil {
			r.fault(where, tenant.CodeInvalid, field, "is the text "+strconv.Quote(n.Value)+" where a number is meant", strconv.Itoa(v)+" without quotes or leading zeros")
			return 0, false
		}
		r.fault(where, tenant.CodeInvalid, field, "is "+describe(n)+" where a number is meant", "a whole number")
	case *ast.NullNode:
		r.fault(where, tenant.CodeInvalid, field, "is empty", "a whole number, or leave the key out")
	default:
		r.fault(where, tenant.CodeInvalid, field, "is "+describe(n)+" where a whole number is meant", "a whole number")
	}
	return 0, false
}

// decimal guesses what 010, 1_000 or +5 was meant to be.
func decimal(raw string) string {
	if v, err := strconv.Atoi(strings.ReplaceAll(raw, "_", "")); err == nil {
		return strconv.Itoa(v)
	}
	return "10"
}

// flag wants true or false.
func (r *reader) flag(n ast.Node, field string) (v, ok bool) {
	n, ok = r.plain(n, field)
	if !ok {
		return false, false
	}
	if b, is := n.(*ast.BoolNode); is {
		return b.Value, true
	}
	r.fault(placeOf(n), tenant.CodeInvalid, field, "is "+describe(n), "true or false")
	return false, false
}

// duration wants a number with its unit.
func (r *reader) duration(n ast.Node, field string) (time.Duration, bool) {
	if i, ok := n.(*ast.IntegerNode); ok {
		r.fault(placeOf(n), tenant.CodeInvalid, field, i.GetToken().Value+" has no unit", "such as "+i.GetToken().Value+"s for seconds")
		return 0, false
	}
	text, ok := r.text(n, field)
	if !ok {
		return 0, false
	}
	d, f := tenant.ParseDuration(text)
	if f != nil {
		r.fault(placeOf(n), f.Code, field, f.Message, f.Want)
		return 0, false
	}
	return d, true
}

// unknown tells of a key that there is not, and which one it looks like.
func (r *reader) unknown(e entry, of string, known []string) {
	want := "one of " + strings.Join(known, ", ")
	if near := nearest(e.key, known); near != "" {
		want = "did you mean " + near + "?"
	}
	r.fault(e.at, tenant.CodeUnknown, "", fmt.Sprintf("%s has no key %s", of, strconv.Quote(shorten(e.key))), want)
}

// nearest gives the known key that is at most two typing errors away, "" where none is.
func nearest(key string, known []string) string {
	best, found := 3, ""
	if len(key) > 64 {
		return ""
	}
	for _, k := range known {
		if d := distance(strings.ToLower(key), k); d < best && d < len(k) {
			best, found = d, k
		}
	}
	return found
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
