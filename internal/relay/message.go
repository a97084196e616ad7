package relay

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"

	"tollgate/internal/dialog"
	"tollgate/internal/registrar"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// Message is a text of our own for phones (mission row U9; RFC 3428).
type Message struct {
	From string // an address in angle brackets
	To   string // likewise
	Text string // UTF-8
}

// Delivery is what became of a message at one phone.
type Delivery struct {
	Contact registrar.Contact
	Status  int // the phone's answer; 408 where it gave none in time, 480 where nothing could be sent to it
}

// Messenger sends messages of our own. It is safe for concurrent use.
type Messenger struct {
	layer   *transaction.Layer
	address func(f transport.Flow) (host string, port uint16)
	user    uint8

	mu      sync.Mutex // comes after a shard's lock
	last    uint64
	waiting map[uint64]chan<- int
}

// NewMessenger makes the messenger of a layer; address is how the peer of a flow knows us.
func NewMessenger(address func(f transport.Flow) (host string, port uint16), layer *transaction.Layer) *Messenger {
	m := &Messenger{layer: layer, address: address, waiting: make(map[uint64]chan<- int)}
	m.user = layer.Register(m)
	return m
}

// Send sends a message to phones at once, and returns when each of them has answered, or at the
// end of ctx.
func (m *Messenger) Send(ctx context.Context, list []registrar.Contact, msg *Message) []Delivery {
	out := make([]Delivery, len(list))
	var all sync.WaitGroup
	for i := range list {
		out[i].Contact = list[i]
		all.Go(func() { out[i].Status = m.deliver(ctx, &list[i], msg) })
	}
	all.Wait()
	return out
}

// deliver sends a message to one phone and gives its answer.
func (m *Messenger) deliver(ctx context.Context, to *registrar.Contact, msg *Message) int {
	answer := make(chan int, 1)
	m.mu.Lock()
	m.last++
	ref := m.last
	m.waiting[ref] = answer
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.waiting, ref)
		m.mu.Unlock()
	}()
	id := dialog.NewStable()
	callID := hex.AppendEncode(nil, id[:])
	shard := m.layer.ShardOf(callID)
	var client transaction.ID
	var err error
	m.layer.Do(shard, func(sh *transaction.Shard) { client, err = m.send(sh, ref, to, msg, callID) })
	if err != nil {
		return 480
	}
	select {
	case status := <-answer:
		return status
	case <-ctx.Done():
		m.layer.Do(shard, func(sh *transaction.Shard) { sh.Abandon(client) })
		return 408
	}
}

// errNoRoom says that there is no room for a transaction.
var errNoRoom = errors.New("no room for a request")

// send writes and sends the request.
func (m *Messenger) send(sh *transaction.Shard, ref uint64, to *registrar.Contact, msg *Message, callID []byte) (transaction.ID, error) {
	client := sh.NewClient(m.user, ref)
	if client == 0 {
		return 0, errNoRoom
	}
	var branch [transaction.BranchLen]byte
	host, port := m.address(to.Flow)
	b := dialog.Build{
		Method: sip.MESSAGE, Target: []byte(to.URI), Routes: []byte(to.Path),
		Out:    dialog.Address{Proto: to.Flow.Proto, Host: host, Port: port},
		Branch: sh.AppendBranch(branch[:0], client, 0),
		From:   []byte(msg.From), FromTag: callID[:16], To: []byte(msg.To), CallID: callID, CSeq: 1,
		Type: "text/plain;charset=UTF-8", Body: []byte(msg.Text),
	}
	sh.Out = b.Append(sh.Out[:0])
	return client, sh.SendRequest(client, sip.MESSAGE, to.Flow, sh.Out)
}

func (m *Messenger) answered(ref uint64, status int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if answer := m.waiting[ref]; answer != nil {
		answer <- status
		delete(m.waiting, ref)
	}
}

// Response is transaction.User.
func (m *Messenger) Response(_ *transaction.Shard, _ transaction.ID, ref uint64, r *sip.Message, _ transport.Flow) {
	if r.StatusCode() >= 200 {
		m.answered(ref, r.StatusCode())
	}
}

// Failed is transaction.User.
func (m *Messenger) Failed(_ *transaction.Shard, _ transaction.ID, ref uint64, _ transaction.Failure) {
	m.answered(ref, 408)
}

// Unreachable is transaction.User: a phone that is gone has no other address.
func (m *Messenger) Unreachable(sh *transaction.Shard, id transaction.ID, ref uint64) {
	sh.Abandon(id)
	m.answered(ref, 480)
}

// Timer is transaction.User, as all below: there are no timers, and no requests to us.
func (m *Messenger) Timer(*transaction.Shard, uint8, uint64) {}

// Canceled is transaction.User.
func (m *Messenger) Canceled(*transaction.Shard, transaction.ID, uint64) {}

// Ended is transaction.User.
func (m *Messenger) Ended(*transaction.Shard, transaction.ID, uint64) {}
