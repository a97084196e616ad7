package sip

import (
	"errors"
	"net/netip"
	"strconv"
)

// maxOps is how many operations one Edit takes.
const maxOps = 64

// Errors of Edit.Write.
var (
	ErrOverlap   = errors.New("edit: operations overlap")
	ErrEdits     = errors.New("edit: too many operations")
	ErrTooLarge  = errors.New("edit: message over 65535 bytes")
	ErrEditRange = errors.New("edit: operation outside of the message")
)

// Edit is a rewrite of a message: spans that are deleted, replaced or inserted at,
// applied in one copy. Untouched bytes leave as they came. The zero value is ready
// for Reset, and a reused Edit does not allocate once its arena has grown.
type Edit struct {
	m      *Message
	n      int
	failed error
	arena  []byte
	ops    [maxOps]editOp
}

// editOp replaces span by the arena's bytes from lit to end.
type editOp struct {
	span     Span
	lit, end int32
}

func (o *editOp) inserts() bool { return o.span.Off == o.span.End }
func (o *editOp) deletes() bool { return o.lit == o.end }

// Reset starts an edit of m, which must not be parsed anew before Write.
func (e *Edit) Reset(m *Message) {
	e.m, e.n, e.failed, e.arena = m, 0, nil, e.arena[:0]
}

// Delete removes the bytes of s.
func (e *Edit) Delete(s Span) { e.At(s) }

// Insert starts an insertion at off; operations at one offset keep their order.
func (e *Edit) Insert(off uint16) *Edit { return e.At(Span{off, off}) }

// At starts an operation that replaces s; the calls that follow append to it.
func (e *Edit) At(s Span) *Edit {
	switch {
	case e.n == maxOps:
		e.failed = ErrEdits
	case s.Off > s.End || s.Off < e.m.start || s.End > e.m.end:
		e.failed = ErrEditRange
	default:
		at := int32(len(e.arena))
		e.ops[e.n] = editOp{span: s, lit: at, end: at}
		e.n++
	}
	return e
}

// DeleteElements removes the first n elements of a comma-separated header, over as
// many lines as they take: Vias of an answer, Routes that were ours.
func (e *Edit) DeleteElements(id HeaderID, n int) {
	it := e.m.Elements(id)
	field := -1 // the line that is being emptied
	for range n {
		if _, ok := it.Next(); !ok {
			break
		}
		if field != it.Field() && field >= 0 {
			e.Delete(e.m.fields[field].Line)
		}
		field = it.Field()
	}
	if field < 0 {
		return
	}
	line := &e.m.fields[field]
	if rest, ok := it.Next(); ok && it.Field() == field {
		e.Delete(Span{line.Value.Off, e.m.SpanOf(rest).Off})
		return
	}
	e.Delete(line.Line)
}

// Bytes appends to the operation that was started last.
func (e *Edit) Bytes(b []byte) *Edit {
	e.arena = append(e.arena, b...)
	return e.grown()
}

// String appends s.
func (e *Edit) String(s string) *Edit {
	e.arena = append(e.arena, s...)
	return e.grown()
}

// Byte appends c.
func (e *Edit) Byte(c byte) *Edit {
	e.arena = append(e.arena, c)
	return e.grown()
}

// Uint appends n in decimal.
func (e *Edit) Uint(n uint64) *Edit {
	e.arena = appendUint(e.arena, n)
	return e.grown()
}

// AddrPort appends an address and port, an IPv6 address in brackets.
func (e *Edit) AddrPort(a netip.AddrPort) *Edit {
	e.arena = a.AppendTo(e.arena)
	return e.grown()
}

func (e *Edit) grown() *Edit {
	if len(e.arena) > MaxMessage {
		e.failed, e.arena = ErrTooLarge, e.arena[:0]
	}
	if e.n > 0 && e.failed == nil {
		e.ops[e.n-1].end = int32(len(e.arena))
	}
	return e
}

// Write appends the edited message to dst and returns it. On an error (operations
// that overlap, too many of them, a result over 65535 bytes) dst comes back as it was.
func (e *Edit) Write(dst []byte) ([]byte, error) {
	if e.failed != nil {
		return dst, e.failed
	}
	e.sort()
	size, err := e.size()
	if err != nil {
		return dst, err
	}
	if size > MaxMessage {
		return dst, ErrTooLarge
	}
	buf, pos := e.m.buf, int(e.m.start)
	for i := range e.ops[:e.n] {
		o := &e.ops[i]
		if off := int(o.span.Off); off > pos {
			dst = append(dst, buf[pos:off]...)
		}
		dst = append(dst, e.arena[o.lit:o.end]...)
		pos = max(pos, int(o.span.End))
	}
	return append(dst, buf[pos:e.m.end]...), nil
}

// size checks that no operation stands in what another one takes away, and returns
// the length of the result. Deletions may overlap each other; an insertion may
// stand at the start of a replaced span, whichever was asked for first.
func (e *Edit) size() (int, error) {
	size, pos, group := int(e.m.end)-int(e.m.start), int(e.m.start), -1
	deleted := true // all that reached up to pos was pure deletion
	for i := range e.ops[:e.n] {
		o := &e.ops[i]
		off, end := int(o.span.Off), int(o.span.End)
		if off < pos && !(o.inserts() && off == group) && !(o.deletes() && deleted) {
			return 0, ErrOverlap
		}
		if !o.inserts() {
			if off >= pos {
				deleted = true
			}
			deleted = deleted && o.deletes()
		}
		size += int(o.end - o.lit)
		if off >= pos {
			group = off
		}
		if end > pos {
			size -= end - max(off, pos)
			pos = end
		}
	}
	return size, nil
}

// sort orders the operations by offset, stable: there are few, and they mostly come
// in order.
func (e *Edit) sort() {
	for i := 1; i < e.n; i++ {
		for j := i; j > 0 && e.ops[j].span.Off < e.ops[j-1].span.Off; j-- {
			e.ops[j], e.ops[j-1] = e.ops[j-1], e.ops[j]
		}
	}
}

func appendUint(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) }
