package call

import (
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// phone is one of the phones that ring at once (RFC 3261 16.7: a forking proxy).
type phone struct {
	contact registrar.Contact
	branch  transaction.ID // 0: it has refused, or could not be reached
	heard   bool           // it has given a sign of life
}

// ring sends the request to all phones at once; the first answer wins.
func (c *Calls) ring(sh *transaction.Shard, call *Call, s *setup, m *sip.Message) {
	for i := range s.phones {
		to := &s.phones[i]
		call.way, s.flow = uint8(i), to.contact.Flow
		if sent := c.sendFirst(sh, call, s, m, to); call.state != calling {
			return
		} else if sent {
			to.branch = call.branch
		}
	}
	call.branch = 0
	if !s.ringing() {
		c.refuse(sh, call, 480, policy.PhoneUnreachable)
	}
}

// ringing says that some phone may still answer.
func (s *setup) ringing() bool {
	for i := range s.phones {
		if s.phones[i].branch != 0 {
			return true
		}
	}
	return false
}

// atHand says that a branch is a live one of the call, and makes it the one at hand.
func (c *Calls) atHand(sh *transaction.Shard, call *Call, id transaction.ID) bool {
	s := c.setup(sh, call)
	if s == nil || len(s.phones) == 0 {
		return call.branch == id
	}
	for i := range s.phones {
		if to := &s.phones[i]; to.branch == id {
			to.heard = true
			call.branch, call.way, s.flow = id, uint8(i), to.contact.Flow
			return true
		}
	}
	return false
}

// ringing gives the phone whose branch is at hand, nil if the call goes elsewhere.
func (c *Calls) ringing(sh *transaction.Shard, call *Call) *phone {
	s := c.setup(sh, call)
	if s == nil || int(call.way) >= len(s.phones) {
		return nil
	}
	return &s.phones[call.way]
}

// stopOthers cancels all phones but the one at hand. Should one of them answer all
// the same, Stray ends that.
func (c *Calls) stopOthers(sh *transaction.Shard, call *Call) {
	s := c.setup(sh, call)
	if s == nil {
		return
	}
	for i := range s.phones {
		if to := &s.phones[i]; to.branch != 0 && to.branch != call.branch {
			sh.Abandon(to.branch)
			to.branch = 0
		}
	}
}

// phoneRefused takes a phone's refusal: the others go on, unless nobody shall be
// asked any more (RFC 3261 16.7 step 5); the best one of all goes back.
func (c *Calls) phoneRefused(sh *transaction.Shard, call *Call, s *setup, m *sip.Message) {
	s.phones[call.way].branch = 0
	if len(s.best) == 0 || peer.Better(m.StatusCode(), statusOf(&sh.Aux, s.best)) {
		sh.Free(&s.best)
		s.best, s.from = sh.Copy(m.Bytes()), call.way
	}
	if m.StatusCode() >= 600 {
		c.stopOthers(sh, call)
	}
	c.phonesLeft(sh, call, s)
}

// phoneSilent takes a phone that never answered.
func (c *Calls) phoneSilent(sh *transaction.Shard, call *Call, s *setup) {
	s.phones[call.way].branch = 0
	c.phonesLeft(sh, call, s)
}

// silentPhones gives up the phones that gave no sign of life in time.
func (c *Calls) silentPhones(sh *transaction.Shard, call *Call) {
	s := c.setup(sh, call)
	for i := range s.phones {
		if to := &s.phones[i]; to.branch != 0 && !to.heard {
			sh.Abandon(to.branch)
			to.branch = 0
		}
	}
	c.phonesLeft(sh, call, s)
}

// phonesLeft ends the call when no phone is left that may answer.
func (c *Calls) phonesLeft(sh *transaction.Shard, call *Call, s *setup) {
	if s.ringing() {
		return
	}
	call.branch = 0
	if len(s.best) > 0 && sh.Aux.Parse(s.best) == nil {
		call.way, s.flow = s.from, s.phones[s.from].contact.Flow // whose traces are to be hidden
		c.refuseWith(sh, call, &sh.Aux)
		return
	}
	c.refuse(sh, call, 408, policy.InitialTimeout)
}

func statusOf(into *sip.Message, response []byte) int {
	if into.Parse(response) != nil {
		return 0
	}
	return into.StatusCode()
}
