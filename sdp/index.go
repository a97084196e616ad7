package sdp

import (
	"bytes"
	"fmt"
)

// Bounds of what is indexed; spans are uint16.
const (
	MaxSize  = 65535 // bytes
	MaxLines = 2048
	MaxMedia = 128
)

// Span is a half-open range of bytes in the body.
type Span struct{ Off, End uint16 }

// Len returns the number of bytes.
func (s Span) Len() int { return int(s.End) - int(s.Off) }

// Line is one line. Span is the whole of it with its CRLF or LF, Value what stands
// between "=" and that.
type Line struct {
	Type        byte
	Span, Value Span
}

// Media is a media description: its m= line and the lines that belong to it.
type Media struct {
	Kind    Span // audio, video
	Port    Span // without a "/2" behind it
	Proto   Span // RTP/AVP
	Formats Span // all of them, "" where there is none
	Number  uint16

	first, end int // its lines, the m= line first
}

// Description is an index over a body, which must not change while it is used. The
// zero value is ready for Parse.
type Description struct {
	body  []byte
	lines []Line
	media []Media
	room  []byte // for a name in Payloads
}

// Fault is what is wrong with a description.
type Fault struct {
	Line int // counted from 1
	What string
}

func (f *Fault) Error() string { return fmt.Sprintf("SDP line %d: %s", f.Line, f.What) }

// Parse indexes body. An error is a *Fault; nothing can be asked of the index then.
func (d *Description) Parse(body []byte) error {
	d.body, d.lines, d.media = body, d.lines[:0], d.media[:0]
	if len(body) > MaxSize {
		return &Fault{1, "more than 65535 bytes"}
	}
	crs := 0 // CRs that end a line
	for off := 0; off < len(body); {
		end, next := len(body), len(body)
		if i := bytes.IndexByte(body[off:], '\n'); i >= 0 {
			end, next = off+i, off+i+1
			if i > 0 && body[end-1] == '\r' {
				end--
				crs++
			}
		}
		if end == off {
			if len(bytes.Trim(body[off:], "\r\n")) > 0 {
				return d.fault("an empty line")
			}
			crs += bytes.Count(body[next:], []byte{'\r'})
			break // some send one at the end
		}
		if err := d.line(off, end, next); err != nil {
			return err
		}
		off = next
	}
	return d.check(crs)
}

// line takes the line from off; its CRLF or LF stands from end to next.
func (d *Description) line(off, end, next int) error {
	b := d.body[off:end]
	switch {
	case len(b) < 2 || b[1] != '=' || !letter(b[0]):
		return d.fault("not of the form x=...")
	case len(d.lines) == 0 && (b[0] != 'v' || string(bytes.TrimRight(b[2:], " ")) != "0"):
		return d.fault("expected v=0")
	case len(d.lines) == MaxLines:
		return d.fault("more than 2048 lines")
	}
	d.lines = append(d.lines, Line{
		Type: b[0], Span: Span{uint16(off), uint16(next)}, Value: Span{uint16(off + 2), uint16(end)},
	})
	if b[0] == 'm' {
		return d.stream()
	}
	if n := len(d.media); n > 0 {
		d.media[n-1].end = len(d.lines)
	}
	return nil
}

// stream begins a media description with the line that was read last (RFC 8866 5.14).
func (d *Description) stream() error {
	n := len(d.lines)
	m := Media{first: n - 1, end: n}
	value := d.lines[n-1].Value
	fields := d.Fields(value)
	var ok bool
	m.Kind, _ = fields.Next()
	m.Port, _ = fields.Next()
	if m.Proto, ok = fields.Next(); !ok {
		d.lines = d.lines[:n-1]
		return d.fault("expected m=<media> <port> <proto> <fmt>")
	}
	m.Formats = Span{fields.pos, value.End}
	port, count, several := bytes.Cut(d.Slice(m.Port), []byte{'/'})
	m.Port.End = m.Port.Off + uint16(len(port))
	number, ok := parseUint(port, 65535)
	if _, fine := parseUint(count, 65535); !ok || several && !fine {
		d.lines = d.lines[:n-1]
		return d.fault("the port of m= is no number from 0 to 65535")
	}
	if m.Number = uint16(number); len(d.media) == MaxMedia {
		return d.fault("more than 128 m= lines")
	}
	d.media = append(d.media, m)
	return nil
}

// check refuses what two readers would read in two ways: a CR within a line, a NUL.
func (d *Description) check(crs int) error {
	if len(d.lines) == 0 {
		return d.fault("expected v=0")
	}
	if bytes.Count(d.body, []byte{'\r'}) == crs && bytes.IndexByte(d.body, 0) < 0 {
		return nil
	}
	for i := range d.lines {
		if bytes.ContainsAny(d.Slice(d.lines[i].Value), "\r\x00") {
			return &Fault{i + 1, "a CR or NUL within the line"}
		}
	}
	return d.fault("a CR without LF")
}

// fault is what is wrong with the line behind those that are indexed.
func (d *Description) fault(what string) error { return &Fault{len(d.lines) + 1, what} }

// Slice returns the bytes of a span.
func (d *Description) Slice(s Span) []byte { return d.body[s.Off:s.End] }

// Session returns the lines before the first m=.
func (d *Description) Session() []Line {
	if len(d.media) > 0 {
		return d.lines[:d.media[0].first]
	}
	return d.lines
}

// Media returns the media descriptions in order.
func (d *Description) Media() []Media { return d.media }

// Lines returns the lines of a media description, its m= line first.
func (d *Description) Lines(m *Media) []Line { return d.lines[m.first:m.end] }

// Fields goes through what stands between spaces in a span.
func (d *Description) Fields(s Span) Fields { return Fields{d.body, s.Off, s.End} }

// Fields goes through the fields of a line.
type Fields struct {
	body     []byte
	pos, end uint16
}

// Next returns the next field, false when there is none.
func (f *Fields) Next() (Span, bool) {
	for f.pos < f.end && blank(f.body[f.pos]) {
		f.pos++
	}
	start := f.pos
	for f.pos < f.end && !blank(f.body[f.pos]) {
		f.pos++
	}
	return Span{start, f.pos}, f.pos > start
}

func blank(c byte) bool  { return c == ' ' || c == '\t' }
func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// parseUint reads a number of digits alone, at most most.
func parseUint(b []byte, most int) (n int, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + int(c-'0'); n > most {
			return 0, false
		}
	}
	return n, len(b) > 0
}
