package policy_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

func usersAccount() *tenant.Account {
	customer := tenant.NewCustomer()
	customer.ID, customer.Name, customer.Realm, customer.Registration, customer.CountryCode = 7, "acme", "acme.example", "local", "49"
	customer.NationalPrefix = "0"
	ping, protocol, latching, no := "timeout", "", "handover", 0
	return &tenant.Account{
		Customer: customer, Domains: []tenant.Domain{{Name: "acme.example"}, {Name: "192.0.2.9"}},
		Profiles: []tenant.SIPProfile{{ID: 3, NATPing: "disabled", Protocol: "tls", Channels: 4, RestrictedCodecs: []string{"G729"}, Latching: "strict"}},
		SIPUsers: []tenant.SIPUser{
			{ID: 1, Username: "1001"},
			{ID: 2, Username: "*11#", Profile: 3},
			{ID: 3, Username: "Ann", Profile: 3, NATPing: &ping, Protocol: &protocol, Channels: &no, RestrictedCodecs: []string{}, Latching: &latching, AllowFrom: []string{"198.51.100.0/24"}},
		},
		DIDs:        []tenant.DID{{Number: "+4930123", SIPUser: 3}},
		Credentials: map[tenant.SIPUserID]tenant.HA1{1: {HasMD5: true}},
	}
}

func TestUsersTakeTheirProfile(t *testing.T) {
	table := policy.NewTable()
	if err := table.Put(usersAccount()); err != nil {
		t.Fatal(err)
	}
	c := table.Snapshot().Customer(7)
	plain, filled, own := c.User([]byte("1001")), c.UserByID(2), c.User([]byte("Ann"))
	if plain == nil || plain.NATPing != "enabled" || plain.Protocol != "" || !plain.HA1.HasMD5 || plain.RestrictedCodecs != nil {
		t.Errorf("without a profile: %+v", plain)
	}
	if filled.NATPing != "disabled" || filled.Channels != 4 || !slices.Equal(filled.RestrictedCodecs, []string{"G729"}) || filled.Takes("udp") || !filled.Takes("tls") {
		t.Errorf("with a profile: %+v", filled)
	}
	if own.NATPing != "timeout" || own.Channels != 0 || len(own.RestrictedCodecs) != 0 || !own.Takes("udp") {
		t.Errorf("its own: %+v", own)
	}
	if plain.Latching != "symmetric" || filled.Latching != "strict" || own.Latching != "handover" {
		t.Errorf("latching: %q without a profile, %q by it, %q of one's own", plain.Latching, filled.Latching, own.Latching)
	}
	if own.Allows(netip.MustParseAddr("192.0.2.1")) || !own.Allows(netip.MustParseAddr("::ffff:198.51.100.7")) || !plain.Allows(netip.MustParseAddr("::1")) {
		t.Error("allow_from")
	}
	if c.User([]byte("ann")) != nil {
		t.Error("the password was hashed with the name as it is written")
	}
}

func TestUsersAreFoundByURI(t *testing.T) {
	table := policy.NewTable()
	if err := table.Put(usersAccount()); err != nil {
		t.Fatal(err)
	}
	c := table.Snapshot().Customer(7)
	for _, x := range []struct {
		uri  string
		user tenant.SIPUserID
		did  tenant.SIPUserID
	}{
		{"sip:1001@acme.example", 1, 0},
		{"sips:1001@ACME.example.:5061", 1, 0},
		{"sip:10%301@192.0.2.9", 1, 0},
		{"sip:*11%23@acme.example", 2, 0},
		{"sip:1001@other.example", 0, 0},
		{"sip:acme.example", 0, 0},
		{"tel:1001", 0, 0},
		{"sip:030123@acme.example", 0, 3},
		{"tel:+49-30-123", 0, 3},
		{"sip:" + fmt.Sprintf("%0300d", 1) + "@acme.example", 0, 0},
	} {
		u, err := sip.ParseURI([]byte(x.uri))
		if err != nil {
			t.Fatal(x.uri, err)
		}
		id := func(u *policy.User) tenant.SIPUserID {
			if u == nil {
				return 0
			}
			return u.ID
		}
		if got := id(c.UserOf(&u)); got != x.user {
			t.Errorf("%s: user %d, not %d", x.uri, got, x.user)
		}
		if got := id(c.DIDUser(&u)); got != x.did {
			t.Errorf("%s: DID of user %d, not %d", x.uri, got, x.did)
		}
		if n := testing.AllocsPerRun(10, func() { c.UserOf(&u) }); n > 0 {
			t.Errorf("%s: %v allocations", x.uri, n)
		}
	}
}

// What is asked of each request on its way costs no memory.
func TestUsersAreAskedWithoutAllocation(t *testing.T) {
	table := policy.NewTable()
	if err := table.Put(usersAccount()); err != nil {
		t.Fatal(err)
	}
	s := table.Snapshot()
	r := ask{
		uri: "sip:100@acme.example", from: "<sip:1001@acme.example>",
		headers: []string{"P-Preferred-Identity: <sip:1001@acme.example>", "P-Asserted-Identity: <sip:1001@192.0.2.9>"},
	}.request(t)
	var id policy.Identity
	if v := s.Identify(r, &id); v.Refused() || !s.Asks(r, &id) {
		t.Fatal("not asked")
	}
	user := id.Customer.User([]byte("1001"))
	if v := id.Customer.Admit(user, r); v.Refused() {
		t.Fatal(v)
	}
	if n := testing.AllocsPerRun(100, func() {
		s.Asks(r, &id)
		id.Customer.Admit(user, r)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestWhoIsAskedAndAdmitted(t *testing.T) {
	table := policy.NewTable()
	if err := table.Put(usersAccount()); err != nil {
		t.Fatal(err)
	}
	s := table.Snapshot()
	own, tooMany := "<sip:1001@acme.example>", "<sip:1001@acme.example>"
	for range 5 {
		tooMany += ", <sip:1001@acme.example>"
	}
	for _, x := range []struct {
		name        string
		ask         ask
		asked, pass bool
	}{
		{"his name", ask{from: own}, true, true},
		{"elsewhere", ask{}, false, false},
		{"elsewhere, over his flow", ask{bound: true}, true, false},
		{"OPTIONS", ask{method: "OPTIONS", from: own}, false, true},
		{"REGISTER from elsewhere", ask{method: "REGISTER"}, true, false},
		{"another user", ask{from: "<sip:Ann@acme.example>"}, true, false},
		{"another's DID", ask{from: "<sip:030123@acme.example>"}, true, false},
		{"nobody", ask{from: "<sip:x@acme.example>"}, true, false},
		{"anonymous", ask{from: "<sip:anonymous@anonymous.invalid>", bound: true}, true, true},
		{"anonymous, asserted as another", ask{from: "<sip:anonymous@acme.example>", headers: []string{"P-Asserted-Identity: <tel:+4930123>"}}, true, false},
		{"asserted as anonymous", ask{from: own, headers: []string{"P-Asserted-Identity: <sip:anonymous@acme.example>"}}, true, false},
		{"asserted twice", ask{from: own, headers: []string{"P-Asserted-Identity: " + own, "P-Asserted-Identity: <sip:Ann@acme.example>"}}, true, false},
		{"unreadable", ask{headers: []string{"P-Asserted-Identity: <<>"}}, true, false},
		{"too many", ask{from: own, headers: []string{"P-Preferred-Identity: " + tooMany}}, true, false},
		{"RPID", ask{headers: []string{"Remote-Party-ID: " + own}}, true, false},
	} {
		x.ask.uri = "sip:100@acme.example"
		r := x.ask.request(t)
		if x.ask.bound {
			r.Bound = 7
		}
		var id policy.Identity
		if v := s.Identify(r, &id); v.Refused() {
			t.Fatal(x.name, v)
		}
		if got := s.Asks(r, &id); got != x.asked {
			t.Errorf("%s: asked %t", x.name, got)
		}
		if v := id.Customer.Admit(id.Customer.UserByID(1), r); v.Refused() == x.pass {
			t.Errorf("%s: %s", x.name, v.Reason)
		}
	}
}

// TestEntriesAreNotAsked: a source that is an entry is never challenged, but that a user registers
// from there (mission row U8).
func TestEntriesAreNotAsked(t *testing.T) {
	table := policy.NewTable()
	if err := table.Put(usersAccount()); err != nil {
		t.Fatal(err)
	}
	for method, want := range map[string]bool{"INVITE": false, "MESSAGE": false, "OPTIONS": false, "REGISTER": true} {
		r := ask{method: method, uri: "sip:100@acme.example", from: "<sip:1001@acme.example>"}.request(t)
		var id policy.Identity
		if v := table.Snapshot().Identify(r, &id); v.Refused() {
			t.Fatal(method, v)
		}
		id.Entry = &policy.Switch{}
		if got := table.Snapshot().Asks(r, &id); got != want {
			t.Errorf("%s from an entry: asked %t", method, got)
		}
	}
}
