package sdp

// Answer makes a stream of a description that stands fit an offer: it is off where the offer
// turns it off, and sends and receives no more than the offer lets it (RFC 3264 6.1).
func (e *Edit) Answer(m *Media, offer *Description, offered *Media) {
	if offered.Number == 0 {
		e.Off(m)
		return
	}
	own, theirs := e.d.Direction(m), offer.Direction(offered)
	fits := direction(own.sends() && theirs.receives(), own.receives() && theirs.sends())
	if fits == own {
		return
	}
	lines := e.d.Lines(m)
	for i := range lines {
		if _, ok := e.d.direction(&lines[i]); ok {
			e.Delete(lines[i].Span)
		}
	}
	after := &lines[len(lines)-1]
	e.begin(after).String("a=").String(fits.String()).end(after)
}

func (d Direction) sends() bool    { return d == SendRecv || d == SendOnly }
func (d Direction) receives() bool { return d == SendRecv || d == RecvOnly }

// direction is the one in which a stream sends or receives.
func direction(sends, receives bool) Direction {
	switch {
	case sends && receives:
		return SendRecv
	case sends:
		return SendOnly
	case receives:
		return RecvOnly
	}
	return Inactive
}
