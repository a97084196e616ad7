package edge

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"tollgate/internal/antifraud"
	"tollgate/internal/ban"
	"tollgate/internal/call"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

func (e *Edge) newAntifraud() *antifraud.Guard {
	logged := rate.NewLimiter(20, 50) // lines a second: from made-up sources there may be many
	return antifraud.New(antifraud.Config{
		Block: e.cfg.Test.Ban,
		Tripped: func(t *antifraud.Trip) {
			e.layer.Later(func() {
				if what := e.punish(t); logged.Allow() {
					e.log.Warn("antifraud", "customer", t.Customer.Settings.Name, "method", t.Method.String(), "source", t.Source.String(),
						"count", t.Count, "from", t.From, "to", t.To, "calls_ended", len(t.Calls), "again", t.Again, "done", what)
				}
			})
		},
		Neighbour: func(addr netip.Addr, customer tenant.CustomerID) bool {
			return e.table.Snapshot().Neighbour(addr, customer)
		},
	})
}

// heard counts a call that somebody is known to want.
func (e *Edge) heard(now time.Time, h *call.Heard) (counted uint64, ok bool) {
	counted, refused := e.fraud.Heard(now, &antifraud.Heard{
		Call: antifraud.Call(h.Place), Customer: h.Customer, Direction: h.Direction, Source: h.Source,
		From: h.From, URI: h.URI, Rewriter: h.Customer.RewriterOf(h.Entry, h.User), Age: h.Age, Restored: h.Restored,
	})
	return counted, !refused
}

// punish ends the calls of a threshold that was reached, and bans the source; where that is an
// entry or has phones that have registered, its key stays shut instead. It says what it did, and
// runs without any shard's lock.
func (e *Edge) punish(t *antifraud.Trip) (done string) {
	e.endCalls(t.Calls)
	customer := t.Customer.Settings.ID
	addr := t.Source.Addr().Unmap().WithZone("")
	if !t.Again && (e.fraud.Entry(customer, addr) || e.registrar.From(customer, addr)) {
		return "key shut"
	}
	b, err := e.bans.Add(ban.Wish{
		Prefix: netip.PrefixFrom(addr, addr.BitLen()), Customer: customer, Reason: policy.Antifraud.Code(), Evidence: t.Evidence,
	})
	if err != nil && !errors.Is(err, ban.ErrNotKept) {
		return "key shut: the source " + err.Error()
	}
	e.news.banned(&b)
	e.fraud.Banned(t)
	return "source banned"
}

// endAtOnce is how many calls are ended before the layer's clock goes on: each of them is a
// message or two.
const endAtOnce = 200

func (e *Edge) endCalls(calls []antifraud.Call) {
	now := calls[:min(len(calls), endAtOnce)]
	for _, c := range now {
		e.calls.End(call.Place(c), policy.Antifraud, 480)
	}
	if rest := calls[len(now):]; len(rest) > 0 {
		e.layer.Later(func() { e.endCalls(rest) })
	}
}

// Antifraud is api.Node.
func (e *Edge) Antifraud(customers []tenant.CustomerID) []antifraud.Report {
	s := e.table.Snapshot()
	list := make([]*policy.Customer, 0, len(customers))
	for _, id := range customers {
		if c := s.Customer(id); c != nil {
			list = append(list, c)
		}
	}
	return e.fraud.Report(list...)
}

// OpenAntifraud is api.Node.
func (e *Edge) OpenAntifraud(customer tenant.CustomerID, m sip.Method, from, to string) int {
	return e.fraud.Open(customer, m, from, to)
}

// antifraudMetrics counts the thresholds that were reached.
func (e *Edge) antifraudMetrics() (all []prometheus.Collector) {
	for _, m := range [...]sip.Method{sip.INVITE, sip.REGISTER, sip.OPTIONS} {
		for _, mode := range [...]string{"enforce", "monitor"} {
			all = append(all, prometheus.NewCounterFunc(prometheus.CounterOpts{
				Name: "tollgate_antifraud_total", Help: "Antifraud thresholds that were reached.",
				ConstLabels: prometheus.Labels{"method": strings.ToLower(m.String()), "mode": mode},
			}, func() float64 { return float64(e.fraud.Total(m, mode == "enforce")) }))
		}
	}
	return all
}

// entries are the addresses from which switches send a customer calls.
func entries(a *tenant.Account) (cidrs []netip.Prefix) {
	for i := range a.Switches {
		cidrs = append(cidrs, prefixes(a.Switches[i].Addresses)...)
	}
	return cidrs
}

func prefixes(cidrs []string) (out []netip.Prefix) {
	for _, cidr := range cidrs {
		if p, err := netip.ParsePrefix(tenant.CanonicalCIDR(cidr)); err == nil {
			out = append(out, p)
		}
	}
	return out
}
