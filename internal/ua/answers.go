package ua

import (
	"strconv"
	"sync"

	"tollgate/sip"
)

// answers are the last final answers that were given, for the repetitions of their
// requests (RFC 3261 17.2.2): one bounded memory for the whole agent, so that a call
// that is over leaves nothing else behind.
type answers struct {
	mu    sync.Mutex
	byKey map[string][]byte // nil: say nothing
	ring  [maxAnswers]string
	next  int
}

const (
	maxAnswers    = 1024
	maxAnswerSize = 4096 // bytes; a larger one is built anew or not at all
)

// put remembers what was answered to m.
func (a *answers) put(m *message, wire []byte) {
	if len(wire) > maxAnswerSize {
		return
	}
	key := transactionKey(m)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byKey == nil {
		a.byKey = make(map[string][]byte)
	}
	if _, known := a.byKey[key]; !known {
		delete(a.byKey, a.ring[a.next])
		a.ring[a.next] = key
		a.next = (a.next + 1) % maxAnswers
	}
	a.byKey[key] = wire
}

// find gives what was answered to the request that m repeats.
func (a *answers) find(m *message) (wire []byte, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	wire, ok = a.byKey[transactionKey(m)]
	return wire, ok
}

// transactionKey is what two copies of one request share (RFC 3261 17.2.3). The
// Call-ID and the number are in it for agents that repeat their branches.
func transactionKey(m *message) string {
	v := m.TopVia()
	return m.Method().String() + " " + strconv.FormatUint(uint64(m.CSeq()), 10) + " " +
		string(v.Branch) + " " + string(v.Host) + " " + strconv.Itoa(int(v.Port)) + " " + string(m.CallID())
}

// sameTransaction tells whether b is a copy, the CANCEL or the ACK of a.
func sameTransaction(a, b *message) bool {
	va, vb := a.TopVia(), b.TopVia()
	return string(va.Branch) == string(vb.Branch) && sip.EqualFold(va.Host, vb.Host) && va.Port == vb.Port
}
