package sip

import "strings"

// HeaderAction is what a HeaderChange does.
type HeaderAction uint8

// The actions.
const (
	AddHeader     HeaderAction = iota // a line more, behind all others
	RemoveHeader                      // all lines of that name
	ReplaceHeader                     // the first line; the others of that name go, and where there is none nothing comes
)

// HeaderChange adds, removes or replaces a header.
type HeaderChange struct {
	Action HeaderAction
	ID     HeaderID // of Name
	Name   string   // as it is written
	Value  string   // of one that is added or replaced
}

// NewHeaderChange is one of a header by its name, long or compact.
func NewHeaderChange(action HeaderAction, name, value string) HeaderChange {
	return HeaderChange{action, ParseHeaderName([]byte(name)), name, value}
}

// of says that a field is what the change is about.
func (c *HeaderChange) of(m *Message, f *Field) bool {
	return f.ID == c.ID && (c.ID != HdrOther || EqualFoldString(m.Slice(f.Name), c.Name))
}

// like says that another change is about the same header.
func (c *HeaderChange) like(o *HeaderChange) bool {
	return c.ID == o.ID && (c.ID != HdrOther || strings.EqualFold(c.Name, o.Name))
}

// HeaderChanges are lists of changes that are made one after another.
type HeaderChanges [][]HeaderChange

// Growth is by how many bytes they make a message longer at most.
func (l HeaderChanges) Growth() (n int) {
	for _, list := range l {
		for i := range list {
			if c := &list[i]; c.Action != RemoveHeader {
				n += len(c.Name) + len(": \r\n") + len(c.Value)
			}
		}
	}
	return n
}

// rest is what the changes before and after one do to the same header.
type rest struct {
	added, removed bool          // before it; added since it was removed
	goes           bool          // removed after it
	by             *HeaderChange // that replaces it last, after it
}

func (l HeaderChanges) rest(c *HeaderChange) (r rest) {
	before := true
	for _, list := range l {
		for i := range list {
			o := &list[i]
			switch {
			case o == c:
				before = false
			case !o.like(c):
			case o.Action == RemoveHeader && before:
				r.removed, r.added = true, false
			case o.Action == RemoveHeader:
				r.goes = true
			case o.Action == AddHeader:
				r.added = r.added || before
			case !before:
				r.by = o
			}
		}
	}
	return r
}

// Change makes changes, in place of whatever was to be done to these headers before. The message
// comes out as if they were made one by one.
func (e *Edit) Change(l HeaderChanges) {
	added := false
	for _, list := range l {
		for i := range list {
			c := &list[i]
			switch r := l.rest(c); {
			case c.Action == AddHeader:
				added = true
			case c.Action == RemoveHeader && !r.removed:
				e.lines(c, nil)
			case c.Action == ReplaceHeader && !r.removed && !r.goes && r.by == nil:
				e.lines(c, c)
			}
		}
	}
	if added {
		e.add(l)
	}
}

// lines takes away the lines of a header, and writes another in the first one's place; nil writes none.
func (e *Edit) lines(c, by *HeaderChange) {
	for i := 0; i < e.m.FieldCount(); i++ {
		f := e.m.Field(i)
		if !c.of(e.m, f) {
			continue
		}
		line := f.Line
		for i+1 < e.m.FieldCount() && c.of(e.m, e.m.Field(i+1)) { // one operation for them all
			i++
			line.End = e.m.Field(i).Line.End
		}
		if e.over(line); by != nil {
			e.line(by)
		}
		by = nil
	}
}

// add writes the lines that are added, unless they are removed or replaced again.
func (e *Edit) add(l HeaderChanges) {
	e.Insert(e.m.HeadersEnd())
	for _, list := range l {
		for i := range list {
			c := &list[i]
			if c.Action != AddHeader {
				continue
			}
			switch r := l.rest(c); {
			case r.goes:
			case r.by == nil:
				e.line(c)
			case !r.added && (r.removed || !e.has(c)):
				e.line(r.by)
			}
		}
	}
}

func (e *Edit) has(c *HeaderChange) bool {
	for i := range e.m.FieldCount() {
		if c.of(e.m, e.m.Field(i)) {
			return true
		}
	}
	return false
}

func (e *Edit) line(c *HeaderChange) {
	e.String(c.Name).String(": ").String(c.Value).String("\r\n")
}

// over starts an operation that replaces s, whatever was to be done within it; what is inserted at its
// ends stays.
func (e *Edit) over(s Span) {
	kept := 0
	for _, o := range e.ops[:e.n] {
		if o.span.Off >= s.Off && o.span.End <= s.End && (!o.inserts() || o.span.Off > s.Off && o.span.End < s.End) {
			continue
		}
		e.ops[kept] = o
		kept++
	}
	e.n = kept
	e.At(s)
}

// Changed is a message with changes made.
func Changed(message []byte, l ...[]HeaderChange) ([]byte, error) {
	var m Message
	if err := m.Parse(message); err != nil {
		return nil, err
	}
	var e Edit
	e.Reset(&m)
	e.Change(l)
	return e.Write(nil)
}
