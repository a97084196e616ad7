package relay

import (
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// phone is one of the phones that a request goes to.
type phone struct {
	contact registrar.Contact
	client  transaction.ID // 0: it has refused, or could not be reached
	heard   bool
}

// toPhones sends the request to phones through their own flows: a MESSAGE to all of an
// address of record, anything else to the one that is liked best. The first 2xx goes
// back, and the others still get theirs.
func (r *Relay) toPhones(sh *transaction.Shard, q *request, list []registrar.Contact, m *sip.Message) {
	if q.method != sip.MESSAGE {
		list = list[:1]
	}
	q.phones = make([]phone, len(list))
	for i := range list {
		q.phones[i].contact = list[i]
	}
	for i := range q.phones {
		to := &q.phones[i]
		if sent := r.send(sh, q, m, to.contact.Flow, to); !q.used {
			return
		} else if sent {
			to.client = q.client
		}
	}
	q.status = 480
	r.phonesLeft(sh, q)
}

// phoneAnswered takes a phone's response.
func (r *Relay) phoneAnswered(sh *transaction.Shard, q *request, id transaction.ID, m *sip.Message, f transport.Flow) {
	to := q.phone(id)
	code := m.StatusCode()
	switch {
	case to == nil:
	case code < 200:
		to.heard = true
	case code < 300:
		if !r.back(sh, q, m, f, to) {
			sh.RespondStatus(q.server, &sip.Response{Status: 500})
		}
		r.close(sh, q)
	default:
		if len(q.best) == 0 || sh.Aux.Parse(q.best) != nil || peer.Better(code, sh.Aux.StatusCode()) {
			sh.Free(&q.best)
			q.best, q.from = sh.Copy(m.Bytes()), to
		}
		to.client = 0
		r.phonesLeft(sh, q)
	}
}

// phoneOver takes a phone that never answered.
func (r *Relay) phoneOver(sh *transaction.Shard, q *request, id transaction.ID) {
	if to := q.phone(id); to != nil {
		to.client = 0
		q.status = 408
		r.phonesLeft(sh, q)
	}
}

// phonesSilent gives up the phones that gave no sign of life in time.
func (r *Relay) phonesSilent(sh *transaction.Shard, q *request) {
	for i := range q.phones {
		if to := &q.phones[i]; to.client != 0 && !to.heard {
			sh.Abandon(to.client)
			to.client = 0
		}
	}
	q.status = 408
	r.phonesLeft(sh, q)
}

// phonesLeft answers when no phone is left that may.
func (r *Relay) phonesLeft(sh *transaction.Shard, q *request) {
	for i := range q.phones {
		if q.phones[i].client != 0 {
			return
		}
	}
	if len(q.best) > 0 && sh.Aux.Parse(q.best) == nil && r.back(sh, q, &sh.Aux, q.from.contact.Flow, q.from) {
		r.close(sh, q)
		return
	}
	why := policy.InitialTimeout
	if q.status == 480 {
		why = policy.PhoneUnreachable
	}
	r.answer(sh, q, int(q.status), why)
}

// answerer is the SIP user whose phone answers, nil where it is none's. He is called by what the asker
// wrote, and names nobody else as who answers.
func (q *request) answerer(by *phone) *policy.User {
	if by == nil || by.contact.User == 0 {
		return nil
	}
	return q.customer.UserByID(by.contact.User)
}

func (q *request) phone(id transaction.ID) *phone {
	for i := range q.phones {
		if q.phones[i].client == id {
			return &q.phones[i]
		}
	}
	return nil
}
