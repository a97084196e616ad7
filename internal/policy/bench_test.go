package policy_test

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// big is customer i of many: two domains, three destinations, ten rules.
func big(i int) *tenant.Account {
	id := tenant.CustomerID(i)
	a := account(id, fmt.Sprintf("c%d.example pbx.c%d.example", i, i),
		dest(fmt.Sprintf("a 10.%d.%d.1:5060/udp 1 10", i/250, i%250)),
		dest(fmt.Sprintf("b 10.%d.%d.2:5060/udp 1 20", i/250, i%250)),
		dest(fmt.Sprintf("c 10.%d.%d.3:5060/udp 2 10", i/250, i%250)),
	)
	for n := range a.Destinations {
		a.Destinations[n].ID = tenant.DestinationID(i*10 + n)
	}
	for n := range 8 {
		a.Routing = append(a.Routing, rule(tenant.RuleID(i*10+n), n, "user-agent", "regex", fmt.Sprintf("^Model%d-%d/[0-9]+", i, n), 2))
	}
	a.Routing = append(a.Routing,
		rule(tenant.RuleID(i*10+8), 8, "request-uri", "regex", fmt.Sprintf(`^sips?:\+%d[0-9]*@`, i), 2),
		rule(tenant.RuleID(i*10+9), 9, "source-ip", "cidr", fmt.Sprintf("100.%d.%d.0/24", i/250, i%250), 2))
	return a
}

func bigTable(t testing.TB, customers int) *policy.Table {
	t.Helper()
	accounts := make([]*tenant.Account, customers)
	for i := range accounts {
		accounts[i] = big(i + 1)
	}
	return table(t, accounts...)
}

// BenchmarkDecide identifies and routes a thousand requests in turn, spread over the active
// ones of all customers. How many there are must not matter; how many are active does, as
// far as their configuration leaves the processor's cache.
func BenchmarkDecide(b *testing.B) {
	for _, size := range []struct{ customers, active int }{{10, 10}, {10000, 10}, {1000, 1000}, {10000, 1000}} {
		b.Run(fmt.Sprintf("customers=%d/active=%d", size.customers, size.active), func(b *testing.B) {
			s := bigTable(b, size.customers).Snapshot()
			requests := make([]*policy.Request, 1000)
			for i := range requests {
				customer := 1 + i%size.active*(size.customers/size.active)
				requests[i] = ask{
					uri:     fmt.Sprintf("sip:390401234567@c%d.example", customer),
					headers: []string{"User-Agent: Yealink SIP-T46S 66.85.0.5"},
				}.request(b)
				requests[i].Health = nil
			}
			var id policy.Identity
			var c policy.Candidates
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r := requests[i%len(requests)]
				if v := s.Identify(r, &id); v.Refused() {
					b.Fatal(v)
				}
				if v := s.Route(r, &id, &c); v.Refused() || c.N != 2 {
					b.Fatal(v)
				}
			}
		})
	}
}

// BenchmarkStranger is what a scanner costs.
func BenchmarkStranger(b *testing.B) {
	s := bigTable(b, 10000).Snapshot()
	r := ask{uri: "sip:100@192.0.2.77"}.request(b)
	var id policy.Identity
	b.ReportAllocs()
	for b.Loop() {
		if v := s.Identify(r, &id); v.Status != policy.Drop {
			b.Fatal(v)
		}
	}
}

// BenchmarkPut changes one of 10,000 customers with 100,000 rules; with all=true each of
// his rules is new too.
func BenchmarkPut(b *testing.B) {
	tab := bigTable(b, 10000)
	for _, all := range []bool{false, true} {
		b.Run(fmt.Sprintf("all=%v", all), func(b *testing.B) {
			a := big(5000)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				a.Routing[0].Value = fmt.Sprintf("^X%d", i)
				if all {
					for n := range 9 {
						a.Routing[n].Value = fmt.Sprintf("^X%d-%d", i, n)
					}
				}
				if err := tab.Put(a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPutCompany changes the ceilings of a company of 10,000 customers.
func BenchmarkPutCompany(b *testing.B) {
	tab := bigTable(b, 10000)
	for i := 0; b.Loop(); i++ {
		tab.PutCompany(tenant.Company{ID: 0, Channels: i})
	}
}

// BenchmarkStart compiles 10,000 customers with 100,000 rules, and tells what they hold.
func BenchmarkStart(b *testing.B) {
	accounts := make([]*tenant.Account, 10000)
	for i := range accounts {
		accounts[i] = big(i + 1)
	}
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		tab := table(b, accounts...)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
		runtime.KeepAlive(tab)
	}
}

// BenchmarkRules is ten regexes on a User-Agent, remembered and not.
func BenchmarkRules(b *testing.B) {
	a := account(1, "a.example", dest("pbx 10.0.0.1:5060/udp 1 10"))
	for i, value := range []string{"(?i)cisco", "(?i)polycom", "^Grandstream", "(?i)snom[0-9]+", "Fanvil|Htek", "(?i)mitel", "^Linphone", "(?i)avaya", "MicroSIP/", "(?i)gigaset"} {
		a.Routing = append(a.Routing, rule(tenant.RuleID(i+1), i, "user-agent", "regex", value, 2))
	}
	s := table(b, a).Snapshot()
	for _, values := range []int{1, 5000} {
		b.Run(fmt.Sprintf("values=%d", values), func(b *testing.B) {
			requests := make([]*policy.Request, values)
			for i := range requests {
				requests[i] = ask{headers: []string{fmt.Sprintf("User-Agent: Yealink SIP-T46S 66.85.0.%d", i)}}.request(b)
				requests[i].Health = nil
			}
			var id policy.Identity
			var c policy.Candidates
			s.Identify(requests[0], &id)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.Route(requests[i%values], &id, &c)
			}
		})
	}
}

// BenchmarkLongUserAgent is what a firewall of 20 rules, 10 of them in any case, takes to refuse a
// call: for what its User-Agent says, a new one each time, and for one of 60 KB. It begins with the
// bytes, since a long message has to be indexed, too.
func BenchmarkLongUserAgent(b *testing.B) {
	var rules []tenant.FirewallRule
	for i := range 20 {
		value := fmt.Sprintf("^(Scanner%02d|Dialer%02d)/[0-9.]+ ?(beta)?", i, i)
		if i%2 == 1 {
			value = "(?i)" + value
		}
		rules = append(rules, firewallRule(tenant.RuleID(i+1), i, "user-agent", "regex", value, "drop", "enforce"))
	}
	s := table(b, walled(rules...)).Snapshot()
	for _, c := range []struct {
		name string
		want policy.Reason
		of   func(i int) string
	}{
		{"refused", policy.Firewalled, func(i int) string { return fmt.Sprintf("dialer19/1.%d", i) }},
		{"60KB", policy.HeaderTooLong, func(i int) string { return strings.Repeat("Dialer", 10_000) + strconv.Itoa(i) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			var raw [64][]byte
			for i := range raw {
				raw[i] = ask{headers: []string{"User-Agent: " + c.of(i)}}.request(b).Msg.Bytes()
			}
			r := ask{}.request(b)
			var id policy.Identity
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := r.Msg.Parse(raw[i%len(raw)]); err != nil {
					b.Fatal(err)
				}
				s.Identify(r, &id)
				if v := s.Firewall(r, &id); v.Reason != c.want {
					b.Fatal(v)
				}
			}
		})
	}
}

func TestDecideAllocatesNothing(t *testing.T) {
	a := account(1, "a.example 192.0.2.1", dest("pbx 10.0.0.1:5060/udp 1 10"), dest("b 10.0.0.2:5060/udp 1 10"))
	a.Customer.DestinationMode = tenant.ModeLoadBalancing
	a.Routing = []tenant.RoutingRule{
		rule(1, 1, "user-agent", "regex", "(?i)cisco[0-9]", 2), rule(2, 1, "source-ip", "regex", `^9\.`, 2),
		rule(3, 1, "source-ip", "cidr", "9.0.0.0/8", 2), rule(4, 1, "allow", "word", "PUBLISH", 2), rule(5, 1, "to", "regex", "[0-9]{30}", 2),
	}
	s := table(t, a, account(2, "b.example", dest("pbx 10.0.0.1:5060/udp 1 10"))).Snapshot()
	for name, ask := range map[string]ask{
		"inbound":     {headers: []string{"User-Agent: Cisco x", "Allow: INVITE", "Allow: ACK,\r\n BYE"}},
		"REGISTER":    {method: "REGISTER", uri: "sip:192.0.2.1"},
		"outbound":    {uri: "sip:+39040@a.example", source: "10.0.0.1:5060"},
		"shared":      {uri: "tel:+39040", source: "10.0.0.1:5060", from: "<sip:1@a.example>"},
		"foreign":     {uri: "sip:1@x.example", source: "10.0.0.2:5060"},
		"stranger":    {uri: "sip:1@x.example"},
		"emergency":   {uri: "sip:%311-2@a.example"},
		"all down":    {down: []string{"pbx", "b"}},
		"bad request": {uri: "sip:@@"},
	} {
		r := ask.request(t)
		var id policy.Identity
		var c policy.Candidates
		got := testing.AllocsPerRun(500, func() {
			if v := s.Identify(r, &id); !v.Refused() {
				s.Route(r, &id, &c)
			}
		})
		if got != 0 {
			t.Errorf("%s: %v allocations for each decision", name, got)
		}
	}
}
