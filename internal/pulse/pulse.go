// Package pulse counts what becomes of calls, a minute at a time, for the last hour: for each
// customer and for all of them. It is what an overview is drawn from.
//
// Each call and each refusal costs a short lock and no allocation, but for the first of a
// customer within an hour. At most Customers of them are counted apart; what the others do
// counts for all only, until somebody's hour has passed.
//
// Not its job: to decide, to bill (package cdr), to count since the start (package record), or
// to know who may see it.
//
// Post-dial delay is the time to the first ringing or answer, as RFC 6076 4.3 (SRD) measures
// setup from the caller's side.
package pulse

import (
	"sync"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

const (
	// Minutes is how many there are in a report.
	Minutes = 60
	// Customers is how many have a count of their own; each takes 4 KB, and 3 KB more once
	// something of his was refused.
	Customers = 5000
	// rateSpan is over how many seconds calls a second are told.
	rateSpan = 5

	stripes     = 16
	reasons     = 128
	tens        = Minutes/10 + 1
	everybody   = tenant.CustomerID(0)
	perCustomer = Customers / stripes
)

// Pulse counts. Its methods may be called from any goroutine.
type Pulse struct {
	parts [stripes]part
}

// part is the customers of one stripe, and what the stripe adds to all.
type part struct {
	mu  sync.Mutex // guards all below
	all series
	of  map[tenant.CustomerID]*series
}

// New makes a Pulse that has counted nothing.
func New() *Pulse {
	p := &Pulse{}
	for i := range p.parts {
		p.parts[i].of = make(map[tenant.CustomerID]*series)
	}
	return p
}

// minute is what came in one.
type minute struct {
	at                                  int64 // Unix time in minutes
	attempts, answered, failed, refused uint32
	rang, rated                         uint32
	delay                               uint64 // milliseconds, of those that rang
	score                               uint64 // hundredths, of those that were rated
}

// second is how many calls were attempted in one.
type second struct {
	at       int64 // Unix time
	attempts uint32
}

// refusals are those of ten minutes, by reason.
type refusals struct {
	at int64 // Unix time in tens of minutes
	of [reasons]uint32
}

// series is the last hour of one customer, or of all.
type series struct {
	used     int64           // Unix time in minutes
	refusals *[tens]refusals // nil: nothing was refused
	seconds  [rateSpan + 1]second
	minutes  [Minutes]minute
}

func (s *series) minute(now time.Time) *minute {
	at := now.Unix() / 60
	s.used = at
	m := &s.minutes[at%Minutes]
	if m.at != at {
		*m = minute{at: at}
	}
	return m
}

func (s *series) attempt(now time.Time) {
	s.minute(now).attempts++
	at := now.Unix()
	t := &s.seconds[at%int64(len(s.seconds))]
	if t.at != at {
		*t = second{at: at}
	}
	t.attempts++
}

func (s *series) refuse(now time.Time, why policy.Reason) {
	s.used = now.Unix() / 60
	if s.refusals == nil {
		s.refusals = new([tens]refusals)
	}
	at := now.Unix() / 600
	r := &s.refusals[at%tens]
	if r.at != at {
		*r = refusals{at: at}
	}
	r.of[int(why)%reasons]++
}

// each counts for a customer and for all; customer 0 is a stranger's, who counts for all only.
func (p *Pulse) each(customer tenant.CustomerID, now time.Time, count func(s *series, now time.Time)) {
	t := &p.parts[uint64(customer)%stripes]
	t.mu.Lock()
	defer t.mu.Unlock()
	count(&t.all, now)
	if customer == everybody {
		return
	}
	s := t.of[customer]
	if s == nil {
		if s = t.room(now); s == nil {
			return
		}
		t.of[customer] = s
	}
	count(s, now)
}

// room gives a series for one more customer, where there is room: that of one who was quiet for
// an hour is used again. The lock is held.
func (t *part) room(now time.Time) *series {
	if len(t.of) < perCustomer {
		return new(series)
	}
	for id, s := range t.of {
		if now.Unix()/60-s.used >= Minutes {
			delete(t.of, id)
			*s = series{}
			return s
		}
	}
	return nil
}

// Attempt counts a call of a customer that was let through.
func (p *Pulse) Attempt(now time.Time, customer tenant.CustomerID) {
	p.each(customer, now, (*series).attempt)
}

// Refused counts a request that was refused, of a customer or with 0 of a stranger; call says
// that it was to be a call. A stranger's calls are no attempts: a scanner must not spoil what
// share of calls is answered.
func (p *Pulse) Refused(now time.Time, customer tenant.CustomerID, why policy.Reason, call bool) {
	counted := call && customer != everybody
	p.each(customer, now, func(s *series, now time.Time) {
		s.refuse(now, why)
		if counted {
			s.attempt(now)
			s.minute(now).refused++
		}
	})
}

// Rang counts the delay until a call rang or was answered.
func (p *Pulse) Rang(now time.Time, customer tenant.CustomerID, after time.Duration) {
	p.each(customer, now, func(s *series, now time.Time) {
		m := s.minute(now)
		m.rang++
		m.delay += uint64(max(after, 0).Milliseconds())
	})
}

// Answered counts a call that is up.
func (p *Pulse) Answered(now time.Time, customer tenant.CustomerID) {
	p.each(customer, now, func(s *series, now time.Time) { s.minute(now).answered++ })
}

// Failed counts a call that is over and was never up.
func (p *Pulse) Failed(now time.Time, customer tenant.CustomerID) {
	p.each(customer, now, func(s *series, now time.Time) { s.minute(now).failed++ })
}

// Rated counts how a call sounded, as a MOS from 1 to 5 (ITU-T G.107).
func (p *Pulse) Rated(now time.Time, customer tenant.CustomerID, mos float64) {
	if mos < 1 || mos > 5 {
		return
	}
	p.each(customer, now, func(s *series, now time.Time) {
		m := s.minute(now)
		m.rated++
		m.score += uint64(mos*100 + 0.5)
	})
}
