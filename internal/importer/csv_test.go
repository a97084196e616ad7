package importer_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/internal/importer"
	"tollgate/internal/tenant"
)

func TestUsers(t *testing.T) {
	w := newWorld(t, ", sip_users: [{username: standing, password: Correct-Horse-1}]")
	_, diff := w.takes("users", "\ufeffusername,password,channels,allow_from,retain_did,voicemail.enabled,voicemail.email\r\n"+
		"1001,Correct-Horse-1,2,192.0.2.0/24 198.51.100.1,yes,true,a@acme.example\r\n"+
		"\r\n"+
		"1002,\"Battery, \"\"Staple\"\" 9\",,,,,\r\n")
	w.has(diff, "+ customer acme sip-user 1001\n", "~ customer acme sip-user 1002 password (set)\n")
	w.has(w.export(), `username: "1001", channels: 2, allow_from: [192.0.2.0/24, 198.51.100.1/32], retain_did: true`, `email: a@acme.example`, "username: standing")
	if !w.opens("1001", "Correct-Horse-1") || !w.opens("1002", `Battery, "Staple" 9`) || !w.opens("standing", "Correct-Horse-1") {
		t.Error("a password was not taken as it stands")
	}
	if strings.Contains(diff+w.export(), "Horse") {
		t.Error("a password is shown")
	}
	// What a line does not say stays, and so does whom the file does not name.
	_, diff = w.takes("users", "username;cps;latching\n1001;5;strict\n")
	if diff != "~ customer acme sip-user 1001 cps null -> 5\n~ customer acme sip-user 1001 latching null -> strict\n" {
		t.Error(diff)
	}
}

func TestGenerated(t *testing.T) {
	w := newWorld(t, "")
	im, err := w.read("users", "username,password\n1001,generate\n1002,generate\n", false)
	if err != nil {
		t.Fatal(err)
	}
	done, err := im.Apply(t.Context(), w.st)
	if err != nil || len(done.Generated) != 2 || done.Generated[0].Password == done.Generated[1].Password {
		t.Fatalf("%+v, %v", done, err)
	}
	if !w.opens("1001", done.Generated[0].Password) {
		t.Error("another password is stored than was told")
	}
}

func TestSwitchesDIDsAndBlocklist(t *testing.T) {
	w := newWorld(t, ", sip_users: [{username: Anna, password: Correct-Horse-1}]")
	w.takes("switches", "name,direction,addresses,channels,host,username,password\n"+
		"dialer,egress,\"198.51.100.0/28, 2001:db8::/64\",30,,,\n"+
		"carrier,ingress,,,sip.carrier.example,acct,secret\n")
	w.takes("dids", "number\tsip_user\tswitch\n390401234567\tanna\t\n390401234568\t\tcarrier\n")
	w.takes("blocklist", "prefix,domain\n040,acme.example\n'+882,\n")
	w.has(w.export(), `{name: dialer, direction: egress, addresses: [198.51.100.0/28, "2001:db8::/64"]`, `{number: "390401234567", sip_user: Anna}`,
		`{number: "390401234568", switch: carrier}`, `{domain: acme.example, prefix: "040", mode: enforce}`, `prefix: "+882"`)
	w.refuses("dids", "number,sip_user\n390401234567,anna\n390401234569,nobody\n390401234570,\n",
		`f:3:14: sip_user: this customer has no SIP user "nobody"`, `f:4:1: `)
}

// TestFaults: each line that is not taken is told with its place, why, and what would be right.
func TestFaults(t *testing.T) {
	w := newWorld(t, `, extension_block: "1000-1003"`)
	for _, c := range []struct {
		name, preset, text string
		want               []string
	}{
		{"several at once", "users", "username,password,channels\n9,Correct-Horse-1,1\n1001,short,many\n1002,,\n", []string{
			`f:2:1: username: "9" is not in the customer's extension block 1000-1003; a free extension: 1000`, "f:3:12: channels: \"many\" is no whole number; such as 10",
			"f:4:1: password: is missing",
		}},
		{"duplicates", "users", "username,password\n1001,Correct-Horse-1\n1001,Correct-Horse-1\n", []string{`f:3:1: Duplicate User Detected: "1001" is first in line 2`}},
		{"unknown column", "users", "username,passwort\n1001,x\n", []string{`f:1:10: there is no column "passwort"; a first line that names the columns, of username, password`}},
		{"column twice", "users", "username,username\n1,2\n", []string{`f:1:10: the column "username" is there twice`}},
		{"no header", "users", "1001,Correct-Horse-1\n", []string{`there is no column "1001"`, `there is no column "Correct-Horse-1"`}},
		{"needed column", "users", "password\nCorrect-Horse-1\n", []string{"there is no column username"}},
		{"too many values", "users", "username,password\n1001,Correct,Horse\n", []string{"f:2:1: has 3 values; 2, one for each column"}},
		{"open quote", "users", "username,password\n1001,\"Correct\n1002,Horse-1234\n", []string{"f:2:1: a quote that is not closed"}},
		{"bare quote", "users", "username,password\n1001,Cor\"rect\n1002,Correct-Horse-1\n", []string{"f:2:9: a quote in the middle of a value"}},
		{"bad UTF-8", "users", "username,password\n1001,Correct-\xff-Horse\n", []string{"f:2:6: password: is not UTF-8"}},
		{"UTF-16", "users", "\xff\xfeu\x00", []string{"f:1:1: is UTF-16"}},
		{"NUL", "users", "username\n10\x0001\n", []string{"f:2:3: holds a NUL byte"}},
		{"empty", "users", " \n", []string{"f:1:1: the file is empty"}},
		{"formula", "blocklist", "prefix\n\"=cmd|' /C calc'!A0\"\n@SUM(1)\n+1*2\n", []string{"begins like a formula", "begins like a formula", "begins like a formula"}},
		{"a spreadsheet's decimals", "dids", "number,switch\n390401234567.0,carrier\n", []string{`f:2:1: number: "390401234567.0" is a number as spreadsheets count; the digits alone`}},
		{"a spreadsheet's extension", "users", "username,password\n1001.00,Correct-Horse-7\n", []string{`f:2:1: username: "1001.00" is a number`}},
		{"a spreadsheet's prefix", "blocklist", "prefix\n00882.0\n", []string{`f:2:1: prefix: "00882.0" is a number`}},
		{"a spreadsheet's exponent", "dids", "number\n3.90401E+11\n", []string{"f:2:1: number:"}},
		{"a spreadsheet's number", "dids", "number,switch\n\"3,90E+11\",x\n", []string{`f:2:1: number: "3,90E+11" is a number`}},
		{"a username of hexadecimal digits", "users", "username\n80510e123456\n", []string{"password: is missing", "not in the customer's extension block"}},
		{"control characters", "switches", "name,direction,addresses\n\"a\nb\",egress,192.0.2.1\n", []string{"f:2:1: name: holds characters that cannot be printed"}},
		{"flag", "users", "username,retain_did\n1001,perhaps\n", []string{`f:2:6: retain_did: "perhaps" is neither true nor false`}},
		{"password and hash", "users", "username,password,ha1\n1001,Correct-Horse-1,0123456789abcdef0123456789abcdef\n", []string{"f:2:22: password: both a password and a hash"}},
		{"no hash", "users", "username,ha1\n1001,xyz\n", []string{"f:2:6: password.ha1: is no hash of a password"}},
		{"realm", "users", "username,ha1,realm\n1001,0123456789abcdef0123456789abcdef,other.example\n", []string{`f:2:6: password.realm: "other.example" is not the customer's realm`}},
	} {
		t.Run(c.name, func(t *testing.T) { w.T = t; w.refuses(c.preset, c.text, c.want...) })
	}
}

// TestSkipBad: the good lines are taken, the others listed, and each only for what is its own fault.
func TestSkipBad(t *testing.T) {
	w := newWorld(t, ", call_limit: 4, sip_users: [{username: a, password: Correct-Horse-1}]")
	im, _ := w.imports("users", "username,password,channels\n"+
		"1001,Correct-Horse-1,2\n"+
		"1 2,Correct-Horse-1,3\n"+
		"1003,Correct-Horse-1,2\n"+ // no longer fits
		"1004,Correct-Horse-1,1\n"+ // fits still
		"1005,\"x\"y,1\n"+
		"1006,Correct-Horse-1,1\n"+
		"1007,Correct-Horse-1\n", true)
	w.says(im.Skipped, "f:3:1: username:", "f:4:22: channels: No channel capacity available for your account.", "f:6:", "f:7:22: channels: No channel", "f:8:1: has 2 values")
	if im.Lines != 7 || im.Taken != 2 || len(w.account().SIPUsers) != 3 {
		t.Errorf("%d lines, %d taken, %d users", im.Lines, im.Taken, len(w.account().SIPUsers))
	}
	if _, err := w.read("users", "usrname\n1\n", true); err == nil {
		t.Error("a header that is wrong is passed over")
	}
	if _, err := w.read("nothing", "x", true); tenant.FaultsOf(err) == nil {
		t.Errorf("no such preset: %v", err)
	}
	w.id = 999
	if _, err := w.read("users", "username\n1\n", true); tenant.FaultsOf(err) == nil {
		t.Errorf("no such customer: %v", err)
	}
}

// TestCapacity: as many lines as do not fit are told, in the mission's words, and none is taken.
func TestCapacity(t *testing.T) {
	w := newWorld(t, ", call_limit: 2")
	const none = "channels: No channel capacity available for your account."
	w.refuses("users", "username,password\n1,Correct-Horse-1\n2,Correct-Horse-1\n3,Correct-Horse-1\n4,Correct-Horse-1\n", "f:4:1: "+none, "f:5:1: "+none)
}

// TestProfileCapacity: who does not fit into the capacity of his SIP profile, which other customers' users share, is told with
// his line; older users of it who are named again, and others, are not.
func TestProfileCapacity(t *testing.T) {
	w := newWorld(t, "")
	w.yaml("companies: [{name: Verdi}]\nsip_profiles: [{name: small, company: Verdi, capacity: 5}, {name: large, company: Verdi}]\n" +
		"customers:\n  - {name: other, company: Verdi, domains: [other.example], sip_users: [{username: a, password: Correct-Horse-1, profile: small, channels: 2}]}\n")
	w.takes("users", "username,password,profile,channels\n1001,Correct-Horse-1,small,1\n")
	const text = "username,password,profile,channels\n" +
		"1002,Correct-Horse-1,small,2\n" + // the last room there is
		"1003,Correct-Horse-1,small,1\n" +
		"1004,Correct-Horse-1,large,9\n" +
		"1001,Correct-Horse-1,small,1\n" + // has his
		"1005,Correct-Horse-1,small,\n"
	const none = "channels: No channel capacity available for your account.; at most 5 channels for all users of the SIP profile \"small\" together"
	w.refuses("users", text, "f:3:28: "+none, "f:6:1: "+none)
	im, _ := w.imports("users", text, true)
	w.says(im.Skipped, "f:3:28: "+none, "f:6:1: "+none)
	if im.Lines != 5 || im.Taken != 3 || len(w.account().SIPUsers) != 3 {
		t.Errorf("%d lines, %d taken, %d users", im.Lines, im.Taken, len(w.account().SIPUsers))
	}
}

// TestMany: more lines than are tried before they are made. What takes time with the square of the
// lines would show here already.
func TestMany(t *testing.T) {
	const n = 3000 // with 100,000 of each all of this takes 45 s of CPU
	w := newWorld(t, "")
	var users, dids strings.Builder
	users.WriteString("username,ha1\n")
	dids.WriteString("number,sip_user\n")
	for i := range n {
		fmt.Fprintf(&users, "u%d,%032x\n", i, i)
		fmt.Fprintf(&dids, "39040%07d,u%d\n", i, i)
	}
	for _, c := range []struct{ preset, text string }{{"users", users.String()}, {"dids", dids.String()}} {
		if im, _ := w.takes(c.preset, c.text); im.Taken != n {
			t.Errorf("%d of %s taken", im.Taken, c.preset)
		}
	}
}

func FuzzImport(f *testing.F) {
	f.Add("users", "username,password\n1001,\"a\"\"b\"\n")
	f.Add("kamailio-subscriber", "CREATE TABLE `subscriber` (`id` int);\nINSERT INTO `subscriber` VALUES (1,'x\\'',NULL);")
	f.Add("kamailio-address", "COPY public.address (id, grp, ip_addr) FROM stdin;\n1\t2\t\\N\n\\.\n")
	f.Add("kamailio-dispatcher", "setid,destination\n1,sip:[::1]:5060;transport=tcp\n")
	f.Add("fusionpbx-extensions", "extension,password,enabled\n1,x,false\n")
	f.Fuzz(func(t *testing.T, preset, text string) {
		importer.Look(preset, []byte(text))
	})
}
