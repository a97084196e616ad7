package bridge

import (
	"slices"

	"tollgate/internal/media"
	"tollgate/sdp"
)

// pending is an offer within a call that is not answered yet. Until it is, media stays as it
// was agreed before; if it is refused, for good (RFC 3261 14.1).
type pending struct {
	before  []stream // nil: there is none
	offerer offerer  // of before
	said    []said
}

// said is what the engine is told of the offerer once there is an answer.
type said struct {
	n     int
	side  media.Side
	party media.Party
}

// offer notes who makes an offer. One that was not answered counts as refused.
func (s *Session) offer(m Media, from media.Side) {
	s.Withdraw(m)
	if s.agreed {
		s.pending = pending{before: slices.Clone(s.streams), offerer: s.offerer}
	}
	s.offerer = offerer(from) + 1
}

// accept puts into force what was offered.
func (s *Session) accept(m Media) {
	for i := range s.pending.said {
		w := &s.pending.said[i]
		m.Party(s.id, w.n, w.side, w.party)
	}
	s.agreed, s.pending = true, pending{}
}

// party tells the engine of a party, at once unless an answer has to come first.
func (s *Session) party(p *Pass, n int, party media.Party) {
	if s.pending.before == nil {
		p.Media.Party(s.id, n, p.From, party)
		return
	}
	s.pending.said = append(s.pending.said, said{n, p.From, party})
}

// Offered says that a side has made an offer within a call that is not answered yet.
func (s *Session) Offered(from media.Side) bool {
	return s.pending.before != nil && s.offerer == offerer(from)+1
}

// Withdraw goes back to what was agreed before an offer that was refused.
func (s *Session) Withdraw(m Media) {
	before := s.pending.before
	if before == nil {
		return
	}
	for i := range s.streams {
		if i >= len(before) || before[i].profile == [2]sdp.Profile{} {
			m.Off(s.id, i) // it was put up for this offer
		}
	}
	if s.settled {
		m.Settle(s.id) // nobody has moved to another network
	}
	s.streams, s.offerer, s.pending = append(s.streams[:0], before...), s.pending.offerer, pending{}
}
