package policy

import (
	"sync/atomic"
	"time"
)

// Hits counts what one rule has matched since the node started. It is shared by all
// snapshots that have the rule as it is.
type Hits struct {
	count  atomic.Uint64
	last   atomic.Int64 // Unix time, ns
	sample atomic.Pointer[Sample]
}

// Sample is one request that a rule matched.
type Sample struct {
	At     time.Time `json:"at"`
	Source string    `json:"source"`
	Method string    `json:"method"`
	Value  string    `json:"value"` // what the rule looked at, as it came
}

// Tally is what Hits have counted.
type Tally struct {
	Hits   uint64    `json:"hits"`
	Last   time.Time `json:"last_hit,omitzero"`
	Sample *Sample   `json:"last_sample,omitempty"`
}

// sampleEvery is how often a rule keeps a sample, since one costs an allocation.
const sampleEvery = time.Second

// note counts one match of r; value is what the rule looked at.
func (h *Hits) note(r *Request, value []byte) {
	if r.Dry {
		return
	}
	h.count.Add(1)
	h.last.Store(r.Now.UnixNano())
	if s := h.sample.Load(); s != nil && r.Now.Sub(s.At) < sampleEvery {
		return
	}
	h.sample.Store(&Sample{At: r.Now, Source: r.Source.String(), Method: string(r.Msg.MethodBytes()), Value: string(value)})
}

// Tally is what was counted so far.
func (h *Hits) Tally() Tally {
	t := Tally{Hits: h.count.Load(), Sample: h.sample.Load()}
	if last := h.last.Load(); last != 0 {
		t.Last = time.Unix(0, last).UTC()
	}
	return t
}
