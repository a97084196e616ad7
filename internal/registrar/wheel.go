package registrar

import (
	"time"

	"tollgate/internal/policy"
)

// Each binding is looked at once in an interval, on the tick that its id says, which
// spreads the pings evenly by itself, also right after a restart; and on the tick of
// its expiry, if that comes first. So one bucket of 256 holds it at a time, and there
// is neither a timer nor a goroutine for it.

// misses is how many pings in a row must go unanswered for a phone to be dead.
const misses = 3

// schedule puts a binding into the bucket of the tick at which it is looked at next.
func (r *Registrar) schedule(s *stripe, b *binding) {
	turn := s.tick + 1 + int64(b.id[1]-uint8(s.tick+1)) // a byte's arithmetic goes round
	expiry := max(int64((b.expires+r.tick-1)/r.tick), s.tick+1)
	b.due = uint8(min(turn, expiry))
	head := &s.wheel[b.due]
	b.prev, b.next = 0, *head
	if after := s.shelf.at(b.next); after != nil {
		after.prev = b.self
	}
	*head = b.self
}

func (r *Registrar) unschedule(s *stripe, b *binding) {
	if before := s.shelf.at(b.prev); before != nil {
		before.next = b.next
	} else if s.wheel[b.due] == b.self {
		s.wheel[b.due] = b.next
	}
	if after := s.shelf.at(b.next); after != nil {
		after.prev = b.prev
	}
	b.next, b.prev = 0, 0
}

// round is what one tick found in a stripe; reused.
type round struct {
	pings []Contact
	ended []ending
}

type ending struct {
	contact Contact
	why     policy.Reason
}

// beat sends the pings of the ticks that have passed, and ends what has expired.
func (r *Registrar) beat() {
	if !r.running.Load() {
		return
	}
	now := int64(r.now() / r.tick)
	// After a long sleep each bucket is served once, not once for each round missed.
	for r.served = max(r.served, now-slots); r.served < now; {
		r.served++
		r.serve(r.served, &r.found)
	}
}

// Run lets pings begin. They are sent by the layer's clock, from now to Close or the layer's.
func (r *Registrar) Run() {
	r.served = int64(r.now() / r.tick)
	r.running.Store(true)
}

// Close ends the pings. What the transport closes afterwards ends no binding.
func (r *Registrar) Close() {
	r.closed.Store(true)
	r.running.Store(false)
}

// serve looks at the bindings of one tick.
func (r *Registrar) serve(tick int64, found *round) {
	for i := range r.stripes {
		found.pings, found.ended = found.pings[:0], found.ended[:0]
		r.look(&r.stripes[i], tick, found)
		if len(found.pings) > 0 {
			r.ping(uint8(i), found.pings)
		}
		for _, e := range found.ended {
			r.tell(e.contact, e.why)
		}
	}
}

// look takes a stripe's bindings of one tick out of their bucket, and puts back what
// lives on.
func (r *Registrar) look(s *stripe, tick int64, found *round) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick = tick
	b := s.shelf.at(s.wheel[uint8(tick)])
	s.wheel[uint8(tick)] = 0
	now := r.now()
	for b != nil {
		next := s.shelf.at(b.next)
		b.next, b.prev = 0, 0
		if why, over := r.visit(b, tick, now, found); over {
			found.ended = append(found.ended, ending{b.contact(), why})
			r.end(s, b)
		} else {
			r.schedule(s, b)
		}
		b = next
	}
}

// visit says whether a binding is over, and asks for its ping when it is its turn.
func (r *Registrar) visit(b *binding, tick int64, now time.Duration, found *round) (why policy.Reason, over bool) {
	switch {
	case b.expires <= now:
		return policy.BindingExpired, true
	case uint8(tick) != b.id[1]:
		return policy.OK, false
	}
	c := r.cfg.Customer(b.customer)
	switch {
	case c == nil:
		return policy.OK, true // with its customer
	case b.user != 0:
		return visitUser(b, c, tick, found)
	case c.Settings.NATPing != pingsOn || c.Transparent:
		b.missed = 0
		return policy.OK, false
	case b.missed >= misses:
		return policy.BindingDead, true
	}
	if !b.flow.Proto.Reliable() {
		b.missed++ // until it is heard
	}
	found.pings = append(found.pings, b.contact())
	return policy.OK, false
}

// pingsOn is the nat_ping of a customer whose phones are pinged.
const pingsOn = "enabled"
