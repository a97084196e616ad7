package main

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// samples are the turns of one part.
type samples []sample

// sample is one peer's turn at one rate in one round.
type sample struct {
	Peer    string
	Rate    int
	Round   int
	PerCall time.Duration // CPU of the peer for a call or REGISTER; for no peer at all: of both SIPps
	Result  loadResult
	Delays  []time.Duration // of single messages through the peer
	Void    string          // why it does not count; empty: it does
}

// talk is how long a call is up; two seconds as in the peers' known figures.
const talk = 2 * time.Second

// measureCPU has all peers carry calls in turn.
func (b *bench) measureCPU(r *report, stop <-chan os.Signal) error {
	return b.takeTurns(&r.samples, r.peers, "call", stop, b.fill)
}

// takeTurns lets the peers take turns at what fill does. Each round begins with
// another peer, so that none always follows the same one.
func (b *bench) takeTurns(into *samples, peers []*peer, what string, stop <-chan os.Signal, fill func(*sample, *peer) error) error {
	for round := range b.rounds {
		for _, rate := range b.rates {
			for i := range peers {
				if interrupted(stop) {
					return errInterrupted
				}
				p := peers[(i+round)%len(peers)]
				s := b.turn(p, rate, round, fill)
				if s.Void != "" { // once more: the machine may have been busy
					*into = append(*into, s)
					s = b.turn(p, rate, round, fill)
				}
				*into = append(*into, s)
				fmt.Fprintf(os.Stderr, "round %d  %4d/s  %-16s %6.1f us/%s  %d retransmitted  %s\n",
					round+1, rate, p.name, microseconds(s.PerCall), what, s.Result.Retrans, s.Void)
			}
		}
	}
	return nil
}

// turn is one peer's; whatever goes wrong makes it void.
func (b *bench) turn(p *peer, rate, round int, fill func(*sample, *peer) error) sample {
	s := sample{Peer: p.name, Rate: rate, Round: round}
	if err := b.ensure(p); err != nil {
		s.Void = err.Error()
		return s
	}
	if err := fill(&s, p); err != nil {
		s.Void = err.Error()
	}
	return s
}

func (b *bench) fill(s *sample, p *peer) error {
	return b.spend(s, p, load{target: p.addr, rate: s.Rate, calls: s.Rate * b.seconds, talk: talk})
}

// spend has a peer carry a load and fills the sample with what that took.
func (b *bench) spend(s *sample, p *peer, l load) error {
	before, err := p.cpu()
	if err != nil {
		return err
	}
	spent, err := b.place(s, p, l)
	if err != nil {
		return err
	}
	if p.start == nil {
		s.PerCall = spent / time.Duration(l.calls)
		return s.Result.faults(l, p.refuses)
	}
	after, err := p.cpu()
	if err != nil {
		return err
	}
	if spent, err = after.since(before); err != nil {
		return err
	}
	calls := l.calls + len(s.Delays)/2 // the prober's calls are work, too
	s.PerCall = spent / time.Duration(calls)
	return s.Result.faults(l, p.refuses)
}

// cpu is the peer's time so far; none for no peer.
func (p *peer) cpu() (threadTimes, error) {
	if p.start == nil {
		return nil, nil
	}
	if !p.proc.running() {
		return nil, fmt.Errorf("%s ended%s", p.name, p.proc.lastWords())
	}
	return readThreadTimes(p.proc.pid())
}

// place sends the load and the probes and tells what both SIPps spent.
func (b *bench) place(s *sample, p *peer, l load) (time.Duration, error) {
	probeTarget := p.addr
	if p.start == nil {
		probeTarget = b.probeAnswer
	}
	probe, err := startProber(probeTarget, b.probeCaller, b.probeAnswer)
	if err != nil {
		return 0, err
	}
	running, err := b.startLoad(l)
	if err != nil {
		_, _ = probe.finish()
		return 0, err
	}
	var loadErr, probeErr error
	s.Result, loadErr = running.finish()
	s.Delays, probeErr = probe.finish()
	if err := errors.Join(loadErr, probeErr); err != nil {
		return 0, err
	}
	return running.spent(), nil
}

// spent is the CPU time of both SIPps, which have ended.
func (r *runningLoad) spent() time.Duration {
	var sum time.Duration
	for _, p := range []*process{r.uac, r.uas} {
		sum += p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	}
	return sum
}

// topResult is how far a peer came on one core.
type topResult struct {
	Peer  string
	Rate  int           // the highest rate without a failed call
	Busy  float64       // cores in use at it
	Why   string        // what ended the climb
	Spent time.Duration // of the peer per call at that rate
}

// topRates are the steps, each a quarter or so above the one before.
var topRates = []int{1500, 2000, 2500, 3200, 4000, 5000, 6300, 8000, 10000, 12500}

// measureTop pins each peer to CPU 0 and both SIPps to CPU 1 and raises the
// rate until a call fails. With no peer the figure is the load tool's own
// ceiling; a peer that reaches it may be able to do more.
func (b *bench) measureTop(r *report, stop <-chan os.Signal) error {
	for _, p := range r.peers {
		best := topResult{Peer: p.name, Why: "end of the scale"}
		for _, rate := range topRates {
			if interrupted(stop) {
				return errInterrupted
			}
			step, err := b.topStep(p, rate)
			if err != nil {
				best.Why = err.Error()
				break
			}
			step.Why = best.Why
			best = step
		}
		b.stopAll()
		fmt.Fprintf(os.Stderr, "top  %-16s %5d/s  %.2f of a core  %s\n", p.name, best.Rate, best.Busy, best.Why)
		r.top = append(r.top, best)
	}
	return nil
}

// topStep is one step; an error says why the rate is too much.
func (b *bench) topStep(p *peer, rate int) (topResult, error) {
	const seconds = 3
	t := topResult{Peer: p.name, Rate: rate}
	if err := b.ensure(p, "taskset", "-c", "0"); err != nil {
		return t, err
	}
	l := load{target: p.addr, rate: rate, calls: rate * seconds, talk: time.Second, cpu: "1"}
	before, err := p.cpu()
	if err != nil {
		return t, err
	}
	running, err := b.startLoad(l)
	if err != nil {
		return t, err
	}
	result, err := running.finish()
	if err != nil {
		return t, err
	}
	if err := result.faults(l, p.refuses); err != nil {
		return t, fmt.Errorf("%d/s: %w", rate, err)
	}
	if result.CallsPerS < 0.93*float64(rate) {
		return t, fmt.Errorf("%d/s: only %.0f/s were carried", rate, result.CallsPerS)
	}
	if result.Retrans > l.calls/100 {
		return t, fmt.Errorf("%d/s: %d retransmissions", rate, result.Retrans)
	}
	if p.start == nil {
		t.Spent = running.spent() / time.Duration(l.calls)
	} else {
		after, err := p.cpu()
		if err != nil {
			return t, err
		}
		spent, err := after.since(before)
		if err != nil {
			return t, err
		}
		t.Spent = spent / time.Duration(l.calls)
	}
	t.Busy = t.Spent.Seconds() * float64(rate)
	return t, nil
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
