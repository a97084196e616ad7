package policy

import (
	"net/netip"

	"tollgate/internal/tenant"
	"tollgate/sip"
)

// Identify finds whose request r is (step 7): which customer, and who within him.
//
// The domain of the Request-URI comes first, so that no customer can draw the traffic of
// another to himself by calling the other's peer his destination. Within the customer, and
// where the Request-URI names no domain of ours, a source that is one of his destinations
// is that destination, and its requests go out. A phone's token comes before the domain, and
// only its customer's destinations may use it. A source in a range of an entry is that entry:
// its requests come in, unless it is a destination too. A stranger gets silence.
func (s *Snapshot) Identify(r *Request, id *Identity) Verdict {
	*id = Identity{}
	uri, err := sip.ParseURI(r.Msg.RequestURI())
	at, mayCall := r.neighbour()
	var named domain
	if err == nil {
		named = s.domainOf(&uri)
	}
	if r.Registered.Switch != 0 {
		return s.identifyRegistered(r, id, at, mayCall)
	}
	switch {
	case r.Token != 0:
		if id.Customer = s.Customer(r.Token); id.Customer == nil || !mayCall || s.destinationAt(r, at, r.Token) == nil {
			id.Customer = nil
			return Refuse(ForeignToken)
		}
	case named.customer != nil:
		id.Customer, id.Domain, id.By = named.customer, named.name, ByDomain
		if named.of(r.Bound) {
			id.By = ByBinding
		}
	default:
		nameless := err != nil || uri.Scheme == sip.SchemeTEL
		v := s.identifySource(r, id, &uri, at, mayCall, nameless)
		if v.Refused() && (v.Status != Drop || !s.identifyPhone(r, id, &uri, nameless)) {
			return v
		}
	}
	if mayCall {
		id.Source = s.destinationAt(r, at, id.Customer.Settings.ID)
	}
	if id.Source != nil {
		id.Direction, id.By = Outbound, ByDestination
	}
	if v := s.enter(r, id, &uri); v.Refused() {
		return v
	}
	switch {
	case err != nil:
		return Refuse(BadMessage)
	case uri.Scheme == sip.SchemeOther:
		return Refuse(UnsupportedScheme)
	}
	id.Emergency = id.Customer.isEmergency(&uri)
	return Verdict{}
}

// enter notes the entry that an identified request comes from. A destination needs none, and
// neither does who calls by domain, but he keeps to the protocol of an entry that he is.
func (s *Snapshot) enter(r *Request, id *Identity, number *sip.URI) Verdict {
	if id.By == ByBinding {
		return Verdict{}
	}
	var why Reason
	id.Entry, why = s.entryOf(r, id.Customer, number)
	switch {
	case id.Source != nil:
	case id.Entry != nil:
		id.By = ByEntry
	case why == WrongProtocol:
		return Refuse(why)
	}
	return Verdict{}
}

// neighbour is the address by which the source of r would be known as a destination, and
// whether it can be one: over UDP address and port, over TCP and TLS the address alone,
// unless the flow is a phone's (it has a binding, or asks for one).
func (r *Request) neighbour() (at netip.AddrPort, can bool) {
	addr, port := r.Source.Addr().Unmap(), r.Source.Port()
	if r.Transport != protoUDP {
		if r.Bound != 0 || r.Msg.Method() == sip.REGISTER {
			return at, false
		}
		port = 0
	}
	return netip.AddrPortFrom(addr, port), addr.IsValid()
}

// Neighbour says that an address is a destination of a customer; 0 asks for anyone's.
func (s *Snapshot) Neighbour(addr netip.Addr, customer tenant.CustomerID) bool {
	at := netip.AddrPortFrom(addr.Unmap(), 0)
	if customer == 0 {
		_, is := s.owners.get(s.hashSource(at), at)
		return is
	}
	return s.ownedBy(at, customer)
}

// identifySource finds the customer of a request whose Request-URI names none, by where it
// comes from: a destination, or a range of an entry.
func (s *Snapshot) identifySource(r *Request, id *Identity, number *sip.URI, at netip.AddrPort, mayCall, nameless bool) Verdict {
	var here owners
	if mayCall {
		here, _ = s.owners.get(s.hashSource(at), at)
	}
	var e evidence
	if here.count > 0 {
		s.gather(&e, r, number, at)
		return s.identifyDestination(r, id, &e, &here, at)
	}
	s.gather(&e, r, number, netip.AddrPort{})
	switch {
	case e.anyone.customer == 0 && nameless:
		return Refuse(StrangerSource)
	case e.anyone.customer == 0:
		return Refuse(UnknownDomain)
	}
	customer, why := e.whose()
	if why != OK {
		id.Customer = s.Customer(e.anyone.one())
		return Refuse(why)
	}
	id.Customer = s.Customer(customer)
	return Verdict{}
}

// identifyDestination finds the customer of a request from an address where somebody has a
// destination: of several, or where entries of others hold it too, by a domain in From or
// P-Asserted-Identity, else by the calling number.
func (s *Snapshot) identifyDestination(r *Request, id *Identity, e *evidence, here *owners, at netip.AddrPort) Verdict {
	if here.count == 1 && !e.disputes() && e.exact.customer == 0 && e.regex.customer == 0 {
		id.Customer = s.Customer(here.sum)
		return Verdict{}
	}
	for _, header := range [...]sip.HeaderID{sip.HdrFrom, sip.HdrPAI} {
		named := s.domainIn(r.Msg, header, at)
		if named.customer != nil {
			id.Customer, id.Domain = named.customer, named.name
			return Verdict{}
		}
	}
	if id.Customer = s.Customer(s.byCaller(e, r, here)); id.Customer == nil {
		return Refuse(SharedDestinationClash)
	}
	return Verdict{}
}

// identifyPhone takes the customer of the phone that a request comes from, where the
// Request-URI names no one else: a number, or a number at this node, as a phone calls back
// whose caller was shown to it with our address (topology hiding).
func (s *Snapshot) identifyPhone(r *Request, id *Identity, uri *sip.URI, nameless bool) bool {
	if r.Bound == 0 || !nameless && !s.Here(r, uri) {
		return false
	}
	id.Customer, id.By = s.Customer(r.Bound), ByBinding
	return id.Customer != nil
}

// Here says that a URI's host means this node.
func (s *Snapshot) Here(r *Request, uri *sip.URI) bool {
	if addr, ok := uri.Addr(); ok && r.Local.IsValid() && addr.Unmap() == r.Local.Unmap() {
		return true
	}
	var buf [maxDomain + 1]byte
	_, local := s.local[string(appendHost(buf[:0], uri))]
	return local
}

// domainIn is the first domain in a header whose customer has a destination at an address.
func (s *Snapshot) domainIn(m *sip.Message, header sip.HeaderID, at netip.AddrPort) domain {
	elements := m.Elements(header)
	for range maxNamed {
		element, ok := elements.Next()
		if !ok {
			break
		}
		name, err := sip.ParseNameAddr(element)
		if err != nil {
			continue
		}
		uri, err := sip.ParseURI(name.URI)
		if err != nil {
			continue
		}
		named := s.domainOf(&uri)
		if named.customer == nil {
			continue
		}
		if s.ownedBy(at, named.customer.Settings.ID) {
			return named
		}
	}
	return domain{}
}

// maxNamed bounds how many elements of one header are looked at; RFC 3325 9.1 allows two.
const maxNamed = 4

// destinationAt is the customer's destination at an address: of several the one with the
// transport and port of the request, over TCP and TLS by the port that its Via names,
// else the one with the lowest id.
func (s *Snapshot) destinationAt(r *Request, at netip.AddrPort, customer tenant.CustomerID) *Destination {
	key := sourceKey{at, customer}
	here, _ := s.sources.get(s.hashKey(key), key)
	if len(here) == 0 {
		return nil
	}
	listens := at
	if via := r.Msg.TopVia(); via != nil && at.Port() == 0 {
		listens = netip.AddrPortFrom(at.Addr(), via.Port)
	}
	best, most := here[0], -1
	for _, d := range here {
		score := 0
		if d.Transport() == r.Transport {
			score += 2
		}
		if d.at(listens) {
			score++
		}
		if score > most {
			best, most = d, score
		}
	}
	return best
}

// domainOf finds the customer's domain that the host of a URI is.
func (s *Snapshot) domainOf(u *sip.URI) domain {
	var buf [maxDomain + 1]byte
	name := appendHost(buf[:0], u)
	if len(name) == 0 {
		return domain{}
	}
	return s.domain(name)
}

// appendHost appends the host of a sip: or sips: URI as CanonicalDomain writes it, and
// nothing if it has none that could be a domain.
func appendHost(dst []byte, u *sip.URI) []byte {
	if u.Scheme != sip.SchemeSIP && u.Scheme != sip.SchemeSIPS {
		return dst
	}
	if addr, ok := u.Addr(); ok {
		if addr.Zone() != "" {
			return dst
		}
		return addr.Unmap().AppendTo(dst)
	}
	host := u.Host
	if n := len(host); n > 1 && host[n-1] == '.' {
		host = host[:n-1]
	}
	if len(host) > maxDomain {
		return dst
	}
	for _, c := range host {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// IsHost says that the host of a URI is a domain, which is canonical.
func IsHost(u *sip.URI, domain string) bool {
	var buf [maxDomain + 1]byte
	return string(appendHost(buf[:0], u)) == domain
}
