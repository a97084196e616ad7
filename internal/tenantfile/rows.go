package tenantfile

import (
	"fmt"
	"math"
	"strconv"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"tollgate/internal/tenant"
)

// Row is one noun of a file that is no YAML, such as a line of CSV. Line and Column count from 1.
type Row struct {
	Line, Column int
	Cells        []Cell
}

// Cell is one value of a row, under its key in tenants.yaml.
type Cell struct {
	Key          string
	Value        any // string, int, bool, List or Map
	Line, Column int
}

// List is the value of a cell that holds several; their keys count for nothing.
type List []Cell

// Map is the value of a cell that holds keys with values of their own.
type Map []Cell

// Rows makes a file of rows: nouns of the list (sip_users, dids, ...) of a customer who stands.
// Unlike those of a tenants.yaml they are no whole list: what they do not name stays. Applying
// them leaves no mark of an apply, asks nobody whether he changed the same meanwhile, and is what
// the principal's Via says.
func Rows(name, customer, list string, rows []Row) *File {
	r := newReader(name, Given{})
	r.limit = math.MaxInt // each row that is not taken is told
	it := newItem[tenant.Customer](place{1, 1})
	it.set = append(it.set, func(v *tenant.Customer) { v.Name = customer })
	it.places["name"] = it.at
	body := ast.Sequence(token.SequenceStart("", position(1, 1)), true)
	for i := range rows {
		body.Values = append(body.Values, mappingNode(rows[i].Line, rows[i].Column, rows[i].Cells))
	}
	for _, s := range sections() {
		if s.key() == list {
			s.read(r, body, it)
		}
	}
	return &File{name: name, faults: r.faults, additive: true, customers: newList(it)}
}

func newList[T any](it *item[T]) *list[T] { return &list[T]{at: it.at, items: []*item[T]{it}} }

func position(line, column int) *token.Position { return &token.Position{Line: line, Column: column} }

// mappingNode is a row as YAML would have it; its keys stand where the row does.
func mappingNode(line, column int, cells []Cell) *ast.MappingNode {
	at := position(line, column)
	m := ast.Mapping(token.MappingStart("", at), true)
	for i := range cells {
		key := ast.String(token.DoubleQuote(cells[i].Key, cells[i].Key, at))
		m.Values = append(m.Values, ast.MappingValue(token.MappingValue(at), key, node(&cells[i])))
	}
	return m
}

func node(c *Cell) ast.Node {
	at := position(c.Line, c.Column)
	switch v := c.Value.(type) {
	case string:
		return ast.String(token.DoubleQuote(v, v, at))
	case int:
		return ast.Integer(token.New(strconv.Itoa(v), strconv.Itoa(v), at))
	case bool:
		return ast.Bool(token.New(strconv.FormatBool(v), strconv.FormatBool(v), at))
	case Map:
		return mappingNode(c.Line, c.Column, v)
	case List:
		s := ast.Sequence(token.SequenceStart("", at), true)
		for i := range v {
			s.Values = append(s.Values, node(&v[i]))
		}
		return s
	}
	panic(fmt.Sprintf("a cell of type %T", c.Value)) // a fault of the caller's
}
