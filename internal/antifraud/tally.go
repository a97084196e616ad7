package antifraud

import (
	"cmp"
	"slices"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

// Tally is what was counted of one method of a customer since the node started.
type Tally struct {
	Triggered uint64         // thresholds that were reached and enforced
	Would     uint64         // that were only counted
	Refused   uint64         // requests with a key that was shut
	Last      time.Time      // that a threshold was reached
	Sample    *policy.Sample // the call or request that reached it
}

type tallies [kinds]Tally

// tally gives the counters of a key's customer. The caller holds the lock.
func (g *Guard) tally(e *entry) *Tally {
	all := g.tallies[e.customer]
	if all == nil {
		all = new(tallies)
		g.tallies[e.customer] = all
	}
	return &all[e.kind]
}

func (g *Guard) noteTrip(e *entry, why *reached, enforce bool) {
	t := g.tally(e)
	if enforce {
		t.Triggered++
		g.totals[e.kind][0]++
	} else {
		t.Would++
		g.totals[e.kind][1]++
	}
	t.Last = why.now
	const most = 200 // bytes
	t.Sample = &policy.Sample{
		At: why.now, Source: why.source.String(), Method: e.kind.method().String(),
		Value: string(why.from[:min(len(why.from), most)]) + " " + string(why.uri[:min(len(why.uri), most)]),
	}
}

// Key is one of those that count now.
type Key struct {
	From  string        `json:"from"`
	To    string        `json:"to"`
	Count int           `json:"count"`
	Left  time.Duration `json:"-"` // until it is open again; 0: it is
}

// Report is how it stands with one method of a customer.
type Report struct {
	Customer tenant.CustomerID
	Method   sip.Method
	Of       int
	Monitor  bool // only counted
	Keys     []Key
	Tally
}

// mostKeys is how many keys a Report has: those that are shut, then those with the highest counts.
const mostKeys = 5

// Report tells how it stands with customers' thresholds, a row for each that is set.
func (g *Guard) Report(customers ...*policy.Customer) []Report {
	var rows []Report
	at := make(map[tenant.CustomerID][kinds]int) // of a threshold, plus 1
	for _, c := range customers {
		var of [kinds]int
		for kd := range kinds {
			if _, n := threshold(kd.method(), c); n > 0 {
				rows = append(rows, Report{Customer: c.Settings.ID, Method: kd.method(), Of: n, Monitor: !acts(c)})
				of[kd] = len(rows)
			}
		}
		at[c.Settings.ID] = of
	}
	g.fill(rows, at)
	for i := range rows {
		slices.SortFunc(rows[i].Keys, func(a, b Key) int {
			return cmp.Or(cmp.Compare(b.Left, a.Left), cmp.Compare(b.Count, a.Count), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
		})
		rows[i].Keys = rows[i].Keys[:min(len(rows[i].Keys), mostKeys)]
	}
	return rows
}

// fill takes all keys of some rows, and what was counted for them.
func (g *Guard) fill(rows []Report, at map[tenant.CustomerID][kinds]int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock(time.Now())
	for customer, all := range g.tallies {
		for kd, row := range at[customer] {
			if row > 0 {
				rows[row-1].Tally = all[kd]
			}
		}
	}
	for _, slot := range g.keys {
		e := g.entries.At(slot)
		row := at[e.customer][e.kind]
		if row == 0 {
			continue
		}
		if k := (Key{Count: e.count(now), Left: max(e.until-now, 0)}); k.Count > 0 || k.Left > 0 {
			k.From, k.To = e.from.String(), e.to.String()
			rows[row-1].Keys = append(rows[row-1].Keys, k)
		}
	}
}

// Open opens the keys of a customer's method again that a Report shows by these texts, before their
// time; what is alike counts from the beginning. It gives how many were shut.
func (g *Guard) Open(customer tenant.CustomerID, m sip.Method, from, to string) (opened int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock(time.Now())
	for _, slot := range g.keys {
		e := g.entries.At(slot)
		if e.customer != customer || e.kind.method() != m || e.until <= now || e.from.String() != from || e.to.String() != to {
			continue
		}
		g.over(e)
		opened++
	}
	return opened
}

// Keys is how many keys are counted or shut.
func (g *Guard) Keys() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.expire(g.clock(time.Now()))
	return len(g.keys)
}

// Total is how many thresholds of a method were reached since the start, that were enforced or
// only counted.
func (g *Guard) Total(m sip.Method, enforced bool) uint64 {
	which := 1
	if enforced {
		which = 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for kd := range kinds {
		if kd.method() == m {
			return g.totals[kd][which]
		}
	}
	return 0
}
