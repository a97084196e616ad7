package media

// Cause is why a packet was not passed on.
type Cause uint8

// The causes.
const (
	DropEarly     Cause = iota // the parties are not both known yet
	DropForeign                // from somebody else than the party, or one who is not yet believed
	DropKind                   // STUN, DTLS, RTCP on the port for RTP, and so on
	DropPayload                // a payload type that was not agreed on
	DropMalformed              // lengths inside do not fit, or it is too long
	DropTag                    // SRTP: authentication failed
	DropReplay                 // SRTP: seen before
	DropHeld                   // the other party does not want to hear it
	DropNowhere                // the other party has no address for it
	DropRate                   // more in a second than media ever is
	DropSend                   // the system did not take it
	causes                     // how many
)

// String is the cause as metrics name it.
func (c Cause) String() string {
	names := [causes]string{
		"early", "foreign", "kind", "payload", "malformed", "tag", "replay", "held", "nowhere", "rate", "send",
	}
	if c >= causes {
		return ""
	}
	return names[c]
}

// Stats is what an Engine does and did.
type Stats struct {
	Sessions, Streams    int
	PortsUsed, PortsFree int    // in pairs, of the addresses in use so far; those that rest after use are neither
	Packets, Octets      uint64 // passed on by us, RTP and RTCP
	KernelPackets        uint64 // passed on by the kernel
	Flows                int    // streams, by direction, that the kernel forwards now
	FlowErrors           uint64 // flows that the kernel did not take; they go through our sockets
	FlowError            string // why, the last time
	Dropped              [causes]uint64
	Mode                 string // "epoll" or "kernel"
	Why                  string // why it is not "kernel"
}

// Each calls fn for each cause.
func (s *Stats) Each(fn func(c Cause, packets uint64)) {
	for c, n := range s.Dropped {
		fn(Cause(c), n)
	}
}
