package media

// Quality appends how each party of each stream is heard, also of streams that are off.
func (e *Engine) Quality(id ID, dst []Quality) []Quality {
	s := e.session(id)
	if s == nil {
		return dst
	}
	defer s.mu.Unlock()
	now := e.now()
	for n, st := range s.streams {
		if st == nil {
			continue
		}
		for i := range st.sides {
			p := &st.sides[i]
			e.refresh(p)
			dst = append(dst, Quality{
				Stream: n, Side: Side(i), Report: p.quality.Report(now), Source: p.latch.source, Latched: p.latch.locked(now),
				Port: p.port, RTPStream: p.party.RTPStream, Sends: p.party.Sends, Suite: p.party.In.Suite,
				Refused: p.refused, BadTags: p.badTags, Replays: p.replays, Kernel: p.flow.on,
			})
		}
	}
	return dst
}
