package tenantfile_test

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/tenantfile"
)

// site is a store to which files are applied.
type site struct {
	*testing.T
	s   *store.Store
	opt tenantfile.Options
}

func newSite(t *testing.T) *site {
	t.Helper()
	return &site{t, openStore(t), tenantfile.Options{Principal: tenant.Local("test")}}
}

// plan gives the diff of a file, its comments and margin taken away.
func (s *site) plan(text string) (*tenantfile.Plan, error) {
	s.Helper()
	return tenantfile.New(s.Context(), s.s, tenantfile.Parse("tenants.yaml", []byte(text), tenantfile.Local{Dir: "testdata"}), s.opt)
}

// apply wants a file to be applied and gives its diff.
func (s *site) apply(text string) (string, *tenantfile.Result) {
	s.Helper()
	p, err := s.plan(text)
	if err != nil {
		s.Fatalf("plan:\n%v", err)
	}
	r, err := p.Apply(s.Context(), s.s)
	if err != nil {
		s.Fatalf("apply:\n%v", err)
	}
	return p.String(), r
}

// wants applies a file and wants this diff.
func (s *site) wants(text string, lines ...string) *tenantfile.Result {
	s.Helper()
	diff, r := s.apply(text)
	if len(lines) == 0 {
		lines = []string{"no changes"}
	}
	if want := strings.Join(lines, "\n") + "\n"; diff != want {
		s.Errorf("the diff is\n%swant\n%s", diff, want)
	}
	return r
}

// refused wants faults that say all of says.
func (s *site) refused(text string, says ...string) {
	s.Helper()
	_, err := s.plan(text)
	var faults tenantfile.Faults
	if !errors.As(err, &faults) {
		s.Fatalf("got %v, want faults", err)
	}
	for _, say := range says {
		if !strings.Contains(err.Error(), say) {
			s.Errorf("the faults do not say %q:\n%v", say, err)
		}
	}
}

func (s *site) account(name string) *tenant.Account {
	s.Helper()
	c, err := s.s.Customers.Find(s.Context(), tenant.Platform(), store.Query{}, name)
	s.ok(err)
	a, err := s.s.Account(s.Context(), c.ID)
	s.ok(err)
	return a
}

func (s *site) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// panel writes as a person would.
func (s *site) panel(fn func(tx *store.Tx) error) {
	s.Helper()
	ops := tenant.Principal{Kind: tenant.PrincipalUser, Email: "ops@verdi.example", Role: tenant.RolePlatform, Access: tenant.AccessAdmin, From: "192.0.2.1", Via: "panel"}
	_, err := s.s.Write(s.Context(), ops, tenant.Platform(), fn)
	s.ok(err)
}

// base is a small file to which tests add.
const base = `
companies:
  - {name: Verdi}
customers:
  - name: anna
    company: Verdi
    call_limit: 10
    destination_groups_enabled: true
    domains: [anna.example]
    destinations:
      - {name: pbx1, host: 192.0.2.1}
      - {name: pbx2, host: 192.0.2.2}
`

// TestExample: the contract's file applies as it stands, again without changes, and so does its export.
func TestExample(t *testing.T) {
	s := newSite(t)
	text := example(t)
	if docs, err := os.ReadFile("../../docs/tenants.example.yaml"); err != nil || string(docs) != text {
		t.Errorf("docs/tenants.example.yaml is another file (%v)", err)
	}
	if diff, r := s.apply(text); !strings.Contains(diff, "+ customer GiuseppeVerdi\n") || r.Revision != 1 || len(r.NewUsers) != 3 {
		t.Errorf("revision %d, new users %v, diff\n%s", r.Revision, r.NewUsers, diff)
	}
	s.wants(text)
	out, err := tenantfile.Export(t.Context(), s.s, tenant.Platform())
	s.ok(err)
	s.wants(string(out))
	for _, secret := range []string{"Correct-Horse-1", "secret", "ha1"} {
		if bytes.Contains(out, []byte(secret)) {
			t.Errorf("the export holds %q", secret)
		}
	}
	again, err := tenantfile.Export(t.Context(), s.s, tenant.Platform())
	s.ok(err)
	if !bytes.Equal(out, again) {
		t.Error("two exports differ")
	}
}

// TestExportBringsBack: an older export undoes what was done since.
func TestExportBringsBack(t *testing.T) {
	s := newSite(t)
	s.apply(example(t))
	was, err := tenantfile.Export(t.Context(), s.s, tenant.Platform())
	s.ok(err)
	s.apply(strings.NewReplacer("call_limit: 100", "call_limit: 200", "port: 5070", "port: 5080", "{name: pbx2,", "{name: pbx3,",
		`sip_user: "1001"`, "switch: carrier", "switch: carrier, priority: 20", "host: 192.0.2.9, priority: 20").Replace(example(t)))
	s.apply(string(was))
	now, err := tenantfile.Export(t.Context(), s.s, tenant.Platform())
	s.ok(err)
	if !bytes.Equal(was, now) {
		t.Errorf("brought back as\n%s\nwant\n%s", now, was)
	}
}

// TestAbsent: what the file does not name stays; what it names is exactly that.
func TestAbsent(t *testing.T) {
	s := newSite(t)
	s.apply(base)
	s.wants("customers:\n  - {name: anna}\n")
	s.wants("customers: []\n")
	s.wants("companies: []\ncustomers: []\nusers: []\n")
	s.wants("")
	s.wants("customers:\n  - {name: anna, call_limit: 0, country_code: \"39\"}\n",
		`~ customer anna country_code "" -> "39"`, `~ customer anna call_limit 10 -> 0`)
	s.wants("customers:\n  - {name: anna, transcoding: {codecs: [opus]}}\n", "~ customer anna transcoding.codecs [] -> [opus]")
	s.wants("customers:\n  - {name: anna, country_code: \"\"}\n", `~ customer anna country_code "39" -> ""`)
	s.wants("customers:\n  - name: anna\n    destinations:\n      - {name: pbx2, port: 5080}\n",
		"- customer anna destination pbx1", "~ customer anna destination pbx2 port 0 -> 5080")
	if d := s.account("anna").Destinations; len(d) != 1 || d[0].Host != "192.0.2.2" {
		t.Errorf("destinations %+v", d)
	}
	s.wants("customers:\n  - {name: anna, destinations: []}\n", "- customer anna destination pbx2")
}

// TestRename: was: keeps the noun, its id and what names it.
func TestRename(t *testing.T) {
	s := newSite(t)
	s.apply(example(t))
	before := s.account("GiuseppeVerdi")
	text := "customers:\n  - name: Joe\n    was: GiuseppeVerdi\n    sip_users:\n      - {username: \"2001\", was: \"1001\", password: Correct-Horse-1}\n" +
		"    destinations:\n      - {name: main, was: pbx1}\n      - {name: pbx2}\n      - {name: new}\n      - {name: pstn}\n"
	s.wants(text, "~ customer GiuseppeVerdi name GiuseppeVerdi -> Joe", "~ customer Joe destination pbx1 name pbx1 -> main",
		`~ customer Joe sip-user 1001 username "1001" -> "2001"`, "~ customer Joe sip-user 2001 password (set)")
	after := s.account("Joe")
	if after.Customer.ID != before.Customer.ID || after.Destinations[0].ID != before.Destinations[0].ID || after.SIPUsers[0].ID != before.SIPUsers[0].ID || after.DIDs[0].SIPUser != after.SIPUsers[0].ID {
		t.Error("an id was not kept")
	}
	s.wants(text) // again: renamed already
	s.refused("customers:\n  - {name: Joe}\n  - {name: X, was: Joe, company: Verdi Telecom}\n", "the same one is named in line 2")
	s.refused("customers:\n  - name: Joe\n    destinations: [{name: main, was: pbx2}]\n", "there is both")
	s.refused("customers:\n  - name: Joe\n    sip_users: [{username: \"3001\", was: \"2001\"}]\n", "3:", "password: is missing")
}

// TestPrune deletes what the file does not name, and never a platform user.
func TestPrune(t *testing.T) {
	s := newSite(t)
	s.apply(example(t))
	s.apply("companies:\n  - name: Rossi\n    users:\n      - {email: a@rossi.example}\n      - {email: b@rossi.example}\ncustomers:\n  - {name: carlo, company: Rossi}\n  - {name: dora, company: Rossi}\n")
	keep := "users: []\ncompanies:\n  - {name: Rossi, users: [{email: a@rossi.example}]}\ncustomers:\n  - {name: dora, company: Rossi}\n"
	s.wants(keep)
	s.opt.Prune = true
	s.opt.LiveCalls = func(tenant.CustomerID) int { return 3 }
	s.wants(keep, "- user b@rossi.example", "- customer GiuseppeVerdi (hits 3 live calls)", "- customer carlo (hits 3 live calls)", "- company Verdi Telecom")
	users, err := s.s.Users.All(t.Context(), tenant.Platform(), store.Query{})
	s.ok(err)
	if len(users) != 2 || users[0].Email != "noc@platform.example" {
		t.Errorf("users %+v, want the platform's and one of Rossi's", users)
	}
	s.wants("companies:\n  - {name: Rossi}\n") // an absent list is untouched, pruned or not
	s.refused("companies: []\n", `company "Rossi": still has 1 customers`)
}

// TestSIPUser: null takes the profile's value, "", 0 and [] override it, absent stays; export leaves out what is null.
func TestSIPUser(t *testing.T) {
	s := newSite(t)
	file := func(fields string) string {
		return base + "    sip_users:\n      - {username: \"1001\", " + fields + "password: Correct-Horse-1}\nsip_profiles:\n  - {name: home, company: Verdi, protocol: tcp}\n"
	}
	s.apply(file("profile: home, cps: 0, protocol: \"\", allow_from: [], "))
	u := s.account("anna").SIPUsers[0]
	if u.Channels != nil || u.CPS == nil || *u.CPS != 0 || u.Protocol == nil || *u.Protocol != "" || u.AllowFrom == nil || u.RestrictedCodecs != nil || u.Profile == 0 {
		t.Errorf("user %+v", u)
	}
	out, err := tenantfile.Export(t.Context(), s.s, tenant.Platform())
	s.ok(err)
	if want := `{username: "1001", profile: home, cps: 0, protocol: "", allow_from: []}`; !bytes.Contains(out, []byte(want)) {
		t.Errorf("the export does not hold %s:\n%s", want, out)
	}
	s.wants(file("")) // absent: unchanged
	s.wants(file("protocol: null, allow_from: ~, cps: 2, "), "~ customer anna sip-user 1001 cps 0 -> 2",
		`~ customer anna sip-user 1001 protocol "" -> null`, "~ customer anna sip-user 1001 allow_from [] -> null")
	s.wants(file("latching: strict, "), "~ customer anna sip-user 1001 latching null -> strict")
	s.wants(file("profile: \"\", "), "~ customer anna sip-user 1001 profile home -> null")
	s.wants(file("voicemail: {enabled: true, pin: \"4711\"}, "), "~ customer anna sip-user 1001 voicemail.enabled null -> true",
		`~ customer anna sip-user 1001 voicemail.email null -> ""`, "~ customer anna sip-user 1001 voicemail.pin (changed)")
	s.wants(file("voicemail: {email: a@b.example, pin: \"4711\"}, "), `~ customer anna sip-user 1001 voicemail.email "" -> a@b.example`)
}

func TestSecrets(t *testing.T) {
	s := newSite(t)
	t.Setenv("TOLLGATE_TEST_PASSWORD", "from-the-environment")
	file := func(password string) string {
		return base + "    sip_users:\n      - {username: \"1001\"" + password + "}\n"
	}
	changed := "~ customer anna sip-user 1001 password (changed)"
	r := s.wants(file(", password: generate"), "+ company Verdi", "+ customer anna", "+ customer anna domain anna.example",
		"+ customer anna destination pbx1", "+ customer anna destination pbx2", "+ customer anna sip-user 1001", "~ customer anna sip-user 1001 password (generated)")
	if len(r.Generated) != 1 || len(r.Generated[0].Password) != 20 || r.Generated[0].Name != "1001" || r.Generated[0].Customer != "anna" {
		t.Errorf("generated %+v", r.Generated)
	}
	if r := s.wants(file(", password: generate")); len(r.Generated) != 0 {
		t.Errorf("generated again: %+v", r.Generated)
	}
	s.wants(file(", password: " + r.Generated[0].Password)) // it is that one
	s.wants(file(", password: {env: TOLLGATE_TEST_PASSWORD}"), changed)
	s.wants(file(", password: from-the-environment"))
	s.wants(file(", password: {file: password.txt}"), changed)
	s.wants(file(", password: from-a-file"))
	h := store.MakeHA1("1001", "anna.example", "imported", nil)
	s.wants(file(", password: {ha1: "+h.MD5+", realm: anna.example}"), changed)
	s.wants(file(", password: {ha1: " + h.MD5 + ", realm: anna.example}"))
	s.wants(file("")) // absent: stays
	creds, err := s.s.SIPCredentials(t.Context(), s.account("anna").Customer.ID)
	s.ok(err)
	if got := creds[s.account("anna").SIPUsers[0].ID]; got.MD5 != h.MD5 {
		t.Errorf("credential %+v", got)
	}
	given, err := tenantfile.References("x", []byte(file(", password: {env: TOLLGATE_TEST_PASSWORD}")), tenantfile.Local{})
	s.ok(err)
	if len(given) != 1 || given["env TOLLGATE_TEST_PASSWORD"] != "from-the-environment" {
		t.Errorf("references %v", given)
	}
	if err := tenantfile.Parse("x", []byte(file(", password: {env: OTHER}")), given).Err(); err == nil || !strings.Contains(err.Error(), "not sent along") {
		t.Errorf("a variable that was not sent: %v", err)
	}
	people := "users:\n  - {email: noc@platform.example, password: Correct-Horse-1}\n"
	s.wants(people, "+ user noc@platform.example", "~ user noc@platform.example password (set)")
	s.wants(people)
}

// TestConflict: what a person changed since the last apply is not undone, unless it is said.
func TestConflict(t *testing.T) {
	s := newSite(t)
	s.apply(base)
	a := s.account("anna")
	s.panel(func(tx *store.Tx) error {
		c := a.Customer
		c.CallLimit, c.Trace = 20, false
		if err := tx.Customers.Update(t.Context(), &c); err != nil {
			return err
		}
		d := tenant.NewDestination()
		d.Customer, d.Name, d.Host = c.ID, "pbx3", "192.0.2.3"
		return errors.Join(tx.Destinations.Create(t.Context(), &d), tx.Destinations.Delete(t.Context(), a.Destinations[0].ID))
	})
	s.refused(base, "tenants.yaml:7:17: call_limit: ", "changed by ops@verdi.example (192.0.2.1) on 20", "--overwrite", `destination "pbx3" was made`, `destination "pbx1" was deleted`)
	s.wants("customers:\n  - {name: anna, cps: 5}\n", "~ customer anna cps 0 -> 5") // nothing of theirs
	s.panel(func(tx *store.Tx) error {
		c, err := tx.Customers.Get(t.Context(), a.Customer.ID)
		c.CallLimit = 30
		return errors.Join(err, tx.Customers.Update(t.Context(), &c))
	})
	s.refused(base, "tenants.yaml:7:17: call_limit: ")
	s.opt.Overwrite = true
	s.apply(base)
	s.opt.Overwrite = false
	s.wants(strings.Replace(base, "call_limit: 10", "call_limit: 11", 1), "~ customer anna call_limit 10 -> 11")
	s.panel(func(tx *store.Tx) error { return tx.Customers.Delete(t.Context(), a.Customer.ID) })
	s.refused(base, "tenants.yaml:5:5: ", `customer "anna" was deleted by ops@verdi.example`)
	s.opt.Overwrite = true
	s.apply(base)
	s.opt.Overwrite = false
	s.wants(base)
}

// TestOrder: rules of equal priority stand in the order of the file.
func TestOrder(t *testing.T) {
	s := newSite(t)
	file := func(names ...string) string {
		text := base + "    firewall_rules:\n"
		for _, n := range names {
			text += "      - {name: " + n + ", header: from, value: x, action: drop}\n"
		}
		return text
	}
	order := func(want ...string) {
		t.Helper()
		var got []string
		for _, r := range s.account("anna").Firewall {
			got = append(got, r.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("order %v, want %v", got, want)
		}
	}
	s.apply(file("a", "b"))
	order("a", "b")
	s.wants(file("a", "b", "c"), "+ customer anna firewall-rule c")
	order("a", "b", "c")
	s.apply(file("d", "a", "c", "b"))
	order("d", "a", "c", "b")
	s.wants(file("d", "a", "c", "b"))
	out, err := tenantfile.Export(t.Context(), s.s, tenant.Platform())
	s.ok(err)
	s.wants(string(out))
	s.panel(func(tx *store.Tx) error {
		r := tenant.NewFirewallRule()
		r.Customer, r.Name, r.Header, r.Value, r.Action = s.account("anna").Customer.ID, "late", "to", "y", "accept"
		return tx.FirewallRules.Create(t.Context(), &r)
	})
	order("d", "a", "c", "b", "late")
	out, err = tenantfile.Export(t.Context(), s.s, tenant.Platform())
	s.ok(err)
	s.wants(string(out))
}

// TestDomains: a domain moves from one customer to another in one file, and is never taken from one beside it.
func TestDomains(t *testing.T) {
	s := newSite(t)
	s.apply(base + "  - {name: bruno, company: Verdi, domains: [bruno.example]}\n")
	s.wants("customers:\n  - {name: anna, domains: []}\n  - {name: bruno, domains: [bruno.example, anna.example]}\n",
		"- customer anna domain anna.example", "+ customer bruno domain anna.example")
	s.refused("customers:\n  - {name: anna, domains: [Bruno.example.]}\n", `tenants.yaml:2:28: "bruno.example" is in use by another customer`)
	s.refused("customers:\n  - {name: anna, domains: [x.example]}\n  - {name: bruno, domains: [x.example]}\n", "tenants.yaml:3:29: ", "in line 2")
}

// TestInstead: a DID and a destination lead to one thing; naming the other replaces it.
func TestInstead(t *testing.T) {
	s := newSite(t)
	s.apply(example(t))
	part := func(text string) string { return "customers:\n  - name: GiuseppeVerdi\n" + text }
	s.apply(part("    dids: [{number: \"390401234567\", switch: carrier}]\n    destinations: [{name: pbx1, switch: carrier}, {name: pstn, host: 192.0.2.4}]\n"))
	a := s.account("GiuseppeVerdi")
	if d := a.DIDs[0]; d.SIPUser != 0 || d.Switch == 0 {
		t.Errorf("DID %+v", d)
	}
	for _, d := range a.Destinations {
		if (d.Name == "pbx1") != (d.Switch != 0) || (d.Name == "pbx1") != (d.Host == "") || (d.Name == "pstn") != (d.Protocol == "udp") {
			t.Errorf("destination %+v", d)
		}
	}
	s.refused(part("    switches: [{name: dialer}]\n"), `destination "pbx1": this customer has no such switch`, `did "390401234567"`) // they still name carrier
}

// TestMeanwhile: a plan is applied to what it was made for, or not at all.
func TestMeanwhile(t *testing.T) {
	s := newSite(t)
	s.apply(base)
	p, err := s.plan("customers:\n  - {name: anna, cps: 7}\n")
	s.ok(err)
	s.panel(func(tx *store.Tx) error { return tx.Companies.Create(t.Context(), &tenant.Company{Name: "Bianchi"}) })
	if _, err := p.Apply(t.Context(), s.s); err != nil {
		t.Errorf("something else changed: %v", err)
	}
	p, err = s.plan("customers:\n  - {name: anna, cps: 8}\n")
	s.ok(err)
	id := s.account("anna").Customer.ID
	s.panel(func(tx *store.Tx) error {
		c, err := tx.Customers.Get(t.Context(), id)
		c.CPS = 9
		return errors.Join(err, tx.Customers.Update(t.Context(), &c))
	})
	var faults tenantfile.Faults
	if _, err := p.Apply(t.Context(), s.s); !errors.As(err, &faults) {
		t.Errorf("the same field was changed: %v", err)
	}
	if got := s.account("anna").Customer.CPS; got != 9 {
		t.Errorf("cps %d, want the panel's", got)
	}
}

// TestOthers: a company's own file touches its own, and learns nothing of others.
func TestOthers(t *testing.T) {
	s := newSite(t)
	s.apply(strings.Replace(base, "  - {name: Verdi}", "  - {name: Verdi}\n  - {name: Rossi}", 1) +
		"  - {name: carlo, company: Rossi, domains: [carlo.example]}\nsip_profiles:\n  - {name: theirs, company: Rossi}\n")
	company, err := s.s.Companies.Find(t.Context(), tenant.Platform(), store.Query{}, "Verdi")
	s.ok(err)
	s.opt.Principal = tenant.Principal{Kind: tenant.PrincipalKey, Role: tenant.RoleCompany, Access: tenant.AccessAdmin, Company: company.ID}
	s.wants("customers:\n  - {name: anna, cps: 3}\n  - {name: berta}\n", "~ customer anna cps 0 -> 3", "+ customer berta")
	s.refused("customers:\n  - {name: carlo, cps: 3}\n", "tenants.yaml:2:12: name: in use by another customer")
	s.refused("customers:\n  - {name: anna, domains: [carlo.example]}\n", `"carlo.example" is in use by another customer`)
	s.refused("customers:\n  - {name: anna, company: Rossi}\n", `there is no company "Rossi"`)
	s.refused("users:\n  - {email: me@verdi.example}\n", "wider than your own")
	s.refused("companies:\n  - {name: Verdi, channels: 5}\n", "only the platform")
	s.opt.Prune = true
	s.wants("companies: [{name: Verdi}]\ncustomers:\n  - {name: anna}\n", "- customer berta")
	out, err := tenantfile.Export(t.Context(), s.s, s.opt.Principal.Scope())
	s.ok(err)
	for _, other := range []string{"Rossi", "carlo", "theirs"} {
		if bytes.Contains(out, []byte(other)) {
			t.Errorf("the export of Verdi holds %q", other)
		}
	}
	s.wants(string(out))
	s.opt.Principal.Access = tenant.AccessReadOnly
	s.refused("customers:\n  - {name: anna, cps: 4}\n", "read-only")
}

// TestShared: what only the store can judge has its place in the file too, and nothing of the file is applied.
func TestShared(t *testing.T) {
	s := newSite(t)
	s.apply(base + "    switches: [{name: dialer, direction: egress, addresses: [198.51.100.0/28]}]\n")
	before, err := s.s.Revision(t.Context())
	s.ok(err)
	s.refused("customers:\n  - name: bruno\n    company: Verdi\n    switches:\n      - {name: mine, direction: egress, addresses: [198.51.100.4]}\n",
		"tenants.yaml:5:52: addresses: 198.51.100.4/32 is in use by customer anna")
	if now, err := s.s.Revision(t.Context()); err != nil || now != before {
		t.Errorf("revision %d (%v), want %d", now, err, before)
	}
}
