package trace

import (
	"net/netip"
	"time"

	"tollgate/internal/tenant"
)

// How many refusals are kept a second, so that whoever is refused a lot does not drive out
// what others look for; the rest is counted.
const (
	strangersKept = 20  // decisions of strangers, all together
	refusalsKept  = 100 // decisions of one customer
	refusalsSaid  = 20  // of these with their messages
	// strangerQuiet is for how long a stranger's messages are not kept again.
	strangerQuiet = 10 * time.Second
	mostSources   = 4096 // strangers that are remembered for that
)

// wish is how much of a decision is kept.
type wish uint8

const (
	wishNothing wish = iota
	wishDecision
	wishAll
)

// budget says what is worth its room.
type budget struct {
	spent map[tenant.CustomerID]int // refusals since the last refill
	heard map[netip.Addr]time.Time  // strangers whose messages were kept
}

func newBudget() budget {
	return budget{make(map[tenant.CustomerID]int), make(map[netip.Addr]time.Time)}
}

// refill begins another second.
func (b *budget) refill() { clear(b.spent) }

// wish judges a decision. REGISTER and OPTIONS that pass come by the minute from each phone:
// they are no cases.
func (b *budget) wish(e *event, now time.Time) wish {
	if !e.is(flagRefused) {
		switch string(e.texts[textMethod]) {
		case "REGISTER", "OPTIONS":
			return wishNothing
		}
		return wishAll
	}
	customer := e.customer()
	b.spent[customer]++
	n := b.spent[customer]
	switch {
	case customer != 0 && n <= refusalsSaid:
		return wishAll
	case customer != 0 && n <= refusalsKept:
		return wishDecision
	case customer != 0 || n > strangersKept:
		return wishNothing
	case b.quiet(e.source().Addr(), now):
		return wishDecision
	}
	return wishAll
}

// quiet says that a stranger's messages were kept a moment ago, and notes that they are now.
func (b *budget) quiet(from netip.Addr, now time.Time) bool {
	if at, ok := b.heard[from]; ok && now.Sub(at) < strangerQuiet {
		return true
	}
	if len(b.heard) >= mostSources {
		clear(b.heard)
	}
	b.heard[from] = now
	return false
}
