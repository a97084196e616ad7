package policy_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

// parse makes a message of lines.
func parse(t testing.TB, lines ...string) *sip.Message {
	t.Helper()
	m := new(sip.Message)
	if err := m.Parse([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n")); err != nil {
		t.Fatalf("parse: %v", err)
	}
	return m
}

// ask describes a request; what it leaves out is usual.
type ask struct {
	method, uri, source, transport string
	from, to, callID               string
	headers                        []string
	bound                          bool
	local                          string
	down                           []string // names of destinations
}

func or(s, usual string) string {
	if s == "" {
		return usual
	}
	return s
}

func (a ask) request(t testing.TB) *policy.Request {
	t.Helper()
	method := or(a.method, "INVITE")
	lines := []string{
		method + " " + or(a.uri, "sip:100@a.example") + " SIP/2.0",
		"Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK1",
		"From: " + or(a.from, "<sip:alice@elsewhere.example>") + ";tag=1",
		"To: " + or(a.to, "<sip:100@a.example>"),
		"Call-ID: " + or(a.callID, "c1"),
		"CSeq: 1 " + method,
		"Max-Forwards: 70",
	}
	lines = append(lines, a.headers...)
	r := &policy.Request{
		Msg:       parse(t, append(lines, "Content-Length: 0")...),
		Source:    netip.MustParseAddrPort(or(a.source, "203.0.113.9:5060")),
		Transport: or(a.transport, "udp"),
		Bound:     a.boundTo(),
		Health:    downs(a.down),
	}
	if a.local != "" {
		r.Local = netip.MustParseAddr(a.local)
	}
	return r
}

// downs is a Health by names.
type downs []string

func (d downs) Down(at *policy.Destination) bool {
	for _, name := range d {
		if name == at.Name {
			return true
		}
	}
	return false
}

// account is a customer named by its id, with domain and destinations of its own.
func account(id tenant.CustomerID, domain string, destinations ...tenant.Destination) *tenant.Account {
	a := &tenant.Account{Customer: tenant.Customer{
		ID: id, Name: fmt.Sprintf("customer%d", id), InternationalPrefix: "00", CountryCode: "39", Keepalive: true,
		DestinationGroupsEnabled: true, DestinationMode: tenant.ModePriority, Outbound: "customer",
		Emergency: tenant.Emergency{Numbers: []string{"112"}, Group: 1},
	}}
	for i, name := range strings.Fields(domain) {
		a.Domains = append(a.Domains, tenant.Domain{ID: tenant.DomainID(int(id)*10 + i), Customer: id, Name: name})
	}
	for i, d := range destinations {
		if d.ID == 0 {
			d.ID = tenant.DestinationID(int(id)*100 + i)
		}
		d.Customer = id
		a.Destinations = append(a.Destinations, d)
	}
	return a
}

// dest is "name host:port/protocol group priority".
func dest(text string) tenant.Destination {
	var d tenant.Destination
	var at string
	if _, err := fmt.Sscan(text, &d.Name, &at, &d.Group, &d.Priority); err != nil {
		panic(err)
	}
	at, d.Protocol, _ = strings.Cut(at, "/")
	i := strings.LastIndexByte(at, ':')
	d.Host = strings.Trim(at[:i], "[]")
	if _, err := fmt.Sscan(at[i+1:], &d.Port); err != nil {
		panic(err)
	}
	return d
}

func rule(id tenant.RuleID, priority int, header, match, value string, group int) tenant.RoutingRule {
	return tenant.RoutingRule{HeaderRule: tenant.HeaderRule{
		ID: id, Name: fmt.Sprint("rule", id), Header: header, Value: value, Match: match, Priority: priority,
	}, Group: group}
}

func table(t testing.TB, accounts ...*tenant.Account) *policy.Table {
	t.Helper()
	table := policy.NewTable()
	if err := table.Put(accounts...); err != nil {
		t.Fatal(err)
	}
	return table
}

// decide runs both steps and tells the result in a line.
func decide(t testing.TB, s *policy.Snapshot, a ask) string {
	t.Helper()
	var id policy.Identity
	var c policy.Candidates
	r := a.request(t)
	if v := s.Identify(r, &id); v.Refused() {
		return fmt.Sprintf("%d %v", v.Status, v.Reason)
	}
	v := s.Route(r, &id, &c)
	if v != c.Verdict {
		t.Errorf("Route returned %v and noted %v", v, c.Verdict)
	}
	who := fmt.Sprintf("%s %v", id.Customer.Settings.Name, id.Direction)
	switch {
	case v.Refused():
		return fmt.Sprintf("%s: %d %v", who, v.Status, v.Reason)
	case c.Foreign:
		return who + ": foreign"
	}
	names := make([]string, c.N)
	for i, d := range c.All() {
		names[i] = d.Name
	}
	return who + ": " + strings.Join(names, " ")
}

// cases runs decisions of one configuration.
func cases(t *testing.T, s *policy.Snapshot, tests []struct {
	name string
	ask  ask
	want string
},
) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := decide(t, s, test.ask); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// boundTo is the customer whose phone has registered over the flow.
func (a ask) boundTo() tenant.CustomerID {
	if a.bound {
		return 1
	}
	return 0
}
