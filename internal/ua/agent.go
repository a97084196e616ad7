package ua

import (
	"encoding/binary"
	"encoding/hex"
	"hash/maphash"
	"net/netip"
	"strings"
	"sync"

	"tollgate/sip"
)

// agent tells calls apart and answers by itself what belongs to none.
type agent struct {
	name    string // User-Agent and Server
	sockets sockets
	answers answers
	seed    maphash.Seed
	invite  func(*message) // takes an INVITE that starts a call; nil: there are none

	mu      sync.Mutex // guards what follows
	calls   map[string]*call
	invites map[inviteKey]*call
}

// inviteKey finds the call of an INVITE and its CANCEL, which have no tag of ours. It
// is also what copies over several ways share (RFC 3261 8.2.2.2).
type inviteKey struct {
	callID, fromTag string
	cseq            uint32
}

func keyOfInvite(m *message) inviteKey {
	return inviteKey{string(m.CallID()), string(m.FromTag()), m.CSeq()}
}

func newAgent(name string) *agent {
	a := &agent{
		name: name, seed: maphash.MakeSeed(),
		calls: make(map[string]*call), invites: make(map[inviteKey]*call),
	}
	a.sockets.handle, a.sockets.lost = a.receive, a.lost
	return a
}

// add makes a call known; invite is what it answers, nil for our own.
func (a *agent) add(c *call, invite *message) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls[c.tag] = c
	if invite != nil {
		a.invites[keyOfInvite(invite)] = c
	}
}

// remove forgets a call that is over. Late copies of its INVITE must not ring again,
// and what it has not read is answered as what comes later is.
func (a *agent) remove(c *call, invite *message) {
	a.mu.Lock()
	delete(a.calls, c.tag)
	if invite != nil {
		delete(a.invites, keyOfInvite(invite))
		a.answers.put(invite, nil)
	}
	a.mu.Unlock()
	for {
		select {
		case m := <-c.inbox:
			if m.lost == nil && m.flaw == "" {
				a.receive(m)
			}
		default:
			return
		}
	}
}

// deliver hands m to the call that it belongs to; false if there is none. The lock
// is held, so that a call that was removed gets no more.
func (a *agent) deliver(m *message) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.find(m)
	if c != nil {
		c.post(m)
	}
	return c != nil
}

// find gives the call that m belongs to, or nil; a.mu is held.
func (a *agent) find(m *message) *call {
	tag := m.ToTag()
	if !m.IsRequest() {
		tag = m.FromTag()
	}
	if c := a.calls[string(tag)]; c != nil {
		return c
	}
	if m.IsRequest() && tag == nil && (m.Method() == sip.INVITE || m.Method() == sip.CANCEL) {
		return a.invites[keyOfInvite(m)]
	}
	return nil
}

// receive takes a message from a reader.
func (a *agent) receive(m *message) {
	if v := sip.Validate(&m.Message); v.Status != 0 {
		if v.Status > 0 {
			a.refuse(m, v.Status, v.Reason)
		}
		m.flaw = v.Reason
		a.deliver(m) // to be noted
		return
	}
	if a.deliver(m) {
		return
	}
	if !m.IsRequest() || m.Method() == sip.ACK {
		return
	}
	if wire, ok := a.answers.find(m); ok {
		if wire != nil {
			_ = replyFlow(m).send(wire)
		}
		return
	}
	a.stray(m)
}

// stray answers a request outside of calls, without keeping anything (RFC 3261
// 8.2.7): a copy gets the same answer, tag and all.
func (a *agent) stray(m *message) {
	method := m.Method()
	switch {
	case m.ToTag() != nil, method == sip.CANCEL, method == sip.BYE, method == sip.PRACK,
		method == sip.UPDATE, method == sip.INFO:
		a.refuse(m, 481, "")
	case len(unsupported(m)) > 0:
		a.refuse(m, 420, "", "Unsupported: "+strings.Join(unsupported(m), ", "))
	case method == sip.INVITE && a.invite != nil:
		a.invite(m)
	case method == sip.INVITE:
		a.refuse(m, 480, "")
	case method == sip.OPTIONS:
		a.refuse(m, 200, "", "Allow: "+allow, "Supported: "+supported, "Accept: "+sdpType)
	case method == sip.MESSAGE:
		a.refuse(m, 200, "")
	case method == sip.MethodOther:
		a.refuse(m, 501, "", "Allow: "+allow)
	default:
		a.refuse(m, 405, "", "Allow: "+allow)
	}
}

// refuse answers m for good and forgets it. The tag is made of the request.
func (a *agent) refuse(m *message, status int, reason string, headers ...string) {
	var h maphash.Hash
	h.SetSeed(a.seed)
	_, _ = h.Write(m.CallID())
	if v := m.TopVia(); v != nil {
		_, _ = h.Write(v.Branch)
	}
	tag := hex.EncodeToString(binary.BigEndian.AppendUint64(nil, h.Sum64()))
	_ = replyFlow(m).send(a.response(m, tag, status, reason, headers, nil))
}

// response writes an answer to m.
func (a *agent) response(m *message, tag string, status int, reason string, headers []string, body []byte) []byte {
	var lines strings.Builder
	for _, h := range append(headers, "Server: "+a.name) {
		lines.WriteString(h + "\r\n")
	}
	r := sip.Response{
		Status: status, Reason: reason, ToTag: []byte(tag), Received: m.flow.remote,
		Headers: []byte(lines.String()), RecordRoute: m.Method() == sip.INVITE && status > 100 && status < 300,
		ContentType: sdpType, Body: body,
	}
	return r.Append(nil, &m.Message)
}

// lost tells the calls that a connection is gone.
func (a *agent) lost(f *flow, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.calls {
		c.post(&message{flow: f, lost: err})
	}
}

// replyFlow is the way that an answer to m takes (RFC 3261 18.2.2, RFC 3581 4).
func replyFlow(m *message) *flow {
	v := m.TopVia()
	if m.flow.proto.stream() || v == nil || v.RPort >= 0 {
		return m.flow
	}
	port := v.Port
	if port == 0 {
		port = m.flow.proto.port()
	}
	f := *m.flow
	f.remote = netip.AddrPortFrom(f.remote.Addr(), port)
	return &f
}
