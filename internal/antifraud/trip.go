package antifraud

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"tollgate/internal/policy"
	"tollgate/sip"
)

// reached is what has reached a threshold.
type reached struct {
	customer  *policy.Customer
	source    netip.AddrPort
	count, of int
	from, uri []byte
	now       time.Time
}

// trip takes what a key has counted out of it, and where thresholds are enforced shuts it. The
// caller holds the lock.
func (g *Guard) trip(e *entry, at time.Duration, why *reached) *Trip {
	enforce := acts(why.customer)
	method := e.kind.method()
	detail := detailOf(method, why.count, why.of)
	t := &Trip{
		Customer: why.customer, Method: method, Source: why.source, From: e.from.String(), To: e.to.String(),
		Count: why.count, Evidence: evidence(method, why.from, why.uri, detail), Calls: g.clear(e), key: e.hash,
	}
	g.noteTrip(e, why, enforce)
	e.rate = rate{}
	if !enforce {
		return t
	}
	if e.until == 0 {
		g.shut.Add(1)
	}
	e.detail = detail
	e.shutFor(plain(why.source.Addr()), at, at+g.cfg.Block)
	g.enter(&g.tripped, e)
	return t
}

// detailOf says how many of how many, as decisions and logs have it: "invite 10 of 10".
func detailOf(m sip.Method, count, of int) string {
	return fmt.Sprintf("%s %d of %d", strings.ToLower(m.String()), count, of)
}

// evidence is what is kept of a request: its first line, its From and what was counted.
func evidence(m sip.Method, from, uri []byte, detail string) []byte {
	const most = 400 // bytes of each
	return fmt.Appendf(nil, "%s %s SIP/2.0\r\nFrom: %s\r\n%s", m, uri[:min(len(uri), most)], from[:min(len(from), most)], detail)
}
