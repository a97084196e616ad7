package importer_test

import (
	"crypto/md5" //nolint:gosec // what Kamailio stores
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func ha1(text string) string {
	sum := md5.Sum([]byte(text)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// file gives one of testdata, with a hash where HA1 stands.
func file(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(data), "HA1", ha1("1003:acme.example:Battery-Staple-9"))
}

// TestKamailioSubscriber: the same three users out of every kind of dump, with the passwords that they have.
func TestKamailioSubscriber(t *testing.T) {
	for _, name := range []string{"subscriber.mysql.sql", "subscriber.pg.sql", "subscriber.sqlite.sql", "subscriber.csv", "subscriber.tsv"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "")
			im, diff := w.takes("kamailio-subscriber", file(t, name))
			if im.Lines != 3 || im.Taken != 3 || strings.Contains(diff, "Horse") {
				t.Errorf("%d of %d lines are taken:\n%s", im.Taken, im.Lines, diff)
			}
			if !w.opens("1001", "Correct-Horse-1") || !w.opens("1002", `It's \ a "horse"`) || !w.opens("1003", "Battery-Staple-9") {
				t.Error("a password was not taken as it stands")
			}
			if want := name == "subscriber.mysql.sql"; slices.Contains(im.Ignored, "cfgtemplate") != want {
				t.Errorf("ignored columns %v", im.Ignored)
			}
		})
	}
}

func TestKamailioSubscriberFaults(t *testing.T) {
	w := newWorld(t, "")
	hash := ha1("1001:acme.example:Correct-Horse-1")
	const head = "username,domain,password,ha1,ha1b\n"
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"another's domain", head + "1001,other.example,Correct-Horse-1,,\n", []string{`f:2:6: domain: "other.example" is no domain of this customer; one of acme.example, pbx.acme.example`}},
		{"another realm", head + "1001,pbx.acme.example,," + hash + ",\n", []string{`password.realm: "pbx.acme.example" is not the customer's realm`}},
		{"case of the realm", head + "1001,ACME.example,," + hash + ",\n", []string{`password.realm: "ACME.example" is not`}},
		{"two passwords", head + "1001,acme.example,Battery-Staple-9," + hash + ",\n", []string{"password: ha1 is no hash of the password beside it"}},
		{"only ha1b", head + "1001,acme.example,,," + hash + "\n", []string{"password: ha1b is the hash for phones that send user@domain"}},
		{"no realm", head + "1001,,," + hash + ",\n", []string{"password: ha1 without a domain"}},
		{"nothing", head + "1001,acme.example,,,\n", []string{"f:2:1: password: is missing"}},
		{"weak", head + "1001,acme.example,1234,,\n", []string{"f:2:19: password: the password is too short; at least 8 characters"}},
		{"the word", head + "1001,acme.example,generate,,\n", []string{"the password is the word generate"}},
		{"no name", head + ",acme.example,Correct-Horse-1,,\n", []string{"f:2:1: username: is missing"}},
		{"hostile name", head + "\"1\r\nVia: x\",acme.example,Correct-Horse-1,,\n", []string{"f:2:1: username: "}},
		{"no columns", "INSERT INTO subscriber VALUES (1,'1001','acme.example');", []string{"f:1:24: neither a CREATE TABLE nor this statement names the columns"}},
		{"torn", "INSERT INTO subscriber (username, password) VALUES ('1001','Corr", []string{"f:1:60: the file ends within a statement"}},
		{"torn COPY", "COPY subscriber (username, password) FROM stdin;\n1001\tCorrect-Horse-1\n", []string{`f:3:1: the file ends within COPY`}},
		{"other columns", "INSERT INTO subscriber (username) VALUES ('a'); INSERT INTO subscriber (password) VALUES ('b');", []string{"names other columns"}},
		{"another table", "-- dump\nCREATE TABLE `location` (`id` int);\nINSERT INTO `location` VALUES (1);", []string{"f:1:1: nothing in this dump puts anything into the table subscriber"}},
		{"too few values", "INSERT INTO subscriber (username, password) VALUES ('1001','Correct-Horse-1'),\n('1002');", []string{"f:2:1: has 1 values; 2"}},
		{"SELECT", "INSERT INTO subscriber (username, password) SELECT 1, 2;", []string{"an INSERT whose values cannot be read"}},
	} {
		t.Run(c.name, func(t *testing.T) { w.T = t; w.refuses("kamailio-subscriber", c.text, c.want...) })
	}
}

func TestKamailioAddress(t *testing.T) {
	w := newWorld(t, "")
	im, _ := w.takes("kamailio-address", file(t, "address.csv"))
	w.has(w.export(), `{name: carrier one, direction: egress, addresses: [198.51.100.16/28, 203.0.113.5/32]`, `{name: group 2, direction: egress, addresses: ["2001:db8:5::/48"]`,
		`{name: "office (group 2)", direction: egress, addresses: [192.0.2.9/32]`, `{name: "office (group 3)", direction: egress, addresses: [192.0.2.10/32]`)
	w.says(im.Notes, "f:3:20: addresses: port \"5060\" is left out", "f:4:1: addresses: 203.0.113.5/32 is there already", "f:4:20: addresses: port")
	if im.Taken != 6 {
		t.Errorf("%d lines are taken", im.Taken)
	}
	w.refuses("kamailio-address", "grp,ip_addr,mask,tag\n1,192.0.2.300,32,a\n1,192.0.2.1,33,b\n1,::1,x,c\n", "f:2:3: addresses:", "f:3:13: addresses: \"33\" is no length of a prefix; 0 to 32", "f:4:7: ")
	// Lines of one switch stand and fall together, and each is told.
	im, _ = w.imports("kamailio-address", "grp,ip_addr,mask,tag\n1,192.0.2.1,32,\"a\tb\"\n1,192.0.2.2,32,\"a\tb\"\n2,192.0.2.3,32,good\n", true)
	w.says(im.Skipped, "f:2:16: name: holds characters that cannot be printed", "f:3:1: belongs to the same one as line 2")
	if im.Taken != 1 {
		t.Errorf("%d lines are taken", im.Taken)
	}
}

func TestKamailioDispatcher(t *testing.T) {
	w := newWorld(t, `, destination_groups_enabled: true, destination_groups: [{id: 2, name: second}]`)
	im, _ := w.takes("kamailio-dispatcher", file(t, "dispatcher.csv"))
	w.has(w.export(), `{name: pbx one, group: 1, host: 192.0.2.31, port: 5062, protocol: tcp, tls_verify: false, priority: 10`,
		`{name: set 1 pbx.acme.example, group: 1, host: pbx.acme.example, port: 0, protocol: tls, tls_verify: false, priority: 20, class5: false, network: "", headers: [], disabled: false}`,
		`host: "2001:db8::7", port: 5060, protocol: udp, tls_verify: false, priority: 20, class5: false, network: "", headers: [], disabled: true}`)
	if !slices.Equal(im.Ignored, []string{"attrs"}) {
		t.Errorf("ignored columns %v", im.Ignored)
	}
	w.refuses("kamailio-dispatcher", "setid,destination,priority\n3,sip:192.0.2.1,0\n1,http://x,0\n1,sip:a@b.example,0\n1,sip:192.0.2.1;transport=ws,0\n1,sip:192.0.2.2,high\n",
		"f:2:1: group: this customer has no group 3; one of 1, 2", `f:3:3: host: "http://x" is no SIP URI`, "f:4:3: host: ", `f:5:3: protocol: "ws" is not known`, `f:6:17: priority: "high"`)
}

func TestFusionPBX(t *testing.T) {
	w := newWorld(t, "")
	im, _ := w.takes("fusionpbx-extensions", file(t, "extensions.csv"))
	w.has(w.export(), `{username: "201", channels: 5, allow_from: [192.0.2.0/24, 198.51.100.7/32]`, `{username: "202"`)
	w.says(im.Notes, `f:4:66: the extension "203" is disabled there, and left out`)
	if im.Lines != 3 || im.Taken != 2 || !w.opens("201", "Tq8-vLm3.Rz1xW") || !slices.Equal(im.Ignored, []string{"description"}) {
		t.Errorf("%d of %d lines are taken, ignored %v", im.Taken, im.Lines, im.Ignored)
	}
	w.refuses("fusionpbx-extensions", "extension,password,user_context\n301,Tq8-vLm3.Rz1xW,rival.example\n", `f:2:20: domain: "rival.example" is no domain of this customer`)
}
