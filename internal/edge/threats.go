package edge

import (
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"

	"tollgate/internal/gate"
	"tollgate/internal/policy"
	"tollgate/internal/threat"
	"tollgate/internal/transaction"
	"tollgate/sip"
)

func (e *Edge) newGuard() *threat.Guard {
	return threat.New(threat.Config{
		Ban: e.Ban, Log: e.log, Known: e.known, Domains: e.domains,
		Banned: func(addr netip.Addr) bool { return e.bans.Refused(0, addr, true) }, Spared: e.bans.Spares,
	})
}

// known is threat.Config's: whom no ban may hit by what anybody can send in his name.
func (e *Edge) known(yield func(netip.Addr) bool) {
	more := true
	pass := func(addr netip.Addr) bool {
		more = more && yield(addr)
		return more
	}
	e.registrar.Addresses(pass)
	if more {
		e.calls.Addresses(pass)
	}
}

// domains is threat.Config's.
func (e *Edge) domains(yield func(string) bool) {
	for c := range e.table.Snapshot().Customers {
		for _, name := range c.Domains {
			if !yield(name) {
				return
			}
		}
	}
}

// suspicious tells the guard of a decision that may be an attacker's.
func (e *Edge) suspicious(sh *transaction.Shard, d *gate.Decision) {
	switch known := d.Identity.Customer != nil; {
	case d.Verdict.Reason == policy.WrongPassword, d.Verdict.Reason == policy.DigestAlgorithm:
		e.guard.WrongPassword(sh.Now(), d.Source, d.Proto, d.Identity.Customer.Settings.ID, d.Username, d.Message)
	case d.Identity.User != nil && len(d.Username) > 0:
		e.guard.RightPassword(sh.Now(), d.Source.Addr(), d.Identity.Customer.Settings.ID, d.Username)
	case known && d.Identity.Direction == policy.Inbound && threat.Marked(d.Message):
		e.guard.Marked(sh.Now(), d.Source, d.Proto, d.Message)
	case known:
	case d.Verdict.Reason == policy.UnknownDomain, d.Verdict.Reason == policy.StrangerSource, d.Verdict.Reason == policy.ForeignToken,
		d.Verdict.Reason == policy.BadMessage: // so bad that it was not asked for whom
		e.guard.Stranger(sh.Now(), d.Source, d.Proto, d.Message)
	}
}

// answered tells the guard what a PBX said of a request from outside.
func (e *Edge) answered(sh *transaction.Shard, request transaction.ID, customer *policy.Customer, response *sip.Message) {
	info, ok := sh.Server(request)
	if !ok || !e.guard.Heeds(sh.Now(), response.StatusCode(), info.Flow.Remote.Addr()) || !sh.Request(request, &sh.Kept) {
		return
	}
	if gave(&sh.Kept, customer.AsksIn()) {
		return // the password was right, whatever the PBX says
	}
	e.guard.Answered(sh.Now(), info.Flow.Remote, info.Flow.Proto, customer.Settings.ID, &sh.Kept, response)
}

// Strangers is api.Node.
func (e *Edge) Strangers() []threat.Stranger { return e.guard.Strangers() }

// threatMetrics counts whom the guard had banned.
type threatMetrics struct {
	guard *threat.Guard
	bans  *prometheus.Desc
}

func newThreatMetrics(g *threat.Guard) *threatMetrics {
	return &threatMetrics{g, prometheus.NewDesc("tollgate_threat_bans_total", "Sources that Tollgate itself has banned, by what for.", []string{"reason"}, nil)}
}

// Describe is prometheus.Collector.
func (t *threatMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- t.bans }

// Collect is prometheus.Collector.
func (t *threatMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, o := range threat.Offences() {
		ch <- prometheus.MustNewConstMetric(t.bans, prometheus.CounterValue, float64(t.guard.Bans(o)), o.Code())
	}
}
