package policy

import "bytes"

// maxValue is the longest header value that rules look at, in bytes; it bounds what one
// request can cost.
const maxValue = 1024

// onePiece is what a rule on h compares where that stands in the message as it is, which is
// nearly always; ok is false where it has to be put together.
func onePiece(r *Request, h header) (value []byte, ok bool) {
	switch h {
	case headerURI:
		return r.Msg.RequestURI(), true
	case headerSource:
		return nil, false
	}
	value, ok = r.Msg.Only(h.id())
	return value, ok && !folded(value)
}

// scratch is where a value is put together that does not stand in the message in one piece.
// It is pooled, since the regexp package lets what it reads escape to the heap.
type scratch [maxValue]byte

// value is what a rule on h compares: the whole unfolded value, several header lines joined
// by ", " (RFC 3261 7.3.1), "" if there is none. It aliases the message or s. Not ok: it is
// longer than maxValue.
func (s *scratch) value(r *Request, h header) (value []byte, ok bool) {
	switch h {
	case headerURI:
		value = r.Msg.RequestURI()
		return value, len(value) <= maxValue
	case headerSource:
		return r.Source.Addr().Unmap().AppendTo(s[:0]), true
	}
	id, found := h.id(), 0
	var single []byte
	out := s[:0]
	for i := range r.Msg.FieldCount() {
		field := r.Msg.Field(i)
		if field.ID != id {
			continue
		}
		raw := r.Msg.Slice(field.Value)
		if found++; found == 1 {
			single = raw
			continue
		}
		if found == 2 {
			if out, ok = appendUnfolded(out, single); !ok {
				return nil, false
			}
		}
		if len(out)+2 > maxValue {
			return nil, false
		}
		if out, ok = appendUnfolded(append(out, ", "...), raw); !ok {
			return nil, false
		}
	}
	switch {
	case found > 1:
		return out, true
	case !folded(single[:min(len(single), maxValue+1)]): // what follows cannot make it shorter
		return single, len(single) <= maxValue
	default:
		return appendUnfolded(out, single)
	}
}

// folded reports whether a value runs over several lines.
func folded(b []byte) bool {
	return bytes.IndexByte(b, '\r') >= 0 || bytes.IndexByte(b, '\n') >= 0
}

// appendUnfolded appends a value with each fold, the line break and the white space around
// it, as one space (RFC 3261 7.3.1). Not ok: it does not fit.
func appendUnfolded(dst, b []byte) (out []byte, ok bool) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '\r' || c == '\n' {
			for len(dst) > 0 && blank(dst[len(dst)-1]) {
				dst = dst[:len(dst)-1]
			}
			for i+1 < len(b) && blank(b[i+1]) {
				i++
			}
			c = ' '
		}
		if len(dst) == maxValue {
			return nil, false
		}
		dst = append(dst, c)
	}
	return dst, true
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
