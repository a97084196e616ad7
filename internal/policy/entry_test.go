package policy_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"tollgate/internal/policy"
	"tollgate/internal/tenant"
)

// entry is an egress switch: its name, then ranges, and words that set fields: "udp",
// "prefix=99#", "cli".
func entry(text string) tenant.Switch {
	sw := tenant.NewSwitch()
	words := strings.Fields(text)
	sw.Name, sw.Direction = words[0], tenant.Egress
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "udp", "tcp", "tls", "tls+srtp":
			sw.Protocol = w
		case "prefix":
			sw.TechPrefix = value
		case "cli":
			sw.CLIAuthentication = true
		default:
			sw.Addresses = append(sw.Addresses, tenant.CanonicalCIDR(w))
		}
	}
	return sw
}

// with gives an account switches, DIDs and CLIs. A DID is a number; a CLI begins with "cli:" or
// "regex:".
func with(a *tenant.Account, items ...any) *tenant.Account {
	id := a.Customer.ID
	for _, item := range items {
		switch v := item.(type) {
		case tenant.Switch:
			if v.ID == 0 {
				v.ID = tenant.SwitchID(int(id)*100 + len(a.Switches))
			}
			v.Customer = id
			a.Switches = append(a.Switches, v)
		case tenant.DID:
			a.DIDs = append(a.DIDs, v)
		case string:
			kind, value, more := strings.Cut(v, ":")
			switch {
			case !more:
				a.DIDs = append(a.DIDs, tenant.DID{Number: v, SIPUser: 1})
			case kind == "cli":
				a.CLIs = append(a.CLIs, tenant.CLI{Value: value, Match: "exact"})
			default:
				a.CLIs = append(a.CLIs, tenant.CLI{Value: value, Match: "regex"})
			}
		}
	}
	return a
}

// who runs Identify and tells in a line whom it found.
func who(t testing.TB, s *policy.Snapshot, a ask) string {
	t.Helper()
	var id policy.Identity
	v := s.Identify(a.request(t), &id)
	out := ""
	if id.Customer != nil {
		out = id.Customer.Settings.Name + " "
	}
	if v.Refused() {
		return fmt.Sprintf("%s%d %v", out, v.Status, v.Reason)
	}
	out += fmt.Sprintf("%v by %v", id.Direction, id.By)
	if id.Entry != nil {
		out += ", entry " + id.Entry.Name
	}
	return out
}

func whoCases(t *testing.T, s *policy.Snapshot, tests map[string]struct {
	ask  ask
	want string
},
) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := who(t, s, test.ask); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestEntry(t *testing.T) {
	s := table(t,
		with(account(1, "a.example", dest("pbx 10.0.0.1:5060/udp 1 10")),
			entry("office 198.51.100.0/28 2001:db8::/64 udp"), entry("host 198.51.100.3"), entry("secure 198.51.100.32/28 tls+srtp"),
			entry("pbx-too 10.0.0.0/24"), tenant.Switch{Name: "carrier", Direction: tenant.Ingress, Host: "198.51.100.99"}),
		account(2, "b.example", dest("pbx 10.0.1.1:5060/udp 1 10")),
	).Snapshot()
	const number = "sip:0401234@192.0.2.1"
	whoCases(t, s, map[string]struct {
		ask  ask
		want string
	}{
		"v4":                             {ask{uri: number, source: "198.51.100.15:9999"}, "customer1 inbound by entry, entry office"},
		"v4, mapped":                     {ask{uri: number, source: "[::ffff:198.51.100.15]:9999"}, "customer1 inbound by entry, entry office"},
		"v4, next to the range":          {ask{uri: number, source: "198.51.100.16:5060"}, "-1 unknown_domain"},
		"v6":                             {ask{uri: number, source: "[2001:db8::77]:5060"}, "customer1 inbound by entry, entry office"},
		"v6, next to the range":          {ask{uri: number, source: "[2001:db8:0:1::1]:5060"}, "-1 unknown_domain"},
		"the narrowest range":            {ask{uri: number, source: "198.51.100.3:5060"}, "customer1 inbound by entry, entry host"},
		"the narrowest that fits":        {ask{uri: number, source: "198.51.100.3:5060", transport: "tcp"}, "customer1 inbound by entry, entry host"},
		"tel:":                           {ask{uri: "tel:+390401234", source: "198.51.100.1:5060"}, "customer1 inbound by entry, entry office"},
		"another host in the URI":        {ask{uri: "sip:040@elsewhere.example", source: "198.51.100.1:5060"}, "customer1 inbound by entry, entry office"},
		"wrong protocol":                 {ask{uri: number, source: "198.51.100.1:5060", transport: "tcp"}, "customer1 403 wrong_protocol"},
		"srtp over udp":                  {ask{uri: number, source: "198.51.100.33:5060"}, "customer1 403 wrong_protocol"},
		"srtp over tls":                  {ask{uri: number, source: "198.51.100.33:5060", transport: "tls"}, "customer1 inbound by entry, entry secure"},
		"by his domain":                  {ask{uri: "sip:1@a.example", source: "198.51.100.1:5060"}, "customer1 inbound by entry, entry office"},
		"by his domain, wrong protocol":  {ask{uri: "sip:1@a.example", source: "198.51.100.1:5060", transport: "tls"}, "customer1 403 wrong_protocol"},
		"by another's domain":            {ask{uri: "sip:1@b.example", source: "198.51.100.1:5060"}, "customer2 inbound by domain"},
		"by a domain from elsewhere":     {ask{uri: "sip:1@a.example", source: "198.51.100.77:5060"}, "customer1 inbound by domain"},
		"a phone's flow is the phone's":  {ask{uri: "sip:1@a.example", source: "198.51.100.1:5060", bound: true}, "customer1 inbound by binding"},
		"a phone's flow, no domain":      {ask{uri: "tel:1", source: "198.51.100.1:5060", bound: true}, "customer1 inbound by binding"},
		"REGISTER is a phone's":          {ask{method: "REGISTER", uri: "sip:a.example", source: "198.51.100.1:5060"}, "customer1 inbound by domain"},
		"REGISTER, any protocol":         {ask{method: "REGISTER", uri: "sip:a.example", source: "198.51.100.1:5060", transport: "tcp"}, "customer1 inbound by domain"},
		"REGISTER without a domain":      {ask{method: "REGISTER", uri: "sip:192.0.2.1", source: "198.51.100.1:5060"}, "-1 unknown_domain"},
		"OPTIONS too":                    {ask{method: "OPTIONS", uri: "sip:192.0.2.1", source: "198.51.100.1:5060"}, "customer1 inbound by entry, entry office"},
		"a destination stays one":        {ask{uri: number, source: "10.0.0.1:5060"}, "customer1 outbound by destination, entry pbx-too"},
		"its other port is an entry":     {ask{uri: number, source: "10.0.0.1:5061"}, "customer1 inbound by entry, entry pbx-too"},
		"an ingress switch is no entry":  {ask{uri: number, source: "198.51.100.99:5060"}, "-1 unknown_domain"},
		"an entry says nothing sensible": {ask{uri: "sip:@@", source: "198.51.100.1:5060"}, "customer1 400 bad_message"},
	})
}

func TestEntriesSharedByDIDOrPrefix(t *testing.T) {
	s := table(t,
		with(account(1, "a.example", dest("pbx 10.0.0.1:5060/udp 1 10")), entry("sbc 198.51.100.1"), "390401111", "+390402222"),
		with(account(2, "b.example", dest("pbx 10.0.0.2:5060/udp 1 10")), entry("sbc 198.51.100.0/24"), "390403333", "390402222"),
		with(account(3, "c.example", dest("pbx 10.0.0.3:5060/udp 1 10")), entry("p9 203.0.113.7 prefix=99#"), entry("p998 203.0.113.7 prefix=998")),
		with(account(4, "d.example", dest("pbx 10.0.0.4:5060/udp 1 10")), entry("p 203.0.113.7 prefix=777 udp")),
	).Snapshot()
	const did, prefix = "198.51.100.1:5060", "203.0.113.7:5060"
	whoCases(t, s, map[string]struct {
		ask  ask
		want string
	}{
		"DID of one":                  {ask{uri: "sip:+390401111@192.0.2.1", source: did}, "customer1 inbound by entry, entry sbc"},
		"DID of the other":            {ask{uri: "sip:00390403333@192.0.2.1", source: did}, "customer2 inbound by entry, entry sbc"},
		"DID, national":               {ask{uri: "sip:040-3333@192.0.2.1", source: did}, "customer2 inbound by entry, entry sbc"},
		"DID, without +":              {ask{uri: "sip:390403333@192.0.2.1", source: did}, "customer2 inbound by entry, entry sbc"},
		"DID, escaped":                {ask{uri: "sip:%2b390401111@192.0.2.1", source: did}, "customer1 inbound by entry, entry sbc"},
		"DID as tel:":                 {ask{uri: "tel:040-1111;phone-context=+39", source: did}, "customer1 inbound by entry, entry sbc"},
		"DID of both":                 {ask{uri: "sip:+390402222@192.0.2.1", source: did}, "403 entry_clash"},
		"nobody's DID":                {ask{uri: "sip:+390409999@192.0.2.1", source: did}, "403 entry_clash"},
		"a longer number":             {ask{uri: "sip:+3904011111@192.0.2.1", source: did}, "403 entry_clash"},
		"elsewhere in the wide range": {ask{uri: "sip:+390409999@192.0.2.1", source: "198.51.100.2:5060"}, "customer2 inbound by entry, entry sbc"},
		"by domain all the same":      {ask{uri: "sip:+390409999@a.example", source: did}, "customer1 inbound by entry, entry sbc"},
		"prefix":                      {ask{uri: "sip:99%23040@192.0.2.1", source: prefix}, "customer3 inbound by entry, entry p9"},
		"the longest prefix":          {ask{uri: "sip:998040@192.0.2.1", source: prefix}, "customer3 inbound by entry, entry p998"},
		"prefix of the other":         {ask{uri: "sip:777040@192.0.2.1", source: prefix}, "customer4 inbound by entry, entry p"},
		"prefix behind a +":           {ask{uri: "sip:+777040@192.0.2.1", source: prefix}, "customer4 inbound by entry, entry p"},
		"prefix, wrong protocol":      {ask{uri: "sip:777040@192.0.2.1", source: prefix, transport: "tcp"}, "403 tech_prefix_unknown"},
		"no prefix":                   {ask{uri: "sip:040@192.0.2.1", source: prefix}, "403 tech_prefix_unknown"},
		"by domain, no prefix":        {ask{uri: "sip:040@c.example", source: prefix}, "customer3 inbound by domain"},
	})
}

func TestEntriesSharedByCLI(t *testing.T) {
	s := table(t,
		with(account(1, "a.example", dest("pbx 10.0.0.1:5060/udp 1 10")), entry("sbc 198.51.100.1 cli"), "cli:0409876543", "regex:^0651[0-9]{4}$", "390401111"),
		with(account(2, "b.example", dest("pbx 10.0.0.2:5060/udp 1 10")), entry("sbc 198.51.100.1 cli"), "cli:+39 06510000", "regex:^\\+39065", "390401111"),
		with(account(3, "c.example", dest("pbx 10.0.0.3:5060/udp 1 10")), entry("alone 198.51.100.9 cli udp"), "cli:123"),
	).Snapshot()
	const source = "198.51.100.1:5060"
	from := func(number string) string { return "<sip:" + number + "@198.51.100.1>" }
	whoCases(t, s, map[string]struct {
		ask  ask
		want string
	}{
		"exact":                    {ask{from: from("0409876543"), uri: "tel:1", source: source}, "customer1 inbound by entry, entry sbc"},
		"exact, another form":      {ask{from: from("+39-040-9876543"), uri: "tel:1", source: source}, "customer1 inbound by entry, entry sbc"},
		"exact, without +":         {ask{from: from("390409876543"), uri: "tel:1", source: source}, "customer1 inbound by entry, entry sbc"},
		"exact before regex":       {ask{from: from("06510000"), uri: "tel:1", source: source}, "customer2 inbound by entry, entry sbc"},
		"regex as received":        {ask{from: from("06511234"), uri: "tel:1", source: source}, "403 entry_clash"},
		"regex in E.164":           {ask{from: from("0659999"), uri: "tel:1", source: source}, "customer2 inbound by entry, entry sbc"},
		"regex, anchored":          {ask{from: from("065112345"), uri: "tel:1", source: source}, "customer2 inbound by entry, entry sbc"},
		"DID of both":              {ask{from: from("+390401111"), uri: "tel:1", source: source}, "403 entry_clash"},
		"nobody's":                 {ask{from: from("0401"), uri: "tel:1", source: source}, "403 cli_unknown"},
		"the number called is not": {ask{from: from("0401"), uri: "tel:0409876543", source: source}, "403 cli_unknown"},
		"PAI before From": {ask{
			from: from("0409876543"), uri: "tel:1", source: source,
			headers: []string{"P-Asserted-Identity: <tel:+3906510000>"},
		}, "customer2 inbound by entry, entry sbc"},
		"anonymous From, PAI":       {ask{from: "<sip:anonymous@anonymous.invalid>", uri: "tel:1", source: source, headers: []string{`P-Asserted-Identity: "x" <sip:0409876543@x.example>`}}, "customer1 inbound by entry, entry sbc"},
		"anonymous":                 {ask{from: "<sip:anonymous@anonymous.invalid>", uri: "tel:1", source: source}, "403 cli_unknown"},
		"no user":                   {ask{from: "<sip:x.example>", uri: "tel:1", source: source}, "403 cli_unknown"},
		"by domain, no CLI":         {ask{from: from("0401"), uri: "sip:1@a.example", source: source}, "customer1 inbound by domain"},
		"by domain, CLI of another": {ask{from: from("06510000"), uri: "sip:1@a.example", source: source}, "customer1 inbound by entry, entry sbc"},
		"alone":                     {ask{from: from("123"), uri: "tel:1", source: "198.51.100.9:5060"}, "customer3 inbound by entry, entry alone"},
		"alone, not his":            {ask{from: from("124"), uri: "tel:1", source: "198.51.100.9:5060"}, "customer3 403 cli_unknown"},
		"alone, wrong protocol":     {ask{from: from("123"), uri: "tel:1", source: "198.51.100.9:5060", transport: "tls"}, "customer3 403 wrong_protocol"},
	})
}

// A PBX that several customers have as their destination is told by the calling number, where
// all of them have some; and an entry never takes the calls of another's PBX by itself.
func TestSharedPBXByCaller(t *testing.T) {
	const shared, source = "pbx 10.0.0.1:5060/udp 1 10", "10.0.0.1:5060"
	a := func() *tenant.Account {
		return with(account(1, "a.example", dest(shared), dest("more 10.0.0.8:5060/udp 1 20")), "cli:0401111", "390402222")
	}
	b := func(items ...any) *tenant.Account { return with(account(2, "b.example", dest(shared)), items...) }
	foreign := func(items ...any) *tenant.Account {
		return with(account(3, "c.example", dest("own 10.0.0.3:5060/udp 1 10")), items...)
	}
	tests := map[string]struct {
		accounts []*tenant.Account
		from     string
		want     string
	}{
		"CLI":                        {[]*tenant.Account{a(), b("cli:0403333")}, "0401111", "customer1 outbound by destination"},
		"DID as CLI":                 {[]*tenant.Account{a(), b("cli:0403333")}, "+390402222", "customer1 outbound by destination"},
		"CLI of the other":           {[]*tenant.Account{a(), b("regex:^0403")}, "0403333", "customer2 outbound by destination"},
		"exact before regex":         {[]*tenant.Account{a(), b("regex:.*")}, "0401111", "customer1 outbound by destination"},
		"nobody's":                   {[]*tenant.Account{a(), b("cli:0403333")}, "0409999", "403 shared_destination_clash"},
		"both's":                     {[]*tenant.Account{a(), b("cli:0401111")}, "0401111", "403 shared_destination_clash"},
		"one takes no part":          {[]*tenant.Account{a(), b()}, "0401111", "403 shared_destination_clash"},
		"an entry of another":        {[]*tenant.Account{a(), foreign(entry("x 10.0.0.0/24"))}, "0401111", "403 shared_destination_clash"},
		"with a prefix, not dialled": {[]*tenant.Account{a(), foreign(entry("x 10.0.0.0/24 prefix=9"))}, "0401111", "customer1 outbound by destination"},
		"with CLIs, mine":            {[]*tenant.Account{a(), foreign(entry("x 10.0.0.0/24 cli"), "regex:.*")}, "0401111", "customer1 outbound by destination"},
		"with CLIs, his":             {[]*tenant.Account{a(), foreign(entry("x 10.0.0.0/24 cli"), "cli:0407777")}, "0407777", "customer3 inbound by entry, entry x"},
		"I take no part":             {[]*tenant.Account{b(), foreign(entry("x 10.0.0.0/24 cli"), "regex:.*")}, "0401111", "403 shared_destination_clash"},
		"my own entry":               {[]*tenant.Account{with(a(), entry("mine 10.0.0.1"))}, "0409999", "customer1 outbound by destination, entry mine"},
		"my own entry, shared PBX":   {[]*tenant.Account{with(a(), entry("mine 10.0.0.1")), b("cli:0403333")}, "0403333", "customer2 outbound by destination"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := table(t, test.accounts...).Snapshot()
			if got := who(t, s, ask{uri: "tel:112233", from: "<sip:" + test.from + "@10.0.0.1>", source: source}); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestEntriesFollowChanges(t *testing.T) {
	table := table(t,
		with(account(1, "a.example"), entry("one 198.51.100.0/24")),
		with(account(2, "b.example"), entry("two 198.51.100.0/24")),
	)
	before := table.Snapshot()
	call := ask{uri: "tel:1", source: "198.51.100.1:5060"}
	check := func(want string) {
		t.Helper()
		if got := who(t, table.Snapshot(), call); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	check("403 entry_clash")
	table.Remove(2)
	check("customer1 inbound by entry, entry one")
	if err := table.Put(with(account(1, "a.example"), entry("moved 198.51.101.0/24"))); err != nil {
		t.Fatal(err)
	}
	check("-1 stranger_source")
	if err := table.Put(with(account(1, "a.example"), entry("back 198.51.100.1"))); err != nil {
		t.Fatal(err)
	}
	check("customer1 inbound by entry, entry back")
	if got := who(t, before, call); got != "403 entry_clash" {
		t.Errorf("an old snapshot changed: %s", got)
	}
	table.Remove(1)
	check("-1 stranger_source")
}

// What an identification costs does not depend on how many customers there are.
func TestEntriesAtScale(t *testing.T) {
	const customers = 5000
	accounts := make([]*tenant.Account, customers)
	at := func(i int) string { return fmt.Sprintf("198.%d.%d.%d", 18+i>>16, i>>8&255, i&255) }
	for i := range accounts {
		accounts[i] = with(account(tenant.CustomerID(i+1), fmt.Sprintf("c%d.example", i)), entry("sw "+at(i)), "cli:1")
	}
	s := table(t, accounts...).Snapshot()
	for _, i := range []int{0, 1, 255, 256, customers - 1} {
		want := fmt.Sprintf("customer%d inbound by entry, entry sw", i+1)
		if got := who(t, s, ask{uri: "tel:1", source: at(i) + ":5060"}); got != want {
			t.Errorf("%s: got %s, want %s", at(i), got, want)
		}
	}
	r := ask{uri: "sip:0401234@192.0.2.1", source: at(777) + ":5060"}.request(t)
	var id policy.Identity
	if n := testing.AllocsPerRun(100, func() { s.Identify(r, &id) }); n != 0 {
		t.Errorf("Identify allocates %v times", n)
	}
}

// TestCLIRewritten: a CLI is also looked for as the entry's rules make it.
func TestCLIRewritten(t *testing.T) {
	dialer := func(prefix string) tenant.Switch {
		sw := entry("sbc 198.51.100.1 cli")
		sw.DialPattern = "raw"
		sw.Rewrite = []tenant.Rewrite{{What: "cli", Current: prefix, New: "39040", Match: "prefix"}}
		return sw
	}
	s := table(t,
		with(account(1, "a.example"), dialer("7"), "cli:+39040111"),
		with(account(2, "b.example"), dialer("8"), "regex:^39040"),
	).Snapshot()
	for from, want := range map[string]string{
		"7111": "customer1 inbound by entry, entry sbc", "8222": "customer2 inbound by entry, entry sbc",
		"9111": "403 cli_unknown", "040111": "customer1 inbound by entry, entry sbc",
	} {
		if got := who(t, s, ask{uri: "tel:1", source: "198.51.100.1:5060", from: "<sip:" + from + "@x.example>"}); got != want {
			t.Errorf("%s: got %s, want %s", from, got, want)
		}
	}
}

func TestCLIAllocatesNothing(t *testing.T) {
	s := table(t,
		with(account(1, "a.example"), entry("sbc 198.51.100.1 cli"), "cli:0409876543", "regex:^0651[0-9]{4}$"),
		with(account(2, "b.example"), entry("sbc 198.51.100.1 cli"), "cli:0409", "regex:^07"),
	).Snapshot()
	for _, from := range []string{"0409876543", "06511234", "0000"} {
		r := ask{uri: "tel:1", source: "198.51.100.1:5060", from: "<sip:" + from + "@x.example>"}.request(t)
		var id policy.Identity
		if n := testing.AllocsPerRun(100, func() { s.Identify(r, &id) }); n != 0 {
			t.Errorf("%s: Identify allocates %v times", from, n)
		}
	}
}

func TestDIDs(t *testing.T) {
	carrier := tenant.Switch{ID: 7, Name: "carrier", Direction: tenant.Ingress, Host: "10.0.0.7"}
	named := tenant.Switch{ID: 8, Name: "named", Direction: tenant.Ingress, Host: "sip.carrier.example", Protocol: "tls"}
	to := func(number string, id tenant.SwitchID) tenant.DID { return tenant.DID{Number: number, Switch: id} }
	a := with(account(1, "a.example", dest("pbx 10.0.0.1:5060/udp 1 10"), dest("other 10.0.0.2:5060/udp 2 10"),
		tenant.Destination{ID: 170, Name: "as destination", Group: 3, Switch: 8, Network: "outside"}),
		carrier, named, entry("trunk 198.51.100.1"), entry("carrier-in 10.0.0.7"),
		to("390401111", 7), to("390402222", 8), "390403333")
	a.Routing = []tenant.RoutingRule{rule(1, 1, "request-uri", "regex", ".", 2)}
	s := table(t, a).Snapshot()
	cases(t, s, []struct {
		name string
		ask  ask
		want string
	}{
		{"before the rules", ask{uri: "sip:+390401111@a.example"}, "customer1 inbound: carrier"},
		{"from an entry", ask{uri: "sip:0401111@192.0.2.1", source: "198.51.100.1:5060"}, "customer1 inbound: carrier"},
		{"by its destination", ask{uri: "sip:00390402222@a.example"}, "customer1 inbound: as destination"},
		{"from the PBX", ask{uri: "tel:+390401111", source: "10.0.0.1:5060"}, "customer1 outbound: carrier"},
		{"from the PBX, at a foreign host", ask{uri: "sip:+390401111@z.example", source: "10.0.0.1:5060"}, "customer1 outbound: other"},
		{"of a SIP user: the rules", ask{uri: "sip:+390403333@a.example"}, "customer1 inbound: other"},
		{"no DID", ask{uri: "sip:+390401112@a.example"}, "customer1 inbound: other"},
		{"registration", ask{method: "REGISTER", uri: "sip:+390401111@a.example"}, "customer1 inbound: other"},
		{"from the switch itself", ask{uri: "sip:+390401111@192.0.2.1", source: "10.0.0.7:5060"}, "customer1 inbound: 404 no_destination"},
		{"down, and the only one", ask{uri: "sip:+390401111@a.example", down: []string{"carrier"}}, "customer1 inbound: carrier"},
		{"emergency", ask{uri: "sip:112@a.example"}, "customer1 inbound: pbx"},
	})
	e := s.Explain(ask{uri: "sip:+390401111@a.example"}.request(t))
	if last := e.Steps[len(e.Steps)-1]; !strings.Contains(last.Text, "390401111 is a DID that leads to a switch.") || len(e.Candidates) != 1 {
		t.Errorf("explained as %q with %v", last.Text, e.Candidates)
	}
}

// A switch whose name leads elsewhere is called there also by its DIDs.
func TestDIDFollowsItsSwitch(t *testing.T) {
	named := tenant.Switch{ID: 8, Name: "named", Direction: tenant.Ingress, Host: "sip.carrier.example"}
	table := table(t, with(account(1, "a.example", tenant.Destination{ID: 170, Name: "way", Group: 1, Switch: 8}), named,
		tenant.DID{Number: "39040", Switch: 8}))
	table.Resolved(170, []netip.AddrPort{netip.MustParseAddrPort("10.1.1.1:5060")})
	var id policy.Identity
	var c policy.Candidates
	r := ask{uri: "sip:+39040@a.example"}.request(t)
	s := table.Snapshot()
	if v := s.Identify(r, &id); v.Refused() {
		t.Fatal(v)
	}
	s.Route(r, &id, &c)
	if c.N != 1 || len(c.List[0].Addrs) != 1 {
		t.Errorf("candidates %v", c.All())
	}
}

func TestEntryExplained(t *testing.T) {
	s := table(t, with(account(1, "a.example", dest("pbx 10.0.0.1:5060/udp 1 10")), entry("dialer 198.51.100.1 udp"))).Snapshot()
	e := s.Explain(ask{uri: "tel:1", source: "198.51.100.1:5060"}.request(t))
	if want := `Customer "customer1"; the source is his entry "dialer", which sends calls to us.`; e.Steps[0].Text != want {
		t.Errorf("explained as %q", e.Steps[0].Text)
	}
	e = s.Explain(ask{uri: "tel:1", source: "198.51.100.1:5060", transport: "tls"}.request(t))
	if e.Verdict.Reason != policy.WrongProtocol || !strings.Contains(e.Steps[0].Text, e.Verdict.Reason.Sentence()) {
		t.Errorf("explained as %q", e.Steps[0].Text)
	}
}

// TestBelongsByEntry: what an entry sends is known at a glance.
func TestBelongsByEntry(t *testing.T) {
	s := table(t,
		with(account(1, "a.example"), entry("one 198.51.100.0/24"), entry("both 203.0.113.1 prefix=1")),
		with(account(2, "b.example"), entry("both 203.0.113.1 prefix=2")),
	).Snapshot()
	for source, want := range map[string]policy.Belonging{
		"198.51.100.7:5060": {Customer: 1, Neighbour: true},
		"203.0.113.1:5060":  {Neighbour: true},
		"192.0.2.9:5060":    {},
	} {
		if got := s.Belongs([]byte("sip:123@192.0.2.1"), netip.MustParseAddrPort(source)); got != want {
			t.Errorf("%s: %+v", source, got)
		}
	}
}
