package policy_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// coldCustomers is how many customers have a call in turn, so that what a call needs of one has
// left the processor's nearest caches when his next comes.
const coldCustomers = 2000

// BenchmarkColdCall takes calls of many customers, each with a wall of firewall rules and a block
// list of his own, through all steps, as a node does between whose calls a hundred microseconds of
// other work lie. What parsing the message takes is told apart.
func BenchmarkColdCall(b *testing.B) {
	accounts := make([]*tenant.Account, coldCustomers)
	for i := range accounts {
		accounts[i] = coldAccount(i + 1)
	}
	s := table(b, accounts...).Snapshot()
	raw := coldCalls()
	b.Run("parse", func(b *testing.B) {
		r := ask{}.request(b)
		for i := 0; b.Loop(); i++ {
			if err := r.Msg.Parse(raw[i%len(raw)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("call", func(b *testing.B) {
		r := ask{}.request(b)
		var id policy.Identity
		var list policy.Candidates
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if err := r.Msg.Parse(raw[i%len(raw)]); err != nil {
				b.Fatal(err)
			}
			if v := allSteps(s, r, &id, &list); v.Refused() || list.N != 1 {
				b.Fatal(v)
			}
		}
	})
}

func coldAccount(i int) *tenant.Account {
	a := account(tenant.CustomerID(i), fmt.Sprintf("c%d.example", i), dest(fmt.Sprintf("pbx 10.%d.%d.1:5060/udp 1 10", i/250, i%250)))
	a.Destinations[0].ID = tenant.DestinationID(i)
	a.Customer.Name = fmt.Sprintf("c%d", i)
	for n := range 20 {
		value := fmt.Sprintf("^(Scanner%02d|Dialer%02d)/[0-9.]+ ?(beta)?$", n, n)
		if n%2 == 1 {
			value = "(?i)" + value
		}
		a.Firewall = append(a.Firewall, firewallRule(tenant.RuleID(i*100+n), n, "user-agent", "regex", value, "drop", "enforce"))
	}
	for n := range 200 {
		a.Blocklist = append(a.Blocklist, tenant.BlocklistEntry{ID: tenant.EntryID(i*1000 + n), Prefix: fmt.Sprintf("00%d", 881_000_000+n*37), Mode: "enforce"})
	}
	a.Routing = append(a.Routing, rule(tenant.RuleID(i*100+50), 10, "request-uri", "regex", "^sips?:1900", 2))
	return a
}

// coldCalls is calls to all customers in no order, each from a telephone of its own.
func coldCalls() (raw [][]byte) {
	order := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		for _, i := range order.Perm(coldCustomers) {
			raw = append(raw, []byte(strings.Join([]string{
				fmt.Sprintf("INVITE sip:390401%06d@c%d.example SIP/2.0", len(raw), i+1),
				fmt.Sprintf("Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK%d", len(raw)),
				fmt.Sprintf("From: <sip:alice@elsewhere.example>;tag=%d", len(raw)),
				fmt.Sprintf("To: <sip:390401%06d@c%d.example>", len(raw), i+1),
				fmt.Sprintf("Call-ID: call%d@203.0.113.9", len(raw)),
				"CSeq: 1 INVITE", "Max-Forwards: 70", "Contact: <sip:alice@203.0.113.9>",
				fmt.Sprintf("User-Agent: bench/%d", len(raw)), "Content-Length: 0", "", "",
			}, "\r\n")))
		}
	}
	return raw
}

// allSteps takes a request through the steps in the gate's order.
func allSteps(s *policy.Snapshot, r *policy.Request, id *policy.Identity, list *policy.Candidates) policy.Verdict {
	if v := s.Identify(r, id); v.Refused() {
		return v
	}
	if v := s.Firewall(r, id); v.Refused() {
		return v
	}
	if s.Asks(r, id) {
		return policy.Refuse(policy.Challenged)
	}
	s.Rewrite(r, id)
	if v := s.Blocklist(r, id); v.Refused() {
		return v
	}
	if to, _ := s.Target(r, id); to != nil {
		return policy.Refuse(policy.UserNotRegistered)
	}
	if v := s.Route(r, id, list); v.Refused() {
		return v
	}
	return s.Screen(r, id, list)
}
