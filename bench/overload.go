package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"tollgate/bench/flood"
)

// shareOfCore is what a peer has in the part about overload, in hundredths of a core: so little that
// ten times what it carries fits into the rest of the machine.
const shareOfCore = 20

// overloadLimits are what a Tollgate has to complete of its capacity, by how many times that comes.
func overloadLimits() []struct{ times, goodput float64 } {
	return []struct{ times, goodput float64 }{{3, 0.9}, {10, 0.8}}
}

const (
	// overloadBack is within what time after a flood all has to be as before, and overloadLost
	// which part of the requests within calls may be lost.
	overloadBack = 5 * time.Second
	overloadLost = 0.001
)

// overloadTurn is what became of a peer that got too much.
type overloadTurn struct {
	Round    int
	Peer     string
	Times    float64
	Capacity flood.Rate // before and after it, on average
	Bare     flood.Rate // likewise, of calls without a pause and with nobody beside them
	Trial    *flood.Trial
	Void     string
}

// measureOverload offers Kamailio and Tollgate three and ten times the calls that each carries with a
// fifth of a core. Others are left out: with so many turns of so many seconds it would last for hours.
func (b *bench) measureOverload(r *report, stop <-chan os.Signal) (err error) {
	pbx, err := newOverloadCallees(b)
	if err != nil {
		return err
	}
	defer pbx.close()
	for round := range b.rounds {
		for _, p := range r.peers {
			if p.name != peerKamailio && p.name != peerTollgate {
				continue
			}
			if interrupted(stop) {
				return errInterrupted
			}
			turns, err := b.overload(p, stop)
			b.stopAll()
			if errors.Is(err, errInterrupted) {
				return err
			}
			if err != nil {
				turns = append(turns, overloadTurn{Peer: p.name, Void: err.Error()})
			}
			for _, t := range turns {
				t.Round = round
				r.overload = append(r.overload, t)
				fmt.Fprintln(os.Stderr, t)
			}
		}
	}
	return nil
}

// overloadCallees are the PBXs of both customers: the one that is flooded, and the prober's.
type overloadCallees struct{ flooded, quiet *flood.Callee }

// newOverloadCallees starts them where the peers send to.
func newOverloadCallees(b *bench) (c overloadCallees, err error) {
	if c.flooded, err = flood.NewCallee(b.answer.Addr()); err != nil {
		return c, fmt.Errorf("answering side: %w", err)
	}
	if c.quiet, err = flood.NewCallee(b.probeAnswer.Addr()); err != nil {
		c.flooded.Close()
		return c, fmt.Errorf("answering side: %w", err)
	}
	b.answer, b.probeAnswer = c.flooded.Addr(), c.quiet.Addr()
	return c, nil
}

func (c overloadCallees) close() {
	c.flooded.Close()
	c.quiet.Close()
}

// overload starts a peer, gives it its share, and floods it.
func (b *bench) overload(p *peer, stop <-chan os.Signal) (turns []overloadTurn, err error) {
	if err := b.ensure(p); err != nil {
		return nil, err
	}
	s := flood.Scene{Node: p.addr, Flooded: customerDomain(0), Quiet: probeDomain, CPU: func() (time.Duration, error) { return spentBy(p.proc.pid()) }}
	group, err := flood.NewCgroup(fmt.Sprintf("tollgate-bench-%d", os.Getpid()), shareOfCore)
	if err != nil {
		return nil, err
	}
	defer func() {
		p.proc.stop() // a group goes when nobody is in it
		err = errors.Join(err, group.Remove())
	}()
	if _, err := s.Capacity(warmUp, 1); err != nil { // all its processes are there then, and its memory is warm
		return nil, err
	}
	pids, err := processTree(p.proc.pid())
	if err != nil {
		return nil, err
	}
	for _, pid := range pids {
		if err := group.Add(pid); err != nil {
			return nil, err
		}
	}
	most := time.Duration(b.seconds) * time.Second
	capacity, err := s.Capacity(most, capacityTries)
	if err != nil {
		return nil, err
	}
	for _, l := range overloadLimits() {
		if interrupted(stop) {
			return turns, errInterrupted
		}
		t := overloadTurn{Peer: p.name, Times: l.times}
		if t.Trial, err = s.Flood(l.times*capacity.PerSecond, capacity.PerSecond/2, most); err != nil {
			return turns, err
		}
		after, err := s.Capacity(most, capacityTries)
		if err != nil {
			return turns, fmt.Errorf("after %.0fx: %w", l.times, err)
		}
		t.Capacity = capacity.Rate.Mean(after.Rate)
		t.Bare = capacity.Bare.Mean(after.Bare)
		turns, capacity = append(turns, t), after
	}
	return turns, nil
}

const (
	warmUp        = 3 * time.Second // for how long a peer without a bound is used first
	capacityTries = 3
)

// spentBy is the CPU time of a process and its descendants so far.
func spentBy(pid int) (sum time.Duration, err error) {
	times, err := readThreadTimes(pid)
	for _, t := range times {
		sum += t
	}
	return sum, err
}

// figures of a turn, as parts: what it completed of its capacity, by the clock and for the CPU that it
// got, and what was lost within calls.
func (t *overloadTurn) figures() (part flood.Rate, lost float64) {
	all, gone := t.Trial.InDialog()
	return t.Trial.Over(t.Capacity), float64(gone) / float64(max(all, 1))
}

// back is how long after the flood's end all was as before; not ok: more than one
// call of a thousand failed, or it was not while that was watched.
func (t *overloadTurn) back() (time.Duration, bool) {
	a := t.Trial.After
	return a.Normal(), a.Offered-a.Completed <= a.Offered/1000 && a.Normal() < flood.Aftermath
}

// String is a turn as one line of progress.
func (t overloadTurn) String() string {
	if t.Void != "" {
		return fmt.Sprintf("overload  round %d  %-16s %s", t.Round+1, t.Peer, t.Void)
	}
	part, lost := t.figures()
	back, ok := t.back()
	return fmt.Sprintf("overload  round %d  %-16s %2.0fx of %4.0f calls/s (%.0f without a pause, %.2f for the same CPU): %.2f of it, %.2f for its CPU; within calls %.2f %% lost; other customer %d of %d; back after %v %v",
		t.Round+1, t.Peer, t.Times, t.Capacity.PerSecond, t.Bare.PerSecond, t.Bare.Over(t.Capacity).PerCPU, part.PerSecond, part.PerCPU, 100*lost, t.Trial.Quiet.Completed, t.Trial.Quiet.Offered, back.Round(time.Millisecond), ok)
}

func (r *report) overloadTable(b *strings.Builder) {
	if len(r.overload) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## Too many calls\n\nA cgroup with %d %% of a core each; calls of one second at 3 and 10 times the capacity, for %d s, beside 100 calls that are up with a request each second, "+
		"and another customer's 5 calls/s. Medians of %d rounds.\n\n"+
		"| peer | offered | calls/s without a pause | capacity, calls/s | goodput, of it | for the same CPU | lost within calls | other customer's calls that failed | as before after |\n|---|---:|---:|---:|---:|---:|---:|---:|\n",
		shareOfCore, r.bench.seconds, r.bench.rounds)
	for _, p := range r.peers {
		for _, l := range overloadLimits() {
			r.overloadRow(b, p, l.times)
		}
	}
	r.overloadTargets(b)
	for _, t := range r.overload {
		if t.Void != "" {
			fmt.Fprintf(b, "\nVoid: round %d, %s: %s\n", t.Round+1, t.Peer, t.Void)
		}
	}
}

// overloadTurns are a peer's that count.
func (r *report) overloadTurns(peer string, times float64) (list []overloadTurn) {
	for _, t := range r.overload {
		if t.Peer == peer && t.Times == times && t.Void == "" {
			list = append(list, t)
		}
	}
	return list
}

// overloadSum is the medians of a peer's turns, and all that failed in them.
type overloadSum struct {
	bare, capacity, clock, cpu, lost float64
	failed, calls                    int
	back                             time.Duration // the longest
	never                            bool          // it was not as before at some turn's end
}

func sumOverload(turns []overloadTurn) (s overloadSum) {
	var bare, capacity, clock, cpu, lost []float64
	for _, t := range turns {
		part, gone := t.figures()
		capacity, clock, cpu, lost = append(capacity, t.Capacity.PerSecond), append(clock, part.PerSecond), append(cpu, part.PerCPU), append(lost, gone)
		bare = append(bare, t.Bare.PerSecond)
		s.failed, s.calls = s.failed+t.Trial.Quiet.Offered-t.Trial.Quiet.Completed, s.calls+t.Trial.Quiet.Offered
		back, ok := t.back()
		s.back, s.never = max(s.back, back), s.never || !ok
	}
	s.bare, s.capacity, s.clock, s.cpu, s.lost = median(bare), median(capacity), median(clock), median(cpu), slices.Max(lost)
	return s
}

func (r *report) overloadRow(b *strings.Builder, p *peer, times float64) {
	turns := r.overloadTurns(p.name, times)
	if len(turns) == 0 {
		return
	}
	s := sumOverload(turns)
	back := fmt.Sprintf("%.0f s", s.back.Seconds())
	if s.never {
		back = fmt.Sprintf("not within %.0f s", flood.Aftermath.Seconds())
	}
	fmt.Fprintf(b, "| %s | %.0fx | %.0f | %.0f | %.2f | %.2f | %.2f %% | %d of %d | %s |\n", p.label, times, s.bare, s.capacity, s.clock, s.cpu, 100*s.lost, s.failed, s.calls, back)
}

// overloadTargets hold Tollgate against its limits. Where the flood itself takes CPU from the node, what
// it made of the CPU that it got is what counts.
func (r *report) overloadTargets(b *strings.Builder) {
	begun := false
	row := func(what string, is, limit string, ok bool) {
		if !begun {
			b.WriteString("\n| | | limit | |\n|---|---:|---:|---|\n")
			begun = true
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", what, is, limit, verdict(ok))
	}
	for _, p := range r.peers {
		if !strings.HasPrefix(p.name, peerTollgate) {
			continue
		}
		for _, l := range overloadLimits() {
			turns := r.overloadTurns(p.name, l.times)
			if len(turns) == 0 {
				continue
			}
			s, name := sumOverload(turns), fmt.Sprintf("%s at %.0fx: ", p.label, l.times)
			goodput := max(s.clock, s.cpu)
			row(name+"goodput", fmt.Sprintf("%.2f", goodput), fmt.Sprintf("%.2f", l.goodput), goodput >= l.goodput)
			row(name+"lost within calls", fmt.Sprintf("%.2f %%", 100*s.lost), fmt.Sprintf("%.1f %%", 100*overloadLost), s.lost <= overloadLost)
			row(name+"other customer's calls that failed", fmt.Sprint(s.failed), "0", s.failed == 0)
			row(name+"as before after", fmt.Sprintf("%.0f s", s.back.Seconds()), fmt.Sprintf("%.0f s", overloadBack.Seconds()), !s.never && s.back <= overloadBack)
		}
	}
}
