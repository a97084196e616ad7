package threat

import (
	"net/netip"
	"slices"
	"time"

	"tollgate/internal/transport"
	"tollgate/sip"
)

// Stranger is a source whose requests nobody could be found for.
type Stranger struct {
	Source      string    // address and port of the last request
	Transport   string    // of the last: udp, tcp or tls
	First, Last time.Time // of its requests
	Count       uint64    // of them
	RequestLine string    // of the last, as it came from the wire; cut to what is kept
	UserAgent   string    // of the last, likewise; "" = it said none
	Host        string    // that the last one asked for; "" = none that can be read
	DidYouMean  string    // the domain of ours that is most like Host; "" = none is
	Banned      bool      // by now

	addr netip.Addr
}

// Bounds of what is kept and shown of strangers.
const (
	maxLine  = 192 // bytes of a request line
	maxAgent = 96  // of a User-Agent
	maxShown = 1000
)

// stranger is what is kept of one.
type stranger struct {
	source      netip.AddrPort
	proto       transport.Proto
	first, late time.Time
	count       uint64
	when        ring
	line        [maxLine]byte
	agent       [maxAgent]byte
	lineLen     uint8
	agentLen    uint8
}

func (s *stranger) heat(now moment) int { return s.when.recent(now, strangerSpan) }
func (s *stranger) last() moment        { return s.when.last() }

// Stranger counts a request that nobody could be found for. A bare address as its host is
// no offence by itself.
func (g *Guard) Stranger(now time.Time, source netip.AddrPort, proto transport.Proto, m *sip.Message) {
	at, key := g.moment(now), g.key(source.Addr())
	g.mu.Lock()
	defer g.mu.Unlock()
	s := take(g.strangers, key, at)
	tooMuch := s.when.recent(at, strangerSpan) >= strangerMost
	s.note(now, at, source, proto, m)
	if tooMuch && g.accuse(accusation{addr: source.Addr(), proto: proto, offence: Persistence}, m) {
		s.when = ring{}
	}
	// sipvicious leaves its mark in From, too, where its User-Agent was changed.
	if Marked(m) || hasPrefixFold(m.Value(sip.HdrFrom), `"sipvicious"`) {
		g.mark(key, at, source, proto, m)
	}
}

func (s *stranger) note(now time.Time, at moment, source netip.AddrPort, proto transport.Proto, m *sip.Message) {
	if s.count == 0 {
		s.first = now
	}
	s.count++
	s.late, s.source, s.proto = now, source, proto
	s.when.add(at)
	s.lineLen = uint8(copy(s.line[:], m.Slice(m.StartLine())))
	s.agentLen = uint8(copy(s.agent[:], m.Value(sip.HdrUserAgent)))
}

// Strangers gives those that are remembered, the latest first, at most 1000.
func (g *Guard) Strangers() []Stranger {
	list := g.remembered()
	slices.SortFunc(list, func(a, b Stranger) int { return b.Last.Compare(a.Last) })
	list = list[:min(len(list), maxShown)]
	if len(list) == 0 {
		return nil
	}
	names := newSpeller(g.cfg.Domains)
	for i := range list {
		s := &list[i]
		if s.Host = hostOf(s.RequestLine); s.Host != "" {
			s.DidYouMean = names.nearest(s.Host)
		}
		s.Banned = g.cfg.Banned(s.addr)
	}
	return list
}

func (g *Guard) remembered() (list []Stranger) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for b := range g.strangers.buckets {
		for i := range g.strangers.buckets[b] {
			s := &g.strangers.buckets[b][i].value
			if s.count == 0 {
				continue
			}
			list = append(list, Stranger{
				Source: s.source.String(), addr: s.source.Addr(), Transport: s.proto.String(), First: s.first.UTC(), Last: s.late.UTC(), Count: s.count,
				RequestLine: string(s.line[:s.lineLen]), UserAgent: string(s.agent[:s.agentLen]),
			})
		}
	}
	return list
}
