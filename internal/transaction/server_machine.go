package transaction

import (
	"time"

	"tollgate/sip"
)

// serverState is a state of RFC 3261 17.2 (figures 7 and 8) and RFC 6026 7.1.
type serverState uint8

const (
	serverFree       serverState = iota
	serverProceeding             // INVITE
	serverCompleted
	serverConfirmed
	serverAccepted
	serverTrying // any other method
	serverProgress
	serverAnswered
	serverStates
)

type serverEvent uint8

const (
	serverRequest serverEvent = iota // the request again
	serverAck
	serverSend1xx
	serverSend2xx
	serverSend3xx // 300 to 699
	serverFireRetry
	serverFireLife
	serverEvents
)

// Timer codes of the machines.
const (
	clientRetry uint8 = iota
	clientLife
	serverRetry
	serverLife
)

type serverAction func(sh *Shard, s *server, id ID, data []byte)

// serverTable is the machine: what each state does with each event.
type serverTable [serverStates][serverEvents]serverAction

func newServerTable() *serverTable {
	return &serverTable{
		serverFree: {serverIgnore, serverIgnore, serverIgnore, serverIgnore, serverIgnore, serverIgnore, serverIgnore},
		serverProceeding: {
			serverRequest: serverAgain, serverAck: serverIgnore,
			serverSend1xx: serverProvisional, serverSend2xx: serverAccept, serverSend3xx: serverComplete,
			serverFireRetry: serverSendTrying, serverFireLife: serverIgnore,
		},
		serverCompleted: {
			serverRequest: serverAgain, serverAck: serverConfirm,
			serverSend1xx: serverIgnore, serverSend2xx: serverIgnore, serverSend3xx: serverIgnore,
			serverFireRetry: serverTimerG, serverFireLife: serverEnd, // timer H: no ACK came
		},
		serverConfirmed: {
			serverRequest: serverIgnore, serverAck: serverIgnore,
			serverSend1xx: serverIgnore, serverSend2xx: serverIgnore, serverSend3xx: serverIgnore,
			serverFireRetry: serverIgnore, serverFireLife: serverEnd, // timer I
		},
		serverAccepted: { // RFC 6026 8.7: absorbs the INVITE, lets 2xx pass
			serverRequest: serverIgnore, serverAck: serverIgnore,
			serverSend1xx: serverIgnore, serverSend2xx: serverPass, serverSend3xx: serverIgnore,
			serverFireRetry: serverIgnore, serverFireLife: serverEnd, // timer L
		},
		serverTrying: {
			serverRequest: serverIgnore, serverAck: serverIgnore,
			serverSend1xx: serverProgressed, serverSend2xx: serverAnswer, serverSend3xx: serverAnswer,
			serverFireRetry: serverIgnore, serverFireLife: serverIgnore,
		},
		serverProgress: {
			serverRequest: serverAgain, serverAck: serverIgnore,
			serverSend1xx: serverProgressed, serverSend2xx: serverAnswer, serverSend3xx: serverAnswer,
			serverFireRetry: serverIgnore, serverFireLife: serverIgnore,
		},
		serverAnswered: {
			serverRequest: serverAgain, serverAck: serverIgnore,
			serverSend1xx: serverIgnore, serverSend2xx: serverIgnore, serverSend3xx: serverIgnore,
			serverFireRetry: serverIgnore, serverFireLife: serverEnd, // timer J
		},
	}
}

func serverIgnore(*Shard, *server, ID, []byte) {}

func serverEnd(sh *Shard, s *server, id ID, _ []byte) { sh.freeServer(s, id) }

// serverAgain answers a retransmitted request with the last response, if any.
func serverAgain(sh *Shard, s *server, _ ID, _ []byte) {
	if s.resp != nil {
		sh.stats.ResponseRetransOut++
		_ = sh.Send(s.flow, s.resp)
	}
}

func (sh *Shard) keepResponse(s *server, data []byte) {
	sh.bufs.put(&s.resp)
	s.resp = sh.bufs.copyOf(data)
}

func serverProvisional(sh *Shard, s *server, _ ID, data []byte) {
	sh.wheel.stop(&s.retry) // no 100 is needed any more
	sh.keepResponse(s, data)
	_ = sh.Send(s.flow, data)
}

func serverSendTrying(sh *Shard, s *server, id ID, _ []byte) {
	s.retry = 0
	sh.RespondStatus(id, &sip.Response{Status: 100})
}

func serverAccept(sh *Shard, s *server, id ID, data []byte) {
	_ = sh.Send(s.flow, data)
	sh.wheel.stop(&s.retry)
	sh.keepResponse(s, data) // for Resend, until DropAnswer
	sh.bufs.put(&s.req)
	s.state = serverAccepted
	s.life = sh.After(64*T1, own, serverLife, uint64(id)) // timer L
}

func serverPass(sh *Shard, s *server, _ ID, data []byte) { _ = sh.Send(s.flow, data) }

func serverComplete(sh *Shard, s *server, id ID, data []byte) {
	sh.wheel.stop(&s.retry)
	sh.keepResponse(s, data)
	sh.bufs.put(&s.req)
	_ = sh.Send(s.flow, data)
	s.state = serverCompleted
	s.life = sh.After(64*T1, own, serverLife, uint64(id)) // timer H
	if !s.flow.Proto.Reliable() {
		s.interval = uint16(T1 / tick)
		s.retry = sh.After(T1, own, serverRetry, uint64(id)) // timer G
	}
}

func serverTimerG(sh *Shard, s *server, id ID, _ []byte) {
	sh.stats.ResponseRetransOut++
	_ = sh.Send(s.flow, s.resp)
	s.interval = min(2*s.interval, uint16(T2/tick))
	s.retry = sh.After(time.Duration(s.interval)*tick, own, serverRetry, uint64(id))
}

func serverConfirm(sh *Shard, s *server, id ID, _ []byte) {
	sh.wheel.stop(&s.retry)
	sh.wheel.stop(&s.life)
	sh.bufs.put(&s.resp)
	s.state = serverConfirmed
	if s.flow.Proto.Reliable() {
		sh.freeServer(s, id)
		return
	}
	s.life = sh.After(T4, own, serverLife, uint64(id)) // timer I
}

func serverProgressed(sh *Shard, s *server, _ ID, data []byte) {
	s.state = serverProgress
	sh.keepResponse(s, data)
	_ = sh.Send(s.flow, data)
}

func serverAnswer(sh *Shard, s *server, id ID, data []byte) {
	_ = sh.Send(s.flow, data)
	if s.flow.Proto.Reliable() {
		sh.freeServer(s, id) // timer J is 0
		return
	}
	sh.keepResponse(s, data)
	sh.bufs.put(&s.req)
	s.state = serverAnswered
	s.life = sh.After(64*T1, own, serverLife, uint64(id)) // timer J
}
