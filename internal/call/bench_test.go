package call_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/internal/call"
	"tollgate/internal/dialog"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

const (
	liveCalls = 3000
	lingering = 50000 // transactions that are over and wait for their last timer
	perCall   = 3     // of them: of the INVITE on both sides, and of the BYE
)

// BenchmarkCalls is what the six messages of a call cost the transaction layer and the calls,
// without parsing, gate and sockets, where all that a message is about is cold: 3,000 other
// calls had one in between, and 50,000 transactions or more linger. One operation is a round of
// 3,000 calls with what it takes to write their messages; what counts is ns/call, the sum of
// the medians of its messages: what else runs on the machine does not hit the most of them.
func BenchmarkCalls(b *testing.B) {
	for _, hidden := range []bool{false, true} {
		b.Run(fmt.Sprintf("hidden=%v", hidden), func(b *testing.B) {
			n := newNode(b, hidden)
			for range lingering/liveCalls/perCall + 1 {
				n.round(b)
			}
			n.took = [len(n.took)][]time.Duration{}
			for b.Loop() {
				n.round(b)
			}
			total := time.Duration(0)
			for _, list := range n.took {
				slices.Sort(list)
				total += list[len(list)/2]
			}
			b.ReportMetric(float64(total.Nanoseconds()), "ns/call")
		})
	}
}

// node is the layer and the calls of one customer, who has one destination.
type node struct {
	layer    *transaction.Layer
	calls    *call.Calls
	identity policy.Identity
	route    policy.Candidates
	toAlice  []byte // the last that was sent
	toPBX    []byte
	index    sip.Message
	took     [6][]time.Duration // in Receive, by message of a call
	made     int                // calls
}

var (
	edgeAddr  = netip.MustParseAddrPort("192.0.2.1:5060")
	aliceAddr = netip.MustParseAddrPort("198.51.100.7:5062")
	pbxAddr   = netip.MustParseAddrPort("203.0.113.10:5060")
)

func newNode(b *testing.B, hidden bool) *node {
	n := new(node)
	table := policy.NewTable()
	table.PutCompany(tenant.Company{ID: 1, Name: "one"})
	err := table.Put(&tenant.Account{
		Customer: tenant.Customer{
			ID: 1, Company: 1, Name: "acme", TopologyHiding: hidden, DestinationMode: tenant.ModePriority,
			InternationalPrefix: "00", Outbound: "any",
			Timers: tenant.Timers{Initial: 5 * time.Second, Invite: time.Minute, MaxCall: time.Hour},
		},
		Domains: []tenant.Domain{{ID: 1, Customer: 1, Name: "acme.test"}},
		Destinations: []tenant.Destination{
			{ID: 1, Customer: 1, Name: "pbx", Group: 1, Host: "203.0.113.10", Port: 5060, Protocol: "udp", Priority: 10},
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	customer := table.Snapshot().Customer(1)
	n.identity = policy.Identity{Customer: customer, Direction: policy.Inbound, Domain: "acme.test"}
	n.route.List[0], n.route.N = customer.Destinations[0], 1
	minter := dialog.NewMinter(1, 1, dialog.Key{K0: 3, K1: 4}, dialog.Key{ID: 1, K0: 1, K1: 2})
	n.layer = transaction.New(transaction.Config{Shards: 4, Send: n, Core: n, ShardOf: minter.Shard})
	n.calls = call.New(call.Config{
		Router: &peer.Router{Network: n, Resolver: n}, Minter: minter, Transport: n, Phones: n,
		Customer: func(tenant.CustomerID) *policy.Customer { return customer },
		Release:  func(dialog.Stable) {},
		Ended:    func(call.Ending) {},
	}, n.layer)
	return n
}

// round makes calls: each message of all of them, then the next.
func (n *node) round(b *testing.B) {
	const contact = "Contact: <sip:bob@203.0.113.10:5060>\r\n"
	toBob, toAlice := make([]string, liveCalls), make([]string, liveCalls)
	for i := range toBob {
		n.made++
		n.receive(b, 0, aliceAddr, fmt.Sprintf(invite, n.made, n.made))
		toBob[i] = string(n.toPBX)
	}
	for _, request := range toBob {
		n.receive(b, 1, pbxAddr, respond(request, "180 Ringing", contact))
	}
	for i, request := range toBob {
		n.receive(b, 2, pbxAddr, respond(request, "200 OK", contact))
		toAlice[i] = string(n.toAlice)
	}
	for i, answer := range toAlice {
		n.receive(b, 3, aliceAddr, within(answer, "ACK", 7, n.made+i))
	}
	for i, answer := range toAlice {
		n.receive(b, 4, aliceAddr, within(answer, "BYE", 8, n.made+i))
		toBob[i] = string(n.toPBX)
	}
	for _, request := range toBob {
		n.receive(b, 5, pbxAddr, respond(request, "200 OK", ""))
	}
	if n.calls.Live() != 0 {
		b.Fatalf("%d calls left; the last that was sent:\n%s", n.calls.Live(), n.toAlice)
	}
}

// receive hands the layer the k-th message of a call.
func (n *node) receive(b *testing.B, k int, from netip.AddrPort, text string) {
	if err := n.index.Parse([]byte(text)); err != nil {
		b.Fatalf("%v:\n%s", err, text)
	}
	start := time.Now()
	n.layer.Receive(&n.index, transport.Flow{Proto: transport.UDP, Local: edgeAddr, Remote: from})
	n.took[k] = append(n.took[k], time.Since(start))
}

const invite = "INVITE sip:3401@acme.test SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKinvite%08d;rport\r\n" +
	"From: \"Alice\" <sip:0409@198.51.100.7>;tag=alice\r\n" +
	"To: <sip:3401@acme.test>\r\n" +
	"Call-ID: %08d-8c1e@198.51.100.7\r\n" +
	"CSeq: 7 INVITE\r\n" +
	"Contact: <sip:alice@198.51.100.7:5062>\r\n" +
	"Max-Forwards: 70\r\n" +
	"Content-Length: 0\r\n\r\n"

// respond is a response to a request as a UAS writes it.
func respond(request, status, more string) string {
	var w strings.Builder
	w.WriteString("SIP/2.0 " + status + "\r\n")
	for line := range strings.SplitSeq(request, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		if !slices.Contains([]string{"Via", "Record-Route", "From", "To", "Call-ID", "CSeq"}, name) {
			continue
		}
		if w.WriteString(line); name == "To" && !strings.Contains(line, ";tag=") {
			w.WriteString(";tag=bob")
		}
		w.WriteString("\r\n")
	}
	return w.String() + more + "Content-Length: 0\r\n\r\n"
}

// within is a request of Alice's within the dialog that a 2xx has made.
func within(answer, method string, cseq, branch int) string {
	text := fmt.Sprintf("%s SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK%s%08d;rport\r\n", method, method, branch)
	for line := range strings.SplitSeq(answer, "\r\n") {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "Record-Route":
			text += "Route: " + value + "\r\n"
		case "Contact":
			text = strings.Replace(text, method, method+" "+strings.Trim(value, "<>"), 1)
		case "From", "To", "Call-ID":
			text += line + "\r\n"
		}
	}
	return text + fmt.Sprintf("CSeq: %d %s\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n", cseq, method)
}

// The core: a gate that lets everything through.

func (n *node) Request(sh *transaction.Shard, m *sip.Message, f transport.Flow) {
	if len(m.ToTag()) > 0 {
		n.calls.Request(sh, m, f)
		return
	}
	server := sh.NewServer(m, f, 0, 0)
	n.calls.Start(sh, &call.Passed{Server: server, Stable: dialog.NewStable(), Identity: &n.identity, Candidates: &n.route}, m)
}

func (n *node) Ack(sh *transaction.Shard, m *sip.Message, f transport.Flow) { n.calls.Ack(sh, m, f) }

func (n *node) Cancel(*transaction.Shard, *sip.Message, transport.Flow) {}
func (n *node) Stray(*transaction.Shard, *sip.Message, transport.Flow)  {}

func (n *node) Pong(*transaction.Shard, *sip.Message, transport.Flow) {}

// The sockets: what is sent lies there until the next is.

func (n *node) Send(f transport.Flow, data []byte) error {
	if f.Remote == pbxAddr {
		n.toPBX = append(n.toPBX[:0], data...)
	} else {
		n.toAlice = append(n.toAlice[:0], data...)
	}
	return nil
}

func (n *node) Find(h transport.Hop, _ string) (transport.Flow, bool) {
	return transport.Flow{Proto: h.Proto, Local: edgeAddr, Remote: h.Addr}, true
}

func (n *node) Dial(transport.Hop, string, func(transport.Flow, error)) {}

func (n *node) IsOwn(a netip.AddrPort) bool                   { return a == edgeAddr }
func (n *node) Alive(transport.Flow) bool                     { return true }
func (n *node) NetworkOf(transport.Flow) string               { return "" }
func (n *node) Advertised(transport.Flow) (string, uint16)    { return "192.0.2.1", 5060 }
func (n *node) Adopt(f transport.Flow) (transport.Flow, bool) { return f, true }

func (n *node) Lookup(transport.Target) ([]transport.Hop, bool) {
	return []transport.Hop{{Proto: transport.UDP, Addr: pbxAddr}}, true
}

func (n *node) Resolve(_ transport.Target, done func([]transport.Hop, error)) {
	go done(nil, errors.New("no DNS here"))
}

func (n *node) ByID(dialog.Stable) (registrar.Contact, bool) { return registrar.Contact{}, false }
