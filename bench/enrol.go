package main

import (
	"net/netip"
	"time"
)

// The timers of a REGISTER over UDP (RFC 3261 17.1.2.2).
const (
	timerT1 = 500 * time.Millisecond
	timerT2 = 4 * time.Second
	timerF  = 64 * timerT1
)

// enrolment is many phones that register for the first time, each once.
type enrolment struct {
	phones   *phones
	edge     netip.AddrPort
	first    int         // CSeq of phone 0
	waiting  [][]awaited // by how often they were sent, the first ones first
	repeated int
}

// awaited is a REGISTER whose answer a phone waits for.
type awaited struct {
	phone int
	until time.Time // then it is sent again
}

// enrol has n phones register at an even rate. Each sends its REGISTER again as RFC 3261 says,
// until it is answered; repeated is how often any did.
func (p *phones) enrol(edge netip.AddrPort, n, rate int) (repeated int, err error) {
	e := enrolment{phones: p, edge: edge, first: p.begin(n), waiting: make([][]awaited, repeats())}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	start := time.Now()
	for sent := 0; sent < n || e.waits(); {
		now := <-tick.C
		for due := min(n, int(now.Sub(start).Seconds()*float64(rate))); sent < due; sent++ {
			if err := e.send(sent, 0, now); err != nil {
				return e.repeated, err
			}
		}
		if err := e.again(now); err != nil {
			return e.repeated, err
		}
	}
	return e.repeated, nil
}

// patience is how long the answer to a REGISTER is waited for that was sent again so often.
func patience(again int) time.Duration { return min(timerT1<<again, timerT2) }

// repeats is how often a REGISTER is sent at most: timer F ends it.
func repeats() (n int) {
	for spent := time.Duration(0); spent < timerF; n++ {
		spent += patience(n)
	}
	return n
}

// send sends a phone's REGISTER, which was sent so often before.
func (e *enrolment) send(phone, again int, now time.Time) error {
	text := e.phones.appendRegister(nil, phone, e.first+phone)
	e.waiting[again] = append(e.waiting[again], awaited{phone, now.Add(patience(again))})
	return e.phones.send(phone, text, e.edge)
}

// again sends what is still unanswered when its time has come.
func (e *enrolment) again(now time.Time) error {
	for n, list := range e.waiting {
		for len(list) > 0 && !now.Before(list[0].until) {
			phone := list[0].phone
			list = list[1:]
			if n+1 == len(e.waiting) || e.phones.answered(e.first+phone) {
				continue
			}
			e.repeated++
			if err := e.send(phone, n+1, now); err != nil {
				return err
			}
		}
		e.waiting[n] = list
	}
	return nil
}

func (e *enrolment) waits() bool {
	for _, list := range e.waiting {
		if len(list) > 0 {
			return true
		}
	}
	return false
}

// answered says that a REGISTER has its final answer.
func (p *phones) answered(cseq int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, refused := p.refused[cseq]
	return refused || p.granted.has(cseq)
}
