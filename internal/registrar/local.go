package registrar

import (
	"strconv"
	"time"

	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// MinLife is the shortest that a phone may ask for here, in seconds, as a 423 says it (RFC 3261
// 10.2.8, 20.23).
const MinLife = 60

// answerHere answers a REGISTER of a SIP user, whom the gate has authenticated (RFC 3261 10.3),
// unless it is to be refused.
func (r *Registrar) answerHere(sh *transaction.Shard, server transaction.ID, id *policy.Identity, m *sip.Message, f transport.Flow) policy.Verdict {
	w := &r.work[sh.Index]
	no := r.read(&w.wish, m, id.Customer, id.User, f)
	switch {
	case no.Refused():
	case id.User == nil:
		no = foreign("No SIP User")
	default:
		no = w.wish.long()
	}
	if !no.Refused() {
		no = r.bindHere(w, id, m, f)
	}
	if no.Refused() {
		return no
	}
	if f.Proto.Reliable() && !r.cfg.Transport.Alive(f) {
		r.Closed(f) // meanwhile; nobody will tell again
	}
	sh.RespondTo(server, m, &sip.Response{Status: 200, Headers: w.reply})
	return no
}

// readUser makes the wish one of a SIP user, who may speak for himself only (RFC 3261 10.3
// step 3 and 4); the gate has said so already.
func (w *wish) readUser(c *policy.Customer, u *policy.User) policy.Verdict {
	w.record = append(w.record, w.key[customerLen:]...)
	n := len(u.Username)
	if len(w.record) <= n || w.record[n] != '@' || string(w.record[:n]) != u.Username {
		return foreign("Another's Address of Record")
	}
	w.key = appendUser(w.key[:0], c.Settings.ID, u.ID)
	return policy.Verdict{}
}

// long says that every Contact is to be bound for long enough, or not at all.
func (w *wish) long() policy.Verdict {
	for i := range w.contacts[:w.n] {
		if n := w.contacts[i].asked; n > 0 && n < MinLife {
			return policy.Refuse(policy.RegistrationTooBrief)
		}
	}
	return policy.Verdict{}
}

// bindHere makes, refreshes and ends the bindings that a REGISTER names, all or nothing, and
// writes the headers of its 200: what the user has then.
func (r *Registrar) bindHere(w *work, id *policy.Identity, m *sip.Message, flow transport.Flow) policy.Verdict {
	call, cseq := r.hashCall(m.CallID()), m.CSeq()
	s := r.stripe(w.wish.address.first)
	s.mu.Lock()
	defer s.mu.Unlock()
	if no := r.fits(s, &w.wish, id.Customer); no.Refused() {
		return no
	}
	if s.late(&w.wish, call, cseq) {
		return policy.Verdict{Status: policy.RegistrationLate.Status(), Reason: policy.RegistrationLate, Detail: "CSeq Out of Order"}
	}
	clock := time.Now()
	now := clock.Sub(r.start)
	for i := range w.wish.contacts[:w.wish.n] {
		c, f := &w.wish.contacts[i], &w.next[i]
		if c.granted == 0 {
			continue
		}
		was := s.bound(c)
		if c.key = r.cfg.Minter.Current(); was != nil {
			c.key = was.key
		}
		w.fill(f, was, c, m.Value(sip.HdrUserAgent))
		f.nat = behindNAT(m, c.at, flow)
		f.customer, f.user, f.dest, f.bound = id.Customer.Settings.ID, id.User.ID, 0, now
		f.call, f.cseq, f.expires = call, cseq, now+time.Duration(c.granted)*time.Second
		if r.keep(s, was, c, f, flow) != nil {
			r.takeBack(s, &w.wish, i)
			return policy.Refuse(policy.ResourceExhausted)
		}
	}
	for i := range w.wish.contacts[:w.wish.n] {
		r.apply(s, w, &w.wish.contacts[i], &w.next[i], flow)
	}
	if w.wish.all {
		r.endAll(s, &w.wish)
	}
	r.list(s, w, m, clock)
	return policy.Verdict{}
}

// hashCall tells Call-IDs apart, over a restart too.
func (r *Registrar) hashCall(callID []byte) (h uint64) {
	id := r.cfg.Minter.Derive(callID)
	for _, b := range id[:8] {
		h = h<<8 | uint64(b)
	}
	return h
}

// late says that a REGISTER comes behind one of the same Call-ID that it was sent before: for
// a Contact of it, or for any where it ends all (RFC 3261 10.3 steps 6 and 7).
func (s *stripe) late(w *wish, call uint64, cseq uint32) bool {
	for b := s.head(w.address); b != nil && w.all; b = s.more(b) {
		if b.call == call && cseq <= b.cseq {
			return true
		}
	}
	for i := range w.contacts[:w.n] {
		if b := s.bound(&w.contacts[i]); b != nil && b.call == call && cseq <= b.cseq {
			return true
		}
	}
	return false
}

// endAll ends all bindings of the SIP user.
func (r *Registrar) endAll(s *stripe, w *wish) {
	for b := s.head(w.address); b != nil; {
		next := s.more(b)
		r.end(s, b)
		b = next
	}
}

// list writes the headers of a 200: the user's live bindings (RFC 3261 10.3 step 8), the Path
// that the REGISTER brought (RFC 3327 5.3), and that we hold to RFC 5626 6, where the phone
// does and comes straight to us. The stripe is locked.
func (r *Registrar) list(s *stripe, w *work, m *sip.Message, clock time.Time) {
	now := clock.Sub(r.start)
	h := w.reply[:0]
	for b := s.head(w.wish.address); b != nil; b = s.more(b) {
		h = append(append(append(h, "Contact: <"...), b.uri()...), ">;expires="...)
		h = strconv.AppendInt(h, int64((b.expires-now+time.Second-1)/time.Second), 10)
		if b.q < 1000 {
			h = strconv.AppendFloat(append(h, ";q="...), float64(b.q)/1000, 'f', -1, 32)
		}
		if instance := b.instance(); instance != "" {
			h = append(append(append(h, `;+sip.instance="`...), instance...), '"')
		}
		if id := w.wish.flowOf(b); id != nil {
			h = append(append(h, ";reg-id="...), id...)
		}
		h = append(h, "\r\n"...)
	}
	for i := range m.FieldCount() {
		if f := m.Field(i); f.ID == sip.HdrPath && len(w.wish.path) > 0 {
			h = append(h, m.Slice(f.Line)...)
		}
	}
	if w.wish.outbound(m) {
		h = append(h, "Require: outbound\r\n"...)
	}
	w.reply = append(w.dated(h, clock), "\r\n"...)
}

// dated appends the Date header, without its end. Writing a date is a tenth of writing an
// answer, so the last one is kept while its second lasts.
func (w *work) dated(h []byte, now time.Time) []byte {
	if second := now.Unix(); second != w.second || len(w.date) == 0 {
		w.date = now.UTC().AppendFormat(append(w.date[:0], "Date: "...), dateFormat)
		w.second = second
	}
	return append(h, w.date...)
}

// dateFormat is that of RFC 3261 20.17.
const dateFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// flowOf gives the reg-id of a binding that the REGISTER names, nil of others.
func (w *wish) flowOf(b *binding) []byte {
	for i := range w.contacts[:w.n] {
		if c := &w.contacts[i]; c.id == b.id {
			return c.regID
		}
	}
	return nil
}

// outbound says that the phone holds its flow to us open and may be reached by no other way.
func (w *wish) outbound(m *sip.Message) bool {
	if len(w.path) > 0 || w.n != 1 || w.contacts[0].granted == 0 || w.contacts[0].regID == nil {
		return false
	}
	elements := m.Elements(sip.HdrSupported)
	for {
		tag, ok := elements.Next()
		if !ok || sip.EqualFoldString(tag, "outbound") {
			return ok
		}
	}
}

// silentPings is how a user's nat_ping says that three unanswered pings end his binding; the
// other word of it is pingsOn.
const silentPings = "timeout"

// visitUser is visit for a binding that was made here: it is pinged in every other interval
// (mission row U4), by OPTIONS over connections too, since a phone may hang while its
// connection stands.
func visitUser(b *binding, c *policy.Customer, tick int64, found *round) (why policy.Reason, over bool) {
	u := c.UserByID(b.user)
	switch {
	case u == nil || !c.RegistersHere():
		return policy.OK, true // with its user
	case u.NATPing != pingsOn && u.NATPing != silentPings || c.Transparent:
		b.missed = 0
		return policy.OK, false
	case (tick/slots+int64(b.id[2]))&1 == 0:
		return policy.OK, false
	case b.missed >= misses && u.NATPing == silentPings:
		return policy.PhoneSilent, true
	}
	b.missed = min(b.missed+1, misses) // until it is heard
	found.pings = append(found.pings, b.contact())
	return policy.OK, false
}
