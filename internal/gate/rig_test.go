package gate_test

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/antifraud"
	"tollgate/internal/call"
	"tollgate/internal/dialog"
	"tollgate/internal/gate"
	"tollgate/internal/live"
	"tollgate/internal/live/memory"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/relay"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// rig is a node without sockets, in virtual time: what it sends to an address
// lies there until the test takes it.
type rig struct {
	t     testing.TB
	last  map[netip.AddrPort]string // benchmarks: the last message only
	layer *transaction.Layer
	calls *call.Calls
	gate  *gate.Gate
	live  live.Live
	table *policy.Table

	registrar *registrar.Registrar
	relay     *relay.Relay
	book      *book // what calls are kept in over a restart; nil in benchmarks

	account tenant.Account // of the one customer; see change
	fraud   *antifraud.Guard
	trips   []*antifraud.Trip

	mu      sync.Mutex
	inbox   map[netip.AddrPort][]string
	refuses map[netip.AddrPort]bool
	dead    map[uint64]bool // connections
	ended   []call.Ending
	decided gate.Decision // the last one

	banned  map[netip.Addr]bool
	dropped int // requests of those
	down    map[tenant.DestinationID]bool
}

var (
	edgeAddr  = netip.MustParseAddrPort("192.0.2.1:5060")
	aliceAddr = netip.MustParseAddrPort("198.51.100.7:5062")
	pbxAddr   = netip.MustParseAddrPort("203.0.113.10:5060")
	pbx2Addr  = netip.MustParseAddrPort("203.0.113.11:5060")
	// A host that is nobody's destination.
	carrierAddr = netip.MustParseAddrPort("203.0.113.200:5060")
)

func (r *rig) Send(f transport.Flow, data []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuses[f.Remote] {
		return errors.New("refused")
	}
	if r.last != nil {
		r.last[f.Remote] = string(data)
		return nil
	}
	r.inbox[f.Remote] = append(r.inbox[f.Remote], string(data))
	r.book.note(string(data))
	return nil
}

func (r *rig) Find(h transport.Hop, _ string) (transport.Flow, bool) {
	return transport.Flow{Proto: h.Proto, Local: edgeAddr, Remote: h.Addr}, h.Proto == transport.UDP
}

func (r *rig) Dial(_ transport.Hop, _ string, done func(transport.Flow, error)) {
	go done(transport.Flow{}, errors.New("no TCP here"))
}
func (r *rig) IsOwn(a netip.AddrPort) bool                   { return a == edgeAddr }
func (r *rig) NetworkOf(transport.Flow) string               { return "" }
func (r *rig) Advertised(transport.Flow) (string, uint16)    { return "192.0.2.1", 5060 }
func (r *rig) Adopt(f transport.Flow) (transport.Flow, bool) { return f, true }
func (r *rig) Listeners() []transport.Listener               { return nil }
func (r *rig) Resolve(_ transport.Target, done func([]transport.Hop, error)) {
	go done(nil, errors.New("no DNS here"))
}

func (r *rig) Lookup(t transport.Target) ([]transport.Hop, bool) {
	a, err := netip.ParseAddr(t.Host)
	if err != nil {
		return nil, false
	}
	port := t.Port
	if port == 0 {
		port = 5060
	}
	proto := t.Proto
	if proto == 0 {
		proto = transport.UDP
	}
	return []transport.Hop{{Proto: proto, Addr: netip.AddrPortFrom(a, port)}}, true
}

func (r *rig) Alive(f transport.Flow) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.dead[f.Conn]
}

// run gives f a rig with one customer, acme.test, and two destinations.
func run(t *testing.T, hidden bool, f func(r *rig)) {
	t.Helper()
	runOver(t, hidden, func() live.Live { return memory.New() }, f)
}

// runOver is run over a live backend.
func runOver(t *testing.T, hidden bool, backend func() live.Live, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRigOver(t, hidden, 3, backend(), &book{kept: map[dialog.Stable][]byte{}})
		defer r.live.Close()
		r.last = nil
		r.layer.Run()
		defer r.layer.Close()
		f(r)
	})
}

func newRig(t testing.TB, hidden bool, limit int) *rig {
	return newRigOver(t, hidden, limit, memory.New(), nil)
}

func newRigOver(t testing.TB, hidden bool, limit int, backend live.Live, kept *book) *rig {
	r := &rig{
		t: t, last: map[netip.AddrPort]string{}, inbox: map[netip.AddrPort][]string{}, refuses: map[netip.AddrPort]bool{},
		dead: map[uint64]bool{}, book: kept,
	}
	r.table, r.live = policy.NewTable(), backend
	r.table.PutCompany(tenant.Company{ID: 1, Name: "one"})
	settings := tenant.Customer{
		ID: 1, Company: 1, Name: "acme", TopologyHiding: hidden, CallLimit: limit, DestinationMode: tenant.ModePriority,
		InternationalPrefix: "00", Outbound: "any",
		Timers: tenant.Timers{Initial: 5 * time.Second, Invite: 60 * time.Second, MaxCall: time.Hour},
	}
	r.account = tenant.Account{
		Customer: settings,
		Domains:  []tenant.Domain{{ID: 1, Customer: 1, Name: "acme.test"}},
		Destinations: []tenant.Destination{
			{ID: 1, Customer: 1, Name: "pbx", Group: 1, Host: "203.0.113.10", Port: 5060, Protocol: "udp", Priority: 10},
			{ID: 2, Customer: 1, Name: "pbx2", Group: 1, Host: "203.0.113.11", Port: 5060, Protocol: "udp", Priority: 20},
		},
	}
	r.change(func(*tenant.Account) {})
	r.fraud = antifraud.New(antifraud.Config{Tripped: r.tripped})
	minter := dialog.NewMinter(1, 1, dialog.Key{K0: 3, K1: 4}, dialog.Key{ID: 1, K0: 1, K1: 2})
	type core struct{ *gate.Gate }
	c := &core{}
	r.layer = transaction.New(transaction.Config{Send: r, Core: c, ShardOf: minter.Shard})
	router := &peer.Router{Network: r, Resolver: r}
	var journal call.Journal
	if kept != nil {
		journal = kept
	}
	r.calls = call.New(call.Config{
		Router: router, Minter: minter, Transport: r,
		Phones: phones{r}, Journal: journal,
		Customer: func(id tenant.CustomerID) *policy.Customer { return r.table.Snapshot().Customer(id) },
		Hold: func(id dialog.Stable, c *policy.Customer, user tenant.SIPUserID, urgent bool, switches ...tenant.SwitchID) {
			r.gate.Hold(id, c, user, urgent, switches...)
		},
		Swap: func(id dialog.Stable, from tenant.SwitchID, to *policy.Switch, done func(bool)) (ok, now bool) {
			return r.gate.Swap(id, from, to, done)
		},
		Release: func(id dialog.Stable) { r.gate.Release(id) },
		Heard:   r.heard,
		Ended: func(e call.Ending) {
			r.fraud.Over(e.Counted)
			r.ended = append(r.ended, e)
		},
	}, r.layer)
	r.relay = relay.New(relay.Config{Router: router, Minter: minter, Advertised: r.Advertised}, r.layer)
	r.registrar = registrar.New(registrar.Config{
		Router: router, Minter: minter, Transport: r,
		Customer: func(id tenant.CustomerID) *policy.Customer { return r.table.Snapshot().Customer(id) },
	}, r.layer)
	r.gate = gate.New(gate.Config{
		Table: r.table, Live: r.live, Calls: r.calls, Relay: r.relay, Registrar: r.registrar, Minter: minter, Antifraud: r.fraud,
		Health: r, Banned: r.isBanned,
		Decided: func(_ *transaction.Shard, d *gate.Decision) { r.decided = *d },
	}, r.layer)
	c.Gate = r.gate
	return r
}

// Down is policy.Health.
func (r *rig) Down(d *policy.Destination) bool { return r.down[d.ID] }

func (r *rig) isBanned(_ tenant.CustomerID, source netip.Addr, dry bool) bool {
	if r.banned[source] && !dry {
		r.dropped++
	}
	return r.banned[source]
}

// phones breaks the circle between calls and the registrar.
type phones struct{ r *rig }

func (p phones) ByID(id dialog.Stable) (registrar.Contact, bool) { return p.r.registrar.ByID(id) }

// change gives the customer other settings.
func (r *rig) change(edit func(a *tenant.Account)) {
	r.t.Helper()
	edit(&r.account)
	account := r.account
	if err := r.table.Put(&account); err != nil {
		r.t.Fatal(err)
	}
}

// in hands the node a message from an address; \n stands for CRLF, and a
// Content-Length is added.
func (r *rig) in(from netip.AddrPort, text string) {
	r.t.Helper()
	r.inOver(flowOf(from), text)
}

func flowOf(from netip.AddrPort) transport.Flow {
	return transport.Flow{Proto: transport.UDP, Local: edgeAddr, Remote: from}
}

// inOver is in over any flow.
func (r *rig) inOver(f transport.Flow, text string) {
	r.t.Helper()
	head, body, _ := strings.Cut(strings.TrimLeft(text, "\n"), "\n\n")
	body = strings.ReplaceAll(body, "\n", "\r\n")
	text = strings.ReplaceAll(strings.TrimSpace(head), "\n", "\r\n") +
		"\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body
	var m sip.Message
	if err := m.Parse([]byte(text)); err != nil {
		r.t.Fatalf("test's own message: %v\n%s", err, text)
	}
	r.layer.Receive(&m, f)
	synctest.Wait()
}

func itoa(n int) string {
	if n >= 10 {
		return itoa(n/10) + string(rune('0'+n%10))
	}
	return string(rune('0' + n))
}

// out takes the oldest message that was sent to an address, "" if there is none.
func (r *rig) out(to netip.AddrPort) string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.inbox[to]
	if len(list) == 0 {
		return ""
	}
	r.inbox[to] = list[1:]
	return list[0]
}

// want takes the next message to an address and checks how it starts.
func (r *rig) want(to netip.AddrPort, prefix string) string {
	r.t.Helper()
	got := r.out(to)
	if !strings.HasPrefix(got, prefix) {
		r.t.Fatalf("to %s: want %q, got:\n%s", to, prefix, got)
	}
	return got
}

// drain takes all messages to an address.
func (r *rig) drain(to netip.AddrPort) {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.inbox, to)
}

func (r *rig) nothing(to netip.AddrPort) {
	r.t.Helper()
	if got := r.out(to); got != "" {
		r.t.Fatalf("to %s: want nothing, got:\n%s", to, got)
	}
}

// wait lets virtual time pass.
func (r *rig) wait(d time.Duration) {
	for i := range r.layer.Shards() {
		r.layer.Stats(i) // the clock's goroutine sees what the test has done so far
	}
	time.Sleep(d) // virtual: testing/synctest
	synctest.Wait()
}

// header gives the value of a header line in text.
func header(text, name string) string {
	for _, line := range strings.Split(text, "\r\n") {
		if v, ok := strings.CutPrefix(line, name+": "); ok {
			return v
		}
	}
	return ""
}

// headers gives all values of a header.
func headers(text, name string) (all []string) {
	for _, line := range strings.Split(text, "\r\n") {
		if v, ok := strings.CutPrefix(line, name+": "); ok {
			all = append(all, v)
		}
	}
	return all
}

// answer builds a response to a request as a UAS does.
func answer(request, status, more string) string {
	var b strings.Builder
	b.WriteString("SIP/2.0 " + status + "\n")
	for _, name := range []string{"Via", "Record-Route", "From", "To", "Call-ID", "CSeq"} {
		for _, v := range headers(request, name) {
			if name == "To" && !strings.Contains(v, ";tag=") && !strings.HasPrefix(status, "100") {
				v += ";tag=bob"
			}
			b.WriteString(name + ": " + v + "\n")
		}
	}
	b.WriteString(more)
	return b.String()
}

// uriOf gives the URI in angle brackets.
func uriOf(value string) string {
	_, rest, _ := strings.Cut(value, "<")
	uri, _, _ := strings.Cut(rest, ">")
	return uri
}

// endAll ends every call as an operator does.
func (r *rig) endAll(why policy.Reason) {
	all := func(tenant.CustomerID) bool { return true }
	for _, c := range r.calls.List(all) {
		r.calls.Hangup(c.ID, why, all)
	}
}
