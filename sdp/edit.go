package sdp

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strconv"
)

// Errors of Edit.Append.
var (
	ErrOverlap = errors.New("sdp edit: operations overlap")
	ErrTooLong = errors.New("sdp edit: description over 65535 bytes")
)

// Edit is a rewrite of a description: spans that are deleted, replaced or inserted at,
// applied in one copy. The zero value is ready for Reset, and a reused Edit does not
// allocate once it has grown.
type Edit struct {
	d     *Description
	ops   []op
	arena []byte

	session netip.Addr // that Connection has written
	bridged bool       // Bridge was called: the session's lines are done
	plain   bool       // and those of DTLS, too
}

// op replaces span by the arena's bytes from lit to end.
type op struct {
	span     Span
	lit, end int
}

// Reset starts an edit of d, which must not be parsed anew before Append.
func (e *Edit) Reset(d *Description) { *e = Edit{d: d, ops: e.ops[:0], arena: e.arena[:0]} }

// Changes reports whether there is anything to be changed.
func (e *Edit) Changes() bool { return len(e.ops) > 0 }

// Delete removes the bytes of s.
func (e *Edit) Delete(s Span) { e.At(s) }

// Insert starts an insertion at off; those at one offset keep their order.
func (e *Edit) Insert(off uint16) *Edit { return e.At(Span{off, off}) }

// At starts an operation that replaces s; the calls that follow append to it.
func (e *Edit) At(s Span) *Edit {
	e.ops = append(e.ops, op{s, len(e.arena), len(e.arena)})
	return e
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

// Uint appends n in decimal.
func (e *Edit) Uint(n uint64) *Edit {
	e.arena = strconv.AppendUint(e.arena, n, 10)
	return e.grown()
}

func (e *Edit) grown() *Edit {
	e.ops[len(e.ops)-1].end = len(e.arena)
	return e
}

// Append appends the edited description to dst and returns it. On an error
// (operations that overlap, a result over 65535 bytes) dst comes back as it was.
func (e *Edit) Append(dst []byte) ([]byte, error) {
	e.sort()
	pos, start := 0, len(dst)
	for _, o := range e.ops {
		if int(o.span.Off) < pos || o.span.End < o.span.Off || int(o.span.End) > len(e.d.body) {
			return dst[:start], ErrOverlap
		}
		dst = append(dst, e.d.body[pos:o.span.Off]...)
		dst = append(dst, e.arena[o.lit:o.end]...)
		pos = int(o.span.End)
	}
	if dst = append(dst, e.d.body[pos:]...); len(dst)-start > MaxSize {
		return dst[:start], ErrTooLong
	}
	return dst, nil
}

// sort orders the operations by offset, stable; what is inserted at an offset comes before
// what is replaced from there.
func (e *Edit) sort() {
	slices.SortStableFunc(e.ops, func(a, b op) int {
		return cmp.Or(cmp.Compare(a.span.Off, b.span.Off), cmp.Compare(a.span.End, b.span.End))
	})
}
