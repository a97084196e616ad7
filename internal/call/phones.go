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

// ring sends the request to all phones of the highest preference that was not tried yet, at
// once; the first answer wins. Where none of them can be reached, the next ones are tried.
func (c *Calls) ring(sh *transaction.Shard, call *Call, s *setup, m *sip.Message) {
	for s.next < len(s.phones) && !s.ringing() {
		for q := s.phones[s.next].contact.Q; s.next < len(s.phones) && s.phones[s.next].contact.Q == q; s.next++ {
			to := &s.phones[s.next]
			call.way, s.flow = uint8(s.next), to.contact.Flow
			if sent := c.sendFirst(sh, call, s, m, to); call.state != calling {
				return
			} else if sent {
				to.branch = call.branch
			}
		}
	}
	call.branch = 0
	switch {
	case s.ringing():
	case len(s.best) > 0 || s.silent:
		c.phonesOver(sh, call, s)
	default:
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

// stopOthers cancels all phones but the one at hand, because that has answered with a status
// (RFC 3326), or with 0 all as the caller's CANCEL says. Should one of them answer all the same,
// Stray ends that.
func (c *Calls) stopOthers(sh *transaction.Shard, call *Call, status int) {
	s := c.setup(sh, call)
	if s == nil {
		return
	}
	for i := range s.phones {
		if to := &s.phones[i]; to.branch != 0 && to.branch != call.branch {
			sh.AbandonFor(to.branch, transaction.Why{SIP: uint16(status)})
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
		c.stopOthers(sh, call, m.StatusCode())
	}
	c.phonesLeft(sh, call, s)
}

// phoneSilent takes a phone that never answered.
func (c *Calls) phoneSilent(sh *transaction.Shard, call *Call, s *setup) {
	s.phones[call.way].branch, s.silent = 0, true
	c.phonesLeft(sh, call, s)
}

// silentPhones gives up the phones that gave no sign of life in time.
func (c *Calls) silentPhones(sh *transaction.Shard, call *Call) {
	s := c.setup(sh, call)
	for i := range s.phones {
		if to := &s.phones[i]; to.branch != 0 && !to.heard {
			sh.Abandon(to.branch)
			to.branch, s.silent = 0, true
		}
	}
	c.phonesLeft(sh, call, s)
}

// phonesLeft rings the next phones when none is left that may answer, unless one of them has
// spoken for all (RFC 3261 16.6 step 2 and 16.7 step 5), and ends the call when there are no more.
func (c *Calls) phonesLeft(sh *transaction.Shard, call *Call, s *setup) {
	switch {
	case s.ringing():
	case s.next < len(s.phones) && statusOf(&sh.Aux, s.best) < 600 && sh.Request(call.server, &sh.Kept):
		c.ring(sh, call, s, &sh.Kept)
	default:
		c.phonesOver(sh, call, s)
	}
}

// phonesOver ends the call with the best refusal of all phones.
func (c *Calls) phonesOver(sh *transaction.Shard, call *Call, s *setup) {
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
