package media

import "time"

const (
	// qualityEvery is how many seconds an interval of MOS has, as rtp.Stream.Tick wants it.
	qualityEvery = 5
	// keepEvery is how often a session with SRTP is kept anew: well before half of the sequence
	// numbers have passed (11 minutes at 50 packets a second), after which nobody could tell how
	// often they began anew.
	keepEvery = int64(5 * time.Minute)
)

// sweep does for one session, once a second, what is due by time. Callbacks are called without
// the session's lock.
func (l *loop) sweep(s *session, now int64) {
	s.mu.Lock()
	if !s.open || s.loop != l {
		s.mu.Unlock()
		return
	}
	owner := s.owner
	talking, secured := false, false
	for n, st := range s.streams {
		if st == nil {
			continue
		}
		talking = talking || st.talking()
		l.sweepStream(s, n, st, now)
		secured = secured || st.sides[0].out != nil || st.sides[1].out != nil
	}
	if !talking {
		s.heard = now // silence is in order
	}
	silent := !s.told && now-s.heard >= l.engine.timeout
	s.told = s.told || silent
	changed := s.changed || secured && now-s.kept >= keepEvery
	if changed {
		s.changed, s.kept = false, now
	}
	s.mu.Unlock()
	if changed && l.engine.config.Changed != nil {
		l.engine.config.Changed(owner)
	}
	if silent && l.engine.config.Silence != nil {
		l.engine.config.Silence(owner)
	}
}

func (l *loop) sweepStream(s *session, n int, st *stream, now int64) {
	const second = int64(time.Second)
	for i := range st.sides {
		if (now/second+int64(s.slot))%qualityEvery == 0 {
			st.sides[i].quality.Tick(now)
		}
		l.engine.handOver(s, n, Side(i), now)
	}
}
