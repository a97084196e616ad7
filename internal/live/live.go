// Package live is the contract of the state that calls share while they are up: who holds
// how many channels, and how fast new ones come. A backend keeps it in this process
// (package memory) or elsewhere; livetest is the conformance suite that each one passes.
//
// A reservation takes part in several scopes at once, all or nothing in one step, and is
// known by its call; releasing it gives everything back once. Answers may come at once or
// later by callback, so nothing that reserves may wait for one.
//
// Not its job: what the limits are (the caller brings them), SIP, CDRs.
package live

import (
	"errors"
	"strconv"
)

// ScopeKind is a level at which calls are counted.
type ScopeKind uint8

// The levels, widest first.
const (
	Platform ScopeKind = iota + 1
	Company
	Customer
	Switch
	User
	Profile   // all users of a SIP profile
	Emergency // calls to emergency numbers of a customer, beside all others
)

// String is the word of logs and metrics.
func (k ScopeKind) String() string {
	switch k {
	case Platform:
		return "platform"
	case Company:
		return "company"
	case Customer:
		return "customer"
	case Switch:
		return "switch"
	case User:
		return "user"
	case Profile:
		return "profile"
	case Emergency:
		return "emergency"
	default:
		return "none"
	}
}

// Scope is one counter: a level and the id of who is counted there. The zero Scope is none.
type Scope struct {
	Kind ScopeKind
	ID   int64
}

// String is such as "customer 7".
func (s Scope) String() string { return s.Kind.String() + " " + strconv.FormatInt(s.ID, 10) }

// Limit is a scope and what it allows.
type Limit struct {
	Scope Scope
	Calls int // at once, 0 = unlimited
	CPS   int // new ones a second, also the largest burst; 0 = unlimited
}

// CallID names a call for as long as it holds a reservation.
type CallID [16]byte

// MaxLimits is in how many scopes one call can be counted.
const MaxLimits = 8

// Reservation asks for a place in each of the first N Limits. A scope that stands in it
// twice is counted twice.
type Reservation struct {
	Call   CallID
	Limits [MaxLimits]Limit
	N      int
}

// Add appends a limit. It reports false, and adds nothing, when there is no room.
func (r *Reservation) Add(l Limit) bool {
	if r.N >= len(r.Limits) {
		return false
	}
	r.Limits[r.N] = l
	r.N++
	return true
}

// Exchange swaps one scope of a call's reservation for another, as a failover from one
// switch to the next does. With no From it adds To, with no To it gives From back.
type Exchange struct {
	Call CallID
	From Scope
	To   Limit
}

// Outcome is the answer to Reserve and Swap.
type Outcome struct {
	OK   bool
	Full Scope // not OK: the first scope without room
	Rate bool  // it is the new calls a second that are too many, not the calls
	Err  error // not OK for another reason: the backend's, or one of the errors below
}

// What goes wrong with the use of a backend.
var (
	ErrHeld    = errors.New("the call holds a reservation already")
	ErrNotHeld = errors.New("the call does not hold what is to be exchanged")
	ErrFull    = errors.New("the call is counted in as many scopes as can be")
	ErrClosed  = errors.New("live state is closed")
)

// Waiter is told outcomes that were not known at once. It is called from a goroutine of
// the backend, never from within Reserve or Swap, and must not wait.
type Waiter interface {
	Reserved(ref uint64, o Outcome)
}

// Usage is what a scope holds.
type Usage struct {
	Calls int // now
	Peak  int // most at once since the start
}

// Live is a backend. All methods are safe for use by several goroutines; those of one call
// take effect in the order in which they were called, answered or not.
type Live interface {
	// Reserve takes all of the places or none. With now the outcome is o; else w.Reserved
	// gets it later, with ref, once. r is not kept.
	Reserve(r *Reservation, w Waiter, ref uint64) (o Outcome, now bool)

	// Swap exchanges a scope: the new place is taken before the old one is given back, and
	// where there is no room nothing changes. A scope for itself is always OK and is no new
	// call. Answers as Reserve does.
	Swap(x *Exchange, w Waiter, ref uint64) (o Outcome, now bool)

	// Release gives back all that a call holds, once however often called; it may be called
	// before Reserve was answered.
	Release(c CallID)

	// Usage is what is known of a scope here and now; it waits for nothing.
	Usage(s Scope) Usage

	// Close ends the backend after every open question is answered; those that come later
	// get ErrClosed.
	Close() error
}
