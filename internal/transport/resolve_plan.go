package transport

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// plan is the services of a target, best first.
type plan []service

// service is one protocol by which the target can be reached.
type service struct {
	proto   Proto
	name    string // for TLS
	verify  bool
	servers []server // by priority
}

// server is one SRV record with the addresses of its host.
type server struct {
	priority, weight uint16
	port             uint16
	addrs            []netip.Addr
}

// fixed says that the plan has one order only, so that it need not be made anew.
func (p plan) fixed() bool {
	for _, s := range p {
		for i, v := range s.servers {
			if len(v.addrs) > 1 || i > 0 && v.priority == s.servers[i-1].priority {
				return false
			}
		}
	}
	return true
}

// order makes hops of a plan: by priority, among equal ones at random by weight
// (RFC 2782); a host's addresses in turn, starting anywhere in each family.
func (p plan) order() []Hop {
	var hops []Hop
	for _, s := range p {
		for _, v := range s.weighted() {
			for _, a := range rotated(v.addrs) {
				if len(hops) == maxHops {
					return hops
				}
				hops = append(hops, Hop{Proto: s.proto, Addr: netip.AddrPortFrom(a, v.port), ServerName: s.name, Verify: s.verify})
			}
		}
	}
	return hops
}

func (s *service) weighted() []server {
	if len(s.servers) < 2 {
		return s.servers
	}
	list := slices.Clone(s.servers)
	for i := range list {
		end := i + 1
		sum := int(list[i].weight)
		for end < len(list) && list[end].priority == list[i].priority {
			sum += int(list[end].weight)
			end++
		}
		// Those without a weight come last but for a small chance: they get one point
		// of many, all of them when there are no others.
		points := func(w uint16) int { return int(w)*16 + 1 }
		pick, chosen := rand.IntN(sum*16+end-i), i
		for pick -= points(list[chosen].weight); pick >= 0; pick -= points(list[chosen].weight) {
			chosen++
		}
		list[i], list[chosen] = list[chosen], list[i]
	}
	return list
}

// rotated starts each family's run of addresses at a random place.
func rotated(addrs []netip.Addr) []netip.Addr {
	if len(addrs) < 2 {
		return addrs
	}
	out := make([]netip.Addr, 0, len(addrs))
	for start := 0; start < len(addrs); {
		end := start + 1
		for end < len(addrs) && addrs[end].Is4() == addrs[start].Is4() {
			end++
		}
		from := start + rand.IntN(end-start)
		out = append(append(out, addrs[from:end]...), addrs[start:from]...)
		start = end
	}
	return out
}

// walker makes the plan of one target.
type walker struct {
	r      *Resolver
	target *Target
	source source

	mu    sync.Mutex // guards until
	until time.Time
}

// walk follows RFC 3263 4.1 and 4.2 for a name. An error means that the source
// did not know, no plan that there is nothing; until is how long that holds.
func (r *Resolver) walk(ctx context.Context, t *Target, from source) (plan, time.Time, error) {
	now := r.cfg.Now()
	w := &walker{r: r, target: t, source: from, until: now.Add(longestTTL)}
	if list := r.files.addresses(t.Host, now); list != nil {
		proto := t.proto()
		return plan{t.service(proto, []server{{port: t.port(proto), addrs: r.sorted(list)}})}, now.Add(filesEvery), nil
	}
	p, err := w.plan(ctx)
	return p, w.until, err
}

// sorted puts the preferred family first.
func (r *Resolver) sorted(list []netip.Addr) []netip.Addr {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b netip.Addr) int {
		if a.Is4() == b.Is4() {
			return 0
		}
		if a.Is4() != r.cfg.PreferIPv6 {
			return -1
		}
		return 1
	})
	return list
}

// ask puts one question and shortens until by the answer.
func (w *walker) ask(ctx context.Context, name string, qtype uint16) (rrset, error) {
	set, err := w.source(ctx, question{strings.ToLower(dns.Fqdn(name)), qtype})
	if errors.Is(err, errMiss) {
		return set, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if set.until.Before(w.until) {
		w.until = set.until
	}
	return set, err
}

func (w *walker) plan(ctx context.Context) (plan, error) {
	t := w.target
	if t.Port != 0 || !strings.Contains(strings.TrimSuffix(t.Host, "."), ".") {
		return w.direct(ctx, t.proto())
	}
	if t.Proto != 0 {
		p, found, err := w.bySRV(ctx, t.Proto, srvName(t.Proto, t.Host), nil)
		if found || err != nil {
			return p, err
		}
		return w.direct(ctx, t.Proto)
	}
	p, found, err := w.byNAPTR(ctx)
	if found || err != nil {
		return p, err
	}
	for _, proto := range []Proto{UDP, TCP} {
		var has bool
		if p, has, err = w.bySRV(ctx, proto, srvName(proto, t.Host), p); err != nil {
			return nil, err
		}
		found = found || has
	}
	if found {
		return p, nil
	}
	return w.direct(ctx, UDP)
}

func srvName(p Proto, host string) string {
	switch p {
	case TCP:
		return "_sip._tcp." + host
	case TLS:
		return "_sips._tcp." + host
	}
	return "_sip._udp." + host
}

// direct goes by the addresses of the host itself.
func (w *walker) direct(ctx context.Context, p Proto) (plan, error) {
	for _, name := range w.r.files.absolute(w.target.Host, w.r.cfg.Now()) {
		addrs, err := w.addresses(ctx, name)
		if err != nil {
			return nil, err
		}
		if len(addrs) > 0 {
			return plan{w.target.service(p, []server{{port: w.target.port(p), addrs: addrs}})}, nil
		}
	}
	return nil, nil
}

// bySRV adds the service that a name's SRV records give to p. found says that
// there are records, be it one that says "none" (RFC 2782, target ".").
func (w *walker) bySRV(ctx context.Context, proto Proto, name string, p plan) (_ plan, found bool, err error) {
	set, err := w.ask(ctx, name, dns.TypeSRV)
	if err != nil || len(set.srv) == 0 {
		return p, false, err
	}
	servers := make([]server, len(set.srv))
	errs := make([]error, len(set.srv))
	var all sync.WaitGroup
	for i, rr := range set.srv {
		if rr.Target == "." || rr.Port == 0 {
			continue
		}
		servers[i] = server{priority: rr.Priority, weight: rr.Weight, port: rr.Port}
		all.Go(func() { servers[i].addrs, errs[i] = w.addresses(ctx, rr.Target) })
	}
	all.Wait()
	usable := servers[:0]
	for i := range servers {
		if errors.Is(errs[i], errMiss) {
			return nil, false, errs[i]
		}
		if errs[i] != nil {
			err = errs[i]
		}
		if len(servers[i].addrs) > 0 {
			usable = append(usable, servers[i])
		}
	}
	if len(usable) == 0 {
		return p, true, err
	}
	slices.SortStableFunc(usable, func(a, b server) int { return cmp.Compare(a.priority, b.priority) })
	return append(p, w.target.service(proto, usable)), true, nil
}

// naptrProto gives the protocol of a NAPTR service (RFC 3263 4.1).
func naptrProto(service string) Proto {
	switch strings.ToUpper(service) {
	case "SIP+D2U":
		return UDP
	case "SIP+D2T":
		return TCP
	case "SIPS+D2T":
		return TLS
	}
	return 0
}

// byNAPTR follows the records that name a protocol we speak, best first; found
// says that there are any.
func (w *walker) byNAPTR(ctx context.Context) (p plan, found bool, err error) {
	set, err := w.ask(ctx, w.target.Host, dns.TypeNAPTR)
	if err != nil {
		return nil, false, err
	}
	list := slices.Clone(set.naptr)
	slices.SortStableFunc(list, func(a, b *dns.NAPTR) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Preference, b.Preference))
	})
	for _, rr := range list {
		proto := naptrProto(rr.Service)
		if proto == 0 || rr.Replacement == "." || rr.Replacement == "" {
			continue
		}
		has := false
		switch strings.ToLower(rr.Flags) {
		case "s":
			p, has, err = w.bySRV(ctx, proto, rr.Replacement, p)
		case "a":
			p, has, err = w.byHost(ctx, proto, rr.Replacement, p)
		}
		if err != nil {
			return nil, false, err
		}
		found = found || has
	}
	return p, found, nil
}

func (w *walker) byHost(ctx context.Context, proto Proto, host string, p plan) (plan, bool, error) {
	addrs, err := w.addresses(ctx, host)
	if err != nil || len(addrs) == 0 {
		return p, false, err
	}
	return append(p, w.target.service(proto, []server{{port: proto.DefaultPort(), addrs: addrs}})), true, nil
}

// otherFamily is how long a family of addresses is waited for once the other has
// come.
const otherFamily = time.Second

// addresses are a host's, of both families. While one family answers, the other
// one's failure is none.
func (w *walker) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if list := w.r.files.addresses(host, w.r.cfg.Now()); list != nil {
		return w.r.sorted(list), nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var sets [2]rrset
	var errs [2]error
	var both sync.WaitGroup
	for i, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		both.Go(func() {
			if sets[i], errs[i] = w.ask(ctx, host, qtype); len(sets[i].addrs) > 0 {
				time.AfterFunc(otherFamily, cancel)
			}
		})
	}
	both.Wait()
	for _, err := range errs {
		if errors.Is(err, errMiss) {
			return nil, err
		}
	}
	list := append(slices.Clone(sets[0].addrs), sets[1].addrs...)
	if len(list) > 0 {
		return w.r.sorted(list), nil
	}
	return nil, cmp.Or(errs[0], errs[1])
}
