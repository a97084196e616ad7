package transaction

import (
	"errors"
	"time"

	"tollgate/internal/transport"
	"tollgate/sip"
)

var errGone = errors.New("transaction has ended")

// clientState is a state of RFC 3261 17.1 (figures 5 and 6) and RFC 6026 7.2.
type clientState uint8

const (
	clientFree    clientState = iota
	clientIdle                // a cell whose request is still being built
	clientCalling             // INVITE
	clientProceeding
	clientTrying // any other method
	clientProgress
	clientCompleted // INVITE, refused and ACKed
	clientAccepted
	clientStates
)

type clientEvent uint8

const (
	clientGot1xx clientEvent = iota
	clientGot2xx
	clientGot3xx // 300 to 699
	clientFireRetry
	clientFireLife
	clientEvents
)

type clientAction func(sh *Shard, c *client, id ID, m *sip.Message, f transport.Flow)

// clientTable is the machine: what each state does with each event.
type clientTable [clientStates][clientEvents]clientAction

func newClientTable() *clientTable {
	return &clientTable{
		clientFree: {clientIgnore, clientIgnore, clientIgnore, clientIgnore, clientIgnore},
		clientIdle: {clientIgnore, clientIgnore, clientIgnore, clientIgnore, clientIgnore},
		clientCalling: {
			clientGot1xx: clientRinging, clientGot2xx: clientAccept, clientGot3xx: clientRefused,
			clientFireRetry: clientTimerA, clientFireLife: clientTimeout, // timer B
		},
		clientProceeding: {
			clientGot1xx: clientRinging, clientGot2xx: clientAccept, clientGot3xx: clientRefused,
			clientFireRetry: clientIgnore, clientFireLife: clientTimerC,
		},
		clientTrying: {
			clientGot1xx: clientProgressed, clientGot2xx: clientFinal, clientGot3xx: clientFinal,
			clientFireRetry: clientTimerE, clientFireLife: clientTimeout, // timer F
		},
		clientProgress: {
			clientGot1xx: clientProgressed, clientGot2xx: clientFinal, clientGot3xx: clientFinal,
			clientFireRetry: clientTimerE, clientFireLife: clientTimeout, // timer F
		},
		clientCompleted: {
			clientGot1xx: clientIgnore, clientGot2xx: clientIgnore, clientGot3xx: clientAckAgain,
			clientFireRetry: clientIgnore, clientFireLife: clientEnd, // timer D
		},
		clientAccepted: { // RFC 6026 8.4
			clientGot1xx: clientIgnore, clientGot2xx: clientAnotherOK, clientGot3xx: clientIgnore,
			clientFireRetry: clientIgnore, clientFireLife: clientTimerM,
		},
	}
}

func clientIgnore(*Shard, *client, ID, *sip.Message, transport.Flow) {}

func clientEnd(sh *Shard, c *client, id ID, _ *sip.Message, _ transport.Flow) { sh.freeClient(c, id) }

func clientTimerM(sh *Shard, c *client, id ID, _ *sip.Message, _ transport.Flow) {
	user, ref, abandoned := c.user, c.ref, c.abandoned
	sh.freeClient(c, id)
	if !abandoned {
		sh.user(user).Ended(sh, id, ref)
	}
}

func clientTimeout(sh *Shard, c *client, id ID, _ *sip.Message, _ transport.Flow) {
	sh.fail(c, id, TimedOut)
}

func clientTimerA(sh *Shard, c *client, id ID, _ *sip.Message, _ transport.Flow) {
	sh.stats.RequestRetransOut++
	_ = sh.Send(c.flow, c.req)
	c.interval *= 2
	c.retry = sh.After(time.Duration(c.interval)*tick, own, clientRetry, uint64(id))
}

func clientTimerE(sh *Shard, c *client, id ID, _ *sip.Message, _ transport.Flow) {
	sh.stats.RequestRetransOut++
	_ = sh.Send(c.flow, c.req)
	c.interval = min(2*c.interval, uint16(T2/tick))
	if c.state == clientProgress {
		c.interval = uint16(T2 / tick)
	}
	c.retry = sh.After(time.Duration(c.interval)*tick, own, clientRetry, uint64(id))
}

// clientRinging takes a 1xx: no more retransmissions, and timer C starts again
// with each one above 100 (RFC 3261 16.7 step 2).
func clientRinging(sh *Shard, c *client, id ID, m *sip.Message, f transport.Flow) {
	first := c.state == clientCalling
	c.state = clientProceeding
	sh.wheel.stop(&c.retry)
	if first || m.StatusCode() > 100 && !c.canceling {
		sh.wheel.stop(&c.life)
		c.life = sh.After(TimerC, own, clientLife, uint64(id))
	}
	if first && c.canceling {
		sh.sendCancel(c, id)
		return
	}
	sh.tell(c, id, m, f)
}

// clientTimerC cancels an INVITE that rang for too long, or gives up one whose
// CANCEL brought no final response.
func clientTimerC(sh *Shard, c *client, id ID, _ *sip.Message, _ transport.Flow) {
	if c.canceling {
		sh.fail(c, id, TimedOut)
		return
	}
	c.life = 0
	sh.Cancel(id)
}

// clientAccept takes the first 2xx. What was given up, or is being cancelled, is
// still the user's to ACK and end, unless he has let go of it.
func clientAccept(sh *Shard, c *client, id ID, m *sip.Message, f transport.Flow) {
	sh.wheel.stop(&c.retry)
	sh.wheel.stop(&c.life)
	sh.bufs.put(&c.req)
	c.state = clientAccepted
	c.life = sh.After(64*T1, own, clientLife, uint64(id)) // timer M
	clientAnotherOK(sh, c, id, m, f)
}

func clientAnotherOK(sh *Shard, c *client, id ID, m *sip.Message, f transport.Flow) {
	if c.abandoned {
		sh.layer.cfg.Core.Stray(sh, m, f)
		return
	}
	sh.user(c.user).Response(sh, id, c.ref, m, f)
}

func clientRefused(sh *Shard, c *client, id ID, m *sip.Message, f transport.Flow) {
	sh.wheel.stop(&c.retry)
	sh.wheel.stop(&c.life)
	sh.sendAck(c, m)
	c.state = clientCompleted
	if c.flow.Proto.Reliable() {
		// Timer D is 0. The user is told last: he may use the cell's slot again.
		user, ref, abandoned := c.user, c.ref, c.abandoned
		sh.freeClient(c, id)
		if !abandoned {
			sh.user(user).Response(sh, id, ref, m, f)
		}
		return
	}
	c.life = sh.After(64*T1, own, clientLife, uint64(id)) // timer D: at least 32 s
	sh.tell(c, id, m, f)
}

func clientAckAgain(sh *Shard, c *client, _ ID, _ *sip.Message, _ transport.Flow) {
	_ = sh.Send(c.flow, c.req) // c.req is the ACK since clientRefused
}

func clientProgressed(sh *Shard, c *client, id ID, m *sip.Message, f transport.Flow) {
	c.state = clientProgress
	sh.tell(c, id, m, f) // a 100, too: it is a sign of life
}

func clientFinal(sh *Shard, c *client, id ID, m *sip.Message, f transport.Flow) {
	user, ref, quiet := c.user, c.ref, c.abandoned || c.method == sip.CANCEL
	// Timer K would keep the cell to absorb the response's retransmissions (RFC 3261
	// 17.1.2.2): those die without it, since their branch names a cell of the past.
	sh.freeClient(c, id)
	if !quiet {
		sh.user(user).Response(sh, id, ref, m, f)
	}
}
