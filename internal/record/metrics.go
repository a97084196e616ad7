package record

import (
	"github.com/prometheus/client_golang/prometheus"

	"tollgate/internal/policy"
	"tollgate/sip"
)

// Gauge is a value that somebody else knows.
type Gauge struct {
	Name, Help string
	Counter    bool
	Value      func() float64
}

// Collector gives the metrics of a recorder and of others.
type Collector struct {
	r      *Recorder
	gauges []Gauge
	descs  descs
}

type descs struct {
	requests, endings, sessions, answered, completed, ineffective, emergencies, setup, duration, opinion, oneWay *prometheus.Desc
	gauges                                                                                                       []*prometheus.Desc
}

// Collector makes a Prometheus collector of r and the gauges.
func (r *Recorder) Collector(gauges ...Gauge) *Collector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("tollgate_"+name, help, labels, nil)
	}
	c := &Collector{r: r, gauges: gauges, descs: descs{
		requests:    d("requests_total", "Requests outside of dialogs by verdict.", "method", "reason"),
		endings:     d("calls_ended_total", "Calls by why they ended.", "reason"),
		sessions:    d("sessions_attempted_total", "INVITEs that passed the gate: the denominator of RFC 6076's ratios."),
		answered:    d("sessions_established_total", "Calls answered; over attempted this is RFC 6076's SER."),
		completed:   d("sessions_completed_total", "Calls answered and ended by a party; over attempted this is RFC 6076's SCR."),
		emergencies: d("emergency_calls_total", "Calls to emergency numbers, let through or not."),
		ineffective: d("sessions_ineffective_total", "Calls that failed with 408, 500, 503 or 504; over attempted this is RFC 6076's ISA."),
		setup:       d("session_request_delay_seconds", "INVITE to its final answer (RFC 6076 SRD)."),
		opinion:     d("call_mos", "MOS (ITU-T G.107) of bridged calls at their end: of the side that sounded worse, on average."),
		oneWay:      d("calls_one_way_total", "Bridged calls of which one side was heard and the other never."),
		duration:    d("session_duration_seconds", "Answer to end (RFC 6076 SDT)."),
	}}
	for _, g := range gauges {
		c.descs.gauges = append(c.descs.gauges, d(g.Name, g.Help))
	}
	return c
}

// Describe is prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect is prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	for m := range c.r.verdicts {
		for i := range c.r.verdicts[m] {
			if n := c.r.verdicts[m][i].Load(); n > 0 {
				counter(c.descs.requests, n, sip.Method(m).String(), policy.Reason(i).Code())
			}
		}
	}
	for i := range c.r.endings {
		if n := c.r.endings[i].Load(); n > 0 {
			counter(c.descs.endings, n, policy.Reason(i).Code())
		}
	}
	counter(c.descs.sessions, c.r.sessions.Load())
	counter(c.descs.answered, c.r.answered.Load())
	counter(c.descs.completed, c.r.completed.Load())
	counter(c.descs.ineffective, c.r.ineffect.Load())
	counter(c.descs.emergencies, c.r.emergencies.Load())
	ch <- c.r.setup.metric(c.descs.setup)
	ch <- c.r.duration.metric(c.descs.duration)
	ch <- c.r.opinion.metric(c.descs.opinion)
	counter(c.descs.oneWay, c.r.oneWay.Load())
	for i, g := range c.gauges {
		kind := prometheus.GaugeValue
		if g.Counter {
			kind = prometheus.CounterValue
		}
		ch <- prometheus.MustNewConstMetric(c.descs.gauges[i], kind, g.Value())
	}
}
