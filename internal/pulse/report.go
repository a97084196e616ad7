package pulse

import (
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// Minute is what came in one minute.
type Minute struct {
	At       time.Time `json:"at" doc:"Its beginning."`
	Attempts int       `json:"attempts" doc:"Calls, those that were refused among them."`
	Answered int       `json:"answered" doc:"Calls that were answered in this minute."`
	Failed   int       `json:"failed" doc:"Calls that ended in this minute without an answer, the caller's giving up among them."`
	Refused  int       `json:"refused" doc:"Calls that Tollgate refused."`
	PDD      *float64  `json:"pdd_seconds" doc:"Mean time until a call rang, of those that rang in this minute; null where none did."`
	MOS      *float64  `json:"mos" doc:"Mean, 1 to 5, of those that ended in this minute; null where no media was measured."`

	delay, score float64 // sums, of those that follow
	rang, rated  int
}

// Report is the last hour.
type Report struct {
	Minutes [Minutes]Minute // oldest first; the last one is not over
	Rate    float64         // calls a second, over the last few whole seconds
	Refused map[policy.Reason]uint64
	// Sums of what is told as a mean, and of how many calls.
	Delay time.Duration
	Rang  int
	Score float64
	Rated int
}

// Report tells of the customers that are given, nil: of all, strangers included.
func (p *Pulse) Report(now time.Time, customers []tenant.CustomerID) *Report {
	r := &Report{Refused: make(map[policy.Reason]uint64)}
	first := now.Unix()/60 - Minutes + 1
	for i := range r.Minutes {
		r.Minutes[i].At = time.Unix((first+int64(i))*60, 0).UTC()
	}
	if customers == nil {
		for i := range p.parts {
			t := &p.parts[i]
			t.mu.Lock()
			r.add(&t.all, now)
			t.mu.Unlock()
		}
		return r.mean()
	}
	for _, id := range customers {
		t := &p.parts[uint64(id)%stripes]
		t.mu.Lock()
		if s := t.of[id]; s != nil && id != everybody {
			r.add(s, now)
		}
		t.mu.Unlock()
	}
	return r.mean()
}

// mean makes means of the sums of each minute.
func (r *Report) mean() *Report {
	for i := range r.Minutes {
		m := &r.Minutes[i]
		if m.rang > 0 {
			m.PDD = new(m.delay / float64(m.rang))
		}
		if m.rated > 0 {
			m.MOS = new(m.score / float64(m.rated))
		}
	}
	return r
}

// add adds a series; its lock is held.
func (r *Report) add(s *series, now time.Time) {
	last := now.Unix() / 60
	for i := range s.minutes {
		m := &s.minutes[i]
		ago := last - m.at
		if ago < 0 || ago >= Minutes {
			continue
		}
		to := &r.Minutes[Minutes-1-ago]
		to.Attempts += int(m.attempts)
		to.Answered += int(m.answered)
		to.Failed += int(m.failed)
		to.Refused += int(m.refused)
		to.delay += float64(m.delay) / 1000
		to.rang += int(m.rang)
		to.score += float64(m.score) / 100
		to.rated += int(m.rated)
		r.Delay += time.Duration(m.delay) * time.Millisecond
		r.Rang += int(m.rang)
		r.Score += float64(m.score) / 100
		r.Rated += int(m.rated)
	}
	for i := range s.seconds {
		if ago := now.Unix() - s.seconds[i].at; ago >= 1 && ago <= rateSpan {
			r.Rate += float64(s.seconds[i].attempts) / rateSpan
		}
	}
	if s.refusals != nil {
		r.reasons(s.refusals, now)
	}
}

func (r *Report) reasons(all *[tens]refusals, now time.Time) {
	last := now.Unix() / 600
	for i := range all {
		if ago := last - all[i].at; ago < 0 || ago >= tens {
			continue
		}
		for why, n := range all[i].of {
			if n > 0 {
				r.Refused[policy.Reason(why)] += uint64(n)
			}
		}
	}
}
