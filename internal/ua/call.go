package ua

import (
	"context"
	"errors"
	"time"

	"tollgate/sip"
)

var (
	errTimeout = errors.New("no answer within 32 s")
	errLost    = errors.New("the connection was closed")
)

// call is what both ends of a call share: the goroutine, its inbox and alarms, the
// dialog and what goes on in it. Only that goroutine touches it, but for post.
type call struct {
	alarms

	agent *agent
	role  role
	tag   string // ours
	inbox chan *message
	trace func(sent bool, f *flow, wire []byte, at time.Time, err error) // nil: nobody looks

	dialogs []*dialog // by their far tags; the first is the call's own
	clients []*clientTx
	server  *inviteServer // of the last INVITE that came in; nil before
	session *session      // nil until there is something to describe
	user    string        // of our Contact
	over    bool
}

// role is what the two ends of a call do differently.
type role interface {
	acked()                        // the ACK for an INVITE that came in is here
	unacked()                      // it did not come in 32 s
	cancelled()                    // an unanswered INVITE was cancelled, and the CANCEL answered
	pracked(d *dialog, m *message) // a PRACK came and is to be answered
	ended()                        // a BYE came and was answered
	stop()                         // the call must end
}

const (
	inboxSize  = 64 // messages; what comes while it is full is lost, as on the wire
	maxDialogs = 8
)

func newCall(a *agent, r role) *call {
	return &call{agent: a, role: r, tag: newToken(), inbox: make(chan *message, inboxSize)}
}

// post hands a message to the call, from any goroutine.
func (c *call) post(m *message) {
	select {
	case c.inbox <- m:
	default:
	}
}

// run is the life of the call; when ctx ends it is told to stop, which takes
// lastCall at most.
func (c *call) run(ctx context.Context) {
	stop := ctx.Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !c.over {
		timer.Reset(c.wait())
		select {
		case m := <-c.inbox:
			c.receive(m)
		case <-timer.C:
		case <-stop:
			stop = nil
			c.after(lastCall, func() { c.over = true })
			c.role.stop()
		}
		if !c.over {
			c.fire(time.Now())
		}
	}
	if c.session != nil {
		c.session.media.close()
	}
}

func (c *call) receive(m *message) {
	if m.lost != nil {
		c.lost(m.flow)
		return
	}
	if m.flaw != "" {
		c.note(false, m.flow, m.Bytes(), m.at, errors.New(m.flaw))
		return
	}
	c.note(false, m.flow, m.Bytes(), m.at, nil)
	if m.IsRequest() {
		c.request(m)
		return
	}
	for _, tx := range c.clients {
		if v := m.TopVia(); tx.method == m.CSeqMethod() && string(v.Branch) == tx.branch {
			tx.answer(m)
			return
		}
	}
}

// lost fails what waits for an answer over a connection that is gone.
func (c *call) lost(f *flow) {
	for _, tx := range append([]*clientTx(nil), c.clients...) {
		if tx.flow.stream == f.stream {
			tx.fail(errLost)
		}
	}
}

func (c *call) forget(tx *clientTx) {
	for i := range c.clients {
		if c.clients[i] == tx {
			c.clients = append(c.clients[:i:i], c.clients[i+1:]...)
			return
		}
	}
}

// write sends and notes what was sent.
func (c *call) write(f *flow, wire []byte) error {
	at := time.Now()
	err := f.send(wire)
	c.note(true, f, wire, at, err)
	return err
}

func (c *call) note(sent bool, f *flow, wire []byte, at time.Time, err error) {
	if c.trace != nil {
		c.trace(sent, f, wire, at, err)
	}
}

// respond answers m for good and remembers the answer.
func (c *call) respond(m *message, status int, body []byte, headers ...string) {
	wire := c.agent.response(m, c.tag, status, "", headers, body)
	c.agent.answers.put(m, wire)
	_ = c.write(replyFlow(m), wire) // a lost answer is asked for again
}

// dialogOf finds the dialog of a request by its From tag.
func (c *call) dialogOf(m *message) *dialog {
	for _, d := range c.dialogs {
		if d.remoteTag == string(m.FromTag()) && d.callID == string(m.CallID()) {
			return d
		}
	}
	return nil
}

// sendBye sends BYE in d; done is called when it is answered, or never will be.
func (c *call) sendBye(d *dialog, done func(error)) {
	c.send(d.request(sip.BYE, d.next()), d.hop(&c.agent.sockets), func(m *message) {
		if m.StatusCode() >= 200 {
			done(nil)
		}
	}, done)
}
