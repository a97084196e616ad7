package tenantfile

import (
	"fmt"

	"github.com/goccy/go-yaml/token"

	"tollgate/internal/tenant"
)

// The YAML parser takes time that grows with the square of the nesting and of the keys of one
// mapping. A file that anybody writes has few of both, so more is refused before it is parsed.
const (
	depthLimit  = 32  // brackets, or dashes of one line
	columnLimit = 400 // indentation
	keyLimit    = 500 // keys of one mapping
)

// tamer counts what is quadratic. Block mappings are told apart by the column of their keys.
type tamer struct {
	line, run int         // dashes and the like at the beginning of this line
	flow      []int       // keys of each open bracket
	block     map[int]int // keys by column
	columns   []int       // the columns in block, ascending
}

// tame says whether the parser may see these tokens; if not, it tells why.
func (r *reader) tame(tokens token.Tokens) bool {
	t := &tamer{block: map[int]int{}}
	for _, tok := range tokens {
		if tok.Position == nil {
			continue
		}
		if what := t.next(tok); what != "" {
			r.fault(at(tok), tenant.CodeOutOfRange, "", what, "the form of docs/tenants.example.yaml")
			return false
		}
	}
	return true
}

// next takes one token and gives what is too much, "" for nothing.
func (t *tamer) next(tok *token.Token) string {
	if tok.Position.Line != t.line {
		t.line, t.run = tok.Position.Line, 0
		t.close(tok.Position.Column)
		if tok.Position.Column > columnLimit && len(t.flow) == 0 {
			return fmt.Sprintf("is indented by more than %d columns", columnLimit)
		}
	}
	switch tok.Type {
	case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
		t.run++
	case token.SequenceStartType, token.MappingStartType:
		t.flow = append(t.flow, 0)
	case token.SequenceEndType, token.MappingEndType:
		t.flow = t.flow[:max(0, len(t.flow)-1)]
	case token.MappingValueType:
		if t.key(tok) > keyLimit {
			return fmt.Sprintf("a mapping of more than %d keys", keyLimit)
		}
	}
	if t.run > depthLimit || len(t.flow) > depthLimit {
		return fmt.Sprintf("is nested more than %d deep", depthLimit)
	}
	return ""
}

// close forgets the block mappings that a line further left ends.
func (t *tamer) close(column int) {
	for n := len(t.columns); n > 0 && t.columns[n-1] > column; n-- {
		delete(t.block, t.columns[n-1])
		t.columns = t.columns[:n-1]
	}
}

// key counts the key before a colon in its mapping.
func (t *tamer) key(colon *token.Token) int {
	if n := len(t.flow); n > 0 {
		t.flow[n-1]++
		return t.flow[n-1]
	}
	column := colon.Position.Column
	if colon.Prev != nil && colon.Prev.Position != nil {
		column = colon.Prev.Position.Column
	}
	if t.block[column] == 0 {
		t.close(column)
		t.columns = append(t.columns, column)
	}
	t.block[column]++
	return t.block[column]
}
