package sdp

import "bytes"

// Part is where a session description stands in the body of a message.
type Part struct {
	Body   Span
	Length Span // digits of the part's own Content-Length; empty: it has none
	Again  bool // another description follows in a part of its own
}

// nested is how deep a multipart body is looked into.
const nested = 3

// Locate finds the session description in a body: all of it, where its Content-Type is
// application/sdp (or it has none and begins as one does), or the first such part of a multipart one (RFC 2046 5.1,
// RFC 5621). Again says that it is not the only one. False: there is none.
func Locate(contentType, body []byte) (Part, bool) {
	if len(body) == 0 || len(body) > MaxSize {
		return Part{}, false
	}
	untyped := len(bytes.TrimSpace(contentType)) == 0 && bytes.HasPrefix(body, []byte("v="))
	if untyped || mediaType(contentType, "application", "sdp") {
		return Part{Body: Span{0, uint16(len(body))}}, true
	}
	return locate(contentType, body, 0, nested)
}

// locate looks into a multipart body, which stands at off in the whole.
func locate(contentType, body []byte, off, depth int) (Part, bool) {
	if depth == 0 || !mediaType(contentType, "multipart", "") {
		return Part{}, false
	}
	boundary := parameter(contentType, "boundary")
	if len(boundary) == 0 || len(boundary) > 70 {
		return Part{}, false
	}
	p, found := Part{}, false
	at, next, last := delimiter(body, 0, boundary)
	for at >= 0 && !last {
		start := next
		if at, next, last = delimiter(body, start, boundary); at < 0 {
			at = len(body)
			last = true
		}
		kind, length, content := partHeader(body, start, at)
		one, ok := Part{}, mediaType(kind, "application", "sdp") && content < at
		if ok {
			one.Body = Span{uint16(off + content), uint16(off + at)}
			if length.End > 0 {
				one.Length = Span{length.Off + uint16(off), length.End + uint16(off)}
			}
		} else {
			one, ok = locate(kind, body[content:at], off+content, depth-1)
		}
		switch {
		case ok && found:
			p.Again = true
		case ok:
			p, found = one, true
		}
	}
	return p, found
}

// delimiter finds the next line "--boundary" from a line's start: at is where the line
// end before it begins, next the line behind it; last says that it is the closing one.
// at < 0: there is none.
func delimiter(body []byte, from int, boundary []byte) (at, next int, last bool) {
	for off := from; off < len(body); off = next {
		next = lineEnd(body, off)
		line, ok := bytes.CutPrefix(body[off:next], []byte("--"))
		if ok {
			line, ok = bytes.CutPrefix(line, boundary)
		}
		if !ok {
			continue
		}
		line, last = bytes.CutPrefix(line, []byte("--"))
		if len(bytes.TrimSpace(line)) > 0 {
			continue // a longer boundary, of a part within
		}
		if at = off; at > from && body[at-1] == '\n' {
			if at--; at > from && body[at-1] == '\r' {
				at--
			}
		}
		return at, next, last
	}
	return -1, len(body), true
}

// partHeader reads the header of a part from start to end: the value of its Content-Type, which may go on
// over lines (RFC 2045 5.1), where the digits of its Content-Length stand, and its content.
func partHeader(body []byte, start, end int) (kind []byte, length Span, content int) {
	typed := -1 // where the value of Content-Type begins, while its lines go on
	for off := start; off < end; {
		next := min(lineEnd(body, off), end)
		line := bytes.TrimRight(body[off:next], "\r\n")
		if len(line) == 0 {
			return kind, length, next
		}
		if typed >= 0 && blank(line[0]) {
			kind = body[typed:next]
			off = next
			continue
		}
		typed = -1
		name, value, _ := bytes.Cut(line, []byte{':'})
		name, value = bytes.TrimSpace(name), bytes.TrimSpace(value)
		switch {
		case equalFold(name, "Content-Type"), equalFold(name, "c"):
			kind, typed = value, off+bytes.IndexByte(line, ':')+1
		case equalFold(name, "Content-Length"), equalFold(name, "l"):
			if _, ok := parseUint(value, MaxSize); ok {
				at := bytes.LastIndex(body[off:next], value) + off
				length = Span{uint16(at), uint16(at + len(value))}
			}
		}
		off = next
	}
	return kind, length, end
}

// lineEnd is where the line behind the one at off begins.
func lineEnd(body []byte, off int) int {
	if i := bytes.IndexByte(body[off:], '\n'); i >= 0 {
		return off + i + 1
	}
	return len(body)
}

// mediaType compares a Content-Type without its parameters; white space may stand around the slash
// (RFC 3261 25.1). sub "" is any.
func mediaType(contentType []byte, top, sub string) bool {
	kind, _, _ := bytes.Cut(contentType, []byte{';'})
	is, of, _ := bytes.Cut(kind, []byte{'/'})
	return equalFold(bytes.TrimSpace(is), top) && (sub == "" || equalFold(bytes.TrimSpace(of), sub))
}

// parameter reads a parameter of a Content-Type, without its quotes.
func parameter(contentType []byte, name string) []byte {
	_, rest, _ := bytes.Cut(contentType, []byte{';'})
	for len(rest) > 0 {
		rest = bytes.TrimLeft(rest, " \t\r\n;")
		key, value, ok := bytes.Cut(rest, []byte{'='})
		if !ok {
			return nil
		}
		value = bytes.TrimLeft(value, " \t")
		end := bytes.IndexByte(value, ';')
		if len(value) > 0 && value[0] == '"' {
			value = value[1:]
			end = bytes.IndexByte(value, '"')
		}
		if end < 0 {
			end = len(value)
		}
		if equalFold(bytes.TrimSpace(key), name) {
			return bytes.TrimSpace(value[:end])
		}
		rest = value[min(end+1, len(value)):]
	}
	return nil
}
