package transport

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// dnsClient puts one question to the DNS servers in turn.
type dnsClient struct {
	timeout time.Duration
	servers []netip.AddrPort // none: those of files
	files   *files
	now     func() time.Time
}

const (
	rounds      = 2    // through all servers
	maxAliases  = 8    // CNAMEs in a row
	ednsPayload = 1232 // bytes; fits where fragments do not arrive
)

// ask gives the records and how long they may be kept. No records and no error
// mean that there are none.
func (c *dnsClient) ask(ctx context.Context, q question) (rrset, time.Duration, error) {
	ttl := longestTTL
	for range maxAliases {
		m, err := c.exchange(ctx, q)
		if err != nil {
			return rrset{}, 0, err
		}
		set, alias, seconds := answers(m, q)
		ttl = min(ttl, time.Duration(seconds)*time.Second)
		switch {
		case !set.empty():
			return set, max(ttl, shortestTTL), nil
		case alias == "":
			return rrset{}, max(min(ttl, negative(m)), shortestTTL), nil
		}
		q.name = alias // a server that does not follow by itself
	}
	return rrset{}, negativeTTL, nil
}

// exchange asks each server once, and again.
func (c *dnsClient) exchange(ctx context.Context, q question) (*dns.Msg, error) {
	servers := c.servers
	if len(servers) == 0 {
		servers = c.files.servers(c.now())
	}
	var last error
	for range rounds {
		for _, server := range servers {
			m, err := c.once(ctx, q, server)
			switch {
			case err != nil:
				last = fmt.Errorf("%s: %w", server, err)
			case m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError:
				return m, nil
			default:
				last = fmt.Errorf("%s says %s", server, dns.RcodeToString[m.Rcode])
			}
			if ctx.Err() != nil {
				return nil, fmt.Errorf("%w (%w)", ErrNoDNS, ctx.Err())
			}
		}
	}
	return nil, fmt.Errorf("%w (%w)", ErrNoDNS, last)
}

// once asks one server, over TCP where UDP did not hold the answer.
func (c *dnsClient) once(ctx context.Context, q question, server netip.AddrPort) (*dns.Msg, error) {
	ask := new(dns.Msg)
	ask.SetQuestion(q.name, q.qtype)
	ask.SetEdns0(ednsPayload, false)
	var m *dns.Msg
	for _, network := range []string{"udp", "tcp"} {
		client := dns.Client{Net: network, Timeout: c.timeout}
		var err error
		if m, _, err = client.ExchangeContext(ctx, ask, server.String()); err != nil {
			return nil, err //nolint:wrapcheck // exchange says which server
		}
		if len(m.Question) != 1 || m.Question[0].Qtype != q.qtype || !strings.EqualFold(m.Question[0].Name, q.name) {
			return nil, fmt.Errorf("answers another question")
		}
		if !m.Truncated {
			break
		}
	}
	return m, nil
}

// answers reads the records of a question, through the CNAMEs that lead there.
// alias is where they lead, when the records themselves are missing.
func answers(m *dns.Msg, q question) (set rrset, alias string, ttl uint32) {
	ttl = uint32(longestTTL / time.Second)
	name := q.name
	for range maxAliases {
		next := ""
		for _, rr := range m.Answer {
			if !strings.EqualFold(rr.Header().Name, name) {
				continue
			}
			if c, ok := rr.(*dns.CNAME); ok && q.qtype != dns.TypeCNAME {
				next, ttl = strings.ToLower(c.Target), min(ttl, c.Hdr.Ttl)
				continue
			}
			if set.add(rr, q.qtype) {
				ttl = min(ttl, rr.Header().Ttl)
			}
		}
		if !set.empty() || next == "" {
			break
		}
		name = next
	}
	if set.empty() && name != q.name {
		alias = name
	}
	return set, alias, ttl
}

func (s *rrset) add(rr dns.RR, qtype uint16) bool {
	if rr.Header().Rrtype != qtype {
		return false
	}
	switch rr := rr.(type) {
	case *dns.A:
		if a, ok := netip.AddrFromSlice(rr.A); ok && len(s.addrs) < maxAddresses {
			s.addrs = append(s.addrs, a.Unmap())
		}
	case *dns.AAAA:
		if a, ok := netip.AddrFromSlice(rr.AAAA); ok && a.Is6() && !a.Is4In6() && len(s.addrs) < maxAddresses {
			s.addrs = append(s.addrs, a)
		}
	case *dns.SRV:
		if len(s.srv) < maxSRV {
			s.srv = append(s.srv, rr)
		}
	case *dns.NAPTR:
		if len(s.naptr) < maxSRV {
			s.naptr = append(s.naptr, rr)
		}
	}
	return true
}

// negative is how long it holds that there is nothing (RFC 2308 5).
func negative(m *dns.Msg) time.Duration {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return min(time.Duration(min(soa.Hdr.Ttl, soa.Minttl))*time.Second, longestNoTTL)
		}
	}
	return negativeTTL
}
