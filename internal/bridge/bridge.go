// Package bridge joins the signalling of a call with its media: it reads what one party says
// of itself in a session description, tells the media engine, and edits the description so
// that the other party is told of us instead. It keeps which of the two made the last offer,
// which profile and keys each leg has, and the version of what each party was told.
//
// It is not its job to find descriptions in messages or to refuse calls (package call), to
// know lines and attributes (package sdp), or to move packets (package media).
//
// RFC 3264 (offer and answer), RFC 4568 (SDES), RFC 5761 (rtcp-mux), RFC 3711.
package bridge

import (
	"errors"
	"net/netip"

	"tollgate/internal/media"
	"tollgate/internal/media/rtp"
	"tollgate/internal/media/srtp"
	"tollgate/internal/transport"
	"tollgate/sdp"
)

// MaxStreams is how many m= lines a bridged description may have.
const MaxStreams = 8

// What keeps a description from being passed on.
var (
	ErrStreams   = errors.New("more than 8 streams")
	ErrNoSuite   = errors.New("no cipher suite that both sides have")
	ErrProfile   = errors.New("the answer has another profile than its offer")
	ErrNoPorts   = media.ErrNoPorts
	errNowhere   = errors.New("no c= line says the address")
	errNoSession = errors.New("the record of a bridged session is damaged")
)

// Media is what bridging needs of the media engine.
type Media interface {
	Open(owner uint64, emergency bool) (media.ID, error)
	Stream(id media.ID, n int, side media.Side, at media.Place) (port uint16, err error)
	Party(id media.ID, n int, side media.Side, p media.Party)
	Off(id media.ID, n int)
	Said(id media.ID, n int, side media.Side) (p media.Party, known bool)
	Settle(id media.ID)
	Reserve(id media.ID, n int, side media.Side, at media.Place) (port uint16, err error)
	Quality(id media.ID, dst []media.Quality) []media.Quality
	Shut(id media.ID)
	Append(dst []byte, id media.ID) []byte
	Restore(data []byte, owner uint64) (media.ID, error)
}

// End is one party of a call, as its signalling shows it.
type End struct {
	Place media.Place // where we are for it
	From  netip.Addr  // where its signalling comes from
	// Outside: a phone, perhaps behind NAT, so that the address in its description is known
	// less far than the one it speaks from. Forced: it is taken so in any case.
	Outside, Forced bool
	Encrypted       bool // it is to be offered SRTP
	Latch           media.Latch
}

// believed says whether media goes to an address that the party names. One that is known less
// far than where it speaks from is that of a phone behind NAT, or of this very machine: nobody
// has us send to our own services. So is one of another family than we have there (RFC 6157 3.1).
func (e *End) believed(a netip.Addr) bool {
	if at := e.Place.Bind; at.IsValid() && at.Unmap().Is4() != a.Unmap().Is4() {
		return false
	}
	known, from := transport.Scope(a), transport.Scope(e.From)
	return !e.Forced && (known >= from || !e.Outside && known > transport.Scope(netip.IPv6Loopback()))
}

// Session is the bridged media of one call. The zero one has none.
type Session struct {
	id      media.ID
	offerer offerer
	told    [2]told
	streams []stream
	agreed  bool    // an offer was answered
	settled bool    // it is known with whom: until then several may be offered the same
	pending pending // the offer that is not answered yet, where there is something to go back to
	fork    uint8   // the dialog that all of this is of
	first   offerer // of the INVITE
	asked   told    // the callee, by the INVITE
	early   []early // other dialogs, until it is settled
}

// offerer is who made the last offer: nobody, or a side plus 1.
type offerer uint8

// told is what a party was told last.
type told struct {
	hash    uint64
	version uint32
}

// stream is what was agreed on one m= line, by side.
type stream struct {
	profile [2]sdp.Profile
	mux     [2]bool
	off     bool        // by an answer; until it is settled, another party may still take it
	tag     [2]uint8    // of the crypto line in use, where the side has offered it
	in, out [2]srtp.Key // what the party encrypts with, and what we encrypt with towards it
	ours    [2]srtp.Key // what the party was offered, for the suites to choose from
	sole    [2]bool     // it was offered one suite, which is in use
	plays   [2]payloads // what its descriptions list
	clocks  rtp.Clocks
}

type payloads [2]uint64

func (p *payloads) set(pt uint8) { p[pt>>6&1] |= 1 << (pt & 63) }

// Open says that the call has media here.
func (s *Session) Open() bool { return s.id != 0 }

// Late notes a request that wants an offer instead of making one (RFC 3264 4).
func (s *Session) Late() { s.offerer = 0 }

// Answers says whether a description from a side is the answer to the other's offer.
func (s *Session) Answers(from media.Side) bool { return s.offerer == offerer(1-from)+1 }

// Pass is one description on its way from a party to the other.
type Pass struct {
	Media     Media
	Owner     uint64 // of the call, for the engine
	Emergency bool
	Session   uint64 // the number that o= shows
	From      media.Side
	Fork      uint8 // the dialog that it is in, of those with several callees
	Offer     bool  // it is one whatever came before: of an INVITE or UPDATE
	First     bool  // the other party has been told nothing yet, whatever others were
	Ends      [2]End

	transport sdp.Transport
	crypto    [][]byte
	arena     []byte
	keyed     bool
	text      []byte // what the other party is told, but for o=
	tells     sdp.Description
}

// Keys says that the description that went last has keys in it.
func (p *Pass) Keys() bool { return p.keyed }

// Do tells the engine of what a description says and edits it for the other party.
func (s *Session) Do(p *Pass, d *sdp.Description, e *sdp.Edit) error {
	if len(d.Media()) > MaxStreams {
		return ErrStreams
	}
	if s.id == 0 {
		id, err := p.Media.Open(p.Owner, p.Emergency)
		if err != nil {
			return err
		}
		s.id = id
	}
	if err := s.turn(p); err != nil {
		return err
	}
	answer := !p.Offer && s.Answers(p.From)
	at := p.Ends[1-p.From].Place.Advertise
	p.keyed = false
	e.Connection(at)
	e.WithoutICE()
	if p.First {
		s.told[1-p.From] = told{}
	}
	if answer {
		s.accept(p.Media)
		s.leave(p, len(d.Media()))
	} else {
		s.offer(p.Media, p.From)
	}
	for i := range d.Media() {
		m := &d.Media()[i]
		for len(s.streams) <= i {
			s.streams = append(s.streams, stream{})
		}
		face, on, err := s.stream(p, d, m, i, answer)
		if err != nil {
			return err
		}
		if !on {
			face.Port = 0
		}
		p.keyed = p.keyed || len(face.Crypto) > 0
		e.Bridge(m, face)
	}
	if answer && s.settled {
		p.Media.Settle(s.id) // who has moved to another network has left the one of before
	}
	var err error
	if p.text, err = e.Append(p.text[:0]); err != nil {
		return err
	}
	if err := p.tells.Parse(p.text); err != nil {
		return err
	}
	e.Origin(p.Session, uint64(s.version(1-p.From, p.tells.Hash())), at)
	if p.First {
		s.first, s.asked = s.offerer, s.told[media.Callee]
	}
	return nil
}

// Moved tells the engine of an offer that is answered here, with the session as it stands: its
// author's address and direction are new perhaps, and his key.
func (s *Session) Moved(p *Pass, d *sdp.Description) {
	t := &p.transport
	for i := range d.Media() {
		m := &d.Media()[i]
		if i >= len(s.streams) || d.Transport(m, t) != nil || t.Port == 0 || !carried(t.Profile) {
			continue
		}
		st := &s.streams[i]
		for _, line := range t.Crypto {
			if _, key, err := srtp.ParseCrypto(d.Slice(line)); err == nil && key.Suite == st.out[p.From].Suite {
				st.in[p.From] = key
				break
			}
		}
		s.party(p, i, st.party(p, t))
	}
}

// Blank edits a description that is neither offer nor answer, as in a refusal or in what
// OPTIONS is answered: its streams lead nowhere.
func (s *Session) Blank(p *Pass, d *sdp.Description, e *sdp.Edit) {
	at := p.Ends[1-p.From].Place.Advertise
	e.Connection(at)
	e.WithoutICE()
	for i := range d.Media() {
		m := &d.Media()[i]
		e.Bridge(m, sdp.Face{Addr: at, Profile: d.Profile(m)})
	}
	e.Origin(p.Session, uint64(s.told[1-p.From].version), at)
}

// leave ends the streams that an answer says nothing of.
func (s *Session) leave(p *Pass, n int) {
	for i := n; i < len(s.streams); i++ {
		s.refuse(p.Media, i, p.From)
	}
}

// refuse ends a stream that an answer does not take. Before it is settled who answers, its ports
// stay: others were told of them, too.
func (s *Session) refuse(m Media, n int, by media.Side) {
	if !s.settled {
		s.streams[n].off = true
		m.Party(s.id, n, by, media.Party{})
		return
	}
	m.Off(s.id, n)
	s.streams[n] = stream{}
}

// stream takes one m= line; on: it has media here.
func (s *Session) stream(p *Pass, d *sdp.Description, m *sdp.Media, n int, answer bool) (face sdp.Face, on bool, err error) {
	t := &p.transport
	if err = d.Transport(m, t); err != nil {
		return face, false, err
	}
	to := 1 - p.From
	face = sdp.Face{Addr: p.Ends[to].Place.Advertise, Profile: t.Profile}
	if t.Port == 0 || !carried(t.Profile) {
		if answer {
			s.refuse(p.Media, n, p.From)
		}
		return face, false, nil
	}
	open := p.Media.Stream
	if s.settled && s.pending.before != nil {
		open = p.Media.Reserve // the offer may be refused
	}
	for _, side := range [2]media.Side{p.From, to} {
		port, err := open(s.id, n, side, p.Ends[side].Place)
		if err != nil {
			return face, false, err
		}
		face.Port = port // the other party's, which comes last
	}
	st := &s.streams[n]
	st.off = false
	st.listen(p.From, d, m)
	if answer {
		err = st.answered(p, d, &face)
	} else {
		err = st.offered(p, d, &face)
	}
	if err != nil {
		return face, false, err
	}
	s.party(p, n, st.party(p, t))
	return face, true, nil
}

// carried says that we can relay a profile: RTP, or what comes in datagrams.
func carried(p sdp.Profile) bool {
	switch p {
	case sdp.AVP, sdp.AVPF, sdp.SAVP, sdp.SAVPF, sdp.UDPTL, sdp.UDP:
		return true
	}
	return false
}

// listen notes the payload types that a description lists.
func (st *stream) listen(from media.Side, d *sdp.Description, m *sdp.Media) {
	st.plays[from] = payloads{}
	d.Payloads(m, func(pt uint8, name []byte, hz int, event bool) {
		st.plays[from].set(pt)
		st.clocks.Set(pt, uint32(hz))
		st.clocks.SetName(pt, string(name))
		if event {
			st.clocks.SetEvent(pt)
		}
	})
}

// Static payload types (RFC 3551 6). Many send comfort noise in the pauses of G.711 and the like though neither side has
// listed it: without it a party that is quiet for a minute would be one that is gone.
const (
	telephone    = 1<<0 | 1<<3 | 1<<4 | 1<<7 | 1<<8 | 1<<9 | 1<<12 | 1<<15 | 1<<18 // audio with a clock of 8 kHz
	comfortNoise = 1 << 13
)

// party is what the engine is told of a description's author. He may send what either
// description lists: an offer says what he wants to hear, and most send the same.
func (st *stream) party(p *Pass, t *sdp.Transport) media.Party {
	from, end := p.From, &p.Ends[p.From]
	out := media.Party{
		Mux: t.Mux, Latch: end.Latch,
		Sends:    t.Direction == sdp.SendRecv || t.Direction == sdp.SendOnly,
		Receives: t.Direction == sdp.SendRecv || t.Direction == sdp.RecvOnly,
		Clocks:   st.clocks, In: st.in[from], Out: st.out[from],
	}
	switch t.Profile {
	case sdp.AVP, sdp.AVPF, sdp.SAVP, sdp.SAVPF:
		out.RTPStream = true
		for i := range out.Payloads {
			out.Payloads[i] = st.plays[0][i] | st.plays[1][i]
		}
		if out.Payloads[0]&telephone != 0 {
			out.Payloads[0] |= comfortNoise
		}
	}
	addr, control := t.Addr, t.RTCPAddr
	if !addr.IsValid() || addr.IsUnspecified() {
		return out // held the old way (RFC 3264 8.4): nowhere
	}
	if !control.IsValid() {
		control = addr
	}
	if !end.believed(addr) {
		addr = end.From
	}
	if !end.believed(control) {
		control = end.From
	}
	out.RTP = netip.AddrPortFrom(addr, t.Port)
	if t.RTCP != 0 {
		out.RTCP = netip.AddrPortFrom(control, t.RTCP)
	}
	return out
}

// version counts what a party was told: one more where it differs from what it knows
// (RFC 3264 8).
func (s *Session) version(to media.Side, hash uint64) uint32 {
	t := &s.told[to]
	if t.hash != hash {
		t.hash = hash
		t.version++
	}
	return t.version
}

// Quality appends how each stream of the session is.
func (s *Session) Quality(m Media, dst []media.Quality) []media.Quality {
	if s.id == 0 {
		return dst
	}
	return m.Quality(s.id, dst)
}

// Shut ends the session's media; it may be opened again.
func (s *Session) Shut(m Media) {
	if s.id != 0 {
		m.Shut(s.id)
	}
	*s = Session{streams: s.streams[:0]}
}
