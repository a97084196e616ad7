package tenantfile_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/tenantfile"
)

// example is the contract's file, whole.
func example(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("testdata/tenants.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func openStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// wrong is one mistake in the example: old is replaced by new, and the fault has to stand where
// mark does after that (in new where that holds it), say what and say want.
type wrong struct {
	name, old, new, mark string
	what, want           string
	also                 int // faults that follow from it
}

func wrongFields() []wrong {
	return []wrong{
		// What no noun has, and what YAML takes for something else.
		{"unknown key", "call_limit: 100 ", "call_limt: 100 ", "call_limt", `a customer has no key "call_limt"`, "did you mean call_limit?", 0},
		{"unknown top key", "\ncustomers:", "\ncustmers:", "custmers", `the file has no key "custmers"`, "did you mean customers?", 1},
		{"unknown key far off", "keepalive: true ", "zebra: true ", "zebra", `no key "zebra"`, "one of name, company", 0},
		{"unknown key of a destination", "class5: false", "klass: false", "klass", `a destination has no key "klass"`, "class5?", 0},
		{"unknown key of timers", "initial: 5s", "inital: 5s", "inital", `timers has no key "inital"`, "initial", 0},
		{"key twice", "cps: 0                       # default = unlimited", "call_limit: 1", "call_limit: 1\n", "given twice, first in line 24", "each key once", 0},
		{"octal", `prefix: "040"`, "prefix: 040", "040}", "040 is octal in YAML", `quote it: "040"`, 0},
		{"octal that is none", `prefix: "040"`, "prefix: 099", "099}", "099 is not quoted", `quote it: "099"`, 0},
		{"unquoted number", `country_code: "39"`, "country_code: 39", "39 ", "39 is a number in YAML where text is meant", `quote it: "39"`, 0},
		{"unquoted plus", `number: "390401234567"`, "number: +390401234567", "+390401234567", "number in YAML", `quote it: "+390401234567"`, 0},
		{"unquoted user", `username: "1001"`, "username: 1001", "1001\n", "1001 is a number in YAML", `quote it: "1001"`, 0},
		{"unquoted version", `version: "20"`, "version: 1.20", "1.20", "1.20 is a number", `quote it: "1.20"`, 0},
		{"exponent", `version: "20"`, "version: 1e3", "1e3", "1e3 is not quoted", `quote it: "1e3"`, 0},
		{"unquoted password", "password: Correct-Horse-1", "password: 12345678", "12345678", "number", "quote it", 0},
		{"yes for text", "in_call_ping: \"off\"", "in_call_ping: true", "true ", "yes or no", `quote it: "true"`, 0},
		{"empty text", `realm: giuseppeverdi.example.com`, "realm:", "   # default: the first", "is empty", "leave the key out", 0},
		{"text for a number", "call_limit: 100", `call_limit: "100"`, `"100"`, `is the text "100" where a number is meant`, "100 without quotes", 0},
		{"words for a number", "call_limit: 100", "call_limit: many", "many", "where a number is meant", "a whole number", 0},
		{"fraction", "call_limit: 100", "call_limit: 1.5", "1.5", "where a whole number is meant", "a whole number", 0},
		{"leading zero", "port: 5070", "port: 05070", "05070", "not read as what it looks like", "such as 5070", 0},
		{"text for a flag", "topology_hiding: true", "topology_hiding: yes", "yes", `the text "yes"`, "true or false", 0},
		{"no unit", "initial: 5s", "initial: 5", "5,", "5 has no unit", "5s for seconds", 0},
		{"no time", "initial: 5s", "initial: soon", "soon", `"soon" is not a time`, "5s", 0},
		{"no list", "digest: [sha-256, md5]", "digest: md5", "md5 ", "not a list", "[a, b]", 0},
		{"no mapping", "antifraud: {invite: 10, register: 50, options: 50, mode: enforce}", "antifraud: 10", "10 ", "is the number 10", "{invite: ...}", 0},
		{"list of numbers", `numbers: ["112"]`, "numbers: [112]", "112]", "112 is a number", `quote it: "112"`, 0},
		{"alias", "realm: giuseppeverdi.example.com", "realm: *x", "*x", "aliases are not read", "write the value", 0},
		{"anchor", "realm: giuseppeverdi.example.com", "realm: &x y", "&x", "anchors", "write the value", 0},
		{"tag", `prefix: "040"`, "prefix: !!str 040", "!!str", "tags are not read", "write the value", 0},

		// Values of customers.
		{"country code", `country_code: "39"`, `country_code: "+39"`, `"+39"`, `"+39" is not made of`, `such as "39"`, 0},
		{"international prefix", `international_prefix: "00"`, `international_prefix: "x"`, `"x"`, `"x"`, `"00" or "011"`, 0},
		{"national prefix", `national_prefix: ""`, `national_prefix: "00000"`, `"00000"`, `"00000"`, `such as "0"`, 0},
		{"realm", "realm: giuseppeverdi.example.com", `realm: 'a"b'`, `'a"b'`, "quote or a backslash", "example.com", 0},
		{"digest", "digest: [sha-256, md5]", "digest: [sha-256, md4]", "md4", `"md4" is not known`, "one of sha-256, md5, sha-512-256", 0},
		{"no digest", "digest: [sha-256, md5]", "digest: []", "[] ", "lists no algorithm", "[sha-256, md5]", 0},
		{"negative limit", "call_limit: 100", "call_limit: -1", "-1", "-1 is out of range", "0 (unlimited)", 0},
		{"transcoding without bridging", "rtp_bridging: true           # false default\n    transcoding: {enabled: false", "rtp_bridging: false\n    transcoding: {enabled: true", "true, codecs", "transcoding needs RTP bridging", "rtp_bridging: true", 0},
		{"codec", "codecs: [PCMA, PCMU, opus]", "codecs: [PCMA, MP3]", "MP3", `"MP3" is not a known codec`, "one of PCMU", 0},
		{"mode", "destination_mode: priority", "destination_mode: random", "random", `"random" is not known`, "one of priority, load_balancing", 0},
		{"antifraud", "invite: 10", "invite: -3", "-3", "-3 is out of range", "0 to", 0},
		{"antifraud mode", "mode: enforce}   #", "mode: count}   #", "count", `"count" is not known`, "enforce, monitor", 0},
		{"timer", "invite: 120s", "invite: 2h", "2h,", "2h0m0s is out of range", "100ms to 1h", 0},
		{"in-call ping", `in_call_ping: "off"`, "in_call_ping: always", "always", `"always" is not known`, "one of off", 0},
		{"NAT ping", "nat_ping: enabled            #", "nat_ping: maybe            #", "maybe", `"maybe" is not known`, "enabled, disabled", 0},
		{"extension block", `extension_block: ""`, `extension_block: "1999-1000"`, `"1999-1000"`, "is not a block of extensions", `"1000-1999"`, 0},
		{"registration", "registration: relay", "registration: here", "here", `"here" is not known`, "relay, local", 0},
		{"outbound", "outbound: customer", "outbound: all", "all ", `"all" is not known`, "customer, any", 0},
		{"emergency group", `emergency: {numbers: ["112"], group: 1}`, `emergency: {numbers: ["112"], group: 7}`, "7}", "this customer has no group 7", "one of 1, 2", 0},
		{"company", "company: Verdi Telecom\n    country", "company: Verdi\n    country", "Verdi\n    country", `there is no company "Verdi"`, "under companies", 0},
		{"no company", "    company: Verdi Telecom\n    country", "    country", "name: GiuseppeVerdi\n    country", "company: is missing", "the name of the company", 0},
		{"no name", "  - name: GiuseppeVerdi\n    company", "  - company", "company: Verdi Telecom\n    country", "name: is missing", "1 to 64 characters", 1},

		// What is theirs.
		{"domain", "domains: [giuseppeverdi.example.com]", "domains: [giuseppe_verdi!.example.com]", "giuseppe_verdi!", `"!"`, "such as pbx.example.com", 1},
		{"domain with port", "domains: [giuseppeverdi.example.com]", "domains: [\"giuseppeverdi.example.com:5060\"]", `"giuseppeverdi.example.com:5060"`, "is not a host", "the port goes into its own field", 1},
		{"domain twice", "domains: [giuseppeverdi.example.com]", "domains: [giuseppeverdi.example.com, GIUSEPPEVERDI.example.com]", "GIUSEPPE", "listed twice", "each once", 0},
		{"group 10", "{id: 2, name: new-pbx}", "{id: 10, name: new-pbx}", "10, name", "there is no group 10", "1 to 9", 3},
		{"group 1 edited", "{id: 2, name: new-pbx}", "{id: 1, name: mine}", "id: 1", "group 1 is made with the customer and cannot be edited or deleted", "groups 2 to 9", 3},
		{"group twice", "- {id: 2, name: new-pbx}", "- {id: 2, name: a}\n      - {id: 2, name: b}", "2, name: b", `"2" is listed twice`, "each once", 0},
		{"unknown group", "group: 2, host: 127.0.0.1", "group: 3, host: 127.0.0.1", "3, host", "this customer has no group 3", "one of 1, 2", 0},
		{"unknown group of a rule", "priority: 10, group: 2}", "priority: 10, group: 5}", "5}", "no group 5", "one of 1, 2", 0},
		{"group out of range", "group: 2, host: 127.0.0.1", "group: 12, host: 127.0.0.1", "12, host", "there is no group 12", "1 to 9", 0},
		{"groups off", "destination_groups_enabled: true", "destination_groups_enabled: false", "id: 2", "destination groups are off", "destination_groups_enabled: true", 1},
		{"destination without host", "{name: pbx1, group: 1, host: 127.0.0.1, port", "{name: pbx1, group: 1, port", "name: pbx1", "host: is missing", "an address or a host name, or a switch", 0},
		{"host and switch", "switch: carrier, priority: 20", "switch: carrier, host: 192.0.2.1, priority: 20", "192.0.2.1, priority", "exclude each other", "one of them", 0},
		{"host", "host: pbx2.example.com", "host: pbx2..example.com", "pbx2..", "has an empty part", "pbx.example.com", 0},
		{"address", "host: 127.0.0.1, port: 5070", "host: 127.0.0.256, port: 5070", "127.0.0.256", "is not an IP address", "0 to 255", 0},
		{"port", "port: 5070", "port: 70000", "70000", "70000 is out of range", "0 to 65535", 0},
		{"protocol", "port: 5070, protocol: udp", "port: 5070, protocol: sctp", "sctp", `"sctp" is not known`, "one of udp, tcp, tls, tls+srtp", 0},
		{"SMPP", "protocol: udp            #", "protocol: smpp            #", "smpp", "SMPP is not supported", "udp, tcp", 0},
		{"priority", "protocol: udp, priority: 10}", "protocol: udp, priority: -10}", "-10", "-10 is out of range", "0 to 65535", 0},
		{"unknown switch", "switch: carrier, priority", "switch: carier, priority", "carier", `this customer has no switch "carier"`, "direction: ingress", 0},
		{"egress switch as destination", "switch: carrier, priority", "switch: dialer, priority", "dialer, priority", "sends calls to us and receives none", "direction: ingress", 0},
		{"destination twice", "{name: pbx2, group", "{name: pbx1, group", "pbx1, group: 1, host: pbx2", `"pbx1" is listed twice`, "each once", 0},
		{"regex", `value: "^Cisco"`, `value: "^Cisco("`, `"^Cisco("`, "missing closing ) at character 7", `one ")" for each "("`, 0},
		{"look-around", `value: "^Cisco"`, `value: "(?=Cisco)"`, `"(?=`, "invalid or unsupported Perl syntax", "RE2", 0},
		{"class", `value: "^Cisco"`, `value: "ab[cd"`, `"ab[cd"`, "missing closing ] at character 3", `"]"`, 0},
		{"repeat", `value: "^Cisco"`, `value: "a**"`, `"a**"`, "at character 2", "", 0},
		{"backslash", `value: "^Cisco"`, `value: "abc\\"`, `"abc\\"`, "trailing backslash", `"\\"`, 0},
		{"large regex", `value: "^Cisco"`, `value: "((a{100}){100})"`, `"((a`, "", "", 0},
		{"header", "header: user-agent, value: \"^Cisco\"", "header: subject, value: \"^Cisco\"", "subject", `"subject" is not known`, "one of request-uri, source-ip", 0},
		{"firewall header for routing", "header: user-agent, value: \"^Cisco\"", "header: allow, value: \"^Cisco\"", "allow, value", `"allow" is not known`, "one of request-uri", 0},
		{"match", `value: "^Cisco", match: regex`, `value: "^Cisco", match: glob`, "glob", `"glob" is not known`, "regex, word, cidr", 0},
		{"cidr of a header", `value: "^Cisco", match: regex`, `value: 10.0.0.0/8, match: cidr`, "cidr,", "cidr compares addresses", "header: source-ip", 0},
		{"no action", "priority: 1, action: drop,", "priority: 1,", "name: scanners", "action: is missing", "accept, drop", 0},
		{"action", "action: accept", "action: allow", "allow,", `"allow" is not known`, "accept, drop", 0},
		{"blocklist domain", "{domain: giuseppeverdi.example.com, prefix", "{domain: other.example.com, prefix", "other.example.com, prefix", "is no domain of this customer", `"" for all calls`, 0},
		{"blocklist prefix", `prefix: "040"`, `prefix: "04x"`, `"04x"`, `"04x" is not a number`, "digits", 0},
		{"no prefix", `{domain: "", prefix: "00882"}`, `{domain: ""}`, `domain: ""}`, "prefix: is missing", `"00882"`, 0},
		{"whitelist", "whitelist: [192.0.2.10/32]", "whitelist: [192.0.2.10/33]", "192.0.2.10/33", "is not an IP address or CIDR range", "a mask of 0 to 32", 0},
		{"host bits", "whitelist: [192.0.2.10/32]", "whitelist: [192.0.2.10/24]", "192.0.2.10/24", "bits set to the right of /24", "192.0.2.0/24 for the range", 0},
		{"direction", "direction: egress ", "direction: both ", "both ", `"both" is not known`, "ingress, egress", 0},
		{"CIDR", "addresses: [198.51.100.0/28", "addresses: [198.51.100.0/40", "198.51.100.0/40", "is not an IP address or CIDR range", "a mask of 0 to 32", 0},
		{"FQDN as address", "addresses: [198.51.100.0/28", "addresses: [dialer.example.com", "dialer.example.com", "is not an IP address", "only as the host of an ingress switch", 0},
		{"the whole internet", "addresses: [198.51.100.0/28", "addresses: [0.0.0.0/0", "0.0.0.0/0", "every address", "this switch only", 0},
		{"no address", `addresses: [198.51.100.0/28, "2001:db8::/64"]`, "addresses: []", "[]\n", "lists no address", "198.51.100.0/28", 0},
		{"host of an egress switch", "direction: egress ", "host: a.example.com\n        direction: egress ", "a.example.com\n", "has no host", "direction: ingress", 0},
		{"addresses of an ingress switch", "host: sip.carrier.example", "host: sip.carrier.example\n        addresses: [192.0.2.1]", "[192.0.2.1]", "known by its host", "one entry for each direction", 0},
		{"dial pattern", "dial_pattern: e164", "dial_pattern: e165", "e165", `"e165" is not known`, "one of e164", 0},
		{"tech prefix", `tech_prefix: ""`, `tech_prefix: "a"`, `"a"`, `"a" is not a number`, "digits", 0},
		{"force from", `force_from: ""`, `force_from: "a@b"`, `"a@b"`, "not the user part", "a number or name alone", 0},
		{"latching", "latching: symmetric", "latching: loose", "loose", `"loose" is not known`, "symmetric, strict, handover", 0},
		{"rewrite regex", `current: "\\+"`, `current: "+"`, `"+"`, "at character 1", "", 0},
		{"rewrite group", `new: "", match: regex`, `new: "$2", match: regex`, `"$2"`, `"$2" names no group`, "up to $0", 0},
		{"rewrite what", "{what: cli", "{what: caller", "caller", `"caller" is not known`, "destination, cli", 0},
		{"rewrite key", "{what: cli", "{which: cli", "which", `has no key "which"`, "one of what, current, new, match", 0},
		{"header edit", "{action: replace, name: User-Agent", "{action: set, name: User-Agent", "set", `"set" is not known`, "one of add, remove, replace", 0},
		{"header of ours", "name: X-Internal", "name: Contact", "Contact", `"Contact" cannot be changed`, "another header", 0},
		{"header with a blank", "name: X-Internal", "name: X Internal", "X Internal", "is no name of a header", `such as "X-Account"`, 0},
		{"header removed with a value", "name: X-Internal", "name: X-Internal, value: x", "x}", "has no value", "leave it out", 0},
		{"header key", "{action: remove, name", "{action: remove, header", "header", `has no key "header"`, "one of action, name, value", 0},
		{"proxy", "outbound_proxies: [203.0.113.5:5060]", "outbound_proxies: [203.0.113.5:0]", "203.0.113.5:0", `the port "0"`, "host:port", 0},
		{"register without a name", "username: acct1\n        password: secret         # write-only; never exported\n        realm: \"\"                # \"\" default: the host's or the first one asked by it\n        register: false", "register: true", "name: carrier\n", "username: is missing", "the name to register with", 0},
		{"switch without password", "        password: secret         # write-only; never exported\n", "", "name: carrier\n", "password: is missing", "generate", 0},
		{"CLI", `value: "0409876543", match: exact`, `value: "04098x", match: exact`, `"04098x"`, "is not a number", "digits", 0},
		{"CLI regex", `value: "^0651[0-9]{4}$"`, `value: "^0651[0-9"`, `"^0651[0-9"`, "missing closing ] at character 6", "", 0},
		{"DID to nobody", `sip_user: "1001"}`, `sip_user: "1002"}`, `"1002"`, `this customer has no SIP user "1002"`, "one of its sip_users", 0},
		{"DID to both", `sip_user: "1001"}`, `sip_user: "1001", switch: carrier}`, "carrier}", "exclude each other", "one of them", 0},
		{"DID to nothing", `, sip_user: "1001"}`, `}`, `number: "390401234567"`, "leads nowhere", "a sip_user or a switch", 0},
		{"DID twice", `{number: "390401234568"`, `{number: "+39 040 1234567"`, `"+39 040`, "listed twice", "each once", 0},
		{"username", `username: "1001"`, `username: "10 01"`, `"10 01"`, "may not", `such as "1001"`, 1},
		{"duplicate user", "      - username: \"1001\"\n", "      - {username: \"1001\", password: Correct-Horse-2}\n      - username: \"1001\"\n", `"1001"` + "\n        password", "Duplicate User Detected", "each once", 0},
		{"outside of the block", `extension_block: ""`, `extension_block: "2000-2999"`, `"1001"` + "\n        password", "not in the customer's extension block 2000-2999", "a free extension: 2000, 2001", 0},
		{"no password", "        password: Correct-Horse-1\n", "", `username: "1001"`, "password: is missing", "generate", 0},
		{"short password", "password: Correct-Horse-1", "password: short", "short", "too short", "at least 8", 0},
		{"password form", "password: Correct-Horse-1", "password: {env: A, file: B}", "{env", "none of the forms", "{env: NAME}", 0},
		{"unset variable", "password: Correct-Horse-1", "password: {env: TOLLGATE_TEST_UNSET}", "{env", "TOLLGATE_TEST_UNSET is not set", "set it where", 0},
		{"no such file", "password: Correct-Horse-1", "password: {file: testdata/no-such-file}", "{file", "no such file", "", 0},
		{"hash", "password: Correct-Horse-1", "password: {ha1: abc, realm: giuseppeverdi.example.com}", "{ha1", "no hash of a password", "32 hex digits", 0},
		{"hash of another realm", "password: Correct-Horse-1", "password: {ha1: 0123456789abcdef0123456789abcdef, realm: elsewhere}", "{ha1", "would never match", "giuseppeverdi.example.com", 0},
		{"hash for a switch", "password: secret ", "password: {ha1: abc, realm: b} ", "ha1", `password has no key "ha1"`, "one of env, file", 0},
		{"profile", "profile: teleworkers", "profile: homeworkers", "homeworkers", `no SIP profile "homeworkers"`, "under sip_profiles", 0},
		{"allow from", "allow_from: []", "allow_from: [home]", "home]", "is not an IP address", "", 0},
		{"user NAT ping", "nat_ping: enabled        # default; disabled | timeout", "nat_ping: sometimes", "sometimes", `"sometimes" is not known`, "enabled, disabled, timeout", 0},
		{"user latching", "        nat_ping: enabled        #", "        latching: loose\n        nat_ping: enabled        #", "loose", `"loose" is not known`, "symmetric, strict, handover", 0},
		{"PIN", `pin: ""`, `pin: "12"`, `"12"`, "not 4 to 12 digits", "4711", 0},
		{"voicemail e-mail", `{enabled: false, email: "",`, `{enabled: false, email: nobody,`, "nobody", "is not an e-mail address", "ops@example.com", 0},
		{"capacity", "channels: 2              #", "channels: 200              #", "200   ", "No channel capacity available for your account.", "", 0},

		// Companies, profiles, people.
		{"company channels", "channels: 0                  # default; ceiling", "channels: -1                  # default; ceiling", "-1", "-1 is out of range", "0 (unlimited)", 0},
		{"profile's capacity", "capacity: 50", "capacity: 1", "2              #", "No channel capacity available for your account.", `at most 1 channels for all users of the SIP profile "teleworkers" together`, 0},
		{"profile's company", "name: teleworkers, company: Verdi Telecom", "name: teleworkers, company: Rossi", "Rossi", `there is no company "Rossi"`, "under companies", 1},
		{"profile's ping", "nat_ping: enabled, restricted", "nat_ping: on, restricted", "on,", `"on" is not known`, "enabled, disabled, timeout", 0},
		{"profile's latching", "nat_ping: enabled, restricted", "nat_ping: enabled, latching: loose, restricted", "loose", `"loose" is not known`, "symmetric, strict, handover", 0},
		{"profile's codec", "restricted_codecs: [], channels: 1", "restricted_codecs: [X], channels: 1", "X]", `"X" is not a known codec`, "PCMU", 0},
		{"e-mail", "email: ops@verdi.example", "email: ops", "ops,", `"ops" is not an e-mail address`, "ops@example.com", 0},
		{"role", "role: company, access: admin", "role: boss, access: admin", "boss", `"boss" is not known`, "platform, company, customer", 0},
		{"access", "role: company, access: admin", "role: company, access: all", "all,", `"all" is not known`, "admin, operator, read-only", 0},
		{"platform user in a company", "role: company, access: admin", "role: platform, access: admin", "platform, access: admin, trans", "is not the platform's", "company or customer", 0},
		{"company user at the top", "role: platform, access: admin}", "role: company, access: admin}", "company, access: admin}", "is the platform's", "under its company", 0},
		{"user's customer", "customer: GiuseppeVerdi, access", "customer: Giuseppe, access", "Giuseppe, access", `has no customer "Giuseppe"`, "one of its customers", 0},
		{"user without customer", "role: customer, customer: GiuseppeVerdi,", "role: customer,", "email: giuseppe@verdi", "customer: is missing", "the customer that is seen", 0},
		{"user twice", "email: giuseppe@verdi.example", "email: OPS@verdi.example", "OPS@", "listed twice", "each once", 0},
	}
}

// TestWrongFields: each mistake gives its line and column, what is wrong and what would be right,
// and nothing of the file is applied.
func TestWrongFields(t *testing.T) {
	s, whole := openStore(t), example(t)
	for _, c := range wrongFields() {
		t.Run(c.name, func(t *testing.T) {
			if strings.Count(whole, c.old) == 0 {
				t.Fatalf("the example does not hold %q", c.old)
			}
			text := strings.Replace(whole, c.old, c.new, 1)
			faults := planned(t, s, text)
			if c.what == "" && c.want == "" && c.mark == "" {
				if len(faults) == 0 {
					t.Error("no fault")
				}
				return
			}
			line, column := position(t, text, c)
			for _, f := range faults {
				said := f.Error()
				if f.Line == line && f.Column == column && strings.Contains(said, c.what) && strings.Contains(f.Want, c.want) {
					if len(faults) != 1+c.also {
						t.Errorf("more is told than one mistake:\n%v", faults)
					}
					return
				}
			}
			t.Errorf("want %d:%d %q; %q, got\n%v", line, column, c.what, c.want, faults)
		})
	}
	if n, err := s.Revision(t.Context()); n != 0 || err != nil {
		t.Errorf("revision %d (%v) after nothing but faults", n, err)
	}
}

// position gives line and column of the mark: in what was replaced, where that holds it.
func position(t *testing.T, text string, c wrong) (line, column int) {
	t.Helper()
	from := 0
	if strings.Contains(c.new, strings.TrimRight(c.mark, " \n,}]")) {
		from = strings.Index(text, c.new)
	}
	i := strings.Index(text[from:], c.mark)
	if i < 0 {
		t.Fatalf("no mark %q", c.mark)
	}
	before := text[:from+i]
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndex(before, "\n")
}

// planned gives the faults of a file beside a store.
func planned(t *testing.T, s *store.Store, text string) tenantfile.Faults {
	t.Helper()
	f := tenantfile.Parse("tenants.yaml", []byte(text), tenantfile.Local{})
	_, err := tenantfile.New(t.Context(), s, f, tenantfile.Options{Principal: tenant.Local("test")})
	var faults tenantfile.Faults
	if err != nil && !errors.As(err, &faults) {
		t.Fatalf("no fault of the file: %v", err)
	}
	for _, f := range faults {
		if strings.Contains(f.Error(), "\n") || !strings.HasPrefix(f.Error(), "tenants.yaml:") {
			t.Errorf("not one line with its place: %q", f.Error())
		}
	}
	return faults
}
