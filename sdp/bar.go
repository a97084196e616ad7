package sdp

import "bytes"

// payload is what Bar knows of one payload type of a media description.
type payload struct {
	listed bool
	rate   int
	aid    aid
	gone   bool
}

// aid is a format that carries no speech of its own: it stays as long as what it
// goes with.
type aid uint8

const (
	speech  aid = iota
	beside      // telephone-event, CN: with the codecs of its clock rate (RFC 4733 2.1, RFC 3389 4)
	wrapped     // red: with the formats that its fmtp names (RFC 2198 5)
)

func aidOf(c Codec) aid {
	switch {
	case c.Is("telephone-event"), c.Is("CN"):
		return beside
	case c.Is("red"):
		return wrapped
	}
	return speech
}

// payloads is the payload types of one media description.
type payloads [maxPayload + 1]payload

// Bar takes codecs out of all RTP streams that are on: the formats, with their rtpmap,
// fmtp and rtcp-fb lines. Names are compared in any case, with a clock rate (G729/8000)
// only at that. Telephone events and comfort noise go when they are named, and with the
// last codec of their clock rate. A stream that nothing is left of is turned off: its port
// is 0, and it keeps its formats, since one has to stand there (RFC 3264 6).
//
// silent is the first audio stream that was on, where it was turned off; nil else.
func (e *Edit) Bar(lists ...[]string) (silent *Media) {
	d, first := e.d, true
	for i := range d.media {
		m := &d.media[i]
		if m.Number == 0 || !d.RTP(m) {
			continue
		}
		off := e.bar(m, lists)
		if d.Is(m, "audio") {
			if off && first {
				silent = m
			}
			first = false
		}
	}
	return silent
}

// bar takes codecs out of one stream; true: nothing is left of it.
func (e *Edit) bar(m *Media, lists [][]string) (off bool) {
	var p payloads
	others := p.read(e.d, m, lists)
	if !p.spread(e.d, m) {
		return false
	}
	if off = !others && !p.speaks(); off {
		for i := range p {
			p[i].gone = true
		}
		e.Off(m)
	} else {
		e.formats(m, &p)
	}
	lines := e.d.Lines(m)
	for i := range lines {
		if _, n, _, ok := e.d.PayloadLine(&lines[i]); ok && p[n].gone {
			e.Delete(lines[i].Span)
		}
	}
	return off
}

// formats takes formats that are gone out of the m= line, each with the space before it.
func (e *Edit) formats(m *Media, p *payloads) {
	fields := e.d.Fields(m.Formats)
	before := m.Formats.Off
	for {
		f, ok := fields.Next()
		if !ok {
			return
		}
		if n, ok := parseUint(e.d.Slice(f), maxPayload); ok && p[n].gone {
			e.Delete(Span{before, f.End})
		}
		before = f.End
	}
}

// read notes the formats of a media description and which of them are named in lists.
// others: there is one that is no payload type. A payload type that has a meaning by its
// number and another by rtpmap goes for either.
func (p *payloads) read(d *Description, m *Media, lists [][]string) (others bool) {
	fields := d.Fields(m.Formats)
	for {
		f, ok := fields.Next()
		if !ok {
			break
		}
		n, ok := parseUint(d.Slice(f), maxPayload)
		if !ok {
			others = true
			continue
		}
		p[n].listed = true
		if name, rate := static(n); name != "" {
			var room [16]byte
			p[n].is(Codec{append(room[:0], name...), rate}, lists)
		}
	}
	lines := d.Lines(m)
	for i := range lines {
		if name, n, rest, ok := d.PayloadLine(&lines[i]); ok && string(name) == "rtpmap" {
			p[n].is(rtpmap(d.Slice(rest)), lists)
		}
	}
	return others
}

func (p *payload) is(c Codec, lists [][]string) {
	p.rate, p.aid = c.Rate, aidOf(c)
	p.gone = p.gone || c.in(lists)
}

// spread lets what goes with a codec go with it; false: nothing goes.
func (p *payloads) spread(d *Description, m *Media) (any bool) {
	for i := range p {
		one := &p[i]
		any = any || one.listed && one.gone
		if one.aid == beside && one.listed && !one.gone {
			one.gone = p.lost(one.rate)
		}
	}
	if !any {
		return false
	}
	lines := d.Lines(m)
	for i := range lines {
		name, n, rest, ok := d.PayloadLine(&lines[i])
		if ok && string(name) == "fmtp" && p[n].aid == wrapped && p.holds(d.Slice(rest)) {
			p[n].gone = true
		}
	}
	return true
}

// lost reports whether there were codecs at a clock rate and all of them go.
func (p *payloads) lost(rate int) bool {
	lost := false
	for i := range p {
		if one := &p[i]; one.listed && one.aid == speech && one.rate == rate {
			if !one.gone {
				return false
			}
			lost = true
		}
	}
	return lost
}

// holds reports whether a list of payload types, 0/18/18, has one that goes.
func (p *payloads) holds(list []byte) bool {
	for list = bytes.TrimSpace(list); len(list) > 0; {
		var one []byte
		one, list, _ = bytes.Cut(list, []byte{'/'})
		if n, ok := parseUint(one, maxPayload); ok && p[n].gone {
			return true
		}
	}
	return false
}

// speaks reports whether a format is left that carries speech by itself.
func (p *payloads) speaks() bool {
	for i := range p {
		if one := &p[i]; one.listed && one.aid == speech && !one.gone {
			return true
		}
	}
	return false
}
