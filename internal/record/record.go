// Package record keeps what happened: counters of every verdict, the metrics of
// RFC 6076, and a log of refusals that cannot be flooded.
//
// It is not its job to decide anything, and nothing in it ever waits: what comes
// too fast is counted and left out.
package record

import (
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"tollgate/internal/policy"
	"tollgate/sip"
)

const (
	methods = int(sip.REFER) + 1
	reasons = 128
)

// Recorder counts and logs. Its methods may be called from any goroutine.
type Recorder struct {
	log       *slog.Logger
	logged    *rate.Limiter
	unlogged  atomic.Uint64
	verdicts  [methods][reasons]atomic.Uint64
	endings   [reasons]atomic.Uint64
	sessions  atomic.Uint64
	answered  atomic.Uint64
	completed atomic.Uint64 // answered and ended by a party
	ineffect  atomic.Uint64
	oneWay    atomic.Uint64

	emergencies atomic.Uint64
	reported    *rate.Limiter // of emergency calls, apart from refusals

	setup    histogram // INVITE to its final answer
	duration histogram // answer to end
	opinion  histogram // MOS at the end
}

// New makes a recorder.
func New(log *slog.Logger) *Recorder {
	return &Recorder{
		log: log, logged: rate.NewLimiter(20, 50), reported: rate.NewLimiter(10, 50),
		setup:    histogram{bounds: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}},
		duration: histogram{bounds: []float64{1, 5, 15, 30, 60, 180, 600, 1800, 3600, 14400}},
		opinion:  histogram{bounds: []float64{1.5, 2, 2.5, 2.75, 3, 3.25, 3.5, 3.75, 4, 4.1, 4.2, 4.3, 4.4, 4.5}},
	}
}

// Verdict is what became of one request.
type Verdict struct {
	Method   sip.Method
	Verdict  policy.Verdict
	Source   netip.AddrPort
	Customer string // "" = not known
	CallID   []byte
	Target   []byte // Request-URI
	Ref      string // by which the decision is found
	// Emergency is a call to an emergency number.
	Emergency bool
}

// Decided counts a verdict, and logs a refusal.
func (r *Recorder) Decided(v *Verdict) {
	r.verdicts[int(v.Method)%methods][int(v.Verdict.Reason)%reasons].Add(1)
	if v.Emergency && v.Method == sip.INVITE {
		r.emergencies.Add(1)
		if r.log != nil && r.reported.Allow() {
			r.log.Warn("emergency call", "customer", v.Customer, "target", string(v.Target), "source", v.Source.String(),
				"status", v.Verdict.Status, "reason", v.Verdict.Reason.Code(), "call_id", string(v.CallID), "ref", v.Ref)
		}
	}
	if v.Verdict.Refused() && !v.Verdict.Reason.Asks() {
		r.Refused(v)
	}
}

// Refused logs a refusal, and counts nothing.
func (r *Recorder) Refused(v *Verdict) {
	if r.log == nil {
		return
	}
	if !r.logged.Allow() {
		r.unlogged.Add(1)
		return
	}
	r.log.Info("refused",
		"reason", v.Verdict.Reason.Code(), "status", v.Verdict.Status, "detail", v.Verdict.Detail,
		"method", v.Method.String(), "source", v.Source.String(), "customer", v.Customer,
		"target", string(v.Target), "call_id", string(v.CallID), "rule", int64(v.Verdict.Rule), "rule_name", v.Verdict.Name, "ref", v.Ref,
		"unlogged_before", r.unlogged.Swap(0))
}

// Ending is what a call was.
type Ending struct {
	Reason   policy.Reason
	Status   int
	Setup    time.Duration // until answered or refused
	Duration time.Duration // from answer to end
	Answered bool
	MOS      float64 // of the side that sounded worse, 1 to 4.5; 0: unknown, or not bridged
	OneWay   bool    // one side was heard, and the other never
}

// Ended counts a call (RFC 6076 4).
func (r *Recorder) Ended(e Ending) {
	r.sessions.Add(1)
	r.endings[int(e.Reason)%reasons].Add(1)
	r.setup.observe(e.Setup.Seconds())
	if e.MOS > 0 {
		r.opinion.observe(e.MOS)
	}
	if e.OneWay {
		r.oneWay.Add(1)
	}
	if !e.Answered {
		switch e.Status {
		case 408, 500, 503, 504: // RFC 6076 4.8
			r.ineffect.Add(1)
		}
		return
	}
	r.answered.Add(1)
	r.duration.observe(e.Duration.Seconds())
	if e.Reason == policy.OK {
		r.completed.Add(1)
	}
}

// histogram is a fixed one, without locks.
type histogram struct {
	bounds []float64
	counts [16]atomic.Uint64
	micros atomic.Uint64
	count  atomic.Uint64
}

func (h *histogram) observe(n float64) {
	h.count.Add(1)
	h.micros.Add(uint64(max(n, 0) * 1e6))
	for i, b := range h.bounds {
		if n <= b {
			h.counts[i].Add(1)
			return
		}
	}
}

func (h *histogram) metric(d *prometheus.Desc) prometheus.Metric {
	buckets := make(map[float64]uint64, len(h.bounds))
	var sum uint64
	for i, b := range h.bounds {
		sum += h.counts[i].Load()
		buckets[b] = sum
	}
	return prometheus.MustNewConstHistogram(d, h.count.Load(), float64(h.micros.Load())/1e6, buckets)
}
