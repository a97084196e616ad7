// Package overload says what comes first when a node gets more than it can serve: it
// reads of a request what its place depends on, without parsing it, and keeps those that
// wait in few queues with a fair share for each customer.
//
// It is not its job to know customers, to read sockets or to answer. What it sheds is
// dropped in silence, as a network would drop it: the sender asks again, and perhaps
// finds room then. An answer would cost more than what is saved by dropping.
//
// RFC 3261 7.1 and 7.3 (start line, headers), 12.2 (requests within dialogs).
package overload

import "time"

// Class is the place of a request among those that wait.
type Class uint8

// The classes, first things first. Responses and ACKs never wait here: nothing comes of them
// but what was asked for.
const (
	Urgent  Class = iota // within a dialog that there is, or to an emergency number
	Invite               // a new call
	Refresh              // REGISTER of a phone that is registered, OPTIONS of a neighbour
	Rest                 // of whom we know
	Unknown              // of strangers
	Classes
)

// String is the class as a metric's label.
func (c Class) String() string {
	return [...]string{"urgent", "invite", "refresh", "rest", "stranger", ""}[min(c, Classes)]
}

// Rank is what is decided of a request before it is parsed.
type Rank struct {
	Class Class
	// Share names who is to have no more than his share: the customer, or the source of
	// what is nobody's. Any number that differs for each will do.
	Share uint64
	// ByHost says that Share follows from the host of the Request-URI alone.
	ByHost bool
	// Drop: it is not to be served at all.
	Drop bool
}

// Bounds of what waits.
const (
	// MaxAge is for how long a request is worth being served: a caller does not wait
	// longer for a sign of life.
	MaxAge = 4 * time.Second
	// maxWait closes a share's queue, but for what is urgent, while its oldest request waits for longer: beyond
	// T1 its sender asks again anyway.
	maxWait = 400 * time.Millisecond
	// shares is among how many queues of a class senders are spread.
	shares = 64
)

// places is how many requests of a class wait at most.
var places = [Classes]int{1024, 512, 256, 128, 32}
