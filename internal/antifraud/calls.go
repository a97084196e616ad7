package antifraud

import (
	"net/netip"
	"time"

	"tollgate/internal/policy"
	"tollgate/sip"
)

// Heard is a call that counts from now on: its caller is known, its destination rings or has
// answered, or a restart has kept it.
type Heard struct {
	Call      Call
	Customer  *policy.Customer
	Direction policy.Direction
	Source    netip.AddrPort
	From, URI []byte           // From as it came, with or without tag, and the Request-URI
	Rewriter  *policy.Rewriter // of the entry or SIP user that it comes from; nil: it has none
	Age       time.Duration
	Restored  bool // nothing is decided about it
}

// Heard counts a call until Over, and refuses the one that reaches the threshold, as well as
// those that were let in before another one did. counted is for Over, 0 where it does not count.
func (g *Guard) Heard(now time.Time, h *Heard) (counted uint64, refused bool) {
	of := h.Customer.Settings.Antifraud.Invite
	if of == 0 || h.Direction != policy.Inbound {
		return 0, false
	}
	if uri, err := sip.ParseURI(h.URI); err == nil && h.Customer.CallsEmergency(&uri) {
		return 0, false
	}
	if g.spared(h.Customer.Settings.ID, plain(h.Source.Addr())) {
		return 0, false
	}
	k, emergency := g.keyOf(invite, h.Customer, h.Rewriter, h.From, h.URI)
	if emergency {
		return 0, false
	}
	counted, refused, t := g.hear(&k, now, h)
	if t != nil && refused && g.cfg.Tripped != nil {
		g.cfg.Tripped(t)
	}
	return counted, refused
}

func (g *Guard) hear(k *key, now time.Time, h *Heard) (counted uint64, refused bool, t *Trip) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, enforce, of := g.clock(now), acts(h.Customer), h.Customer.Settings.Antifraud.Invite
	g.expire(at)
	e := g.take(k, invite, h.Customer.Settings.ID)
	switch {
	case h.Restored:
	case e.tripped != 0 && at-h.Age <= e.tripped && enforce:
		g.tally(e).Refused++
		return 0, true, nil
	case e.calls+1 >= of:
		t = g.trip(e, at, &reached{
			customer: h.Customer, source: h.Source, count: e.calls + 1, of: of, from: h.From, uri: h.URI, now: now,
		})
		g.settle(e)
		return 0, enforce, t
	}
	return g.add(e, h.Call), false, nil
}

// Over ends the counting of a call, by what Heard gave. Whatever Heard did not give, or what a
// threshold has taken out meanwhile, is none of its concern.
func (g *Guard) Over(counted uint64) {
	if counted == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	slot := uint32(counted)
	m := g.calls.At(slot)
	if m == nil || !m.used || m.gen != uint32(counted>>32) {
		return
	}
	e := g.entries.At(m.entry)
	g.remove(slot, m)
	g.settle(e)
}

// Counted is how many calls count.
func (g *Guard) Counted() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls.Used()
}
