package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"tollgate/test/harness"
)

// TestExampleApplies: the documented file applies as it stands, once; a second time, and what
// export makes of it, change nothing.
func TestExampleApplies(t *testing.T) {
	t.Parallel()
	node := harness.Start(t)
	says(t, node.ApplyText(t, example(t)), "GiuseppeVerdi")
	says(t, node.ApplyText(t, example(t)), "no changes")
	exported := node.Must(t, "export")
	for _, secret := range []string{"Correct-Horse-1", "password: secret"} {
		if strings.Contains(exported.Stdout, secret) {
			t.Errorf("export shows a secret: %q", secret)
		}
	}
	for _, kept := range []string{"friendly-scanner", "carrier", "0651", "pbx2.example.com", "tls+srtp", "teleworkers"} {
		if !strings.Contains(exported.Stdout, kept) {
			t.Errorf("export has lost %q:\n%s", kept, exported.Stdout)
		}
	}
	says(t, node.ApplyText(t, exported.Stdout), "no changes")
	if again := node.Must(t, "export"); again.Stdout != exported.Stdout {
		t.Errorf("two exports differ:\n%s\n---\n%s", exported.Stdout, again.Stdout)
	}
}

// TestExportMovesHouse: what one node exports, another takes.
func TestExportMovesHouse(t *testing.T) {
	t.Parallel()
	first, second := harness.Start(t), harness.Start(t)
	customers := []harness.Customer{{
		Name: "Böse \"Zitate\" #1: {x}", Domains: []string{"a.test", "b.test"}, Hidden: true, Groups: []int{2, 9},
		Destinations: []harness.Destination{{Addr: harness.Refusing(t)}, {Addr: harness.Refusing(t), Proto: "tls", Group: 9}},
		Rules:        []harness.Rule{{Header: "user-agent", Value: `^Yea\.link".*'$`, Group: 9}},
	}}
	first.Apply(t, customers...)
	text := first.Must(t, "export").Stdout
	second.ApplyText(t, text)
	if moved := second.Must(t, "export").Stdout; moved != text {
		t.Errorf("exported here:\n%s\nexported there:\n%s", text, moved)
	}
}

// TestDryRun says what would change and changes nothing.
func TestDryRun(t *testing.T) {
	t.Parallel()
	node := harness.Start(t)
	before := node.Must(t, "export").Stdout
	r := node.TryApply(t, example(t), "--dry-run")
	if r.Code != 0 {
		t.Fatalf("%s", r)
	}
	says(t, r, "GiuseppeVerdi")
	if after := node.Must(t, "export").Stdout; after != before {
		t.Errorf("--dry-run changed the configuration:\n%s", after)
	}
}

// TestPartialFiles: what a file does not name stays; a present list is the whole list; --prune
// takes away customers that are not named.
func TestPartialFiles(t *testing.T) {
	t.Parallel()
	node := harness.Start(t)
	node.ApplyText(t, example(t))
	node.ApplyText(t, "customers:\n  - name: GiuseppeVerdi\n    call_limit: 7\n")
	text := node.Must(t, "export").Stdout
	for _, kept := range []string{"call_limit: 7", "giuseppeverdi.example.com", "pbx2.example.com"} {
		if !strings.Contains(text, kept) {
			t.Errorf("%q is gone:\n%s", kept, text)
		}
	}
	node.ApplyText(t, "customers:\n  - {name: GiuseppeVerdi, firewall_rules: []}\n  - {name: Second, company: Verdi Telecom}\n")
	if text := node.Must(t, "export").Stdout; strings.Contains(text, "friendly-scanner") || !strings.Contains(text, "Second") {
		t.Errorf("an empty list is the whole list:\n%s", text)
	}
	if r := node.TryApply(t, "customers:\n  - {name: Second}\n", "--prune"); r.Code != 0 {
		t.Fatalf("%s", r)
	}
	if text := node.Must(t, "export").Stdout; strings.Contains(text, "GiuseppeVerdi") || !strings.Contains(text, "noc@platform.example") {
		t.Errorf("--prune takes customers, and never platform users:\n%s", text)
	}
}

// TestRename keeps what hangs on the noun.
func TestRename(t *testing.T) {
	t.Parallel()
	node := harness.Start(t)
	node.ApplyText(t, example(t))
	node.ApplyText(t, "customers:\n  - {name: Verdi Spa, was: GiuseppeVerdi}\n")
	text := node.Must(t, "export").Stdout
	if strings.Contains(text, "name: GiuseppeVerdi") || !strings.Contains(text, "name: Verdi Spa") || !strings.Contains(text, "pbx2.example.com") {
		t.Errorf("renamed:\n%s", text)
	}
}

// bad is a file with one fault; § stands before the token that is wrong.
type bad struct{ name, text, words string }

// inCustomer puts lines into a customer that is fine otherwise.
func inCustomer(lines string) string {
	return "companies:\n  - name: C\ncustomers:\n  - name: One\n    company: C\n    domains: [one.test]\n" +
		"    destinations:\n      - {name: d, host: 192.0.2.1}\n" + lines
}

func badFiles() []bad {
	return []bad{
		{"unknown key", inCustomer("    §call_limits: 4\n"), "call_limits|call_limit"},
		{"unknown key at the top", "§customer:\n  - name: x\n", "customer|customers"},
		{"unknown key in a destination", "companies: [{name: C}]\ncustomers:\n  - name: x\n    company: C\n    destinations:\n      - {name: d, host: h.test, §prot: 5}\n", "prot"},
		{"bad regex", inCustomer("    firewall_rules:\n      - {name: r, header: user-agent, value: §\"(abc\", action: drop}\n"), "regular expression|character 1"},
		{"bad regex in routing", inCustomer("    destination_groups_enabled: true\n    routing_rules:\n      - {name: r, header: to, value: §\"a{9,1}\", group: 1}\n"), "regular expression|{9,1}"},
		{"bad CIDR", inCustomer("    whitelist: [§10.0.0.0/33]\n"), "10.0.0.0/33"},
		{"bad CIDR of a switch", inCustomer("    switches:\n      - {name: s, direction: egress, addresses: [§300.1.1.1]}\n"), "300.1.1.1"},
		{"unknown group", "companies: [{name: C}]\ncustomers:\n  - name: x\n    company: C\n    destination_groups_enabled: true\n    destinations:\n      - {name: d, host: h.test, group: §3}\n", "3|group"},
		{"unknown group in a rule", inCustomer("    destination_groups_enabled: true\n    routing_rules:\n      - {name: r, header: to, value: x, group: §4}\n"), "4|group"},
		{"group 10", inCustomer("    destination_groups_enabled: true\n    destination_groups:\n      - {id: §10, name: ten}\n"), "10|9"},
		{"group 1 edited", inCustomer("    destination_groups_enabled: true\n    destination_groups:\n      - {id: §1, name: mine}\n"), "group 1|cannot be edited"},
		{"two customers with one domain", "companies: [{name: C}]\ncustomers:\n  - {name: a, company: C, domains: [same.test]}\n  - {name: b, company: C, domains: [§same.test]}\n", "same.test"},
		{"unquoted 040", inCustomer("    blocklist:\n      - {domain: \"\", prefix: §040}\n"), "quote|\"040\""},
		{"unquoted country code", inCustomer("    country_code: §39\n"), "quote"},
		{"bad mode", inCustomer("    destination_mode: §random\n"), "random|load_balancing"},
		{"bad protocol", "companies: [{name: C}]\ncustomers:\n  - name: x\n    company: C\n    destinations:\n      - {name: d, host: h.test, protocol: §sctp}\n", "sctp|udp"},
		{"bad header", inCustomer("    firewall_rules:\n      - {name: r, header: §x-foo, value: a, action: drop}\n"), "x-foo|user-agent"},
		{"bad action", inCustomer("    firewall_rules:\n      - {name: r, header: to, value: a, action: §reject}\n"), "reject|drop"},
		{"bad match", inCustomer("    firewall_rules:\n      - {name: r, header: to, value: a, match: §glob, action: drop}\n"), "glob|regex"},
		{"time without unit", inCustomer("    timers: {initial: §5}\n"), "5s|initial"},
		{"negative time", inCustomer("    timers: {invite: §-5s}\n"), "-5s"},
		{"port", "companies: [{name: C}]\ncustomers:\n  - name: x\n    company: C\n    destinations:\n      - {name: d, host: h.test, port: §70000}\n", "70000|65535"},
		{"negative limit", inCustomer("    call_limit: §-1\n"), "-1"},
		{"text where a number is meant", inCustomer("    call_limit: §many\n"), "many|number"},
		{"two destinations of one name", "companies: [{name: C}]\ncustomers:\n  - name: x\n    company: C\n    destinations:\n      - {name: d, host: h.test}\n      - {name: §d, host: i.test}\n", "d"},
		{"no host", "companies: [{name: C}]\ncustomers:\n  - name: x\n    company: C\n    destinations:\n      - {§name: d}\n", "host"},
		{"unknown switch", "companies: [{name: C}]\ncustomers:\n  - name: x\n    company: C\n    destinations:\n      - {name: d, switch: §nowhere}\n", "nowhere"},
		{"unknown company", "customers:\n  - {name: x, company: §Nobody}\n", "Nobody"},
		{"bad domain", "companies: [{name: C}]\ncustomers:\n  - name: x\n    company: C\n    domains: [§\"not a domain\"]\n", "not a domain"},
		{"broken YAML", "customers:\n  - name: x\n   §domains: [\n", ""},
	}
}

var located = regexp.MustCompile(`tenants\.yaml:(\d+):(\d+)`)

// TestBadFiles: each fault names its line and column, what is wrong and what would be right,
// and nothing of the file is applied.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	node := harness.Start(t)
	node.ApplyText(t, "companies:\n  - name: Standing\n")
	before := node.Must(t, "export").Stdout
	for _, b := range badFiles() {
		t.Run(b.name, func(t *testing.T) {
			at := strings.Index(b.text, "§")
			line := strings.Count(b.text[:at], "\n") + 1
			r := node.TryApply(t, strings.Replace(b.text, "§", "", 1))
			if r.Code != 1 {
				t.Fatalf("expected exit 1\n%s", r)
			}
			found := located.FindAllStringSubmatch(r.Stdout+r.Stderr, -1)
			if len(found) != 1 || b.name != "broken YAML" && found[0][1] != strconv.Itoa(line) || found[0][2] == "0" {
				t.Errorf("expected one fault, in line %d, with a column\n%s", line, r)
			}
			if b.words != "" {
				says(t, r, strings.Split(b.words, "|")...)
			}
			if strings.Contains(r.Stdout+r.Stderr, "panic") {
				t.Errorf("%s", r)
			}
		})
	}
	if after := node.Must(t, "export").Stdout; after != before {
		t.Errorf("a bad file was applied in part:\n%s", after)
	}
}

// TestAllFaultsAtOnce: one line a fault; first those of single values, then those of rules.
func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	node := harness.Start(t)
	for _, lines := range []string{
		"    call_limit: many\n    timers: {initial: 5}\n    nonsense: 1\n",
		"    call_limit: -1\n    whitelist: [x]\n    destination_mode: random\n",
	} {
		r := node.TryApply(t, inCustomer(lines))
		if found := located.FindAllString(r.Stdout+r.Stderr, -1); r.Code != 1 || len(found) != 3 {
			t.Errorf("three faults, three lines\n%s", r)
		}
	}
}

// TestApplyUsage: what is no file, and what is no flag.
func TestApplyUsage(t *testing.T) {
	t.Parallel()
	node := harness.Start(t)
	if r := node.Command(t, "apply", "-f", filepath.Join(node.Dir, "absent.yaml")); r.Code != 1 {
		t.Errorf("a missing file: expected exit 1\n%s", r)
	}
	for _, args := range [][]string{{"apply"}, {"apply", "--nonsense"}, {"nonsense"}, {"hangup"}} {
		if r := node.Command(t, args...); r.Code != 2 {
			t.Errorf("expected exit 2\n%s", r)
		}
	}
	if err := os.WriteFile(filepath.Join(node.Dir, "empty.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, node.Must(t, "apply", "-f", filepath.Join(node.Dir, "empty.yaml")), "no changes")
}
