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
	ping, protocol, no := "timeout", "", 0
	return &tenant.Account{
		Customer: customer, Domains: []tenant.Domain{{Name: "acme.example"}, {Name: "192.0.2.9"}},
		Profiles: []tenant.SIPProfile{{ID: 3, NATPing: "disabled", Protocol: "tls", Channels: 4, RestrictedCodecs: []string{"G729"}}},
		SIPUsers: []tenant.SIPUser{
			{ID: 1, Username: "1001"},
			{ID: 2, Username: "*11#", Profile: 3},
			{ID: 3, Username: "Ann", Profile: 3, NATPing: &ping, Protocol: &protocol, Channels: &no, RestrictedCodecs: []string{}, AllowFrom: []string{"198.51.100.0/24"}},
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
