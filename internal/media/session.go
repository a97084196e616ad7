package media

import (
	"net/netip"
	"sync"

	"tollgate/internal/media/rtp"
	"tollgate/internal/media/srtp"
)

// session is the media of one call. Its cell is used again, with another generation.
type session struct {
	mu        sync.Mutex // guards all but slot
	slot      uint32
	gen       uint32 // counts the cell's owners; the open one's is in each ID
	open      bool
	emergency bool
	told      bool // of silence
	owner     uint64
	loop      *loop
	heard     int64 // when something came or was signalled
	kept      int64 // when Changed was told last
	changed   bool  // Changed is to be told
	streams   [MaxStreams]*stream
}

func (s *session) id() ID { return ID(s.gen)<<32 | ID(s.slot) }

// stream is one m= line.
type stream struct {
	slot  uint32 // in Engine.streams
	sides [2]side
}

// ports is a pair of sockets at one of our addresses.
type ports struct {
	bind      netip.Addr
	pool      *pool  // that port is of
	port      uint16 // of RTP; 0: closed
	rtp, rtcp socket
}

// side is one party of a stream: what it said, where it is heard and how.
type side struct {
	ports
	aside   []ports // at other addresses, until it is settled which one the party is told of
	known   bool    // party was said
	party   Party
	said    netip.AddrPort // party.RTP, the last that was an address
	latch   latch
	control netip.AddrPort // where RTCP comes from, once learnt
	in      *srtp.Receiver
	out     *srtp.Sender
	before  *keys // until something came under the keys of now; nil: there were none
	quality rtp.Stream
	second  int64 // in which packets were counted
	rate    uint32
	packets uint32 // passed since signalling or a change of source
	refused uint64
	badTags uint64
	replays uint64
	flow    flow
}

// keys is what was in force before signalling changed it.
type keys struct {
	inKey, outKey srtp.Key
	in            *srtp.Receiver
	out           *srtp.Sender
}

// rekey goes on where a key is the same (RFC 3711 3.2.1), the one before included, which comes back
// where an offer is refused. What still comes under the old key is opened until the new one is used.
func (p *side) rekey(in, out srtp.Key, room *srtp.Room) {
	now, before := keys{p.party.In, p.party.Out, p.in, p.out}, keys{}
	if p.before != nil {
		before = *p.before
	}
	if in != now.inKey {
		p.in = before.receiver(in, room)
		before.inKey, before.in = now.inKey, now.in
	}
	if out != now.outKey {
		p.out = before.sender(out, room)
		before.outKey, before.out = now.outKey, now.out
	}
	switch {
	case p.before != nil:
		*p.before = before
	case before != (keys{}):
		p.before = &keys{}
		*p.before = before
	}
}

func (k *keys) receiver(key srtp.Key, room *srtp.Room) *srtp.Receiver {
	switch {
	case key.Suite == srtp.None:
		return nil
	case key == k.inKey && k.in != nil:
		return k.in
	}
	return srtp.NewReceiver(key, room)
}

func (k *keys) sender(key srtp.Key, room *srtp.Room) *srtp.Sender {
	switch {
	case key.Suite == srtp.None:
		return nil
	case key == k.outKey && k.out != nil:
		return k.out
	}
	return srtp.NewSender(key, room)
}

// target is where RTP for a party goes; not valid: nowhere.
func (p *side) target() netip.AddrPort {
	if !p.party.RTP.IsValid() {
		return netip.AddrPort{}
	}
	if p.latch.rank != rankNone {
		return p.latch.source
	}
	return p.party.RTP
}

// controlTarget is the socket and address that RTCP for a party goes through and to.
func (p *side) controlTarget() (socket, netip.AddrPort) {
	if p.party.Mux {
		return p.rtp, p.target()
	}
	if !p.party.RTP.IsValid() {
		return p.rtcp, netip.AddrPort{}
	}
	if p.control.IsValid() {
		return p.rtcp, p.control
	}
	return p.rtcp, p.party.RTCP
}

// talking says that both parties of a stream are to send and to hear: that silence is odd.
func (st *stream) talking() bool {
	for i := range st.sides {
		p := &st.sides[i]
		if p.port == 0 || !p.known || !p.party.Sends || !p.party.Receives || !p.party.RTP.IsValid() {
			return false
		}
	}
	return true
}

// ours says that an address is one of the session's own ports.
func (s *session) ours(a netip.AddrPort) bool {
	for _, st := range s.streams {
		for i := range 2 {
			if st != nil && st.sides[i].port != 0 && st.sides[i].port == a.Port()&^1 && st.sides[i].bind == a.Addr().Unmap() {
				return true
			}
		}
	}
	return false
}

// where names a socket: its session's slot, its stream, its side, and whether it is RTCP's.
// The kernel keeps it for us in 32 bits, the generation in 32 others.
type where uint32

func whereOf(slot uint32, n int, side Side, control bool) where {
	w := where(slot<<5) | where(n)<<2 | where(side)<<1
	if control {
		w |= 1
	}
	return w
}

func (w where) slot() uint32  { return uint32(w) >> 5 }
func (w where) stream() int   { return int(w>>2) & 7 }
func (w where) side() Side    { return Side(w>>1) & 1 }
func (w where) control() bool { return w&1 != 0 }
