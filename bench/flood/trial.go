package flood

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Scene is a node with two customers: one that is flooded, and one that lives as always. Of
// the flooded one, a hundred calls are up all the time, with a request within each every second.
type Scene struct {
	Node           netip.AddrPort
	Flooded, Quiet string                        // domains
	CPU            func() (time.Duration, error) // that the node has spent so far
}

// Rate is how many calls were completed.
type Rate struct{ PerSecond, PerCPU float64 } // by the clock, and for each second that the node was on a CPU

// Over gives it as parts of another.
func (r Rate) Over(of Rate) Rate { return Rate{r.PerSecond / of.PerSecond, r.PerCPU / of.PerCPU} }

// Mean is halfway between two.
func (r Rate) Mean(b Rate) Rate {
	return Rate{(r.PerSecond + b.PerSecond) / 2, (r.PerCPU + b.PerCPU) / 2}
}

// Trial is what became of everybody.
type Trial struct {
	Rate                    // of the load that was tried, from its third second on
	Load, Up, Quiet *Result // it, the calls that were up, the other customer
	After           *Result // calls that began with its end; nil: none did
	Bare            Rate    // of Capacity: calls without a pause, with nobody beside them
}

// InDialog is how many requests were sent within calls, and how many were lost.
func (t *Trial) InDialog() (all, lost int) {
	for _, r := range []*Result{t.Load, t.Up, t.Quiet} {
		all, lost = all+r.InDialog, lost+r.InDialogLost
	}
	return all, lost
}

// String is several lines for people.
func (t *Trial) String() string {
	s := fmt.Sprintf("%.0f calls a second, %.0f in a second of CPU: %s\n  calls that were up: %s\n  the other customer: %s", t.PerSecond, t.PerCPU, t.Load, t.Up, t.Quiet)
	if t.After != nil {
		s += fmt.Sprintf("\n  afterwards: %s", t.After)
	}
	return s
}

const (
	unsettled = 2 * time.Second // of a load, that does not count
	// holds is how long calls last.
	holds = time.Second
	// Aftermath is for how long it is watched what is left of a flood.
	Aftermath = 10 * time.Second
)

// Capacity is how many of these calls the node completes, beside what there always is, when as many
// come as it can carry. It is looked for in so many tries, by how many are under way at once: more
// each time while no caller has to wait, and fewer once they have to ask again, which costs the node
// calls. The best counts.
func (s *Scene) Capacity(most time.Duration, tries int) (best *Trial, err error) {
	bare, err := s.bare()
	if err != nil {
		return nil, err
	}
	const waits = 200 * time.Millisecond
	window := int(bare.PerSecond * (holds + waits).Seconds())
	for range tries {
		t, err := s.try(Load{Window: max(1, window), For: most, Hold: holds, Wait: 5 * time.Second}, most, 0)
		if err != nil {
			return nil, err
		}
		if best == nil || t.PerSecond > best.PerSecond {
			best = t
		}
		if t.Load.Again < t.Load.Offered/50 {
			window += window / 3
			continue
		}
		window -= window / 5
	}
	best.Bare = bare
	return best, nil
}

// bare is how many calls without a pause the node completes with nobody beside them.
func (s *Scene) bare() (r Rate, err error) {
	const busy, warm, most = 200, 1, 4
	var load *Result
	var all sync.WaitGroup
	all.Go(func() {
		load, err = Run(s.calls(s.Flooded, Load{Window: busy, For: most * time.Second, Wait: 5 * time.Second}))
	})
	used, err2 := s.used(warm*time.Second, (most-warm)*time.Second)
	all.Wait()
	if err = errors.Join(err, err2); err != nil {
		return r, err
	}
	if load.Completed == 0 {
		return r, fmt.Errorf("no call gets through a node at rest: %s", load)
	}
	r.PerSecond = load.Goodput(warm, most)
	r.PerCPU = r.PerSecond * (most - warm) / used.Seconds()
	return r, nil
}

// used is the CPU that the node spends in some time from then on.
func (s *Scene) used(begin, most time.Duration) (time.Duration, error) {
	<-time.After(begin)
	before, err := s.CPU()
	if err != nil {
		return 0, err
	}
	<-time.After(most)
	after, err := s.CPU()
	return after - before, err
}

// Flood makes so many calls a second, whatever becomes of them, and afterwards less.
func (s *Scene) Flood(perSecond, after float64, most time.Duration) (*Trial, error) {
	return s.try(Load{Rate: perSecond, For: most, Hold: holds}, most, after)
}

func (s *Scene) calls(domain string, l Load) Load {
	l.Node, l.Domain, l.From = s.Node, domain, netip.MustParseAddr("127.0.0.1")
	if domain == s.Quiet {
		l.From = netip.MustParseAddr("127.0.0.2")
	}
	return l
}

// try runs a load beside what there always is.
func (s *Scene) try(load Load, most time.Duration, after float64) (*Trial, error) {
	t := &Trial{Load: &Result{}, Up: &Result{}, Quiet: &Result{}}
	var all sync.WaitGroup
	var mu sync.Mutex // guards failed
	var failed error
	fail := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		failed = errors.Join(failed, err)
	}
	run := func(wait time.Duration, into **Result, l Load) {
		all.Go(func() {
			<-time.After(wait)
			r, err := Run(l)
			if err != nil {
				fail(err)
				return
			}
			*into = r
		})
	}
	const begin = 1500 * time.Millisecond // until the hundred calls are up
	run(0, &t.Up, s.calls(s.Flooded, Load{Window: 100, Most: 100, For: time.Second, Wait: 5 * time.Second, Hold: most + begin, Every: time.Second}))
	run(begin, &t.Quiet, s.calls(s.Quiet, Load{Rate: 5, For: most, Hold: holds, Wait: giveUp}))
	run(begin, &t.Load, s.calls(s.Flooded, load))
	if after > 0 {
		run(begin+most, &t.After, s.calls(s.Flooded, Load{Rate: after, For: Aftermath, Wait: giveUp}))
	}
	used, err := s.used(begin+unsettled, most-unsettled)
	fail(err)
	all.Wait()
	if failed != nil {
		return nil, failed
	}
	t.PerSecond = t.Load.Goodput(int(unsettled/time.Second), int(most/time.Second))
	t.PerCPU = t.PerSecond * (most - unsettled).Seconds() / used.Seconds()
	return t, nil
}
