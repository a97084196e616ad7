package transport_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"tollgate/internal/transport"
)

// zone is a DNS server on loopback that answers from a list of records.
type zone struct {
	mu      sync.Mutex
	records []dns.RR
	asked   []string // "name TYPE"
	broken  bool     // says SERVFAIL
	cut     bool     // says over UDP that the answer is too long
	addr    netip.AddrPort
}

func newZone(t *testing.T, records ...string) *zone {
	t.Helper()
	z := &zone{}
	z.set(t, records...)
	pc, err := net.ListenPacket("udp", "127.0.0.53:0") // nobody else's, or its TCP port may be taken
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", pc.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	z.addr = pc.LocalAddr().(*net.UDPAddr).AddrPort()
	var all sync.WaitGroup
	t.Cleanup(all.Wait) // after the servers are shut down
	for _, s := range []*dns.Server{{PacketConn: pc, Handler: z}, {Listener: l, Handler: z}} {
		up := make(chan struct{})
		s.NotifyStartedFunc = func() { close(up) }
		all.Go(func() { s.ActivateAndServe() })
		await(t, up, "the DNS server")
		t.Cleanup(func() { s.Shutdown() })
	}
	return z
}

func (z *zone) set(t *testing.T, records ...string) {
	t.Helper()
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records = nil
	for _, s := range records {
		rr, err := dns.NewRR(s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		z.records = append(z.records, rr)
	}
}

func (z *zone) set2(broken, cut bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.broken, z.cut = broken, cut
}

func (z *zone) questions() []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	out := z.asked
	z.asked = nil
	slices.Sort(out)
	return out
}

func (z *zone) ServeDNS(w dns.ResponseWriter, m *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	q := m.Question[0]
	z.asked = append(z.asked, q.Name+" "+dns.TypeToString[q.Qtype])
	r := new(dns.Msg)
	r.SetReply(m)
	if z.broken {
		r.Rcode = dns.RcodeServerFailure
	} else if _, udp := w.RemoteAddr().(*net.UDPAddr); udp && z.cut {
		r.Truncated = true
	} else {
		z.answer(r, q)
	}
	w.WriteMsg(r)
}

func (z *zone) answer(r *dns.Msg, q dns.Question) {
	name, known := q.Name, false
	for _, rr := range z.records {
		if !strings.EqualFold(rr.Header().Name, name) {
			continue
		}
		known = true
		if c, ok := rr.(*dns.CNAME); ok {
			r.Answer, name = append(r.Answer, rr), c.Target
		} else if rr.Header().Rrtype == q.Qtype {
			r.Answer = append(r.Answer, rr)
		}
	}
	if !known {
		r.Rcode = dns.RcodeNameError
	}
	if len(r.Answer) == 0 {
		soa, _ := dns.NewRR("example.com. 60 IN SOA ns.example.com. root.example.com. 1 2 3 4 20")
		r.Ns = append(r.Ns, soa)
	}
}

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func resolver(t *testing.T, z *zone, cfg transport.ResolverConfig) (*transport.Resolver, *clock) {
	t.Helper()
	c := &clock{now: time.Unix(1_800_000_000, 0)}
	cfg.Now = c.Now
	if z != nil {
		cfg.Servers = []netip.AddrPort{z.addr}
	}
	dir := t.TempDir()
	if cfg.Hosts == "" {
		cfg.Hosts = filepath.Join(dir, "none")
	}
	if cfg.ResolvConf == "" {
		cfg.ResolvConf = filepath.Join(dir, "none")
	}
	r := transport.NewResolver(cfg)
	t.Cleanup(func() { r.Close() })
	return r, c
}

type resolved struct {
	hops []transport.Hop
	err  error
}

func resolve(t *testing.T, r *transport.Resolver, target transport.Target) resolved {
	t.Helper()
	c := make(chan resolved, 1)
	r.Resolve(target, func(h []transport.Hop, err error) { c <- resolved{h, err} })
	return await(t, c, "the resolution of "+target.Host)
}

// texts writes hops as "udp 192.0.2.1:5060".
func texts(hops []transport.Hop) []string {
	var out []string
	for _, h := range hops {
		out = append(out, h.Proto.String()+" "+h.Addr.String())
	}
	return out
}

var records = []string{
	"plain.example.com. 30 A 192.0.2.1",
	"dual.example.com. 30 A 192.0.2.1",
	"dual.example.com. 30 AAAA 2001:db8::1",
	"six.example.com. 30 AAAA 2001:db8::6",
	"alias.example.com. 10 CNAME plain.example.com.",
	"_sip._udp.srv.example.com. 30 SRV 20 0 5070 b.example.com.",
	"_sip._udp.srv.example.com. 30 SRV 10 0 5080 a.example.com.",
	"_sip._tcp.srv.example.com. 30 SRV 10 0 5090 a.example.com.",
	"_sips._tcp.srv.example.com. 30 SRV 10 0 5091 a.example.com.",
	"a.example.com. 300 A 192.0.2.10",
	"b.example.com. 300 A 192.0.2.20",
	"b.example.com. 300 AAAA 2001:db8::20",
	`naptr.example.com. 30 NAPTR 20 10 "s" "SIP+D2U" "" _sip._udp.srv.example.com.`,
	`naptr.example.com. 30 NAPTR 10 20 "s" "SIP+D2T" "" _sip._tcp.srv.example.com.`,
	`naptr.example.com. 30 NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp.srv.example.com.`,
	`naptr.example.com. 30 NAPTR 5 10 "s" "SIP+D2S" "" _sip._sctp.srv.example.com.`,
	`naptra.example.com. 30 NAPTR 5 10 "a" "SIP+D2T" "" a.example.com.`,
	"_sip._udp.none.example.com. 30 SRV 0 0 0 .",
	"none.example.com. 30 A 192.0.2.1",
}

func TestResolveOrder(t *testing.T) {
	z := newZone(t, records...)
	r, _ := resolver(t, z, transport.ResolverConfig{})
	for _, c := range []struct {
		name   string
		target transport.Target
		want   []string
	}{
		{"IPv4 literal", transport.Target{Host: "192.0.2.7"}, []string{"udp 192.0.2.7:5060"}},
		{"IPv4 literal, port and protocol", transport.Target{Host: "192.0.2.7", Port: 5090, Proto: transport.TCP}, []string{"tcp 192.0.2.7:5090"}},
		{"IPv6 literal", transport.Target{Host: "[2001:db8::7]", Proto: transport.TLS}, []string{"tls [2001:db8::7]:5061"}},
		{"A", transport.Target{Host: "plain.example.com"}, []string{"udp 192.0.2.1:5060"}},
		{"A, upper case, final dot", transport.Target{Host: "PLAIN.Example.com."}, []string{"udp 192.0.2.1:5060"}},
		{"A and AAAA", transport.Target{Host: "dual.example.com", Port: 5070}, []string{"udp 192.0.2.1:5070", "udp [2001:db8::1]:5070"}},
		{"AAAA", transport.Target{Host: "six.example.com", Proto: transport.TCP}, []string{"tcp [2001:db8::6]:5060"}},
		{"CNAME", transport.Target{Host: "alias.example.com"}, []string{"udp 192.0.2.1:5060"}},
		{
			"SRV by priority",
			transport.Target{Host: "srv.example.com", Proto: transport.UDP},
			[]string{"udp 192.0.2.10:5080", "udp 192.0.2.20:5070", "udp [2001:db8::20]:5070"},
		},
		{"a port rules SRV out", transport.Target{Host: "srv.example.com", Port: 5060}, nil},
		{"SRV of TLS", transport.Target{Host: "srv.example.com", Proto: transport.TLS}, []string{"tls 192.0.2.10:5091"}},
		{
			"no NAPTR: the SRVs of all protocols",
			transport.Target{Host: "srv.example.com"},
			[]string{"udp 192.0.2.10:5080", "udp 192.0.2.20:5070", "udp [2001:db8::20]:5070", "tcp 192.0.2.10:5090"},
		},
		{
			"NAPTR by order and preference",
			transport.Target{Host: "naptr.example.com"},
			[]string{"tls 192.0.2.10:5091", "tcp 192.0.2.10:5090", "udp 192.0.2.10:5080", "udp 192.0.2.20:5070", "udp [2001:db8::20]:5070"},
		},
		{"NAPTR to a host", transport.Target{Host: "naptra.example.com"}, []string{"tcp 192.0.2.10:5060"}},
		{"SRV that says none", transport.Target{Host: "none.example.com", Proto: transport.UDP}, nil},
		{"SRV of another protocol that says none", transport.Target{Host: "none.example.com", Proto: transport.TCP}, []string{"tcp 192.0.2.1:5060"}},
		{"no such name", transport.Target{Host: "missing.example.com"}, nil},
		{"not a name", transport.Target{Host: "a b;c"}, nil},
		{"localhost", transport.Target{Host: "localhost", Port: 5070}, []string{"udp 127.0.0.1:5070", "udp [::1]:5070"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := resolve(t, r, c.target)
			if !slices.Equal(texts(got.hops), c.want) {
				t.Errorf("got %v (%v), want %v", texts(got.hops), got.err, c.want)
			}
			if (got.err != nil) != (c.want == nil) || c.want == nil && !errors.Is(got.err, transport.ErrNoHost) {
				t.Errorf("error %v", got.err)
			}
			cached, ok := r.Lookup(c.target)
			if !ok || !slices.Equal(texts(cached), c.want) {
				t.Errorf("the cache says %v, %v", texts(cached), ok)
			}
		})
	}
}

func TestResolveServerName(t *testing.T) {
	z := newZone(t, records...)
	r, _ := resolver(t, z, transport.ResolverConfig{})
	for target, want := range map[transport.Target]transport.Hop{
		{Host: "srv.example.com", Proto: transport.TLS, Verify: true}:           {ServerName: "srv.example.com", Verify: true},
		{Host: "srv.example.com", Proto: transport.TLS, ServerName: "pbx.test"}: {ServerName: "pbx.test"},
		{Host: "srv.example.com", Proto: transport.TCP, Verify: true}:           {},
	} {
		got := resolve(t, r, target)
		if got.err != nil || got.hops[0].ServerName != want.ServerName || got.hops[0].Verify != want.Verify {
			t.Errorf("%+v: got %+v, %v", target, got.hops, got.err)
		}
	}
}

func TestResolveTTL(t *testing.T) {
	z := newZone(t, "x.example.com. 30 A 192.0.2.1")
	r, clock := resolver(t, z, transport.ResolverConfig{})
	target := transport.Target{Host: "x.example.com", Port: 5060}
	if _, ok := r.Lookup(target); ok {
		t.Fatal("known before anybody was asked")
	}
	resolve(t, r, target)
	z.questions()
	z.set(t, "x.example.com. 30 A 192.0.2.2")
	clock.add(19 * time.Second) // before the missing AAAA's SOA says to ask again
	if got := resolve(t, r, target); !slices.Equal(texts(got.hops), []string{"udp 192.0.2.1:5060"}) || len(z.questions()) > 0 {
		t.Fatalf("got %v", texts(got.hops))
	}
	clock.add(12 * time.Second)
	if _, ok := r.Lookup(target); ok {
		t.Fatal("known beyond its TTL")
	}
	if got := resolve(t, r, target); !slices.Equal(texts(got.hops), []string{"udp 192.0.2.2:5060"}) {
		t.Fatalf("got %v", texts(got.hops))
	}
}

func TestResolveNegative(t *testing.T) {
	z := newZone(t)
	r, clock := resolver(t, z, transport.ResolverConfig{})
	target := transport.Target{Host: "late.example.com", Proto: transport.TCP}
	if got := resolve(t, r, target); !errors.Is(got.err, transport.ErrNoHost) {
		t.Fatal(got.err)
	}
	if want := []string{"_sip._tcp.late.example.com. SRV", "late.example.com. A", "late.example.com. AAAA"}; !slices.Equal(z.questions(), want) {
		t.Fatal("asked something else")
	}
	z.set(t, "late.example.com. 30 A 192.0.2.1")
	clock.add(19 * time.Second) // the SOA says 20
	if hops, ok := r.Lookup(target); !ok || hops != nil {
		t.Fatalf("got %v, %v", hops, ok)
	}
	clock.add(2 * time.Second)
	if got := resolve(t, r, target); !slices.Equal(texts(got.hops), []string{"tcp 192.0.2.1:5060"}) {
		t.Fatalf("got %v, %v", texts(got.hops), got.err)
	}
}

// While no server answers, an old answer serves (RFC 8767), and nobody is asked
// for each call.
func TestResolveServersFail(t *testing.T) {
	z := newZone(t, "x.example.com. 30 A 192.0.2.1")
	r, clock := resolver(t, z, transport.ResolverConfig{Stale: time.Minute})
	target := transport.Target{Host: "x.example.com", Port: 5060}
	resolve(t, r, target)
	z.set2(true, false)
	for i, want := range []bool{true, true, false} { // 31, 62, 93 s after an answer that was good for 20
		clock.add(31 * time.Second)
		got := resolve(t, r, target)
		if (got.err == nil) != want || !want && !errors.Is(got.err, transport.ErrNoDNS) {
			t.Fatalf("%d: %v, %v", i, texts(got.hops), got.err)
		}
	}
	z.questions()
	if got := resolve(t, r, target); got.err == nil || len(z.questions()) > 0 {
		t.Fatalf("asked again at once: %v", got.err)
	}
	z.set2(false, false)
	clock.add(6 * time.Second)
	if got := resolve(t, r, target); got.err != nil {
		t.Fatal(got.err)
	}
}

func TestResolveNextServer(t *testing.T) {
	bad, good := newZone(t), newZone(t, "x.example.com. 30 A 192.0.2.1")
	bad.set2(true, false)
	r, _ := resolver(t, nil, transport.ResolverConfig{Servers: []netip.AddrPort{bad.addr, good.addr}})
	if got := resolve(t, r, transport.Target{Host: "x.example.com", Port: 5060}); got.err != nil || len(got.hops) != 1 {
		t.Fatalf("%v, %v", got.hops, got.err)
	}
}

func TestResolveTruncated(t *testing.T) {
	z := newZone(t, "x.example.com. 30 A 192.0.2.1")
	z.set2(false, true)
	r, _ := resolver(t, z, transport.ResolverConfig{})
	if got := resolve(t, r, transport.Target{Host: "x.example.com", Port: 5060}); got.err != nil || len(got.hops) != 1 {
		t.Fatalf("%v, %v", got.hops, got.err)
	}
}

// Servers of one priority are chosen by their weights, each time anew.
func TestResolveWeights(t *testing.T) {
	z := newZone(t,
		"_sip._udp.w.example.com. 30 SRV 10 70 5060 a.example.com.",
		"_sip._udp.w.example.com. 30 SRV 10 30 5060 b.example.com.",
		"_sip._udp.w.example.com. 30 SRV 10 0 5060 c.example.com.",
		"_sip._udp.w.example.com. 30 SRV 20 1000 5060 d.example.com.",
		"a.example.com. 30 A 192.0.2.1", "b.example.com. 30 A 192.0.2.2",
		"c.example.com. 30 A 192.0.2.3", "d.example.com. 30 A 192.0.2.4",
	)
	r, _ := resolver(t, z, transport.ResolverConfig{})
	target := transport.Target{Host: "w.example.com", Proto: transport.UDP}
	resolve(t, r, target)
	first := map[string]int{}
	const rounds = 5000
	for range rounds {
		hops, ok := r.Lookup(target)
		if !ok || len(hops) != 4 || hops[3].Addr.Addr() != netip.MustParseAddr("192.0.2.4") {
			t.Fatalf("%v, %v", texts(hops), ok)
		}
		first[hops[0].Addr.Addr().String()]++
	}
	if a, b, c := first["192.0.2.1"], first["192.0.2.2"], first["192.0.2.3"]; a < rounds*65/100 || a > rounds*75/100 || b < rounds*25/100 || c > rounds/50 {
		t.Errorf("came first: %v", first)
	}
}

// Many at once ask the network once; each is told.
func TestResolveJoins(t *testing.T) {
	z := newZone(t, "x.example.com. 30 A 192.0.2.1")
	r, _ := resolver(t, z, transport.ResolverConfig{})
	c := make(chan resolved, 100)
	for range cap(c) {
		r.Resolve(transport.Target{Host: "x.example.com", Port: 5060}, func(h []transport.Hop, err error) { c <- resolved{h, err} })
	}
	for range cap(c) {
		if got := await(t, c, "an answer"); got.err != nil || len(got.hops) != 1 {
			t.Fatal(got)
		}
	}
	if q := z.questions(); len(q) != 2 {
		t.Errorf("asked %v", q)
	}
}

func TestResolveHostsFile(t *testing.T) {
	hosts := filepath.Join(t.TempDir(), "hosts")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(hosts, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("192.0.2.5 PBX pbx.example.com # here\n2001:db8::5 pbx\nnonsense\n")
	z := newZone(t, "pbx.example.com. 30 A 192.0.2.1")
	r, clock := resolver(t, z, transport.ResolverConfig{Hosts: hosts, PreferIPv6: true})
	got := resolve(t, r, transport.Target{Host: "Pbx"})
	if want := []string{"udp [2001:db8::5]:5060", "udp 192.0.2.5:5060"}; !slices.Equal(texts(got.hops), want) {
		t.Errorf("got %v, %v", texts(got.hops), got.err)
	}
	if got := resolve(t, r, transport.Target{Host: "pbx.example.com"}); !slices.Equal(texts(got.hops), []string{"udp 192.0.2.5:5060"}) {
		t.Errorf("got %v, %v", texts(got.hops), got.err)
	}
	put("192.0.2.66 pbx.example.com\n")
	clock.add(6 * time.Second)
	if got := resolve(t, r, transport.Target{Host: "pbx.example.com"}); !slices.Equal(texts(got.hops), []string{"udp 192.0.2.66:5060"}) {
		t.Errorf("after a change: %v, %v", texts(got.hops), got.err)
	}
}

func TestResolveSearchList(t *testing.T) {
	z := newZone(t, "pbx.corp.example.com. 30 A 192.0.2.1")
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, []byte("nameserver 127.0.0.1\nsearch other.example.com corp.example.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, _ := resolver(t, z, transport.ResolverConfig{ResolvConf: conf})
	if got := resolve(t, r, transport.Target{Host: "pbx"}); !slices.Equal(texts(got.hops), []string{"udp 192.0.2.1:5060"}) {
		t.Errorf("got %v, %v", texts(got.hops), got.err)
	}
}

// The cache is bounded, whoever makes up names.
func TestResolveCacheIsBounded(t *testing.T) {
	r, _ := resolver(t, nil, transport.ResolverConfig{MaxEntries: 10})
	for i := range 1000 {
		a := netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)})
		if hops, ok := r.Lookup(transport.Target{Host: a.String()}); !ok || len(hops) != 1 || hops[0].Addr.Addr() != a {
			t.Fatal(hops, ok)
		}
	}
	if n := r.Cached(); n > 10 {
		t.Errorf("%d targets are kept", n)
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	r, _ := resolver(t, nil, transport.ResolverConfig{})
	target := transport.Target{Host: "192.0.2.1", Port: 5070, Proto: transport.UDP}
	if n := testing.AllocsPerRun(1000, func() { r.Lookup(target) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
