package peer

import "time"

// The states of a destination.
const (
	StatusUp      = "up"
	StatusDown    = "down"
	StatusUnknown = "unknown" // not asked yet
	StatusOff     = "off"     // its customer's keepalive is off
)

// State is how a destination does (mission row C6).
type State struct {
	Status   string        // up, down, unknown or off
	Since    time.Time     // of the last change of Status
	RTT      time.Duration // of the last answered OPTIONS, 0 = none
	LastCode int           // of the last answer, 0 = none
	Addrs    []string      // that its host leads to now: address:port
}
