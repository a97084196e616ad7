package gate_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/internal/gate"
	"tollgate/internal/live"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

// agreement asks what would happen to random requests of random customers, and then sends them:
// a property test of Explain. TOLLGATE_SOAK=1 plays many more.
type agreement struct {
	*rig
	chance   *rand.Rand
	n        int
	token    string // of the phone 3402, as the PBX has it
	seen     map[policy.Reason]int
	allTried bool // the last request was refused by each destination
}

// TestExplainAgrees: what Explain says is what happens: the verdict with its rule, the steps that
// are passed, and the destinations in the order in which they are tried. It changes nothing.
func TestExplainAgrees(t *testing.T) {
	seeds := uint64(12)
	if os.Getenv("TOLLGATE_SOAK") == "1" {
		seeds = 400
	}
	seen := make(map[policy.Reason]int)
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			run(t, false, func(r *rig) {
				a := &agreement{rig: r, chance: rand.New(rand.NewPCG(seed, 3)), seen: seen}
				a.phone()
				for range 25 {
					a.scene()
				}
			})
		})
	}
	for _, why := range []policy.Reason{
		policy.OK, policy.UnknownDomain, policy.Banned, policy.Firewalled, policy.Blocklisted, policy.Antifraud, policy.NoRoute, policy.NoDestination,
		policy.MediaEncryptionUnavailable, policy.ForeignHost, policy.WrongProtocol, policy.TechPrefixUnknown, policy.CLIUnknown, policy.EntryClash,
		policy.SharedDestinationClash, policy.ForeignToken, policy.RegisterFromDestination, policy.CallLimit, policy.CompanyLimit,
		policy.SwitchLimit, policy.BadMessage, policy.BadExtension, policy.MethodNotServed, policy.MaxForwards,
	} {
		if seen[why] == 0 && !t.Failed() {
			t.Errorf("nothing ended with %s: %v", why, seen)
		}
	}
}

// one picks one of them.
func one[T any](a *agreement, of ...T) T { return of[a.chance.IntN(len(of))] }

func (a *agreement) often(of int) bool { return a.chance.IntN(of) > 0 }
func (a *agreement) rarely() bool      { return a.chance.IntN(6) == 0 }

// scene is a customer, and some requests.
func (a *agreement) scene() {
	a.endAll(policy.HungUp)
	a.wait(time.Minute)
	a.clear()
	a.banned, a.down = map[netip.Addr]bool{}, map[tenant.DestinationID]bool{}
	a.change(func(c *tenant.Account) { a.customer(c) })
	a.other()
	a.table.PutCompany(tenant.Company{ID: 1, Name: "one", Channels: one(a, 0, 0, 3)})
	for id := range tenant.DestinationID(6) {
		a.down[id] = a.rarely()
	}
	a.phone()
	if a.rarely() {
		a.banned[one(a, a.sources()...).Addr()] = true
	}
	for range 20 {
		a.request()
	}
}

// phone registers 3402, if the walls let it.
func (a *agreement) phone() {
	a.n++
	at := netip.MustParseAddrPort("198.51.100.99:5070")
	a.in(at, fmt.Sprintf("REGISTER sip:acme.test SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bKphone%d\nMax-Forwards: 70\n"+
		"From: <sip:3402@acme.test>;tag=r\nTo: <sip:3402@acme.test>\nCall-ID: phone\nCSeq: %d REGISTER\nContact: <sip:desk@%s>;expires=6000\n", at, a.n, a.n, at))
	for _, to := range a.waiting("REGISTER ") {
		req := a.out(to)
		a.token = uriOf(header(req, "Contact"))
		a.in(to, answer(req, "200 OK", "Expires: 6000\n"))
	}
	a.clear()
}

// waiting is where messages with this beginning lie, those sent first first.
func (a *agreement) waiting(prefix string) (list []netip.AddrPort) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for at, messages := range a.inbox {
		if slices.ContainsFunc(messages, func(m string) bool { return strings.HasPrefix(m, prefix) }) {
			list = append(list, at)
		}
	}
	return list
}

func (a *agreement) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.inbox)
}

// request asks about a request and sends it.
func (a *agreement) request() {
	from := one(a, a.sources()...)
	method, text := a.message(from)
	var m sip.Message
	if err := m.Parse([]byte(strings.ReplaceAll(text+"Content-Length: 0\n\n", "\n", "\r\n"))); err != nil {
		a.t.Fatalf("%v in\n%s", err, text)
	}
	before := a.state()
	e := a.gate.Explain(&policy.Request{Msg: &m, Source: from, Local: edgeAddr.Addr(), Transport: "udp", Now: time.Now(), Health: a}, policy.English)
	if after := a.state(); after != before {
		a.t.Fatalf("explaining changed\n%s\nto\n%s\nby\n%s", before, after, text)
	}
	a.decided, a.ended = gate.Decision{}, nil
	a.in(from, text)
	d := &a.decided
	if d.Identity == nil {
		a.t.Fatalf("nothing was decided of\n%s", text)
	}
	a.judge(&e, d, method, text)
	a.clear()
	if a.rarely() {
		a.wait(time.Duration(a.chance.IntN(4000)) * time.Millisecond)
		a.clear()
	}
}

// judge holds what happens to what was said.
func (a *agreement) judge(e *policy.Explanation, d *gate.Decision, method, text string) {
	a.t.Helper()
	v, said := d.Verdict, e.Verdict
	if !v.Refused() && len(a.ended) > 0 && a.ended[0].Reason == policy.Antifraud {
		v.Status, v.Reason = a.ended[0].Status, policy.Antifraud // it is refused as it is counted
		said.Detail = ""
	}
	a.seen[said.Reason]++
	names := a.gate.StepNames()[:d.Passed]
	judged := method == "REGISTER" && v.Refused() && d.Passed == len(a.gate.StepNames())-1
	if judged { // by the registrar, behind all that is explained
		v, names = policy.Verdict{}, a.gate.StepNames()
	}
	if said != v || !slices.Equal(e.Passed, names) || !slices.EqualFunc(e.Would, d.Identity.Spared(), func(told policy.ToldSpared, s policy.Spared) bool { return told.Spared == s }) {
		a.t.Fatalf("said %+v, passed %v, would %v\nthen %+v, passed %v, would %v\n%s\n%+v",
			said, e.Passed, e.Would, v, names, d.Identity.Spared(), text, e.Steps)
	}
	var want []string
	tried := slices.DeleteFunc(slices.Clone(e.Candidates), func(c policy.Explained) bool {
		return c.Tried == 0 || c.Proto == "tls+srtp" // there is no TLS here
	})
	slices.SortFunc(tried, func(x, y policy.Explained) int { return x.Tried - y.Tried })
	for _, c := range tried {
		want = append(want, c.Address)
	}
	if said.Refused() {
		want = nil
	}
	got := a.tried(method)
	if judged && len(got) == 0 {
		return
	}
	if e.Foreign || len(e.Candidates) == 0 { // to a host or phones, which it does not name by address
		unknown := e.Foreign && !strings.Contains(text, "@203.0.113.200 ") // there is no DNS here
		if (len(got) == 0) != (said.Refused() || unknown) {
			a.t.Fatalf("%v, and it went to %v\n%s\n%+v", said, got, text, e.Steps)
		}
		return
	}
	if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) || len(got) == 0 && len(want) > 0 || a.allTried && len(got) < len(want) {
		a.t.Fatalf("said to go to %v, went to %v\n%s\n%+v", want, got, text, e.Steps)
	}
}

// tried plays the destinations, which refuse until one answers, and gives them in order.
func (a *agreement) tried(method string) (got []string) {
	stop := a.chance.IntN(8)
	a.allTried = true
	for range policy.MaxCandidates + 2 {
		at := a.waiting(method + " ")
		if len(at) != 1 {
			for _, to := range at {
				got = append(got, to.String()) // several phones at once
			}
			return got
		}
		got = append(got, at[0].String())
		req := a.out(at[0])
		a.drain(at[0])
		if len(got) > stop {
			status, more := one(a, "200 OK", "200 OK", "200 OK", "486 Busy"), bobContact
			if method == "REGISTER" {
				status, more = "403 No", ""
			}
			a.allTried = false
			a.in(at[0], answer(req, status, more))
			return got
		}
		a.in(at[0], answer(req, "503 No", ""))
		if method == "INVITE" {
			a.want(at[0], "ACK ")
		}
	}
	a.t.Fatalf("it is tried without end: %v", got)
	return nil
}

// state is all that a question must not change.
func (a *agreement) state() string {
	s := a.table.Snapshot()
	var b strings.Builder
	for _, id := range []tenant.CustomerID{1, 2} {
		c := s.Customer(id)
		for rule, tally := range c.FirewallHits() {
			fmt.Fprintf(&b, "%d:%d ", rule, tally.Hits)
		}
		for i := range a.account.Blocklist {
			fmt.Fprintf(&b, "%d ", c.BlocklistTally(&a.account.Blocklist[i]).Hits)
		}
		fmt.Fprintf(&b, "%+v ", a.fraud.Report(c))
		fmt.Fprint(&b, a.live.Usage(live.Scope{Kind: live.Customer, ID: int64(id)}), a.live.Usage(live.Scope{Kind: live.Emergency, ID: int64(id)}))
	}
	fields := strings.Fields(b.String())
	slices.Sort(fields) // hits are a map
	for _, kind := range []live.ScopeKind{live.Platform, live.Company} {
		fields = append(fields, fmt.Sprint(a.live.Usage(live.Scope{Kind: kind, ID: 1})))
	}
	return fmt.Sprint(fields, a.usage(dialer), a.usage(carrier), a.usage(spare), a.fraud.Counted(), a.calls.Live(), a.dropped, len(a.trips))
}

// sources are those that requests come from: phones, entries, destinations, strangers.
func (a *agreement) sources() []netip.AddrPort {
	return []netip.AddrPort{
		aliceAddr, aliceAddr, pbxAddr, pbx2Addr, carrierAt, spareAt, carrierAddr, netip.MustParseAddrPort("198.51.100.99:5070"),
		netip.MustParseAddrPort("198.51.101.5:5060"), netip.MustParseAddrPort("192.0.2.77:5060"),
	}
}

// customer makes the customer another one.
func (a *agreement) customer(c *tenant.Account) {
	s := &c.Customer
	s.CountryCode, s.NationalPrefix = one(a, "39", ""), one(a, "0", "")
	s.Transparent, s.TopologyHiding = a.rarely(), a.rarely()
	s.CallLimit, s.Outbound = one(a, 0, 0, 1, 3), one(a, "any", "customer")
	s.DestinationGroupsEnabled, s.DestinationMode = a.often(3), one(a, tenant.ModePriority, tenant.ModeLoadBalancing)
	s.Antifraud = tenant.Antifraud{Invite: one(a, 0, 0, 1, 3), Register: one(a, 0, 2), Options: one(a, 0, 3), Mode: one(a, "enforce", "enforce", "monitor")}
	s.Emergency = tenant.Emergency{Numbers: []string{"112", "118"}, Group: one(a, 1, 2)}
	c.Domains = []tenant.Domain{{ID: 1, Customer: 1, Name: "acme.test"}, {ID: 2, Customer: 1, Name: "second.acme.test"}}
	a.ways(c)
	c.Routing, c.Firewall, c.Blocklist = nil, nil, nil
	for i := range a.chance.IntN(4) {
		c.Routing = append(c.Routing, tenant.RoutingRule{HeaderRule: a.rule(i, tenant.RoutingHeaders()), Group: 1 + a.chance.IntN(3)})
	}
	for i := range a.chance.IntN(5) {
		rule := tenant.FirewallRule{HeaderRule: a.rule(100+i, tenant.FirewallHeaders()), Action: one(a, "drop", "drop", "accept"), Mode: one(a, "enforce", "enforce", "monitor")}
		c.Firewall = append(c.Firewall, rule)
	}
	for _, i := range a.chance.Perm(5)[:a.chance.IntN(3)] {
		prefix := [...]string{"00882", "00", "+3906", "340", "899"}[i]
		c.Blocklist = append(c.Blocklist, tenant.BlocklistEntry{ID: tenant.EntryID(200 + i), Customer: 1, Prefix: prefix, Domain: one(a, "", "", "acme.test")})
	}
}

// ways are the customer's destinations and switches.
func (a *agreement) ways(c *tenant.Account) {
	c.Switches = []tenant.Switch{
		{
			ID: dialer, Customer: 1, Name: "dialer", Direction: tenant.Egress, Addresses: []string{one(a, "198.51.101.0/24", "198.51.100.0/24")},
			TechPrefix: one(a, "", "", "77"), CLIAuthentication: a.rarely(), Protocol: one(a, "", "", "", "tcp"), DialPattern: one(a, "raw", "e164", "00"),
			Channels: one(a, 0, 2), Rewrite: a.rewrite(),
		},
		{ID: carrier, Customer: 1, Name: "carrier", Direction: tenant.Ingress, Host: "203.0.113.21", Channels: one(a, 0, 1), DialPattern: "raw", Rewrite: a.rewrite()},
		{ID: spare, Customer: 1, Name: "spare", Direction: tenant.Ingress, Host: "203.0.113.22", Channels: one(a, 0, 1), DialPattern: "e164"},
	}
	c.CLIs = []tenant.CLI{{ID: 1, Customer: 1, Value: "0409", Match: "exact"}, {ID: 2, Customer: 1, Value: "^3906", Match: "regex"}}[:a.chance.IntN(3)]
	c.DIDs = nil
	if a.rarely() {
		c.DIDs = []tenant.DID{{ID: 1, Customer: 1, Number: "340111222", Switch: carrier}}
	}
	c.Destinations = nil
	for i := range tenant.DestinationID(a.chance.IntN(8)) {
		d := tenant.Destination{ID: i, Customer: 1, Name: fmt.Sprint("d", i), Group: one(a, 1, 1, 1, 2, 3), Priority: one(a, 1, 2, 3), Disabled: a.rarely()}
		switch {
		case i > 1 && !a.often(2):
			d.Switch = one(a, carrier, spare)
		default:
			d.Host, d.Port, d.Protocol = fmt.Sprint("203.0.113.1", i), 5060, one(a, "udp", "udp", "udp", "udp", "udp", "udp", "tls+srtp")
		}
		d.ID++
		c.Destinations = append(c.Destinations, d)
	}
}

func (a *agreement) rewrite() []tenant.Rewrite {
	if a.often(3) {
		return nil
	}
	return []tenant.Rewrite{{What: "destination", Current: one(a, "340", "9"), New: one(a, "00882", "", "112"), Match: "prefix"}}
}

func (a *agreement) rule(id int, headers []string) tenant.HeaderRule {
	r := tenant.HeaderRule{ID: tenant.RuleID(1 + id), Customer: 1, Name: fmt.Sprint("rule ", id), Header: one(a, headers...), Priority: one(a, 1, 2), Position: id}
	r.Match = one(a, "regex", "word")
	r.Value = one(a, "friendly", "340", "acme", "alice", "INVITE", "timer")
	if r.Match == "regex" {
		r.Value = one(a, "^sip:9", "(?i)FRIENDLY", "3401", "@acme\\.test", "^Cisco", "[02468]>?$")
	}
	if r.Header == "source-ip" {
		r.Match, r.Value = "cidr", one(a, "198.51.100.0/24", "192.0.2.0/24", "203.0.113.10/32")
	}
	return r
}

// other is another customer, who shares what can be shared.
func (a *agreement) other() {
	c := tenant.Account{
		Customer: a.account.Customer, Domains: []tenant.Domain{{ID: 9, Customer: 2, Name: "other.test"}},
		Destinations: []tenant.Destination{{ID: 30, Customer: 2, Name: "theirs", Group: 1, Host: "203.0.113.30", Port: 5060, Protocol: "udp"}},
	}
	c.Customer.ID, c.Customer.Name = 2, "other"
	if a.rarely() {
		c.Destinations[0].Host = "203.0.113.10"
	}
	if a.rarely() {
		c.Switches = []tenant.Switch{{ID: 40, Customer: 2, Name: "their dialer", Direction: tenant.Egress, Addresses: []string{"198.51.101.0/25"}, DialPattern: "raw"}}
	}
	if err := a.table.Put(&c); err != nil {
		a.t.Fatal(err)
	}
}

// message is a random request, without its body.
func (a *agreement) message(from netip.AddrPort) (method, text string) {
	a.n++
	method = one(a, "INVITE", "INVITE", "INVITE", "INVITE", "OPTIONS", "MESSAGE", "REGISTER", "SUBSCRIBE", "PUBLISH", "FOO")
	uri := a.uri()
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s %s SIP/2.0", method, uri)
	line("Via: SIP/2.0/UDP %s;branch=z9hG4bKagree%d", from, a.n)
	line("From: %s;tag=%d", one(a, `"Alice" <sip:0409@198.51.100.7>`, "<sip:+3906123@acme.test>", "<sip:bob@other.test>", "<tel:+390409>"), a.n)
	line("To: <%s>", one(a, uri, "sip:3401@acme.test"))
	line("Call-ID: agree%d", a.n)
	line("CSeq: 1 %s", method)
	line("Contact: <sip:x@%s>", from)
	if a.n%40 == 0 {
		line("Max-Forwards: 0")
	} else {
		line("Max-Forwards: %d", one(a, 70, 70, 5))
	}
	line("Event: presence")
	line("Expires: 600")
	for _, more := range [...]string{
		"User-Agent: friendly-scanner", "User-Agent: Cisco 79", "Supported: timer, 100rel", "Allow: INVITE, ACK", "P-Asserted-Identity: <sip:1@acme.test>",
	} {
		if a.rarely() {
			line("%s", more)
		}
	}
	if a.chance.IntN(20) == 0 {
		line("%s", one(a, "Proxy-Require: nonsense", "Max-Forwards: 7", "CSeq: 2 INFO", "From: <sip:twice@x>;tag=2", "Via: nonsense"))
	}
	return method, b.String()
}

// uri is a number or name, disguised or not, at whom there is.
func (a *agreement) uri() string {
	if a.rarely() {
		return one(a, a.token, unmade(a.token), "tel:+393401", "tel:340111;phone-context=+39", "urn:service:sos", "sip:acme.test", "sips:3401@acme.test", "mailto:x@y")
	}
	user := one(a, "3401", "3402", "bob", "112", "0112", "00882123", "+882123", "%30%30882-1(2)3", "+39-06-555", "77340111222", "340111222", "899;phone-context=+39", "9", "0")
	return "sip:" + user + "@" + one(a, "acme.test", "acme.test", "acme.test", "ACME.test.", "second.acme.test", "other.test", "192.0.2.1", "203.0.113.200", "nobody.test")
}
