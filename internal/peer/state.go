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
	Status   string        `json:"status"`              // up, down, unknown or off
	Since    time.Time     `json:"since,omitzero"`      // of the last change of Status
	RTT      time.Duration `json:"rtt_ns,omitempty"`    // of the last answered OPTIONS, 0 = none
	LastCode int           `json:"last_code,omitempty"` // of the last answer, 0 = none
	Addrs    []string      `json:"addresses,omitempty"` // that its host leads to now: address:port
}
