package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// kind is what a value was written as.
type kind uint8

const (
	absent kind = iota // nothing, null, ~
	text
	number  // 5, 040, 1.5
	boolean // true
	list
	mapping
)

// value is one value of the file, or of an environment variable, and where it stands.
type value struct {
	kind         kind
	text         string // of a scalar, as written, without quotes
	items        []value
	pairs        []pair
	line, column int
	env          bool // from the environment, where nothing can be quoted: any scalar is text and number alike
}

type pair struct {
	key   string
	at    value // where the key stands
	value value
}

// is names the value's kind for people.
func (v *value) is() string {
	switch v.kind {
	case text:
		return quote(v.text)
	case number:
		return "the number " + v.text
	case boolean:
		return "the word " + v.text
	case list:
		return "a list"
	case mapping:
		return "a mapping"
	}
	return "nothing"
}

// maxDepth is far more than node.yaml needs, and far less than what could exhaust a stack.
const maxDepth = 32

// parse reads YAML into a value. The fault has a line and column, and no file.
func parse(data []byte) (v value, fault *Fault) {
	if !utf8.Valid(data) {
		return v, &Fault{Line: 1, Column: 1, Message: "is not UTF-8 text", Want: "plain YAML"}
	}
	defer func() {
		if r := recover(); r != nil { // the parser's, on text that is no YAML at all
			fault = &Fault{Line: 1, Column: 1, Message: "is not YAML", Want: "key: value lines"}
		}
	}()
	file, err := parser.Parse(rejoin(lexer.Tokenize(string(data))), 0)
	if err != nil {
		return v, syntaxFault(err)
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			line, column := position(doc.Body.GetToken())
			return v, &Fault{Line: line, Column: column, Message: "is a second document", Want: "one document a file"}
		}
		body = doc.Body
	}
	if body == nil {
		return value{kind: absent, line: 1, column: 1}, nil
	}
	return convert(body, 0)
}

// rejoin repairs what the lexer splits: in a flow list within a flow mapping, as in
// {listen: [udp://0.0.0.0:5060]}, a colon without a blank after it is part of the text (YAML 1.2 7.3.3).
func rejoin(tokens token.Tokens) token.Tokens {
	var open []token.Type
	out := make(token.Tokens, 0, len(tokens))
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			open = append(open, t.Type)
		case token.SequenceEndType, token.MappingEndType:
			open = open[:max(0, len(open)-1)]
		case token.MappingValueType:
			inList := len(open) > 0 && open[len(open)-1] == token.SequenceStartType
			if inList && i+1 < len(tokens) && plain(tokens[i+1]) && follows(t, tokens[i+1]) {
				out = joined(out, t, tokens[i+1])
				i++
				continue
			}
		}
		out = append(out, t)
	}
	for i, t := range out {
		t.Prev, t.Next = nil, nil
		if i > 0 {
			t.Prev, out[i-1].Next = out[i-1], t
		}
	}
	return out
}

// joined adds colon and rest to the plain text before them, or begins one with them.
func joined(out token.Tokens, colon, rest *token.Token) token.Tokens {
	head, origin, at := "", "", colon.Position
	if n := len(out); n > 0 && plain(out[n-1]) && follows(out[n-1], colon) {
		head, origin, at = out[n-1].Value, out[n-1].Origin, out[n-1].Position
		out = out[:n-1]
	}
	return append(out, token.String(head+":"+rest.Value, origin+":"+rest.Origin, at))
}

func plain(t *token.Token) bool {
	switch t.Type {
	case token.StringType, token.IntegerType, token.FloatType, token.BoolType, token.NullType,
		token.OctetIntegerType, token.HexIntegerType, token.BinaryIntegerType:
		return true
	}
	return false
}

// follows says whether nothing stands between two tokens.
func follows(a, b *token.Token) bool {
	return a.Position.Line == b.Position.Line && a.Position.Column+utf8.RuneCountInString(a.Value) == b.Position.Column
}

func syntaxFault(err error) *Fault {
	f := &Fault{Line: 1, Column: 1, Message: "is not YAML", Want: "key: value lines; text that holds [ ] { } # or a colon and a blank needs quotes"}
	var se *yaml.SyntaxError
	if errors.As(err, &se) {
		f.Message = strings.Map(oneLine, se.Message)
		f.Line, f.Column = position(se.Token)
	}
	return f
}

func oneLine(r rune) rune {
	if r < ' ' {
		return ' '
	}
	return r
}

func position(t *token.Token) (line, column int) {
	if t == nil || t.Position == nil {
		return 1, 1
	}
	return t.Position.Line, t.Position.Column
}

func convert(n ast.Node, depth int) (v value, fault *Fault) {
	v.line, v.column = position(start(n))
	if depth > maxDepth {
		return v, &Fault{Line: v.line, Column: v.column, Message: "is nested too deeply", Want: "the keys of node.yaml"}
	}
	switch n := n.(type) {
	case *ast.NullNode, *ast.CommentGroupNode:
		v.kind = absent
	case *ast.StringNode:
		v.kind, v.text = text, n.Value
	case *ast.LiteralNode:
		v.kind, v.text = text, n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		v.kind, v.text = number, strings.TrimSpace(n.GetToken().Value)
	case *ast.BoolNode:
		v.kind, v.text = boolean, strings.TrimSpace(n.GetToken().Value)
	case *ast.SequenceNode:
		v.kind = list
		for _, item := range n.Values {
			child, fault := convert(item, depth+1)
			if fault != nil {
				return v, fault
			}
			v.items = append(v.items, child)
		}
	case *ast.MappingNode:
		return v, v.addPairs(n.Values, depth)
	case *ast.MappingValueNode:
		return v, v.addPairs([]*ast.MappingValueNode{n}, depth)
	default:
		return v, &Fault{Line: v.line, Column: v.column, Message: "anchors, aliases and tags are not read here", Want: "the value itself"}
	}
	return v, nil
}

// start is the token at which a node begins for a reader; a mapping's own is the colon of its first pair.
func start(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return n.GetToken()
}

func (v *value) addPairs(values []*ast.MappingValueNode, depth int) *Fault {
	v.kind = mapping
	seen := map[string]int{}
	for _, mv := range values {
		at := value{}
		at.line, at.column = position(mv.Key.GetToken())
		key, ok := mv.Key.(*ast.StringNode)
		if !ok {
			return &Fault{Line: at.line, Column: at.column, Message: "is not a key", Want: "a name such as data_dir"}
		}
		if line := seen[key.Value]; line > 0 {
			return &Fault{Line: at.line, Column: at.column, Message: fmt.Sprintf("%s is there already, in line %d", quote(key.Value), line), Want: "each key once"}
		}
		seen[key.Value] = at.line
		child, fault := convert(mv.Value, depth+1)
		if fault != nil {
			return fault
		}
		v.pairs = append(v.pairs, pair{key: key.Value, at: at, value: child})
	}
	return nil
}

// parseEnv reads an environment variable: a flow list or mapping as YAML, several scalars with
// commas between them where a list is wanted, else one scalar.
func parseEnv(s string, wantList bool) (value, *Fault) {
	trimmed := strings.TrimSpace(s)
	if strings.HasPrefix(trimmed, "[") || strings.HasPrefix(trimmed, "{") {
		v, fault := parse([]byte(trimmed))
		return v, fault
	}
	if !wantList {
		return value{kind: text, text: s, env: true}, nil
	}
	v := value{kind: list}
	for item := range strings.SplitSeq(trimmed, ",") {
		if item = strings.TrimSpace(item); item != "" {
			v.items = append(v.items, value{kind: text, text: item, env: true})
		}
	}
	return v, nil
}
