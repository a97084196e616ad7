package tenant_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/internal/tenant"
)

func TestCheckRegex(t *testing.T) {
	for _, c := range []struct{ pattern, want string }{
		{"^Cisco", ""},
		{"(?i)yealink|cisco", ""},
		{".*", ""},
		{"^$", ""},
		{"", "is missing"},
		{"a(b", "missing closing ) at character 2"},
		{"(a)b)", "unexpected ) at character 5"},
		{`\(a)`, "unexpected ) at character 4"},
		{"[(]a)", "unexpected ) at character 5"},
		{"ab[cd", "missing closing ] at character 3"},
		{"日本[", "missing closing ] at character 3"},
		{"*a", "missing argument to repetition operator at character 1"},
		{"a**", "invalid nested repetition operator at character 2"},
		{"a{1001}", "invalid repeat count at character 2"},
		{"(?=a)", "invalid or unsupported Perl syntax at character 1"},
		{`a\`, "trailing backslash at end of expression at character 2"},
		{`\k`, "invalid escape sequence at character 1"},
		{"[z-a]", "invalid character class range at character 2"},
		{"a\xff", "invalid UTF-8 at character 2"},
		{strings.Repeat("a", tenant.RegexLength+1), "the pattern has 1025 bytes"},
		{"(ab|cd|ef){1000}", "compiles to"},
	} {
		f := tenant.CheckRegex(c.pattern)
		switch {
		case c.want == "" && f != nil:
			t.Errorf("%q: %v", c.pattern, f)
		case c.want != "" && (f == nil || !strings.Contains(f.Message, c.want)):
			t.Errorf("%q: got %v, want %q", c.pattern, f, c.want)
		case c.want != "" && f.Want == "":
			t.Errorf("%q: does not say what would be right", c.pattern)
		}
	}
}

func FuzzCheckRegex(f *testing.F) {
	for _, p := range []string{"^Cisco", "a(b", "(a)b)", "[[:alpha:]", `\Qa(\E(`, "a**", `\`, "(?P<n", "\xff"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if f := tenant.CheckRegex(p); f != nil && (f.Message == "" || f.Want == "") {
			t.Errorf("%q: %+v", p, f)
		}
	})
}

func TestCheckCIDR(t *testing.T) {
	for v, canonical := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "192.0.2.0/24": "192.0.2.0/24", "2001:DB8::/64": "2001:db8::/64", "::1": "::1/128",
		"::ffff:192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.0/120": "192.0.2.0/24", "0.0.0.0/0": "0.0.0.0/0",
	} {
		if f := tenant.CheckCIDR(v); f != nil {
			t.Errorf("%s: %v", v, f)
		}
		if got := tenant.CanonicalCIDR(v); got != canonical {
			t.Errorf("%s is written %s, want %s", v, got, canonical)
		}
	}
	for v, want := range map[string]string{
		"": "such as", "192.0.2.1/24": "192.0.2.0/24 for the range, 192.0.2.1/32 for the one address", "192.0.2.0/33": "a mask of 0 to 32",
		"2001:db8::/129": "a mask of 0 to 128", "pbx.example.com": "host name", "192.0.2.1-9": "such as", "fe80::1%eth0": "such as", "010.0.0.1": "such as",
	} {
		if f := tenant.CheckCIDR(v); f == nil || !strings.Contains(f.Want, want) {
			t.Errorf("%q: %v, want %q", v, f, want)
		}
	}
	for v, wide := range map[string]bool{"192.0.2.0/24": false, "192.0.2.0/23": true, "2001:db8::/48": false, "2001:db8::/32": true, "192.0.2.1": false, "x": false} {
		if tenant.Wide(v) != wide {
			t.Errorf("%s is wide: %t, want %t", v, !wide, wide)
		}
	}
}

func TestCheckHost(t *testing.T) {
	for v, canonical := range map[string]string{
		"PBX.Example.COM.": "pbx.example.com", "192.0.2.1": "192.0.2.1", "[2001:DB8::1]": "2001:db8::1", "2001:db8:0::1": "2001:db8::1",
		"localhost": "localhost", "_sip.example.com": "_sip.example.com", "xn--bcher-kva.example": "xn--bcher-kva.example", "::ffff:192.0.2.1": "192.0.2.1",
	} {
		if f := tenant.CheckHost(v); f != nil {
			t.Errorf("%s: %v", v, f)
		}
		if got := tenant.CanonicalHost(v); got != canonical {
			t.Errorf("%s is written %s, want %s", v, got, canonical)
		}
	}
	for _, v := range []string{
		"", ".", "a..b", "-a.example", "a-.example", "bücher.example", "a b", "a/24", "sip:a", "a:5060", "192.0.2.256", "1.2.3", "fe80::1%eth0",
		"a\x00b", "a\nb", strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 127) + "aa", "*.example.com",
	} {
		if f := tenant.CheckHost(v); f == nil || f.Want == "" || strings.ContainsAny(f.Message, "\x00\n") {
			t.Errorf("%q: %v", v, f)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, d := range map[string]time.Duration{"5s": 5 * time.Second, "2m": 2 * time.Minute, "12h": 12 * time.Hour, "1h30m": 90 * time.Minute, "500ms": 500 * time.Millisecond, "1h0m5s": time.Hour + 5*time.Second} {
		got, f := tenant.ParseDuration(text)
		if f != nil || got != d || tenant.FormatDuration(d) != text {
			t.Errorf("%s reads %v (%v) and %v is written %s", text, got, f, d, tenant.FormatDuration(d))
		}
	}
	if d, f := tenant.ParseDuration("7d"); f != nil || d != 7*24*time.Hour {
		t.Errorf("7d reads %v (%v)", d, f)
	}
	for _, text := range []string{"", "5", "soon", "-", "d", "1w"} {
		if d, f := tenant.ParseDuration(text); f == nil {
			t.Errorf("%q reads %v", text, d)
		}
	}
	timers := tenant.NewCustomer().Timers
	text, err := json.Marshal(timers)
	if err != nil || string(text) != `{"initial":"5s","invite":"2m","max_call":"12h"}` {
		t.Errorf("timers %s (%v)", text, err)
	}
	if err := json.Unmarshal([]byte(`{"invite":"30s"}`), &timers); err != nil || timers.Invite != 30*time.Second || timers.Initial != 5*time.Second {
		t.Errorf("timers %+v (%v)", timers, err)
	}
	if err := json.Unmarshal([]byte(`{"invite":"soon"}`), &timers); tenant.FaultsOf(err) == nil {
		t.Errorf("a wrong timer: %v", err)
	}
}

// TestDefaults: what is made of defaults is sound but for what has none.
func TestDefaults(t *testing.T) {
	c := tenant.NewCustomer()
	c.Name = "x"
	c.Normalize()
	if f := c.Validate(); f != nil {
		t.Errorf("customer: %v", f)
	}
	if !c.Keepalive || !c.Trace || c.InternationalPrefix != "00" || !slices.Equal(c.Digest, []string{"sha-256", "md5"}) || !slices.Equal(c.Emergency.Numbers, []string{"112"}) {
		t.Errorf("customer %+v", c)
	}
	d := tenant.NewDestination()
	d.Name, d.Host = "x", "192.0.2.1"
	if f := d.Validate(); f != nil || d.Protocol != "udp" || d.Group != 1 || d.Priority != 10 {
		t.Errorf("destination %+v: %v", d, f)
	}
}

func TestExtensionBlock(t *testing.T) {
	c := tenant.Customer{ExtensionBlock: "0100-0103"}
	for name, in := range map[string]bool{"0100": true, "0103": true, "0104": false, "100": false, "00100": false, "01x0": false, "": false} {
		if c.InBlock(name) != in {
			t.Errorf("%q in the block: %t, want %t", name, !in, in)
		}
	}
	if free := c.FreeExtensions([]string{"0101", "x"}, 2); !slices.Equal(free, []string{"0100", "0102"}) {
		t.Errorf("free %v", free)
	}
	none := tenant.Customer{}
	if !none.InBlock("anything") || none.FreeExtensions(nil, 5) != nil {
		t.Error("without a block every name is one")
	}
}

func TestEffectiveChannels(t *testing.T) {
	two, zero := 2, 0
	profile := &tenant.SIPProfile{Channels: 3}
	for _, c := range []struct {
		own     *int
		profile *tenant.SIPProfile
		limit   int
		want    int
	}{{nil, nil, 0, 0}, {nil, nil, 10, 1}, {&two, profile, 10, 2}, {nil, profile, 10, 3}, {&zero, profile, 0, 0}, {&zero, profile, 10, 1}} {
		u := tenant.SIPUser{Channels: c.own}
		if got := u.EffectiveChannels(c.profile, c.limit); got != c.want {
			t.Errorf("own %v, profile %v, limit %d: %d, want %d", c.own, c.profile, c.limit, got, c.want)
		}
	}
}

func TestScope(t *testing.T) {
	for _, c := range []struct {
		scope    tenant.Scope
		company  tenant.CompanyID
		customer tenant.CustomerID
		sees     bool
	}{
		{tenant.Platform(), 1, 1, true},
		{tenant.Platform(), 0, 0, true},
		{tenant.OfCompany(1), 1, 5, true},
		{tenant.OfCompany(1), 2, 5, false},
		{tenant.OfCompany(1), 0, 0, false},
		{tenant.OfCompany(0), 0, 0, false},
		{tenant.OfCustomer(5), 1, 5, true},
		{tenant.OfCustomer(5), 1, 6, false},
		{tenant.OfCustomer(5), 1, 0, false},
		{tenant.OfCustomer(0), 1, 0, false},
		{tenant.Scope{}, 1, 5, false},
	} {
		if got := c.scope.Sees(c.company, c.customer); got != c.sees {
			t.Errorf("%+v sees %d/%d: %t", c.scope, c.company, c.customer, got)
		}
	}
	for _, p := range []tenant.Principal{{}, {Role: "root"}} {
		if p.Scope() != (tenant.Scope{}) {
			t.Errorf("%+v sees something", p)
		}
	}
}

func TestMayWrite(t *testing.T) {
	admin := func(r tenant.Role) tenant.Principal { return tenant.Principal{Role: r, Access: tenant.AccessAdmin} }
	operator := tenant.Principal{Role: tenant.RolePlatform, Access: tenant.AccessOperator}
	for _, c := range []struct {
		p    tenant.Principal
		kind tenant.Kind
		a    tenant.Action
		may  bool
	}{
		{admin(tenant.RolePlatform), tenant.KindCompany, tenant.ActionDelete, true},
		{admin(tenant.RoleCompany), tenant.KindCompany, tenant.ActionUpdate, false},
		{admin(tenant.RoleCompany), tenant.KindCustomer, tenant.ActionCreate, true},
		{admin(tenant.RoleCustomer), tenant.KindCustomer, tenant.ActionCreate, false},
		{admin(tenant.RoleCustomer), tenant.KindCustomer, tenant.ActionUpdate, true},
		{admin(tenant.RoleCustomer), tenant.KindProfile, tenant.ActionUpdate, false},
		{admin(tenant.RoleCustomer), tenant.KindSIPUser, tenant.ActionPassword, true},
		{operator, tenant.KindDestination, tenant.ActionDelete, true},
		{operator, tenant.KindUser, tenant.ActionCreate, false},
		{operator, tenant.KindAPIKey, tenant.ActionCreate, false},
		{operator, tenant.KindCustomer, tenant.ActionDelete, false},
		{tenant.Principal{Role: tenant.RolePlatform, Access: tenant.AccessReadOnly}, tenant.KindDestination, tenant.ActionUpdate, false},
		{tenant.Principal{Role: tenant.RolePlatform}, tenant.KindDestination, tenant.ActionUpdate, false},
	} {
		f := c.p.MayWrite(c.kind, c.a)
		if (f == nil) != c.may {
			t.Errorf("%s %s may %s a %s: %v", c.p.Role, c.p.Access, c.a, c.kind, f)
		}
		if f != nil && !errors.Is(f, tenant.ErrForbidden) {
			t.Errorf("%v is not forbidden", f)
		}
	}
}

// TestMayGive: nobody hands out more than he has.
func TestMayGive(t *testing.T) {
	roles := []tenant.Role{tenant.RolePlatform, tenant.RoleCompany, tenant.RoleCustomer}
	for i, own := range roles {
		for j, given := range roles {
			f := tenant.Principal{Role: own, Access: tenant.AccessAdmin}.MayGive(given, tenant.AccessAdmin)
			if (f == nil) != (j >= i) {
				t.Errorf("%s gives %s: %v", own, given, f)
			}
		}
	}
	if f := (tenant.Principal{Role: tenant.RoleCompany, Access: tenant.AccessOperator}).MayGive(tenant.RoleCompany, tenant.AccessAdmin); f == nil {
		t.Error("an operator makes an administrator")
	}
	if f := (tenant.Principal{}).MayGive("root", tenant.AccessAdmin); f == nil {
		t.Error("nobody gives anything")
	}
}

// TestHostileFaults: what a fault quotes is one printable line, however hostile it was.
func TestHostileFaults(t *testing.T) {
	evil := "\x1b[31m\n\"" + strings.Repeat("x", 500) + "\xff"
	c := tenant.NewCustomer()
	c.Name, c.CountryCode, c.DestinationMode, c.Digest, c.ExtensionBlock = evil, evil, tenant.DestinationMode(evil), []string{evil}, evil
	for _, f := range c.Validate() {
		if strings.ContainsAny(f.Message, "\x1b\n") || strings.Contains(f.Message, "\xff") || len(f.Message) > 300 {
			t.Errorf("fault %q", f.Message)
		}
	}
}

// TestCheckHeaderEdits: what a list may hold.
func TestCheckHeaderEdits(t *testing.T) {
	long := strings.Repeat("x", 65)
	for _, c := range []struct{ action, name, value, want string }{
		{"add", "X-Account", "1907", ""},
		{"add", "P-Asserted-Identity", `"Büro" <sip:1@x>`, ""},
		{"replace", "s", "", ""},
		{"remove", "alert-info", "", ""},
		{"", "X-A", "", "headers[0].action"},
		{"Add", "X-A", "", "headers[0].action"},
		{"remove", "X-A", "1", "headers[0].value"},
		{"add", "", "1", "headers[0].name"},
		{"add", "X A", "1", "headers[0].name"},
		{"add", "X-A:", "1", "headers[0].name"},
		{"add", "X-A\r\nVia", "1", "headers[0].name"},
		{"add", "Ä", "1", "headers[0].name"},
		{"add", long, "1", "headers[0].name"},
		{"add", "X-A", "1\r\nVia: x", "headers[0].value"},
		{"add", "X-A", "1\n 2", "headers[0].value"},
		{"add", "X-A", "\x00", "headers[0].value"},
		{"add", "X-A", strings.Repeat("x", 513), "headers[0].value"},
		{"remove", "VIA", "", "headers[0].name"},
		{"replace", "v", "x", "headers[0].name"},
		{"add", "l", "0", "headers[0].name"},
		{"add", "Proxy-Authorization", "x", "headers[0].name"},
	} {
		faults := tenant.CheckHeaderEdits([]tenant.HeaderEdit{{c.action, c.name, c.value}})
		if c.want == "" && len(faults) > 0 || c.want != "" && (len(faults) != 1 || faults[0].Field != c.want) {
			t.Errorf("%q: %v, want %q", c, faults, c.want)
		}
	}
	many := make([]tenant.HeaderEdit, 17)
	for i := range many {
		many[i] = tenant.HeaderEdit{Action: "remove", Name: "X-A"}
	}
	if faults := tenant.CheckHeaderEdits(many); len(faults) != 1 || faults[0].Field != "headers" {
		t.Errorf("17: %v", faults)
	}
}
