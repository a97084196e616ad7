package transport

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// What a name can come to, for callers that branch.
var (
	ErrNoHost  = errors.New("the name has no address that SIP can be sent to")
	ErrNoDNS   = errors.New("no DNS server gave an answer")
	ErrLookups = errors.New("too many names are being looked up")
)

// Target is what a URI or a destination names, before it is resolved.
type Target struct {
	Host       string
	Port       uint16 // 0: by SRV, or the default
	Proto      Proto  // 0: by NAPTR and SRV, else UDP
	ServerName string // "": Host (RFC 5922 7.2: the name that was asked for, not what SRV made of it)
	Verify     bool
}

// ResolverConfig says how names are resolved. Zero values mean the defaults.
type ResolverConfig struct {
	Servers    []netip.AddrPort // none: those of ResolvConf
	ResolvConf string           // "/etc/resolv.conf", read again when it changes
	Hosts      string           // "/etc/hosts", read again when it changes
	MaxEntries int              // cached names; 10000
	Timeout    time.Duration    // of one query to one server; 2 s
	Stale      time.Duration    // how long an old answer serves while no server answers; 1 h, negative: never
	PreferIPv6 bool             // AAAA before A
	Now        func() time.Time // nil = time.Now
}

const (
	lookupLimit   = 8 * time.Second  // for all queries of one target
	failedFor     = 5 * time.Second  // nobody is asked again so soon after nobody answered
	staleFor      = 30 * time.Second // an old answer that serves is believed so long
	literalFor    = 365 * 24 * time.Hour
	maxLookups    = 1024
	maxAddresses  = 16 // of one name
	maxSRV        = 16
	maxHops       = 64
	defaultStale  = time.Hour
	defaultNames  = 10000
	defaultDNSTry = 2 * time.Second
)

// Resolver turns targets into hops. Lookup never waits; what it does not know,
// Resolve asks for. It is safe for concurrent use.
type Resolver struct {
	cfg    ResolverConfig
	files  files
	client dnsClient
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup // lookups

	records cache[question, rrset]
	plans   cache[Target, *planned]

	mu      sync.Mutex // guards all below
	closed  bool
	waiting map[Target][]func([]Hop, error)
}

// planned is what is known of a target.
type planned struct {
	plan  plan
	fixed []Hop // of a plan that has one order only
	err   error // no hops
	until time.Time
	fresh time.Time // until, as the servers gave it
}

// hops gives an order of its own each time, as RFC 2782 wants it.
func (p *planned) hops() []Hop {
	if p.fixed != nil || p.err != nil {
		return p.fixed
	}
	return p.plan.order()
}

// NewResolver gives a resolver; it asks nobody until it is asked.
func NewResolver(cfg ResolverConfig) *Resolver {
	cfg.MaxEntries = or(cfg.MaxEntries, defaultNames)
	cfg.Timeout = or(cfg.Timeout, defaultDNSTry)
	if cfg.Stale == 0 {
		cfg.Stale = defaultStale
	}
	if cfg.ResolvConf == "" {
		cfg.ResolvConf = "/etc/resolv.conf"
	}
	if cfg.Hosts == "" {
		cfg.Hosts = "/etc/hosts"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Resolver{cfg: cfg, ctx: ctx, cancel: cancel, waiting: make(map[Target][]func([]Hop, error))}
	r.files = files{resolvConf: cfg.ResolvConf, hosts: cfg.Hosts}
	r.client = dnsClient{timeout: cfg.Timeout, servers: cfg.Servers, files: &r.files, now: cfg.Now}
	r.records.init(cfg.MaxEntries)
	r.plans.init(cfg.MaxEntries)
	return r
}

// Close ends all lookups, whose callers are told, and waits for them.
func (r *Resolver) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.wg.Wait()
	return nil
}

// Cached is the number of targets that are remembered, for metrics.
func (r *Resolver) Cached() int { return r.plans.len() }

// Lookup answers for an IP literal or from the cache, at once; false where the
// network has to be asked. No hops and true mean that there are none. The hops
// must not be changed.
func (r *Resolver) Lookup(t Target) ([]Hop, bool) {
	now := r.cfg.Now()
	if p, ok := r.plans.get(t); ok && now.Before(p.until) {
		return p.hops(), true
	}
	return r.lookup(t, now)
}

// lookup makes a plan of what the cache has.
func (r *Resolver) lookup(t Target, now time.Time) ([]Hop, bool) {
	if pl, ok := literal(&t); ok {
		return r.remember(t, pl, nil, now.Add(literalFor)).hops(), true
	}
	if !validHost(t.Host) {
		return nil, true
	}
	pl, until, err := r.walk(r.ctx, &t, r.cached)
	if err != nil {
		return nil, false
	}
	return r.remember(t, pl, nil, until).hops(), true
}

// Resolve asks the network and calls done from another goroutine. Equal targets
// share one lookup; the order of hops is each caller's own. After Close, done is
// not called.
func (r *Resolver) Resolve(t Target, done func([]Hop, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list, running := r.waiting[t]
	switch {
	case r.closed:
	case running:
		r.waiting[t] = append(list, done)
	case len(r.waiting) >= maxLookups:
		r.wg.Go(func() { done(nil, ErrLookups) })
	default:
		r.waiting[t] = []func([]Hop, error){done}
		r.wg.Go(func() { r.resolve(t) })
	}
}

func (r *Resolver) resolve(t Target) {
	p := r.find(t)
	r.mu.Lock()
	list := r.waiting[t]
	delete(r.waiting, t)
	r.mu.Unlock()
	for _, done := range list {
		done(p.hops(), p.err)
	}
}

// find does the work of Resolve.
func (r *Resolver) find(t Target) *planned {
	now := r.cfg.Now()
	old, ok := r.plans.get(t)
	if ok && now.Before(old.until) {
		return old
	}
	if pl, ok := literal(&t); ok {
		return r.remember(t, pl, nil, now.Add(literalFor))
	}
	if !validHost(t.Host) {
		return r.remember(t, nil, fmt.Errorf("resolve %q: %w", t.Host, ErrNoHost), now.Add(literalFor))
	}
	ctx, cancel := context.WithTimeout(r.ctx, lookupLimit)
	defer cancel()
	pl, until, err := r.walk(ctx, &t, r.fetch)
	now = r.cfg.Now()
	switch {
	case err != nil && ok && old.err == nil && now.Before(old.fresh.Add(r.cfg.Stale)): // RFC 8767
		stale := *old
		stale.until = now.Add(staleFor)
		return r.put(t, &stale)
	case err != nil:
		return r.remember(t, nil, fmt.Errorf("resolve %s: %w", t.Host, err), now.Add(failedFor))
	case len(pl) == 0:
		return r.remember(t, nil, fmt.Errorf("resolve %s: %w", t.Host, ErrNoHost), until)
	}
	return r.remember(t, pl, nil, until)
}

func (r *Resolver) remember(t Target, pl plan, err error, until time.Time) *planned {
	if err == nil && len(pl) == 0 {
		err = ErrNoHost
	}
	p := &planned{plan: pl, err: err, until: until, fresh: until}
	if err == nil && pl.fixed() {
		p.fixed = pl.order()
	}
	return r.put(t, p)
}

func (r *Resolver) put(t Target, p *planned) *planned {
	r.plans.put(t, p, r.cfg.Now(), func(p *planned) time.Time { return p.until })
	return p
}

// literal is the plan for a host that is an address.
func literal(t *Target) (plan, bool) {
	host := strings.TrimSuffix(strings.TrimPrefix(t.Host, "["), "]")
	if host == "" || host[0] != ':' && (host[len(host)-1] < '0' || host[len(host)-1] > '9') && !strings.Contains(host, ":") {
		return nil, false // spares names an error value
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return nil, false
	}
	return plan{t.service(t.proto(), []server{{port: t.port(t.proto()), addrs: []netip.Addr{a.Unmap()}}})}, true
}

// proto is the target's, or UDP.
func (t *Target) proto() Proto {
	if t.Proto == 0 {
		return UDP
	}
	return t.Proto
}

// port is the target's, or the protocol's own.
func (t *Target) port(p Proto) uint16 {
	if t.Port == 0 {
		return p.DefaultPort()
	}
	return t.Port
}

func (t *Target) service(p Proto, servers []server) service {
	s := service{proto: p, servers: servers}
	if p == TLS {
		s.verify, s.name = t.Verify, t.ServerName
		if s.name == "" {
			s.name = strings.TrimSuffix(strings.Trim(t.Host, "[]"), ".")
		}
	}
	return s
}

// validHost says whether a name may be put to a DNS server: what stands in a
// request is anybody's.
func validHost(h string) bool {
	if len(h) == 0 || len(h) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(h, "."), ".") {
		if len(label) == 0 || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			c := label[i] | 0x20
			if (c < 'a' || c > 'z') && (label[i] < '0' || label[i] > '9') && label[i] != '-' && label[i] != '_' {
				return false
			}
		}
	}
	return true
}
