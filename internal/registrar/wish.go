package registrar

import (
	"math"
	"net/netip"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/policy"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// wish is what a REGISTER asks for; its slices are the message's. It is read again
// for each try and for the answer, since the request is kept anyway.
type wish struct {
	key      []byte // customer and address of record, or SIP user: see appendAddress, appendUser
	record   []byte // the address of record of a REGISTER that is answered here, empty = of others
	address  address
	contacts [maxContacts]wanted
	n        int
	all      bool // "*": all bindings shall end
	over     bool // Expires is over the cap
	expires  int64
	path     []byte // Route value, empty = none
	same     bool   // it says nothing new: see repeat
	recalled bool   // it was not read again
}

// wanted is one Contact of a REGISTER.
type wanted struct {
	id       dialog.Stable
	elem     []byte
	name     sip.NameAddr
	was      *binding       // that it had when last looked up: see stripe.bound
	at       netip.AddrPort // where it says that the phone is; no address: it says a name
	instance []byte
	regID    []byte // nil without one (RFC 5626 4.2: a number), or without an instance
	value    []byte // of its expires, nil = none
	over     bool   // which is over the cap
	asked    int64  // seconds, within the cap
	granted  int64  // seconds, within the cap, by the 2xx; 0: the binding ends
	q        uint16
	key      uint8 // of the token
}

// malformed refuses a REGISTER for what it asks; detail is also the answer's reason phrase.
func malformed(detail string) policy.Verdict {
	return policy.Verdict{Status: policy.BadRegistration.Status(), Reason: policy.BadRegistration, Detail: detail}
}

// foreign refuses a REGISTER for whose phones it is about.
func foreign(detail string) policy.Verdict {
	return policy.Verdict{Status: policy.ForeignRegistration.Status(), Reason: policy.ForeignRegistration, Detail: detail}
}

// aor is the address of record: the user unescaped, the domain canonical.
func (w *wish) aor() []byte {
	if len(w.record) > 0 {
		return w.record
	}
	return w.key[customerLen:]
}

// read takes what a REGISTER asks for, and judges it. u is the SIP user whose bindings it is
// about, nil where a PBX decides.
func (r *Registrar) read(w *wish, m *sip.Message, c *policy.Customer, u *policy.User, f transport.Flow) policy.Verdict {
	w.n, w.all, w.path, w.same, w.recalled = 0, false, w.path[:0], false, false
	if no := w.readAOR(m, c); no.Refused() {
		return no
	}
	if w.record = w.record[:0]; u != nil {
		if no := w.readUser(c, u); no.Refused() {
			return no
		}
	}
	w.address = r.addressOf(w.key)
	if no := w.readPath(m); no.Refused() {
		return no
	}
	w.expires, w.over = seconds(m.Value(sip.HdrExpires))
	elements := m.Elements(sip.HdrContact)
	for {
		elem, ok := elements.Next()
		if !ok {
			break
		}
		if string(elem) == "*" {
			w.all = true
			continue
		}
		if w.n == maxContacts {
			return malformed("Too Many Contacts")
		}
		w.n++
		if no := r.readContact(w, &w.contacts[w.n-1], m, elem, f); no.Refused() {
			return no
		}
	}
	if w.all && (w.n > 0 || w.expires != 0) { // RFC 3261 10.2.2
		return malformed("Contact * Needs Expires 0")
	}
	return policy.Verdict{}
}

// readAOR takes the address of record, which must be the customer's own.
func (w *wish) readAOR(m *sip.Message, c *policy.Customer) policy.Verdict {
	na, err := sip.ParseNameAddr(m.Value(sip.HdrTo))
	if err != nil || len(na.URI) > maxURI {
		return malformed("Bad To")
	}
	u, err := sip.ParseURI(na.URI)
	if err != nil || u.Scheme != sip.SchemeSIP && u.Scheme != sip.SchemeSIPS || len(u.User) == 0 {
		return foreign("No Address of Record")
	}
	domain, ok := ownDomain(c, &u)
	if !ok {
		return foreign("Another's Address of Record")
	}
	w.key = appendAddress(w.key[:0], c.Settings.ID, u.User, domain)
	if !clean(w.aor()) {
		return malformed("Bad To")
	}
	return policy.Verdict{}
}

// ownDomain finds the customer's domain that a URI's host is.
func ownDomain(c *policy.Customer, u *sip.URI) (string, bool) {
	var room [64]byte
	host := u.Host
	if a, ok := u.Addr(); ok {
		host = a.AppendTo(room[:0])
	} else if n := len(host); n > 1 && host[n-1] == '.' {
		host = host[:n-1]
	}
	for _, d := range c.Domains {
		if sip.EqualFoldString(host, d) {
			return d, true
		}
	}
	return "", false
}

// clean: no control characters, folds among them, which have no place in what is
// written into other messages and lists.
func clean(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// readPath takes the route through the proxies before us (RFC 3327 5.3).
func (w *wish) readPath(m *sip.Message) policy.Verdict {
	elements := m.Elements(sip.HdrPath)
	for {
		elem, ok := elements.Next()
		if !ok {
			return policy.Verdict{}
		}
		na, err := sip.ParseNameAddr(elem)
		if err != nil || !na.Bracketed || !clean(elem) {
			return malformed("Bad Path")
		}
		if u, err := sip.ParseURI(na.URI); err != nil || len(u.Host) == 0 {
			return malformed("Bad Path")
		}
		if len(w.path)+len(elem) > maxPath-2 {
			return malformed("Path Too Long")
		}
		if len(w.path) > 0 {
			w.path = append(w.path, ", "...)
		}
		w.path = append(w.path, elem...)
	}
}

func (r *Registrar) readContact(w *wish, c *wanted, m *sip.Message, elem []byte, f transport.Flow) policy.Verdict {
	na, err := sip.ParseNameAddr(elem)
	if err != nil {
		return malformed("Bad Contact")
	}
	u, err := sip.ParseURI(na.URI)
	switch {
	case len(na.URI) > maxURI:
		return malformed("Contact Too Long")
	case err != nil || u.Scheme != sip.SchemeSIP && u.Scheme != sip.SchemeSIPS:
		return malformed("Contact Is No SIP URI")
	case u.Headers != nil: // it is to be a Request-URI, which has none
		return malformed("Headers in Contact")
	}
	at := whereOf(&u)
	if r.leadsHere(&u, at, f) {
		return malformed("Contact Leads Here")
	}
	*c = wanted{elem: elem, name: na, at: at, q: 1000}
	if v, ok := sip.FindParam(na.Params, "+sip.instance"); ok {
		if len(v) > maxInstance || !clean(v) {
			return malformed("Bad Instance")
		}
		c.instance = v
	}
	if v, ok := sip.FindParam(na.Params, "q"); ok {
		c.q = preference(v)
	}
	c.asked = w.expires
	if v, ok := sip.FindParam(na.Params, "expires"); ok && len(v) > 0 {
		c.value = v
		c.asked, c.over = seconds(v)
	}
	if c.asked < 0 {
		c.asked = int64(usualLife / time.Second)
	}
	c.granted = c.asked
	r.identify(w, c)
	return policy.Verdict{}
}

// identify gives a Contact the stable id of its binding. A phone's instance outlives
// its addresses (RFC 5626 4.1), each of its flows has a reg-id of its own. What says
// the same instance twice is told apart by its URI.
func (r *Registrar) identify(w *wish, c *wanted) {
	n := len(w.key)
	if len(c.instance) > 0 {
		w.key = append(append(w.key, 0, 1), c.instance...)
		if id, ok := sip.FindParam(c.name.Params, "reg-id"); ok {
			w.key = append(append(w.key, 0), id...)
			if n, over := number(id, math.MaxInt32); n >= 0 && !over {
				c.regID = id
			}
		}
		c.id = r.derive(w, n)
	}
	if len(c.instance) == 0 || w.asks(c) {
		w.key = append(append(w.key, 0, 2), c.name.URI...)
		c.id = r.derive(w, n)
	}
}

// derive hashes w.key and cuts it back to n bytes.
func (r *Registrar) derive(w *wish, n int) dialog.Stable {
	id := r.cfg.Minter.Derive(w.key)
	id[0], w.key = w.address.first, w.key[:n]
	return id
}

// asks says that an earlier Contact of the REGISTER has the same id.
func (w *wish) asks(c *wanted) bool {
	for i := range w.contacts[:w.n] {
		if o := &w.contacts[i]; o != c && o.id == c.id {
			return true
		}
	}
	return false
}

// leadsHere says that a Contact is one of ours, or our own address: what a PBX sent
// there would go round.
func (r *Registrar) leadsHere(u *sip.URI, at netip.AddrPort, f transport.Flow) bool {
	if id, ours := r.cfg.Minter.Parse(u.User); ours && id.Part == dialog.ToPhone {
		return true
	}
	host, port := r.cfg.Transport.Advertised(f)
	if at.Port() == port && sip.EqualFoldString(u.Host, host) {
		return true
	}
	return at.IsValid() && r.cfg.Router.Network.IsOwn(at)
}

// whereOf is the address and port that a URI leads to; without an address where it has a name.
func whereOf(u *sip.URI) netip.AddrPort {
	addr, ok := u.Addr()
	if !ok {
		addr = netip.Addr{}
	}
	return netip.AddrPortFrom(addr, portOf(u))
}

// portOf is the port that a URI leads to (RFC 3261 19.1.2).
func portOf(u *sip.URI) uint16 {
	if u.HasPort {
		return u.Port
	}
	proto := transport.UDP
	if v, ok := u.Param("transport"); u.Scheme == sip.SchemeSIPS || ok && sip.EqualFoldString(v, "tls") {
		proto = transport.TLS
	}
	return proto.DefaultPort()
}

// seconds reads a number of seconds and cuts it to the cap; over says that it did.
// What is no number is -1: nothing was said (RFC 3261 10.2.1.1).
func seconds(b []byte) (n int64, over bool) {
	return number(b, int64(maxLife/time.Second))
}

// number reads digits and cuts what they say to most; over says that it did. What is no number
// is -1.
func number(b []byte, most int64) (n int64, over bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1, false
		}
		if n = n*10 + int64(c-'0'); n > most {
			n, over = most, true
		}
	}
	if len(b) == 0 {
		return -1, false
	}
	return n, over
}

// preference reads a q in thousandths (RFC 3261 25.1: 0 to 1, three digits); what is
// none counts as 1.
func preference(b []byte) uint16 {
	if len(b) == 0 || b[0] != '0' || len(b) > 5 || len(b) > 1 && b[1] != '.' {
		return 1000
	}
	q, unit := uint16(0), uint16(100)
	for _, c := range b[min(2, len(b)):] {
		if c < '0' || c > '9' {
			return 1000
		}
		q += uint16(c-'0') * unit
		unit /= 10
	}
	return q
}
