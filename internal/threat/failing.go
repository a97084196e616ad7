package threat

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"time"

	"tollgate/internal/tenant"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// suspect is what is kept of a source that is somebody's: its failures, and how often its
// requests had a scanner's mark.
type suspect struct {
	failures [2 * failMost]failure
	n        uint8 // how many there are
	to       uint8 // where the next one goes
	marks    uint8
	late     moment
}

// failure is a wrong password for a user, or a user who does not exist.
type failure struct {
	at    moment
	user  uint32 // hashed, with the customer
	wrong bool   // a password
}

func (s *suspect) heat(now moment) int {
	wrong, users := s.recent(now)
	return max(wrong, users, int(s.marks))
}

func (s *suspect) last() moment { return s.late }

// recent counts the wrong passwords within failSpan, and the different users that failed.
func (s *suspect) recent(now moment) (wrong, users int) {
	for i, f := range s.failures[:s.n] {
		if !now.within(f.at, failSpan) {
			continue
		}
		if f.wrong {
			wrong++
		}
		if !s.named(now, f.user, i) {
			users++
		}
	}
	return wrong, users
}

// named says that one of the first n failures names a user, too.
func (s *suspect) named(now moment, user uint32, n int) bool {
	for _, f := range s.failures[:n] {
		if f.user == user && now.within(f.at, failSpan) {
			return true
		}
	}
	return false
}

func (s *suspect) add(f failure) {
	s.late = f.at
	if !f.wrong && s.named(f.at, f.user, int(s.n)) {
		return // else one user could hide how many there were
	}
	s.failures[s.to] = f
	s.to = (s.to + 1) % uint8(len(s.failures))
	s.n = min(s.n+1, uint8(len(s.failures)))
}

// forget drops the failures that a test takes.
func (s *suspect) forget(test func(f *failure) bool) {
	kept := suspect{marks: s.marks, late: s.late}
	for i := range int(s.n) { // the oldest first
		f := &s.failures[(int(s.to)+len(s.failures)-int(s.n)+i)%len(s.failures)]
		if !test(f) {
			kept.failures[kept.n] = *f
			kept.n++
		}
	}
	kept.to = kept.n % uint8(len(kept.failures))
	*s = kept
}

// userKey hashes a user of a customer.
func (g *Guard) userKey(customer tenant.CustomerID, user []byte) uint64 {
	const most = 128
	var room [8 + most]byte
	key := binary.BigEndian.AppendUint64(room[:0], uint64(customer))
	key = append(key, user[:min(len(user), most)]...)
	return maphash.Bytes(g.seed, key) | 1
}

// Heeds says that Answered wants to know of a response with this status to a request of that
// source, from outside of a dialog.
func (g *Guard) Heeds(now time.Time, status int, source netip.Addr) bool {
	switch {
	case status == 401, status == 403, status == 404, status == 407:
		return true
	case status <= 100 || status >= 300:
		return false
	}
	latest := g.latest.Load()
	if latest == 0 || !g.moment(now).within(moment(latest-1), failSpan) {
		return false
	}
	key := g.key(source)
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sources.find(key) != nil
}

// Answered takes a response of the customer's PBX to a request from outside: a failure
// counts, and that a password was right clears its user's failures from this source.
func (g *Guard) Answered(now time.Time, source netip.AddrPort, proto transport.Proto, customer tenant.CustomerID, request, response *sip.Message) {
	at, key := g.moment(now), g.key(source.Addr())
	switch what, user := outcomeOf(request, response); what {
	case nothing:
	case proven:
		g.proven(key, g.userKey(customer, user))
	default:
		g.latest.Store(uint32(at) + 1)
		a := accusation{addr: source.Addr(), proto: proto, sure: what == wrongPassword && proto.Reliable()}
		g.failed(at, key, g.userKey(customer, user), what, a, request)
	}
}

// WrongPassword counts a wrong password that was given to Tollgate itself, or one for a user who
// does not exist. The answer was to a challenge that its very source was sent: it is no forgery.
func (g *Guard) WrongPassword(now time.Time, source netip.AddrPort, proto transport.Proto, customer tenant.CustomerID, user []byte, request *sip.Message) {
	at := g.moment(now)
	g.latest.Store(uint32(at) + 1)
	a := accusation{addr: source.Addr(), proto: proto, sure: true}
	g.failed(at, g.key(source.Addr()), g.userKey(customer, user), wrongPassword, a, request)
}

// RightPassword clears a user's failures from a source.
func (g *Guard) RightPassword(now time.Time, source netip.Addr, customer tenant.CustomerID, user []byte) {
	if g.Heeds(now, 200, source) {
		g.proven(g.key(source), g.userKey(customer, user))
	}
}

func (g *Guard) proven(key, user uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := g.sources.find(key); s != nil {
		s.forget(func(f *failure) bool { return f.user == uint32(user>>32) })
	}
}

func (g *Guard) failed(at moment, key, user uint64, what outcome, a accusation, request *sip.Message) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := take(g.sources, key, at)
	s.add(failure{at: at, user: uint32(user >> 32), wrong: what != unknownUser})
	attacked := 0
	if what != unknownUser {
		u := take(g.users, user, at)
		u.add(at)
		attacked = u.recent(at, failSpan)
	}
	switch wrong, users := s.recent(at); {
	case wrong >= failMost:
		a.offence = WrongPasswords
	case users >= failMost:
		a.offence, a.sure = ManyUsers, false
	case attacked >= failMost:
		a.offence, a.sure = UserAttacked, false
	default:
		return
	}
	if g.accuse(a, request) && a.offence != UserAttacked {
		// Begin anew; but who is spared for asking for many users still has his wrong passwords.
		s.forget(func(f *failure) bool { return !f.wrong || a.offence == WrongPasswords })
	}
}

// Marked says that a request bears the mark of a scanner. It is asked for each request.
func Marked(m *sip.Message) bool { return markedAgent(m.Value(sip.HdrUserAgent)) }

// markedAgent knows the tools that nobody uses for telephony. sipsak and SIPp are honest
// people's.
func markedAgent(agent []byte) bool {
	if len(agent) == 0 {
		return false
	}
	switch agent[0] | 0x20 {
	case 'f':
		return hasPrefixFold(agent, "friendly-scanner") || hasPrefixFold(agent, "friendly-request")
	case 'g':
		return hasPrefixFold(agent, "gulp")
	case 'i':
		return hasPrefixFold(agent, "iwar")
	case 'p':
		return hasPrefixFold(agent, "pplsip")
	case 's':
		return hasPrefixFold(agent, "sipvicious") || hasPrefixFold(agent, "sipcli") || hasPrefixFold(agent, "sip-scan") ||
			hasPrefixFold(agent, "sundayddr") || hasPrefixFold(agent, "smap") || hasPrefixFold(agent, "sivus") ||
			hasPrefixFold(agent, "siparmyknife")
	case 'v':
		return hasPrefixFold(agent, "vaxsipuseragent")
	}
	return false
}

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && sip.EqualFoldString(b[:len(prefix)], prefix)
}

// Marked counts a request with a scanner's mark that is for a customer.
func (g *Guard) Marked(now time.Time, source netip.AddrPort, proto transport.Proto, m *sip.Message) {
	at, key := g.moment(now), g.key(source.Addr())
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mark(key, at, source, proto, m)
}

// mark counts a mark. The caller holds the lock.
func (g *Guard) mark(key uint64, at moment, source netip.AddrPort, proto transport.Proto, m *sip.Message) {
	s := take(g.sources, key, at)
	s.late = at
	if s.marks++; s.marks >= markMost && g.accuse(accusation{addr: source.Addr(), proto: proto, offence: Scanner}, m) {
		s.marks = 0
	}
	s.marks = min(s.marks, markMost)
}
