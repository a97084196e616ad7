package call

import (
	"hash/maphash"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// lately is the ends of calls that a shard has seen last, a key for each party who has not hung up
// himself: his own BYE may be on its way still, over a connection of its own. It has a fixed size, so that
// nothing of a call is kept for it: rows of a cache line, found by the key, in which the oldest goes first.
type lately [1024][4]struct {
	key   uint64
	until time.Duration // since the layer's start; 0: none
}

// crossing is how long such a BYE is awaited: 64*T1, for which its sender sends it again (RFC 3261 17.1.2.2).
const crossing = 32 * time.Second

// remember notes that a party's dialog was ended by another than him.
func (c *Calls) remember(sh *transaction.Shard, call *Call, fork uint8, party dialog.Side) {
	leg := call.leg(call.dialog(fork), party)
	key := c.partyKey(call.text(leg.CallID), call.text(leg.Tag), call.text(leg.LocalTag))
	row := &c.table(sh).lately[key%uint64(len(lately{}))]
	oldest := &row[0]
	for i := range row {
		if row[i].until < oldest.until {
			oldest = &row[i]
		}
	}
	oldest.key, oldest.until = key, sh.Since()+crossing
}

// crossed answers the BYE of a party who hung up when the other one, or Tollgate, had done so. RFC 3261 15.1.2 has
// a 481 for a BYE that matches no dialog, but its sender cannot know that, and did what is right.
func (c *Calls) crossed(sh *transaction.Shard, m *sip.Message, f transport.Flow) bool {
	if m.Method() != sip.BYE {
		return false
	}
	key := c.partyKey(m.CallID(), m.FromTag(), m.ToTag())
	row := &c.table(sh).lately[key%uint64(len(lately{}))]
	for i := range row {
		if row[i].key == key && row[i].until > sh.Since() {
			sh.Reply(m, f, &sip.Response{Status: 200})
			return true
		}
	}
	return false
}

// partyKey hashes a dialog's id as one party writes it.
func (c *Calls) partyKey(callID, his, ours []byte) uint64 {
	return c.dialogKey(callID, his, ours) + maphash.Bytes(c.seed, his)
}
