package registrar

import (
	"errors"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// maxGrants is how many tokens of a 2xx are looked at.
const maxGrants = 2 * maxPerAOR

// grants is what a 2xx lists.
type grants struct {
	list   [maxGrants]grant
	n      int
	listed bool // there is a Contact
	whole  bool // list holds all tokens
}

type grant struct {
	id      dialog.Stable
	elem    sip.Span     // where the Contact stands in the 2xx
	name    sip.NameAddr // what it says
	seconds int64        // -1: not said
}

// at gives the grant whose Contact stands there, nil if there is none in the list.
func (g *grants) at(elem sip.Span) *grant {
	for i := range g.list[:g.n] {
		if g.list[i].elem == elem {
			return &g.list[i]
		}
	}
	return nil
}

// find gives what a token was granted; false when the 2xx does not list it.
func (g *grants) find(id dialog.Stable) (int64, bool) {
	for i := range g.list[:g.n] {
		if g.list[i].id == id {
			return g.list[i].seconds, true
		}
	}
	return 0, false
}

// readGrants takes the tokens of a 2xx.
func (r *Registrar) readGrants(g *grants, m *sip.Message) {
	g.n, g.listed, g.whole = 0, false, true
	elements := m.Elements(sip.HdrContact)
	for {
		elem, ok := elements.Next()
		if !ok {
			return
		}
		na, err := sip.ParseNameAddr(elem)
		if err != nil {
			continue
		}
		g.listed = true
		id, ours := r.cfg.Minter.Of(na.URI)
		if !ours || id.Part != dialog.ToPhone {
			continue
		}
		if g.n == maxGrants {
			g.whole = false
			return
		}
		v, _ := sip.FindParam(na.Params, "expires")
		n, _ := seconds(v)
		g.list[g.n] = grant{id.Stable, m.SpanOf(elem), na, n}
		g.n++
	}
}

// decide says for how long each Contact of a REGISTER is bound by its 2xx (RFC 3261
// 10.3 step 8). Some PBXs list none at all: then what was asked for counts.
func (w *wish) decide(g *grants, m *sip.Message) {
	said, _ := seconds(m.Value(sip.HdrExpires))
	for i := range w.contacts[:w.n] {
		c := &w.contacts[i]
		n, listed := g.find(c.id)
		switch {
		case c.asked == 0, g.listed && !listed && g.whole:
			c.granted = 0
		case listed && n >= 0:
			c.granted = n
		case said >= 0:
			c.granted = said
		default:
			c.granted = c.asked
		}
	}
}

// back passes a response on to the phone. A 2xx binds before the phone hears of it.
func (r *Registrar) back(sh *transaction.Shard, q *request, m *sip.Message, f transport.Flow) bool {
	w := &r.work[sh.Index]
	if !r.recall(&w.wish, &q.repeat, q.customer) && !r.again(sh, q) {
		return false
	}
	w.grants.n = 0
	reply := dialog.Reply{Message: m, CSeq: q.cseq, Status: m.StatusCode()}
	if reply.Status/100 == 2 {
		if r.settle(sh, q, w, m) != nil {
			sh.RespondStatus(q.server, &sip.Response{Status: 503})
			return true
		}
		if q.source.Proto.Reliable() && !r.cfg.Transport.Alive(q.source) {
			r.Closed(q.source) // while the PBX thought about it; nobody will tell again
		}
	}
	var hide *dialog.Hiding
	if q.hidden {
		if reply.Status/100 == 3 {
			reply.Status = 480
		}
		out := r.address(q.source)
		hide = &w.hiding
		hide.Reset(out.Host, q.customer.Domains, f.Remote)
		hide.OwnContacts = true
		if d := q.walk.Destination(); d != nil {
			hide.NameString(d.Host)
		}
		reply.Hide, reply.Head, reply.Source, reply.Out = hide, &sh.Kept, q.source.Remote, out
		reply.ToTag = sh.AppendTag(w.tag[:0], &sh.Kept)
	}
	reply.Edit(&sh.Edit)
	r.homeward(&sh.Edit, m, &sh.Kept, w, hide)
	data, err := sh.Edit.Write(sh.Out[:0])
	if err != nil {
		return false
	}
	sh.Out = data
	sh.Respond(q.server, reply.Status, data)
	return true
}

// customer is the one whose address of record it is.
func (w *wish) customer() uint64 {
	var n uint64
	for _, b := range w.key[:customerLen] {
		n = n<<8 | uint64(b)
	}
	return n
}

// errFull says that REGISTERs which crossed have used up what one alone could have.
var errFull = errors.New("too many bindings of an address of record")

// settle does what a 2xx says.
func (r *Registrar) settle(sh *transaction.Shard, q *request, w *work, m *sip.Message) error {
	r.readGrants(&w.grants, m)
	w.wish.decide(&w.grants, m)
	now := r.nowOf(sh)
	err := r.commit(w, q, &sh.Kept, now)
	if !errors.Is(err, errGone) {
		return err
	}
	if !r.again(sh, q) {
		return errFull
	}
	w.wish.decide(&w.grants, m)
	return r.commit(w, q, &sh.Kept, now)
}

// errGone says that the binding which a REGISTER repeats has just ended.
var errGone = errors.New("the binding has ended")

// commit makes, refreshes and ends bindings as a 2xx says, all or nothing: on an error
// of the journal all is as it was.
func (r *Registrar) commit(w *work, q *request, m *sip.Message, now time.Duration) error {
	s := r.stripe(w.wish.address.first)
	s.mu.Lock()
	defer s.mu.Unlock()
	dest := tenant.DestinationID(0)
	if d := q.walk.Destination(); d != nil {
		dest = d.ID
	}
	if fresh := s.fresh(&w.wish); fresh > 0 && !s.holds(w.wish.address, fresh) {
		return errFull
	}
	for i := range w.wish.contacts[:w.wish.n] {
		c := &w.wish.contacts[i]
		if c.granted == 0 {
			continue
		}
		f := &w.next[i]
		was := s.bound(c)
		switch {
		case !w.wish.recalled:
			w.fill(f, was, c, m.Value(sip.HdrUserAgent))
			f.nat = behindNAT(m, c.at, q.source)
		case was == nil:
			return errGone
		default:
			f.refill(was, c, q.repeat.nat)
		}
		f.customer, f.dest, f.bound = q.customer.Settings.ID, dest, now
		f.expires = now + min(time.Duration(c.granted)*time.Second, maxLife)
		if err := r.keep(s, was, c, f, q.source); err != nil {
			r.takeBack(s, &w.wish, i)
			return err
		}
	}
	for i := range w.wish.contacts[:w.wish.n] {
		r.apply(s, w, &w.wish.contacts[i], &w.next[i], q.source)
	}
	r.drop(s, w, q, dest)
	return nil
}

// apply makes one Contact's binding what was decided.
func (r *Registrar) apply(s *stripe, w *work, c *wanted, f *facts, flow transport.Flow) {
	b := s.bound(c)
	switch {
	case b == nil && c.granted == 0:
	case b == nil:
		r.add(s, c.id, w.wish.address, f, flow)
	case c.granted == 0:
		r.end(s, b)
	case f.expires >= b.expires: // its turn may come first, and finds what has changed
		b.facts = *f
		r.move(b, flow)
	default:
		r.unschedule(s, b)
		b.facts = *f
		r.move(b, flow)
		r.schedule(s, b)
	}
}

// takeBack makes the journal's records of the first n Contacts what they were.
func (r *Registrar) takeBack(s *stripe, w *wish, n int) {
	for i := range w.contacts[:n] {
		c := &w.contacts[i]
		if b := s.bound(c); b != nil {
			_ = r.put(s, c.id, &b.facts, b.flow) // else it is the newer one, which does no harm
		} else if c.granted > 0 {
			r.cfg.Journal.Delete(c.id)
		}
	}
}

// drop ends the bindings of an address of record that its PBX no longer lists: those
// that it made itself, or after "*" all. What was bound after the REGISTER was sent
// may be unknown to its answer.
func (r *Registrar) drop(s *stripe, w *work, q *request, dest tenant.DestinationID) {
	if !w.grants.whole || !w.grants.listed && !w.wish.all {
		return
	}
	for b := s.head(w.wish.address); b != nil; {
		next := s.more(b)
		_, listed := w.grants.find(b.id)
		if !listed && b.bound < q.sent && (w.wish.all || b.dest == dest) {
			r.end(s, b)
		}
		b = next
	}
}

// fill takes what a Contact says. Texts that did not change since the last time are not allocated
// again.
func (w *work) fill(f *facts, was *binding, c *wanted, agent []byte) {
	w.text = appendClean(w.text[:0], agent)
	n := len(w.text)
	parts := [textCount][]byte{
		textAOR: w.wish.aor(), textURI: c.name.URI, textInstance: c.instance, textPath: w.wish.path, textAgent: w.text[:n:n],
	}
	if was != nil {
		*f = was.facts
	} else {
		*f = facts{since: time.Now().Unix()}
	}
	if was == nil || !f.say(&parts) {
		f.texts = textsOf(&parts, w.text[n:n])
	}
	f.q, f.key, f.missed = c.q, c.key, 0
}

// appendClean appends what is kept of a User-Agent, control characters as spaces.
func appendClean(dst, b []byte) []byte {
	for _, c := range b[:min(len(b), maxAgent)] {
		if c < ' ' || c == 0x7f {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}
