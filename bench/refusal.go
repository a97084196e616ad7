package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// What the part about refusals sends.
const (
	refusalRate = 1000 // calls/s
	refusalTurn = 2 * time.Second
	longValue   = 60_000 // bytes
	// blockedNumber is on every customer's block list.
	blockedNumber = "00881000000"
)

// The calls that are refused, each with a User-Agent that no other has.
const (
	refusedByRule = "a rule drops its User-Agent"
	refusedNumber = "its number is blocked"
	refusedPadded = "its number is blocked, with 60 KB in a header without rules"
	refusedLong   = "its User-Agent has 60 KB"
)

func refusalKinds() []string {
	return []string{refusedByRule, refusedNumber, refusedPadded, refusedLong}
}

// refusalSample is what so many refusals cost.
type refusalSample struct {
	Round    int
	Kind     string
	Sent     int
	Answered int
	CPU      time.Duration // of the node
}

// measureRefusal tells what a call costs that is refused: for a rule, for its number, for the length of
// its User-Agent. The kernel's and the index's work on so many bytes is seen in the padded one.
func (b *bench) measureRefusal(r *report, stop <-chan os.Signal) error {
	addr, err := freeUDP("127.0.0.1")
	if err != nil {
		return err
	}
	p := &peer{name: "refusal", addr: addr, start: b.startWalled(false, walls{firewall: true, blocklist: true})}
	if err := b.ensure(p); err != nil {
		return err
	}
	for round := range b.rounds {
		for _, kind := range refusalKinds() {
			if interrupted(stop) {
				return errInterrupted
			}
			s, err := b.refusals(p, kind)
			if err != nil {
				return err
			}
			s.Round = round
			r.refusals = append(r.refusals, s)
			fmt.Fprintf(os.Stderr, "refusal  round %d  %-60s %6.1f us of the node's CPU, %d of %d answered\n", round+1, kind, microseconds(s.each()), s.Answered, s.Sent)
		}
	}
	return nil
}

func (s *refusalSample) each() time.Duration { return s.CPU / time.Duration(max(s.Sent, 1)) }

// refusals sends calls of one kind for a while.
func (b *bench) refusals(p *peer, kind string) (s refusalSample, err error) {
	conn, err := net.Dial("udp", p.addr.String())
	if err != nil {
		return s, fmt.Errorf("calls to refuse: %w", err)
	}
	s.Kind = kind
	answered := make(chan int)
	go func() { answered <- countDatagrams(conn) }()
	before, err := spentBy(p.proc.pid())
	began := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for now := range tick.C {
		if now.Sub(began) > refusalTurn || err != nil {
			break
		}
		for ; s.Sent < int(now.Sub(began).Seconds()*refusalRate) && err == nil; s.Sent++ {
			_, err = conn.Write(refusedCall(kind, conn.LocalAddr().String(), s.Sent))
		}
	}
	<-time.After(100 * time.Millisecond) // what still waits in a socket
	after, err2 := spentBy(p.proc.pid())
	s.CPU = after - before
	err = errors.Join(err, err2, conn.Close())
	s.Answered = <-answered
	return s, err
}

// countDatagrams counts what comes until the socket is closed.
func countDatagrams(conn net.Conn) (n int) {
	buf := make([]byte, 2048)
	for {
		if _, err := conn.Read(buf); err != nil {
			return n
		}
		n++
	}
}

// refusedCall is an INVITE that the firewall or the block list is about; see walls.
func refusedCall(kind, from string, n int) []byte {
	user, agent, more := blockedNumber, fmt.Sprintf("Yealink/%d", n), ""
	switch kind {
	case refusedByRule:
		user, agent = "1000", fmt.Sprintf("Dialer18/%d", n)
	case refusedLong:
		user, agent = "1000", strings.Repeat("Dialer", longValue/6)+fmt.Sprint(n)
	case refusedPadded:
		more = "X-Padding: " + strings.Repeat("Dialer", longValue/6) + "\r\n"
	}
	domain := customerDomain(0)
	return fmt.Appendf(nil, "INVITE sip:%s@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKr%d-%x\r\nMax-Forwards: 70\r\nFrom: <sip:a@%s>;tag=%d\r\n"+
		"To: <sip:1000@%s>\r\nCall-ID: r%d-%x@%s\r\nCSeq: 1 INVITE\r\nContact: <sip:a@%s>\r\nUser-Agent: %s\r\n%sContent-Length: 0\r\n\r\n",
		user, domain, from, n, len(kind), from, n, domain, n, len(kind), from, from, agent, more)
}

func (r *report) refusalTable(b *strings.Builder) {
	if len(r.refusals) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## What a refusal costs\n\nA firewall of 20 rules on User-Agent, 10 of them in any case; %d calls/s, each with a User-Agent of its own. Medians of %d rounds.\n\n"+
		"| the call is refused since | us of the node's CPU | answered |\n|---|---:|---:|\n", refusalRate, r.bench.rounds)
	figure := map[string]float64{}
	for _, kind := range refusalKinds() {
		var each []float64
		answered, sent := 0, 0
		for _, s := range r.refusals {
			if s.Kind == kind {
				each = append(each, microseconds(s.each()))
				answered, sent = answered+s.Answered, sent+s.Sent
			}
		}
		if len(each) == 0 {
			return
		}
		figure[kind] = median(each)
		fmt.Fprintf(b, "| %s | %.1f | %d of %d |\n", kind, figure[kind], answered, sent)
	}
	x := figure[refusedLong] / figure[refusedPadded]
	fmt.Fprintf(b, "\n| | | at most | |\n|---|---:|---:|---|\n| a User-Agent of 60 KB beside another refusal of as many bytes that is answered | %.2f | 1.10 | %s |\n", x, verdict(x <= 1.10))
}
