package sdp

// Hash is of the text without its o= lines: where it is the same, a description says what
// it said before, whatever its version (RFC 3264 8). FNV-1a, the same in every process;
// whoever writes two of one hash deceives himself alone.
func (d *Description) Hash() uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	sum, lines := uint64(offset), d.Session()
	add := func(s Span) {
		for _, c := range d.Slice(s) {
			sum = (sum ^ uint64(c)) * prime
		}
	}
	pos := uint16(0)
	for i := range lines {
		if l := &lines[i]; l.Type == 'o' {
			add(Span{pos, l.Span.Off})
			pos = l.Span.End
		}
	}
	add(Span{pos, uint16(len(d.body))})
	return sum
}
