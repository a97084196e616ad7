package edge

import (
	"errors"
	"net/netip"

	"tollgate/internal/ban"
	"tollgate/internal/journal"
	"tollgate/internal/tenant"
)

// banKeeper is the journal of bans. The table is made before the journal is opened, and puts
// nothing before that.
type banKeeper struct{ edge *Edge }

// Put is ban.Journal.
func (k banKeeper) Put(id ban.ID, data []byte) error {
	return k.edge.journal.Put(keptBan, journal.ID(id), data)
}

// Delete is ban.Journal.
func (k banKeeper) Delete(id ban.ID) { k.edge.journal.Delete(keptBan, journal.ID(id)) }

func (e *Edge) newBans() *ban.Table {
	destinations := &neighbourhood{table: e.table}
	return ban.New(ban.Config{
		Journal: banKeeper{e}, Never: e.cfg.NeverBan, First: e.cfg.Test.Ban, NeighbourIn: destinations.in,
		Neighbour: func(addr netip.Addr, customer tenant.CustomerID) bool {
			s := e.table.Snapshot()
			return s.Neighbour(addr, customer) || s.Receives(addr, customer)
		},
	})
}

// accepted is what bans must not hold for a customer, beside his destinations: his whitelist,
// and the addresses from which switches send him calls.
func accepted(a *tenant.Account) []netip.Prefix { return append(prefixes(a.Whitelist), entries(a)...) }

// Bans is api.Node.
func (e *Edge) Bans(keep func(tenant.CustomerID) bool) []ban.Ban { return e.bans.List(keep) }

// Ban is api.Node.
func (e *Edge) Ban(w ban.Wish) (ban.Ban, error) {
	b, err := e.bans.Add(w)
	if errors.Is(err, ban.ErrNotKept) {
		e.log.Error("ban", "address", b.Prefix.String(), "error", err.Error())
		err = nil
	}
	if err == nil {
		e.news.banned(&b)
	}
	return b, err
}

// Unban is api.Node.
func (e *Edge) Unban(id ban.ID, allowed func(tenant.CustomerID) bool) bool {
	var customer tenant.CustomerID
	lifted := e.bans.Lift(id, func(of tenant.CustomerID) bool {
		customer = of
		return allowed(of)
	})
	if lifted {
		e.news.lifted(id, customer)
	}
	return lifted
}

func (e *Edge) bansStanding() float64 {
	n, _ := e.bans.Stats()
	return float64(n)
}

func (e *Edge) kernelBansPossible() float64 {
	if e.kernel.filter != nil {
		return 1
	}
	return 0
}

func (e *Edge) bannedDropped() float64 {
	_, n := e.bans.Stats()
	return float64(n)
}
