package sdp

import (
	"bytes"
	"strconv"
)

// maxPayload is the highest payload type: RTP has seven bits for it.
const maxPayload = 127

// Codec is an encoding as rtpmap writes it: PCMU/8000.
type Codec struct {
	Name []byte
	Rate int // clock rate in Hz, 0 = unknown
}

// static names the payload types that need no rtpmap (RFC 3551 6). Both numbers of CN
// are in use.
func static(payload int) (name string, rate int) {
	switch payload {
	case 0:
		return "PCMU", 8000
	case 2:
		return "G726-32", 8000
	case 3:
		return "GSM", 8000
	case 4:
		return "G723", 8000
	case 5:
		return "DVI4", 8000
	case 6:
		return "DVI4", 16000
	case 7:
		return "LPC", 8000
	case 8:
		return "PCMA", 8000
	case 9:
		return "G722", 8000 // 16 kHz of sound, but RFC 3551 4.5.2
	case 10, 11:
		return "L16", 44100
	case 12:
		return "QCELP", 8000
	case 13, 19:
		return "CN", 8000
	case 15:
		return "G728", 8000
	case 16:
		return "DVI4", 11025
	case 17:
		return "DVI4", 22050
	case 18:
		return "G729", 8000
	}
	return staticVideo(payload)
}

func staticVideo(payload int) (name string, rate int) {
	switch payload {
	case 14:
		return "MPA", 90000
	case 25:
		return "CelB", 90000
	case 26:
		return "JPEG", 90000
	case 28:
		return "nv", 90000
	case 31:
		return "H261", 90000
	case 32:
		return "MPV", 90000
	case 33:
		return "MP2T", 90000
	case 34:
		return "H263", 90000
	}
	return "", 0
}

// rtpmap reads what stands behind the payload type of an rtpmap: "opus/48000/2".
func rtpmap(value []byte) (c Codec) {
	var rate []byte
	c.Name, rate, _ = bytes.Cut(bytes.TrimSpace(value), []byte{'/'})
	rate, _, _ = bytes.Cut(rate, []byte{'/'})
	c.Rate, _ = parseUint(rate, 1<<30)
	return c
}

// Is reports whether the codec is the one of a name, in any case; with a clock rate
// behind it (G729/8000) only at that.
func (c Codec) Is(name string) bool {
	for i := range len(name) {
		if name[i] == '/' {
			rate, ok := parseUint([]byte(name[i+1:]), 1<<30)
			return ok && rate == c.Rate && equalFold(c.Name, name[:i])
		}
	}
	return equalFold(c.Name, name)
}

// in reports whether the codec is in one of some lists.
func (c Codec) in(lists [][]string) bool {
	for _, list := range lists {
		for _, name := range list {
			if c.Is(name) {
				return true
			}
		}
	}
	return false
}

// AppendCodecs appends the names of a media description's formats for people, such as
// "PCMU, G729, 97": at most 16 of them, of each at most 24 bytes, and only bytes that a
// quoted string may hold.
func (d *Description) AppendCodecs(dst []byte, m *Media) []byte {
	const most, longest = 16, 24
	fields := d.Fields(m.Formats)
	for i := range most {
		f, ok := fields.Next()
		if !ok {
			return dst
		}
		if i > 0 {
			dst = append(dst, ", "...)
		}
		name := d.Slice(f)
		if payload, ok := parseUint(name, maxPayload); ok {
			if c := d.codec(m, payload); len(c.Name) > 0 {
				name = c.Name
			}
		}
		for _, ch := range name[:min(len(name), longest)] {
			if ch <= ' ' || ch >= 0x7f || ch == '"' || ch == '\\' {
				ch = '?'
			}
			dst = append(dst, ch)
		}
	}
	if _, more := fields.Next(); more {
		dst = append(dst, " and more"...)
	}
	return dst
}

// codec is what a payload type stands for: by its rtpmap, else by its number.
func (d *Description) codec(m *Media, payload int) Codec {
	lines := d.Lines(m)
	for i := range lines {
		if name, p, rest, ok := d.PayloadLine(&lines[i]); ok && p == payload && string(name) == "rtpmap" {
			return rtpmap(d.Slice(rest))
		}
	}
	name, rate := static(payload)
	return Codec{[]byte(name), rate}
}

// String is NAME/RATE, for tests and messages.
func (c Codec) String() string { return string(c.Name) + "/" + strconv.Itoa(c.Rate) }

// Payloads calls fn for each RTP payload type of a media description, in its order and once
// each: its encoding by rtpmap, else by its number (RFC 3551 6), and clock rate in Hz; "" and
// 0 where it has none. event: it is telephone-event (RFC 4733). name is good within fn only.
func (d *Description) Payloads(m *Media, fn func(pt uint8, name []byte, hz int, event bool)) {
	if !d.RTP(m) {
		return
	}
	var known [maxPayload + 1]Codec
	var seen [maxPayload + 1]bool
	lines := d.Lines(m)
	for i := range lines {
		name, n, rest, ok := d.PayloadLine(&lines[i])
		if ok && string(name) == "rtpmap" && !seen[n] {
			known[n], seen[n] = rtpmap(d.Slice(rest)), true
		}
	}
	clear(seen[:])
	fields := d.Fields(m.Formats)
	for f, ok := fields.Next(); ok; f, ok = fields.Next() {
		n, ok := parseUint(d.Slice(f), maxPayload)
		if !ok || seen[n] {
			continue
		}
		c := known[n]
		if c.Name == nil {
			var name string
			name, c.Rate = static(n)
			d.room = append(d.room[:0], name...)
			c.Name = d.room
		}
		seen[n] = true
		fn(uint8(n), c.Name, c.Rate, c.Is("telephone-event"))
	}
}
