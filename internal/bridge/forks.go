package bridge

import (
	"slices"

	"tollgate/internal/media"
	"tollgate/internal/media/srtp"
)

// early is what was agreed in a dialog that is none of the one that media is with now. A call that
// rings in several places has several, each with offers and answers of its own (RFC 3261 13.2.1): who
// takes the call may have said all of it in a reliable provisional response, and says nothing in
// the 2xx.
type early struct {
	fork    uint8
	offerer offerer
	agreed  bool
	told    told // the callee
	streams []stream
	pending pending
	parties [][2]party // by stream, as the engine knows them
}

// party is what the engine was told of one; not known: nothing so far.
type party struct {
	media.Party
	known bool
}

// turn makes a dialog the one that media is with, until it is settled which one it is for good: the
// one in which was spoken last.
func (s *Session) turn(p *Pass) error {
	switch {
	case s.settled || p.Fork == s.fork:
		return nil
	case s.offerer == 0 && len(s.streams) == 0: // nothing was said
		s.fork = p.Fork
		return nil
	}
	known := s.dialog(p.Fork)
	s.early = append(s.early, s.leaves(p.Media))
	if known < 0 {
		s.begin(p.Fork)
		return nil
	}
	e := s.early[known]
	s.early = slices.Delete(s.early, known, known+1)
	s.fork, s.offerer, s.agreed, s.told[media.Callee] = e.fork, e.offerer, e.agreed, e.told
	s.streams, s.pending = e.streams, e.pending
	return s.resume(p, e.parties)
}

// dialog is the place of a dialog among those that media is not with; -1: it is none of them.
func (s *Session) dialog(fork uint8) int {
	return slices.IndexFunc(s.early, func(e early) bool { return e.fork == fork })
}

// leaves is the dialog that media is with, for later.
func (s *Session) leaves(m Media) early {
	e := early{
		fork: s.fork, offerer: s.offerer, agreed: s.agreed, told: s.told[media.Callee], streams: s.streams, pending: s.pending,
		parties: make([][2]party, len(s.streams)),
	}
	for n := range e.parties {
		for side := range media.Side(2) {
			e.parties[n][side].Party, e.parties[n][side].known = m.Said(s.id, n, side)
		}
	}
	return e
}

// begin is a dialog in which nothing was said but the INVITE.
func (s *Session) begin(fork uint8) {
	streams := []stream(nil)
	if s.first != 0 {
		streams = slices.Clone(s.streams)
	}
	for i := range streams {
		st := &streams[i]
		st.off, st.sole, st.plays[media.Callee] = false, [2]bool{}, payloads{}
		st.in[media.Callee], st.out[media.Callee] = srtp.Key{}, srtp.Key{}
	}
	s.fork, s.offerer, s.agreed, s.told[media.Callee] = fork, s.first, false, s.asked
	s.streams, s.pending = streams, pending{}
}

// resume tells the engine again of the parties of a dialog.
func (s *Session) resume(p *Pass, parties [][2]party) error {
	for n := range parties {
		for side := range media.Side(2) {
			one := &parties[n][side]
			if !one.known {
				continue
			}
			if _, err := p.Media.Stream(s.id, n, side, p.Ends[side].Place); err != nil {
				return err
			}
			one.Fresh = side == media.Callee
			p.Media.Party(s.id, n, side, one.Party)
		}
	}
	return nil
}

// With says that media is with a dialog, as far as is known.
func (s *Session) With(fork uint8) bool { return s.settled || s.fork == fork }

// Forget is for dialogs that were given up and whose numbers others will get.
func (s *Session) Forget() { s.early = nil }

// Settle notes which party has answered for good: the one in whose dialog this is, by what it has said
// last. What others were offered beside it is given back.
func (s *Session) Settle(p *Pass) {
	if s.id != 0 && s.dialog(p.Fork) >= 0 {
		_ = s.turn(p) // what has no ports any more is silent
	}
	s.settled, s.early = true, nil
	if s.id == 0 {
		return
	}
	p.Media.Settle(s.id)
	for i := range s.streams {
		if s.streams[i].off {
			s.refuse(p.Media, i, 0)
		}
	}
}
