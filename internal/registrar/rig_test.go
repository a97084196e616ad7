package registrar_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// Who is where. The phone is behind a NAT.
var (
	edgeAddr  = netip.MustParseAddrPort("192.0.2.1:5060")
	phoneAddr = netip.MustParseAddrPort("198.51.100.7:40123")
	pbxAddr   = netip.MustParseAddrPort("203.0.113.10:5060")
	pbx2Addr  = netip.MustParseAddrPort("203.0.113.11:5060")
	movedAddr = netip.MustParseAddrPort("198.51.100.7:40999") // the phone behind another port of its NAT
)

// rig is a registrar without sockets in virtual time, with one customer, acme.test,
// and two PBXs: what it sends to an address lies there until the test takes it.
type rig struct {
	t        testing.TB
	layer    *transaction.Layer
	minter   *dialog.Minter
	reg      *registrar.Registrar
	customer atomic.Pointer[policy.Customer] // nil: it is gone
	account  tenant.Account                  // of which change makes it
	journal  *journal

	hops map[transport.Target][]transport.Hop // under the lock of a shard, of which tests use one at a time

	mu     sync.Mutex
	inbox  map[netip.AddrPort][]string
	tapped func(f transport.Flow, data []byte) bool // takes what is sent, if it says so
	dead   map[uint64]bool                          // connections
	gone   map[netip.AddrPort]bool                  // local addresses without a listener
	ended  []string
}

// journal remembers what it was told, in order.
type journal struct {
	mu   sync.Mutex
	kept map[dialog.Stable][]byte
	log  []string
	full int  // Puts until the disk is full; -1 = never
	off  bool // nothing is kept
}

var errFull = errors.New("disk full")

func (j *journal) Put(id dialog.Stable, data []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.full == 0 {
		j.log = append(j.log, "full")
		return errFull
	}
	if j.off {
		return nil
	}
	j.full--
	j.log = append(j.log, "put")
	j.kept[id] = append([]byte(nil), data...)
	return nil
}

func (j *journal) Delete(id dialog.Stable) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.log = append(j.log, "delete")
	delete(j.kept, id)
}

// take gives what was logged since the last time.
func (j *journal) take() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	log := strings.Join(j.log, " ")
	j.log = nil
	return log
}

func (r *rig) Send(f transport.Flow, data []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tapped != nil && r.tapped(f, data) {
		return nil
	}
	if f.Conn != 0 && r.dead[f.Conn] {
		return transport.ErrClosed
	}
	r.inbox[f.Remote] = append(r.inbox[f.Remote], string(data))
	if strings.HasPrefix(string(data), "SIP/2.0 200") {
		r.journal.mu.Lock()
		r.journal.log = append(r.journal.log, "200")
		r.journal.mu.Unlock()
	}
	return nil
}

func (r *rig) Find(h transport.Hop, _ string) (transport.Flow, bool) {
	return transport.Flow{Proto: h.Proto, Local: edgeAddr, Remote: h.Addr}, h.Proto == transport.UDP
}

func (r *rig) Dial(_ transport.Hop, _ string, done func(transport.Flow, error)) {
	go done(transport.Flow{}, errors.New("no TCP here"))
}
func (r *rig) IsOwn(a netip.AddrPort) bool { return a == edgeAddr }
func (r *rig) Alive(f transport.Flow) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.dead[f.Conn]
}
func (r *rig) Advertised(transport.Flow) (string, uint16) { return "192.0.2.1", 5060 }
func (r *rig) Adopt(f transport.Flow) (transport.Flow, bool) {
	return f, !r.gone[f.Local]
}

func (r *rig) Resolve(_ transport.Target, done func([]transport.Hop, error)) {
	go done(nil, errors.New("no DNS here"))
}

func (r *rig) Lookup(t transport.Target) ([]transport.Hop, bool) {
	hops, known := r.hops[t]
	if !known {
		a, err := netip.ParseAddr(t.Host)
		if err != nil {
			return nil, false
		}
		hops = []transport.Hop{{Proto: transport.UDP, Addr: netip.AddrPortFrom(a, t.Port)}}
		r.hops[t] = hops
	}
	return hops, true
}

// Request is transaction.Core: what the gate does with a REGISTER that passes.
func (r *rig) Request(sh *transaction.Shard, m *sip.Message, f transport.Flow) {
	if v := sip.Validate(m); v.Status != 0 {
		r.t.Errorf("the test's own request: %s", v.Reason)
		return
	}
	server := sh.NewServer(m, f, 0, 0)
	customer := r.customer.Load()
	id := policy.Identity{Customer: customer, Domain: "acme.test", By: policy.ByDomain}
	if customer.RegistersHere() {
		id.User, id.By = customer.User(userIn(m.Value(sip.HdrFrom))), policy.ByUser
	}
	var list policy.Candidates
	list.N = copy(list.List[:], customer.Destinations)
	if no := r.reg.Start(sh, server, &id, &list, m); no.Refused() { // as package gate does
		answer := sip.Response{Status: no.Status, Reason: no.Detail}
		if no.Status == 423 {
			answer.Headers = fmt.Appendf(nil, "Min-Expires: %d\r\n", registrar.MinLife)
		}
		sh.RespondTo(server, m, &answer)
	}
}

// userIn is the user part of the URI in a From.
func userIn(from []byte) []byte {
	_, rest, _ := bytes.Cut(from, []byte("sip:"))
	user, _, _ := bytes.Cut(rest, []byte("@"))
	return user
}

func (r *rig) Ack(*transaction.Shard, *sip.Message, transport.Flow)    {}
func (r *rig) Cancel(*transaction.Shard, *sip.Message, transport.Flow) {}
func (r *rig) Stray(*transaction.Shard, *sip.Message, transport.Flow)  {}
func (r *rig) Pong(_ *transaction.Shard, m *sip.Message, f transport.Flow) {
	r.reg.Pong(m, f)
}

func (r *rig) Ended(c registrar.Contact, why policy.Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = append(r.ended, c.AOR+" "+why.Code())
}

func newRig(t testing.TB, hidden bool) *rig {
	r := &rig{
		t: t, hops: map[transport.Target][]transport.Hop{}, inbox: map[netip.AddrPort][]string{}, dead: map[uint64]bool{}, gone: map[netip.AddrPort]bool{},
		journal: &journal{kept: map[dialog.Stable][]byte{}, full: -1},
		minter:  dialog.NewMinter(1, 1, dialog.Key{K0: 3, K1: 4}, dialog.Key{ID: 1, K0: 1, K1: 2}),
	}
	r.account = tenant.Account{
		Customer: tenant.Customer{
			ID: 1, Company: 1, Name: "acme", TopologyHiding: hidden, DestinationMode: tenant.ModePriority,
			NATPing: "enabled", Outbound: "any", Timers: tenant.Timers{Initial: 5 * time.Second, Invite: time.Minute, MaxCall: time.Hour},
		},
		Domains: []tenant.Domain{{ID: 1, Customer: 1, Name: "acme.test"}},
		Destinations: []tenant.Destination{
			{ID: 1, Customer: 1, Name: "pbx", Group: 1, Host: "203.0.113.10", Port: 5060, Protocol: "udp", Priority: 10},
			{ID: 2, Customer: 1, Name: "pbx2", Group: 1, Host: "203.0.113.11", Port: 5060, Protocol: "udp", Priority: 20},
		},
	}
	r.change(func(*tenant.Account) {})
	r.layer, r.reg = r.node(r.minter)
	return r
}

// change changes the customer.
func (r *rig) change(how func(*tenant.Account)) {
	r.t.Helper()
	how(&r.account)
	table := policy.NewTable()
	table.PutCompany(tenant.Company{ID: 1, Name: "one"})
	if err := table.Put(&r.account); err != nil {
		r.t.Fatal(err)
	}
	r.customer.Store(table.Snapshot().Customer(1))
}

// node makes a registrar over the rig's network and journal.
func (r *rig) node(minter *dialog.Minter) (*transaction.Layer, *registrar.Registrar) {
	layer := transaction.New(transaction.Config{Shards: 4, Send: r, Core: r, ShardOf: minter.Shard})
	return layer, registrar.New(registrar.Config{
		Router: &peer.Router{Network: r, Resolver: r}, Minter: minter, Transport: r, Journal: r.journal,
		Customer: func(id tenant.CustomerID) *policy.Customer {
			if c := r.customer.Load(); c != nil && c.Settings.ID == id {
				return c
			}
			return nil
		},
		Ended: r.Ended,
	}, layer)
}

// run gives f a rig.
func run(t *testing.T, hidden bool, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, hidden)
		r.layer.Run()
		defer r.layer.Close()
		r.reg.Run()
		defer r.reg.Close()
		r.answerPings(true)
		f(r)
	})
}

// both runs f plain and hidden.
func both(t *testing.T, f func(r *rig, hidden bool)) {
	t.Helper()
	for _, hidden := range []bool{false, true} {
		name := "plain"
		if hidden {
			name = "hidden"
		}
		t.Run(name, func(t *testing.T) { run(t, hidden, func(r *rig) { r.t = t; f(r, hidden) }) })
	}
}

func udp(from netip.AddrPort) transport.Flow {
	return transport.Flow{Proto: transport.UDP, Local: edgeAddr, Remote: from}
}

func tcp(from netip.AddrPort, conn uint64) transport.Flow {
	return transport.Flow{Proto: transport.TCP, Conn: conn, Local: edgeAddr, Remote: from}
}

// in hands the node a message; \n stands for CRLF.
func (r *rig) in(f transport.Flow, text string) {
	r.t.Helper()
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "\r\n") + "\r\nContent-Length: 0\r\n\r\n"
	var m sip.Message
	if err := m.Parse([]byte(text)); err != nil {
		r.t.Fatalf("test's own message: %v\n%s", err, text)
	}
	r.layer.Receive(&m, f)
	synctest.Wait()
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

func (r *rig) nothing(to netip.AddrPort) {
	r.t.Helper()
	if got := r.out(to); got != "" {
		r.t.Fatalf("to %s: want nothing, got:\n%s", to, got)
	}
}

func (r *rig) drain(to netip.AddrPort) {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.inbox, to)
}

// wait lets virtual time pass.
func (r *rig) wait(d time.Duration) {
	time.Sleep(d) // virtual: testing/synctest
	synctest.Wait()
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

func header(text, name string) string {
	if all := headers(text, name); len(all) > 0 {
		return all[0]
	}
	return ""
}

// answer builds a response to a request as a PBX does.
func answer(request, status string, more ...string) string {
	var b strings.Builder
	b.WriteString("SIP/2.0 " + status + "\n")
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		for _, v := range headers(request, name) {
			if name == "To" && !strings.Contains(v, ";tag=") {
				v += ";tag=pbx"
			}
			b.WriteString(name + ": " + v + "\n")
		}
	}
	b.WriteString(strings.Join(more, "\n"))
	return b.String()
}

// phone sends REGISTERs of one device, as its user agent does: one Call-ID, rising
// CSeq.
type phone struct {
	r    *rig
	user string
	flow transport.Flow
	via  string // sent-by
	to   string // "" = its own address of record
	cseq int
}

func (r *rig) phone(user string) *phone {
	return &phone{r: r, user: user, flow: udp(phoneAddr), via: "10.0.0.5:5060"}
}

// register sends a REGISTER with more header lines.
func (p *phone) register(more ...string) {
	p.r.t.Helper()
	p.r.wait(time.Millisecond) // what comes later has a later time
	p.cseq++
	to := p.to
	if to == "" {
		to = "<sip:" + p.user + "@acme.test>"
	}
	more = slices.DeleteFunc(more, func(line string) bool { return line == "" })
	p.r.in(p.flow, fmt.Sprintf(`REGISTER sip:acme.test SIP/2.0
Via: SIP/2.0/%[4]s %[5]s;branch=z9hG4bK%[1]s%[2]d;rport
Max-Forwards: 70
From: "%[1]s" <sip:%[1]s@acme.test>;tag=from-%[1]s
To: %[6]s
Call-ID: reg-%[1]s@10.0.0.5
CSeq: %[2]d REGISTER
%[3]s`, p.user, p.cseq, strings.Join(more, "\n"), p.flow.Proto.Via(), p.via, to))
}

// accept registers, lets the PBX answer 200 with the Contacts that it was sent and
// more, and gives what each side got.
func (p *phone) accept(contacts []string, more ...string) (request, response string) {
	p.r.t.Helper()
	var lines []string
	for _, c := range contacts {
		lines = append(lines, "Contact: "+c)
	}
	p.register(append(lines, more...)...)
	request = p.r.want(pbxAddr, "REGISTER sip:acme.test SIP/2.0\r\n")
	p.r.in(udp(pbxAddr), answer(request, "200 OK", echo(request)...))
	return request, p.r.want(p.flow.Remote, "SIP/2.0 200 ")
}

// echo gives the Contacts of a REGISTER as a PBX lists them.
func echo(request string) (lines []string) {
	for _, c := range headers(request, "Contact") {
		if !strings.Contains(c, ";expires=") {
			c += ";expires=3600"
		}
		if !strings.HasSuffix(c, ";expires=0") {
			lines = append(lines, "Contact: "+c)
		}
	}
	return lines
}

// token gives the user of the n-th Contact.
func token(text string, n int) string {
	all := headers(text, "Contact")
	if n >= len(all) {
		return ""
	}
	_, rest, _ := strings.Cut(all[n], "<sip:")
	user, _, _ := strings.Cut(rest, "@")
	return user
}

// contact finds a binding by the token in a Contact of a request.
func (r *rig) contact(token string) (registrar.Contact, bool) {
	id, ok := r.minter.Parse([]byte(token))
	if !ok || id.Part != dialog.ToPhone {
		return registrar.Contact{}, false
	}
	return r.reg.ByID(id.Stable)
}

// bound checks which Contacts an address of record has, most preferred first.
func (r *rig) bound(user string, want ...string) {
	r.t.Helper()
	var got []string
	for _, c := range r.reg.ByAOR(nil, 1, []byte(user), "acme.test") {
		got = append(got, c.URI)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		r.t.Fatalf("%s is bound to %q, want %q", user, got, want)
	}
}

func everyone(tenant.CustomerID) bool { return true }

// answerPings makes every phone answer its pings, or leaves them lying.
func (r *rig) answerPings(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tapped = nil
	if !on {
		return
	}
	r.tapped = func(f transport.Flow, data []byte) bool {
		text := string(data)
		if !strings.HasPrefix(text, "OPTIONS ") {
			return text == "\r\n\r\n"
		}
		var m sip.Message
		if err := m.Parse([]byte(strings.ReplaceAll(answer(text, "404 Not Found", "Content-Length: 0\n\n"), "\n", "\r\n"))); err != nil {
			r.t.Errorf("ping: %v", err)
		}
		go r.layer.Receive(&m, f)
		return true
	}
}
