package transaction

import (
	"tollgate/internal/transport"
	"tollgate/sip"
)

// server is the cell of a server transaction.
type server struct {
	gen      uint32
	state    serverState
	method   sip.Method
	user     uint8
	canceled bool
	interval uint16 // of timer G, in ticks
	key      uint64
	ref      uint64
	flow     transport.Flow
	retry    TimerID // the 100 that is due, then timer G
	life     TimerID // H, I, J, L
	req      []byte  // the request, until its final response
	resp     []byte  // the last response, for retransmissions
}

// Server is what a user may know of his server transaction.
type Server struct {
	Flow     transport.Flow
	Method   sip.Method
	Ref      uint64
	Canceled bool
	Final    bool // a final response was sent
}

// NewServer takes the request that Core.Request is being told of. It returns 0
// when the shard is full; the caller then answers by Reply.
func (sh *Shard) NewServer(m *sip.Message, f transport.Flow, user uint8, ref uint64) ID {
	if sh.servers.Used() >= sh.layer.cfg.MaxCells {
		return 0
	}
	slot, s := sh.servers.Alloc()
	gen := nextGen(s.gen)
	*s = server{gen: gen, method: m.Method(), user: user, ref: ref, key: sh.key, flow: f}
	id := makeID(gen, slot)
	s.req = sh.bufs.copyOf(m.Bytes())
	s.state = serverTrying
	if s.method == sip.INVITE {
		s.state = serverProceeding
		s.retry = sh.After(tryingAfter, own, serverRetry, uint64(id))
	}
	sh.byKey.Add(s.key, slot)
	return id
}

func (sh *Shard) server(id ID) *server {
	s := sh.servers.At(id.slot())
	if s == nil || s.gen != id.gen() || s.state == serverFree {
		return nil
	}
	return s
}

// Server gives what is known of a server transaction, false when it has ended.
func (sh *Shard) Server(id ID) (Server, bool) {
	s := sh.server(id)
	if s == nil {
		return Server{}, false
	}
	return Server{
		Flow: s.flow, Method: s.method, Ref: s.ref, Canceled: s.canceled,
		Final: s.req == nil,
	}, true
}

// SetRef changes what the user is told with this transaction.
func (sh *Shard) SetRef(id ID, user uint8, ref uint64) {
	if s := sh.server(id); s != nil {
		s.user, s.ref = user, ref
	}
}

// Request parses the kept request of a server transaction into into; false once
// its final response is sent. The bytes are the transaction's.
func (sh *Shard) Request(id ID, into *sip.Message) bool {
	s := sh.server(id)
	return s != nil && s.req != nil && into.Parse(s.req) == nil
}

// Head parses into into what the answers to a server transaction repeat of its
// request (Via, Record-Route, From, To, Call-ID, CSeq): the request itself, or
// the 2xx that was sent. false when neither is kept any more.
func (sh *Shard) Head(id ID, into *sip.Message) bool {
	s := sh.server(id)
	switch {
	case s == nil:
		return false
	case s.req != nil:
		return into.Parse(s.req) == nil
	default:
		return s.resp != nil && into.Parse(s.resp) == nil
	}
}

// Resend sends the last response again: a 2xx that its UAS retransmits.
func (sh *Shard) Resend(id ID) {
	if s := sh.server(id); s != nil && s.resp != nil {
		sh.stats.ResponseRetransOut++
		_ = sh.Send(s.flow, s.resp)
	}
}

// DropAnswer lets go of the 2xx that was sent: its ACK has come.
func (sh *Shard) DropAnswer(id ID) {
	if s := sh.server(id); s != nil && s.state == serverAccepted {
		sh.bufs.put(&s.resp)
	}
}

// Respond sends a response built by the user through a server transaction. One
// that the state does not allow, such as a 1xx after a final, is dropped.
func (sh *Shard) Respond(id ID, status int, data []byte) {
	s := sh.server(id)
	if s == nil {
		return
	}
	ev := serverSend3xx
	switch {
	case status < 200:
		ev = serverSend1xx
	case status < 300:
		ev = serverSend2xx
	}
	sh.layer.serverTable[s.state][ev](sh, s, id, data)
}

// RespondStatus builds a response of our own to the kept request and sends it.
func (sh *Shard) RespondStatus(id ID, r *sip.Response) {
	if s := sh.server(id); s != nil && s.req != nil && sh.Aux.Parse(s.req) == nil {
		sh.RespondTo(id, &sh.Aux, r)
	}
}

// RespondTo is RespondStatus for who has the request m of the transaction at hand.
func (sh *Shard) RespondTo(id ID, m *sip.Message, r *sip.Response) {
	s := sh.server(id)
	if s == nil || s.req == nil {
		return
	}
	if r.ToTag == nil && r.Status > 100 {
		r.ToTag = sh.AppendTag(sh.tag[:0], m)
	}
	r.Received = s.flow.Remote
	sh.scratch = r.Append(sh.scratch[:0], m)
	sh.Respond(id, r.Status, sh.scratch)
}

func (sh *Shard) serverRequest(slot uint32, m *sip.Message, f transport.Flow) {
	s := sh.servers.At(slot)
	ev := serverRequest
	if m.Method() == sip.ACK {
		ev = serverAck
		if s.state == serverAccepted {
			sh.layer.cfg.Core.Ack(sh, m, f)
			return
		}
	} else {
		sh.stats.RequestRetransIn++
	}
	sh.layer.serverTable[s.state][ev](sh, s, makeID(s.gen, slot), nil)
}

// cancelRequest answers a CANCEL (RFC 3261 9.2). It must come from where its
// INVITE came from, so that a guessed branch ends nobody's call.
func (sh *Shard) cancelRequest(slot uint32, found bool, m *sip.Message, f transport.Flow) {
	if !found || sh.servers.At(slot).flow.Remote.Addr() != f.Remote.Addr() {
		sh.layer.cfg.Core.Cancel(sh, m, f)
		return
	}
	sh.Reply(m, f, &sip.Response{Status: 200})
	s := sh.servers.At(slot)
	if s.state != serverProceeding || s.canceled {
		return
	}
	s.canceled = true
	sh.why = whyOf(m)
	sh.user(s.user).Canceled(sh, makeID(s.gen, slot), s.ref)
	sh.why = Why{}
}

func (sh *Shard) serverTimer(code uint8, id ID) {
	s := sh.server(id)
	if s == nil {
		return
	}
	ev := serverFireRetry
	if code == serverLife {
		ev = serverFireLife
	}
	sh.layer.serverTable[s.state][ev](sh, s, id, nil)
}

func (sh *Shard) freeServer(s *server, id ID) {
	sh.wheel.stop(&s.retry)
	sh.wheel.stop(&s.life)
	sh.bufs.put(&s.req)
	sh.bufs.put(&s.resp)
	sh.byKey.Remove(s.key, id.slot())
	s.state = serverFree
	sh.servers.Release(id.slot())
}
