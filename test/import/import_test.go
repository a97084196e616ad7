// Package importing plays somebody who moves to Tollgate: files of other systems and of
// spreadsheets, good and bad, through `tollgate import` and the API; what they change, what is told
// of lines that are not taken, and that traffic obeys.
package importing

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tollgate/test/harness"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a control proxy imports nothing
	}
	harness.Main(m)
}

// start gives a node with acme and a rival on it; more are more of acme's keys: ", call_limit: 2".
func start(t *testing.T, more string) *harness.Node {
	t.Helper()
	t.Parallel()
	node := harness.Start(t)
	node.ApplyText(t, fmt.Sprintf(`
companies: [{name: Verdi}]
customers:
  - {name: acme, company: Verdi, domains: [acme.example, pbx.acme.example], destination_groups_enabled: true, destination_groups: [{id: 2, name: second}]%s}
  - {name: rival, company: Verdi, domains: [rival.example]}
`, more))
	return node
}

// written gives a file with that text.
func written(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func says(t *testing.T, r harness.Result, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(r.Stdout+r.Stderr, w) {
			t.Errorf("%q is not said by\n%s", w, r)
		}
	}
}

// taken imports a file, sees that the dry run before said the same and changed nothing, and that
// the import after it says "no changes".
func taken(t *testing.T, node *harness.Node, preset, file string, words ...string) {
	t.Helper()
	file, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"import", preset, file, "--customer", "acme"}
	before := node.Must(t, "export").Stdout
	dry := node.Must(t, append(args, "--dry-run")...)
	if node.Must(t, "export").Stdout != before {
		t.Errorf("a dry run changed something\n%s", dry)
	}
	r := node.Must(t, args...)
	if r.Stdout != dry.Stdout {
		t.Errorf("the dry run said\n%s\nthe import\n%s", dry, r)
	}
	exported := node.Must(t, "export").Stdout
	for _, w := range words {
		if !strings.Contains(exported, w) {
			t.Errorf("no %q in\n%s", w, exported)
		}
	}
	says(t, node.Must(t, args...), "no changes")
	says(t, node.TryApply(t, exported), "no changes")
}

// TestEachPreset: realistic files are taken whole, and the export tells of them.
func TestEachPreset(t *testing.T) {
	node := start(t, "")
	taken(t, node, "kamailio-subscriber", "testdata/subscriber.mysql.sql", `username: "1001"`, `username: "1003"`)
	taken(t, node, "kamailio-address", "testdata/address.csv", "name: carrier one, direction: egress, addresses: [198.51.100.16/28, 203.0.113.5/32]")
	taken(t, node, "kamailio-dispatcher", "testdata/dispatcher.csv", "name: pbx one, group: 1, host: 192.0.2.31, port: 5062, protocol: tcp")
	taken(t, node, "fusionpbx-extensions", "testdata/extensions.csv", `username: "201", channels: 5`)
	taken(t, node, "users", written(t, "u.csv", "username;password;cps\r\n301;Correct-Horse-1;3\r\n"), `username: "301", cps: 3`)
	taken(t, node, "switches", written(t, "s.csv", "name,direction,host\ncarrier,ingress,192.0.2.77\n"), "name: carrier, direction: ingress")
	taken(t, node, "dids", written(t, "d.csv", "number,sip_user,switch\n390401234567,1001,\n390401234568,,carrier\n"), `number: "390401234567", sip_user: "1001"`)
	taken(t, node, "blocklist", written(t, "b.csv", "prefix,domain\n00882,\n040,acme.example\n"), `prefix: "00882"`)
	exported := node.Must(t, "export").Stdout
	for _, secret := range []string{"Correct-Horse", "Tq8-vLm3", "Battery", "password:"} {
		if strings.Contains(exported+logged(t, node), secret) {
			t.Errorf("%s is shown", secret)
		}
	}
	if at := strings.Index(exported, "name: rival"); strings.Contains(exported[at:], `"1001"`) {
		t.Error("the other customer has acme's users")
	}
	obeyed := node.Command(t, "explain", "--from", "sip:1@x.example", "--to", "sip:00882123@acme.example", "--source", "192.0.2.99:5060")
	says(t, obeyed, "block list")
	says(t, node.Command(t, "explain", "--from", "sip:1@x.example", "--to", "sip:39040111@acme.example", "--source", "203.0.113.5:5060"), "carrier one")
}

// TestRefused: a file with one bad line is refused with its place, and nothing of it is taken.
func TestRefused(t *testing.T) {
	node := start(t, "")
	before := node.Must(t, "export").Stdout
	for name, c := range map[string]struct {
		preset, text string
		code         int
		words        []string
	}{
		"one of many":      {"users", "username,password\n1,Correct-Horse-1\n2,short\n3,Correct-Horse-1\n", 1, []string{":3:3: password: the password is too short; at least 8 characters"}},
		"twice":            {"users", "username,password\n1,Correct-Horse-1\n1,Correct-Horse-2\n", 1, []string{":3:1: Duplicate User Detected"}},
		"other's domain":   {"kamailio-subscriber", "username,domain,password\n1,rival.example,Correct-Horse-1\n", 1, []string{`:2:3: domain: "rival.example" is no domain of this customer`}},
		"terminal escapes": {"users", "username\n\"\x1b[31m\"\n", 1, []string{`:2:1: username:`, `\x1b`}},
		"no such preset":   {"asterisk", "x\n", 2, []string{"there is no preset asterisk", "kamailio-subscriber"}},
		"empty":            {"dids", "", 1, []string{"the file is empty"}},
		"binary":           {"dids", "PK\x03\x04\x00\x00", 1, []string{"NUL"}},
	} {
		r := node.Command(t, "import", c.preset, written(t, "f.csv", c.text), "--customer", "acme")
		if r.Code != c.code || strings.ContainsRune(r.Stderr, '\x1b') {
			t.Errorf("%s: %s", name, r)
		}
		says(t, r, c.words...)
	}
	if r := node.Command(t, "import", "users", written(t, "f.csv", "username,password\n1,Correct-Horse-1\n"), "--customer", "nobody"); r.Code != 1 {
		t.Errorf("%s", r)
	}
	if r := node.Command(t, "import", "users", "/nowhere.csv", "--customer", "acme"); r.Code != 1 {
		t.Errorf("%s", r)
	}
	if node.Must(t, "export").Stdout != before {
		t.Error("a refused file changed something")
	}
}

// TestSkipBad: the good lines are taken, and each other one is told with its reason.
func TestSkipBad(t *testing.T) {
	node := start(t, ", call_limit: 2")
	text := "username,password\n1,Correct-Horse-1\n2,short\n3,Correct-Horse-1\n4,Correct-Horse-1\n5,generate,\n"
	args := []string{"import", "users", written(t, "u.csv", text), "--customer", "acme", "--skip-bad"}
	r := node.Must(t, args...)
	says(t, r, "+ customer acme sip-user 1\n", "u.csv:3:3: password:", "u.csv:5:1: channels: No channel capacity available for your account.", "u.csv:6:1: has 3 values", "5 lines, 2 taken")
	var again struct {
		Lines, Taken int
		Changes      []any
		Skipped      []struct{ Line int }
	}
	if err := json.Unmarshal([]byte(node.Must(t, append(args, "-o", "json")...).Stdout), &again); err != nil {
		t.Fatal(err)
	}
	if again.Taken != 2 || len(again.Changes) != 0 || len(again.Skipped) != 3 || again.Skipped[1].Line != 5 {
		t.Errorf("once more: %+v", again)
	}
}

// TestProfileCapacity: whose channels do not fit into his SIP profile is told by his line, and taken out with it.
func TestProfileCapacity(t *testing.T) {
	node := start(t, "")
	node.ApplyText(t, "companies: [{name: Verdi}]\nsip_profiles: [{name: small, company: Verdi, capacity: 3}]\n")
	text := "username,password,profile,channels\n1,Correct-Horse-1,small,2\n2,Correct-Horse-1,small,2\n3,Correct-Horse-1,small,1\n"
	args := []string{"import", "users", written(t, "u.csv", text), "--customer", "acme"}
	const fault = `u.csv:3:25: channels: No channel capacity available for your account.; at most 3 channels for all users of the SIP profile "small" together`
	r := node.Command(t, args...)
	if says(t, r, fault); r.Code != 1 || strings.Contains(r.Stdout+r.Stderr, "u.csv:4") {
		t.Errorf("%s", r)
	}
	says(t, node.Must(t, append(args, "--skip-bad")...), "+ customer acme sip-user 1\n", "+ customer acme sip-user 3\n", fault, "3 lines, 2 taken")
}

// TestGenerated: passwords that are made are told once.
func TestGenerated(t *testing.T) {
	node := start(t, "")
	args := []string{"import", "users", written(t, "u.csv", "username,password\n1,generate\n"), "--customer", "acme"}
	says(t, node.Must(t, args...), "password of sip-user 1 of acme, shown this once: ")
	if r := node.Must(t, args...); strings.Contains(r.Stdout, "shown this once") {
		t.Errorf("%s", r)
	}
}

// TestCapacityOverAPI: many at once for the last channels, as many win as there are; the words are the mission's.
func TestCapacityOverAPI(t *testing.T) {
	const channels, wishes = 3, 12
	node := start(t, fmt.Sprintf(", call_limit: %d", channels))
	key := strings.TrimSpace(node.Must(t, "api-keys", "create", "import", "--access", "admin").Stdout)
	id := idOf(t, node, key)
	made := make([]int, wishes)
	var all sync.WaitGroup
	for i := range wishes {
		all.Go(func() {
			body, _ := json.Marshal(map[string]any{"customer_id": json.Number(id), "username": fmt.Sprint(100 + i), "password": "Correct-Horse-1"})
			status, answer := call(t, node, key, http.MethodPost, "/sip-users", "application/json", body)
			made[i] = status
			if status/100 != 2 && !strings.Contains(answer, "No channel capacity available for your account.") {
				t.Errorf("%d %s", status, answer)
			}
		})
	}
	all.Wait()
	won := 0
	for _, status := range made {
		if status/100 == 2 {
			won++
		}
	}
	if won != channels {
		t.Errorf("%d users were made for %d channels", won, channels)
	}
	status, answer := call(t, node, key, http.MethodPost, "/import/users?"+url.Values{"customer": {id}}.Encode(), "text/csv", []byte("username,password\n900,Correct-Horse-1\n"))
	if status != http.StatusUnprocessableEntity || !strings.Contains(answer, "No channel capacity available for your account.") || !strings.Contains(answer, `"line":2`) {
		t.Errorf("%d %s", status, answer)
	}
}

func call(t *testing.T, node *harness.Node, key, method, path, contentType string, body []byte) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+node.HTTP+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	var out bytes.Buffer
	if _, err := out.ReadFrom(resp.Body); err != nil {
		t.Error(err)
	}
	return resp.StatusCode, out.String()
}

// idOf gives acme's id.
func idOf(t *testing.T, node *harness.Node, key string) string {
	t.Helper()
	_, answer := call(t, node, key, http.MethodGet, "/customers?q=acme", "application/json", nil)
	var page struct{ Items []struct{ ID json.Number } }
	if err := json.Unmarshal([]byte(answer), &page); err != nil || len(page.Items) != 1 {
		t.Fatalf("%v: %s", err, answer)
	}
	return page.Items[0].ID.String()
}

func logged(t *testing.T, node *harness.Node) string {
	t.Helper()
	data, err := os.ReadFile(node.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
