// Package flood offers a node more calls than it can carry, and counts what becomes of
// them: callers who retransmit as RFC 3261 17.1 says, and a PBX that answers. It also
// holds a process to a share of a core (cgroups v1 and v2).
//
// One goroutine sends and one reads, over plain sockets and with messages that are put
// together from ready pieces, since the other side of ten times a node's capacity must
// fit into what is left of the machine. It shares no code with the product.
//
// It is not its job to start a node, nor to say what is good enough.
package flood

import "time"

// The timers of RFC 3261 17 that callers obey.
const (
	t1 = 500 * time.Millisecond
	t2 = 4 * time.Second
	// giveUp is timer B and F.
	giveUp = 64 * t1
)
