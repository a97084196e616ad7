package edge

import (
	"bytes"
	"context"
	"path/filepath"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"tollgate/internal/call"
	"tollgate/internal/cdr"
	"tollgate/internal/dialog"
	"tollgate/internal/gate"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// tracesName is the folder of traces in the data folder. A backup leaves it out.
const tracesName = "traces"

func (e *Edge) openTraces() (err error) {
	up := sync.OnceValue(e.callsUp)
	e.traces, err = trace.New(trace.Config{
		Dir: filepath.Join(e.cfg.DataDir, tracesName), Keep: e.cfg.Retention.Traces, Log: e.log,
		AppendFar: func(dst, callID, fromTag []byte) []byte {
			return e.ids.AppendCallID(dst, callID, e.ids.Far(callID, fromTag))
		},
		Lives: func(id trace.ID) bool { return up()[id.String()] },
	})
	return err
}

// tap is the way out of the transaction layer: what has left is traced.
type tap struct {
	transport *transport.Transport
	traces    *trace.Recorder
}

// Send is transaction.Sender.
func (t *tap) Send(f transport.Flow, data []byte) error {
	err := t.transport.Send(f, data)
	if err == nil && !registered(data) {
		t.traces.Sent(f, data)
	}
	return err
}

// A REGISTER that passes, or is asked for a password, is no case, and most messages of a node are such
// or answers to them. So they go past the recorder, where keeping and then forgetting them would be a
// tenth of what they cost; one that is refused comes there with its verdict.

// registration says that a message which came is a REGISTER, or an answer to one.
func registration(m *sip.Message) bool {
	if m.IsRequest() {
		return m.Method() == sip.REGISTER
	}
	return m.CSeqMethod() == sip.REGISTER
}

// registered says that a message which left is a REGISTER, or a 2xx or 401 to one. It may miss
// some, as headers can be written in many ways.
func registered(data []byte) bool {
	if !bytes.HasPrefix(data, []byte("SIP/2.0 2")) && !bytes.HasPrefix(data, []byte("SIP/2.0 401 ")) {
		return bytes.HasPrefix(data, []byte("REGISTER "))
	}
	cseq := []byte("\r\nCSeq: ")
	at := bytes.Index(data, cseq)
	if at < 0 {
		return false
	}
	number := data[at+len(cseq):]
	method := bytes.TrimLeft(number[:min(20, len(number))], "0123456789")
	return bytes.HasPrefix(method, []byte(" REGISTER")) && !bytes.Contains(data[:at+2], []byte("\r\n\r\n"))
}

// traceDecision keeps a verdict.
func (e *Edge) traceDecision(d *gate.Decision) {
	if d.Method == sip.REGISTER {
		if !d.Verdict.Refused() {
			return
		}
		from := transport.Flow{Proto: d.Proto, Local: d.Local, Remote: d.Source}
		e.traces.Heard(from, d.Message)
	}
	v := trace.Event{
		ID: trace.ID(d.ID), Source: transport.Flow{Proto: d.Proto, Remote: d.Source}, Verdict: d.Verdict,
		Outbound: d.Identity.Direction == policy.Outbound, By: d.Identity.By.String(), Domain: d.Identity.Domain,
		Passed: e.steps[:min(max(d.Passed, 0), len(e.steps))], Would: d.Identity.Spared(),
	}
	if m := d.Message; m != nil {
		v.Method, v.CallID, v.URI = m.MethodBytes(), m.CallID(), m.RequestURI()
		v.From, v.To = dialog.WithoutTag(m.Value(sip.HdrFrom)), dialog.WithoutTag(m.Value(sip.HdrTo))
		v.UserAgent = m.Value(sip.HdrUserAgent)
	}
	traceCustomer(&v, d.Identity.Customer)
	switch {
	case d.Identity.Source != nil:
		v.Who = d.Identity.Source.Name
	case d.Identity.Entry != nil:
		v.Who = d.Identity.Entry.Name
	case d.Identity.User != nil:
		v.Who = d.Identity.User.Username
	}
	if d.Verdict.Reason == policy.Antifraud {
		v.Counter, v.Verdict.Detail = d.Verdict.Detail, ""
	}
	if l := &d.Limit; l.Scope.Kind != 0 {
		v.LimitOf, v.LimitID, v.LimitMax = d.LimitText(), l.Scope.ID, l.Calls
		if d.Verdict.Reason == policy.RateLimit {
			v.LimitMax = l.CPS
		}
	}
	if c := d.Candidates; c != nil {
		v.Group = c.Group
		if !d.Verdict.Refused() {
			v.Verdict.Rule, v.Verdict.Name = c.Rule, c.RuleName
		}
		if c.N > 0 {
			v.Destination = c.List[0].Name
		}
	}
	e.traces.Decided(&v)
}

// traceAsked forgets what was asked for a password.
func (e *Edge) traceAsked(d *gate.Decision) {
	if d.Method != sip.REGISTER {
		e.traces.Asked(transport.Flow{Remote: d.Source}, d.Message.CallID())
	}
}

// traceEnd keeps how a call was.
func (e *Edge) traceEnd(c *call.Ending) {
	v := trace.Event{
		ID: trace.ID(c.ID), Started: c.Started, Method: []byte("INVITE"), Source: c.Source, Target: c.Target,
		Outbound: c.Direction == policy.Outbound, CallID: c.CallID, FarCallID: c.FarCallID, From: c.From, To: c.To, URI: c.URI,
		Verdict:  policy.Verdict{Status: c.Status, Reason: c.Reason},
		Answered: c.Answered, Setup: c.Setup, Duration: c.Duration, EndedBy: endedBy(c).String(),
	}
	traceCustomer(&v, c.Customer)
	if c.Destination != nil {
		v.Destination = c.Destination.Name
	}
	e.traces.Ended(&v)
}

func traceCustomer(v *trace.Event, c *policy.Customer) {
	if c != nil {
		v.Company, v.Customer, v.CustomerName, v.Silent = c.Company.ID, c.Settings.ID, c.Settings.Name, !c.Settings.Trace
	}
}

// endedBy is who ended a call.
func endedBy(c *call.Ending) cdr.Party {
	switch {
	case c.Reason != policy.OK && c.Reason != policy.Canceled:
		return cdr.Tollgate
	case c.By == dialog.Callee:
		return cdr.Callee
	}
	return cdr.Caller
}

// callsUp is which calls there are, by id: those of an earlier process are back by then.
func (e *Edge) callsUp() map[string]bool {
	is := make(map[string]bool)
	for _, c := range e.calls.List(func(tenant.CustomerID) bool { return true }) {
		is[c.ID] = true
	}
	return is
}

// Decisions is api.Node.
func (e *Edge) Decisions(ctx context.Context, q trace.Query) ([]trace.Decision, trace.Place, error) {
	return e.traces.Find(ctx, q)
}

// Trace is api.Node.
func (e *Edge) Trace(ctx context.Context, id trace.ID) (trace.Decision, []trace.Message, error) {
	return e.traces.Get(ctx, id)
}

// WatchDecisions is api.Node.
func (e *Edge) WatchDecisions(filter func(*trace.Decision) bool) (events <-chan *trace.Decision, stop func()) {
	return e.traces.Watch(filter)
}

// traceMetrics counts what is traced and what is not.
type traceMetrics struct{ traces *trace.Recorder }

// Describe is prometheus.Collector.
func (m traceMetrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect is prometheus.Collector.
func (m traceMetrics) Collect(ch chan<- prometheus.Metric) {
	s := m.traces.Stats()
	tell := func(kind prometheus.ValueType, name, help string, n float64) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("tollgate_trace_"+name, help, nil, nil), kind, n)
	}
	tell(prometheus.CounterValue, "cases_total", "Decisions that were kept.", float64(s.Cases))
	tell(prometheus.CounterValue, "messages_total", "SIP messages that were kept.", float64(s.Messages))
	tell(prometheus.GaugeValue, "bytes", "Disk that traces take.", float64(s.Disk))
	dropped := prometheus.NewDesc("tollgate_trace_dropped_total", "Messages and decisions that were not kept.", []string{"what"}, nil)
	for _, d := range [...]struct {
		what string
		n    uint64
	}{
		{"lost_message", s.LostMessages}, {"lost_case", s.LostCases}, {"unkept", s.Unkept}, {"surplus", s.Surplus}, {"unclaimed", s.Unclaimed},
	} {
		ch <- prometheus.MustNewConstMetric(dropped, prometheus.CounterValue, float64(d.n), d.what)
	}
}
