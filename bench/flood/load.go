package flood

import (
	"fmt"
	"net/netip"
	"time"
)

// Load is what callers of one domain do.
type Load struct {
	Node   netip.AddrPort
	From   netip.Addr // whence they call
	Ports  int        // from so many ports; 0 = 4
	Domain string
	Rate   float64       // new calls a second
	Window int           // instead of Rate: so many calls at once, a new one for each that is over
	Most   int           // no more calls than this; 0 = no such bound
	For    time.Duration // how long new calls are made
	Hold   time.Duration // from answer to BYE
	Wait   time.Duration // after For, until callers who were not answered hang up
	Every  time.Duration // a request within each call so often while it is up: OPTIONS, re-INVITE and INFO in turn; 0 = none
}

// Result is what became of it.
type Result struct {
	Offered    int // calls
	Answered   int
	Completed  int         // answered, and their BYE was answered 200
	Refused    map[int]int // by status
	Unanswered int         // when the callers hung up at the end, or gave up before
	Sent       int         // messages, retransmissions included
	Again      int         // INVITEs that were sent more than once

	InDialog     int // requests within calls, BYEs included
	InDialogLost int // that were not answered 200 within 32 s
	Lost         map[string]int
	Slowest      time.Duration // answer to a request within a call

	PerSecond []int           // calls completed, by the second of the load
	Setups    []time.Duration // INVITE to 200
	Begun     []int           // calls by the second in which they began
	Late      []int           // of these, those whose INVITE was sent again
}

// count adds one to a second's number.
func count(list *[]int, at time.Duration) {
	for len(*list) <= int(at/time.Second) {
		*list = append(*list, 0)
	}
	(*list)[at/time.Second]++
}

// Goodput is the calls completed in a second, over the seconds from from to to.
func (r *Result) Goodput(from, to int) float64 {
	sum := 0
	for i := from; i < to && i < len(r.PerSecond); i++ {
		sum += r.PerSecond[i]
	}
	return float64(sum) / float64(to-from)
}

// Normal is from when on calls are answered before they ask again, but for one of a hundred in a
// second, which anything may have delayed: the end of the last second in which it was otherwise.
func (r *Result) Normal() time.Duration {
	for i := len(r.Late) - 1; i >= 0; i-- {
		if r.Late[i] > max(1, r.Begun[i]/100) {
			return time.Duration(i+1) * time.Second
		}
	}
	return 0
}

// String is one line for people.
func (r *Result) String() string {
	return fmt.Sprintf("offered %d, answered %d, completed %d, refused %v, unanswered %d; %d messages sent, %d INVITEs again; in dialogs %d requests, %d lost %v, slowest %v; normal from %v on; completed by second %v",
		r.Offered, r.Answered, r.Completed, r.Refused, r.Unanswered, r.Sent, r.Again, r.InDialog, r.InDialogLost, r.Lost, r.Slowest.Round(time.Millisecond), r.Normal(), r.PerSecond)
}
