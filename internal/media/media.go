// Package media relays the media of calls: it opens a pair of UDP ports for each party and
// stream, learns where each party sends from, passes what the one says to the other and to
// nobody else, and keeps count of how it sounded.
//
// A datagram that comes to a party's port is looked at in this order (packet.go): what is it
// (RTP, RTCP; STUN and DTLS end here), may the party send that, does it come from the party
// (latch.go), can it be opened (SRTP). It leaves from the port that the other party was told,
// under the other party's key. Plain RTP that is settled may be handed to the kernel (flow.go).
//
// Sockets are served by a few threads with an epoll each (loop.go): a stream has no goroutine,
// no net.Conn and no allocation for a packet. A session is guarded by a lock of its own; no
// other lock is taken before it, and no callback is called with it.
//
// Not its job: SDP and SIP, whom a call belongs to, what a codec is (package rtp), how SRTP
// works (package srtp), which address a party is told.
//
// Linux only. RFC 3550 (RTP, RTCP), RFC 5761 (both on one port), RFC 7983 (telling protocols
// apart), RFC 7362 (latching), RFC 4961 (symmetric RTP), RFC 3711 by package srtp.
package media

import (
	"errors"
	"net/netip"
	"time"

	"tollgate/internal/media/rtp"
	"tollgate/internal/media/srtp"
)

// What opening ports can fail with, besides errors of the system.
var (
	// ErrNoPorts: no pair is free, or only those kept for emergency calls are.
	ErrNoPorts = errors.New("no media ports left")
	// ErrFiles: the process, or the system, may open no more files.
	ErrFiles = errors.New("no file descriptors left for media")
	// ErrStreams: a stream's number is not within 0 to 7, or there are too many sessions.
	ErrStreams = errors.New("too many media streams")
	// ErrGone: there is no such session (any more).
	ErrGone = errors.New("media session is over")
	// ErrClosed: the engine is closed.
	ErrClosed = errors.New("media engine is closed")
	// ErrRecord: what Restore was given is damaged, or of a version that is not known.
	ErrRecord = errors.New("damaged record of a media session")
)

// MaxStreams is how many streams (m= lines) a session has at most.
const MaxStreams = 8

// Side is one of the two parties of a session.
type Side uint8

// The sides.
const (
	Caller Side = iota
	Callee
)

// Place is where a party's sockets are, and what the party is told instead of that address.
type Place struct{ Bind, Advertise netip.Addr }

// Latch is how it is learnt where a party sends from.
type Latch uint8

// The ways, see latch.go.
const (
	// Symmetric takes what comes from where the description says, else what comes instead, and
	// stays with it.
	Symmetric Latch = iota
	// Strict takes only what comes from the very address and port of the description.
	Strict
	// Handover is Symmetric, but goes along when the party moves.
	Handover
)

// ID names a session; 0 is none. It is never given out twice by one Engine, so a stale one does
// nothing.
type ID uint64

// Config says what an Engine has. The zero value of a field is its default.
type Config struct {
	// First and Last bound the ports: RTP has the even ones, RTCP the odd one above.
	First, Last uint16
	// Quarantine is how long a pair of ports rests after use, so that what is still under way to
	// the last call does not reach the next. 5 s.
	Quarantine time.Duration
	// Loops is the number of threads. GOMAXPROCS.
	Loops int
	// Flows forwards settled streams in the kernel; nil: there is no such way, for the reason Why.
	Flows Flows
	Why   string
	// Silence is told, from a loop, that nothing came from either party for Timeout although
	// neither is on hold; once, until something comes or is signalled again. Timeout: 60 s.
	Silence func(owner uint64)
	Timeout time.Duration
	// Changed is told, from a loop, that what Append gives has changed in a way that a restart
	// should know: a source was learnt, or SRTP went on for five minutes.
	Changed func(owner uint64)
	// Window is how long after signalling, and after the first packet, a better source replaces a
	// worse one. 3 s, as rtpengine has it.
	Window time.Duration
	// Clock gives nanoseconds of CLOCK_MONOTONIC; nil: the system's.
	Clock func() int64
}

// Party is what a party says of itself in its description.
type Party struct {
	RTP, RTCP       netip.AddrPort // where it wants media; zero: nowhere
	Mux             bool           // RTCP on the port of RTP, RFC 5761
	Latch           Latch
	Sends, Receives bool       // its direction
	RTPStream       bool       // false: T.38 and the like, any datagram passes
	Payloads        [2]uint64  // bitmap of the payload types that it may send; all 0: any
	Clocks          rtp.Clocks // what they are
	In, Out         srtp.Key   // what it encrypts with, and what we encrypt with towards it
	Fresh           bool       // it is another party than before (a fork): what was learnt is forgotten
}

// Quality is how one party of one stream is heard. It stays known until Shut, also after Off.
type Quality struct {
	Stream    int
	Side      Side // who sends
	Report    rtp.Report
	Source    netip.AddrPort // where it sends from, as far as learnt
	Latched   bool           // that does not change any more without signalling
	Port      uint16         // ours that it sends to; 0: closed
	RTPStream bool
	Sends     bool       // it says that it does
	Suite     srtp.Suite // what it encrypts with
	Refused   uint64     // packets of others than the party
	BadTags   uint64     // SRTP whose authentication failed
	Replays   uint64     // SRTP seen before
	Kernel    bool       // it is forwarded by the kernel now
}
