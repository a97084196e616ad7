package why

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

const walls = scanners + "blocklist:\n  - {prefix: \"00882\"}\ncall_limit: 1\nantifraud: {options: 1}\n"

func switchings() []scenario {
	hidden := stage.One()[1:]
	return []scenario{
		{"transparent for a while", walls, hidden, transparent},
		{"transparent under load", "", hidden, underLoad},
		{"all that a user manages", scanners, plain(), userSwitch},
	}
}

// api is a request to the API that must succeed.
func api(sc *scene, key, method, path string, body any) []byte {
	sc.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		sc.Fatal(err)
	}
	r, err := http.NewRequestWithContext(sc.Context(), method, "http://"+sc.Node.HTTP+"/api/v1"+path, bytes.NewReader(data))
	if err != nil {
		sc.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		sc.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		sc.Fatalf("%s %s: %s %v\n%s", method, path, resp.Status, err, text)
	}
	return text
}

// hits is what the firewall's only rule has matched.
func (sc *scene) hits(command string) int {
	sc.Helper()
	for _, r := range sc.Node.JSON(sc.T, command, "--customer", sc.Customer.Name) {
		n, _ := r["hits"].(float64)
		return int(n)
	}
	sc.Fatalf("%s lists nothing", command)
	return 0
}

// transparent: all walls only count at once, and stand again by themselves.
func transparent(sc *scene) {
	a, b := sc.Talk() // hidden, and as many as there may be
	sc.Caller.Invite("sip:00882123@" + sc.Domain).Expect(403)
	blocked := sc.hits("blocklist")
	r := sc.Node.Must(sc.T, "transparent", "on", "--customer", sc.Customer.Name, "--for", "4s")
	until := time.Now().Add(4 * time.Second)
	sc.says(r.Stdout, "is transparent until")
	sc.Hidden = false // what is said from here on is not hidden
	passed := sc.through("sip:00882123@"+sc.Domain, 486, scanner())
	o := sc.Caller.Start("OPTIONS", sc.URI())
	sc.Callee.Accept("OPTIONS").Answer(200)
	o.Expect("200 OPTIONS")
	text, d := sc.of(passed.ID) // takes its time on a busy machine, and the mode ends
	var would []string
	for _, w := range d.Would {
		would = append(would, w.Reason+" "+w.RuleName)
	}
	if got := strings.Join(would, ","); got != "firewall no-scanners,blocklist 00882,call_limit " || d.Refused || d.FarCallID != d.CallID {
		sc.Errorf("only counted: %s; %+v", got, d)
	}
	sc.says(text, "only counted", `firewall, rule "no-scanners"`, "let through; it ended with 486")
	if n := sc.hits("blocklist"); n != blocked+1 {
		sc.Errorf("%d hits, want %d", n, blocked+1)
	}
	sc.stands(until)
	if _, d := sc.of(sc.refusedOnly("sip:00882123@" + sc.Domain)); d.Reason != "blocklist" {
		sc.Errorf("%+v", d)
	}
	if n := sc.hits("firewall"); n == 0 {
		sc.Error("the firewall has counted nothing")
	}
	sc.Caller.Invite(sc.URI()).Expect(480) // the call limit
	sc.End(a, b)                           // the call that was up keeps its mode
	if d := sc.final(a.ID); d.FarCallID == d.CallID || d.EndedBy != "caller" {
		sc.Errorf("the call that was up: %+v", d)
	}
	if d := sc.final(sc.through(sc.URI(), 486).ID); d.FarCallID == d.CallID {
		sc.Errorf("nothing is hidden: %+v", d)
	}
	sc.Caller.Start("OPTIONS", sc.URI()).Expect("403 OPTIONS") // antifraud, which bans for it
	sc.switched("off")
}

func (sc *scene) final(callID string) decision {
	sc.Helper()
	_, d := sc.of(callID)
	return d
}

func (sc *scene) refusedOnly(uri string) string {
	sc.Helper()
	a := sc.Caller.Invite(uri)
	a.Expect(403)
	return a.ID
}

// stands waits until the mode has ended by itself, which is soon after its time.
func (sc *scene) stands(until time.Time) {
	sc.Helper()
	harness.Eventually(sc.T, time.Until(until)+harness.Soon, func() error {
		if sc.own() {
			return errors.New("still transparent")
		}
		return nil
	})
}

// own says that the customer's own switch is thrown.
func (sc *scene) own() bool {
	sc.Helper()
	var page struct {
		Items []struct{ Transparent bool }
	}
	get(sc, sc.key(), "/customers?q="+sc.Customer.Name, &page)
	return len(page.Items) == 1 && page.Items[0].Transparent
}

// key is the platform's.
func (sc *scene) key() string {
	sc.Helper()
	return strings.TrimSpace(sc.Node.Must(sc.T, "api-keys", "create", "support").Stdout)
}

// switched throws the switch off again by hand, which changes nothing more.
func (sc *scene) switched(to string) {
	sc.Helper()
	r := sc.Node.Must(sc.T, "transparent", to, "--customer", sc.Customer.Name)
	sc.says(r.Stdout, "not transparent any more")
}

// underLoad: 20 calls a second while the switch is thrown on and off; each of them is answered and
// ended, in the mode in which it began.
func underLoad(sc *scene) {
	const calls = 60
	type pair struct{ a, b *peer.Call }
	var up []pair
	modes := map[bool]int{}
	tick := time.NewTicker(time.Second / 20)
	defer tick.Stop()
	finish := func(p pair) {
		sc.End(p.a, p.b)
		modes[p.a.ID == p.b.ID]++
	}
	for i := range calls {
		<-tick.C
		switch i {
		case 15:
			sc.Node.Must(sc.T, "transparent", "on", "--customer", sc.Customer.Name)
		case 35:
			sc.Node.Must(sc.T, "transparent", "off", "--customer", sc.Customer.Name)
		}
		a, b := sc.Talk()
		up = append(up, pair{a, b})
		if len(up) > 20 {
			finish(up[0])
			up = up[1:]
		}
	}
	for _, p := range slices.Backward(up) {
		finish(p)
	}
	sc.Hidden = false
	if modes[true] != 20 || modes[false] != calls-20 {
		sc.Errorf("plain and hidden calls: %v", modes)
	}
}

// userSwitch: a panel user's switch makes all his customers transparent, and leaves what each of
// them says for himself as it is.
func userSwitch(sc *scene) {
	name := sc.Customer.Name
	user := func(on bool) {
		sc.Helper()
		company := "  - name: Black Box\n"
		users := fmt.Sprintf("    users:\n      - {email: %s@users.test, name: %s, role: customer, customer: %s, access: admin, transparent: %t}\n", name, name, name, on)
		sc.Node.ApplyText(sc.T, strings.Replace(harness.Tenants(sc.Customer), company, company+users, 1))
	}
	user(true)
	text, d := sc.of(sc.through(sc.URI(), 486, scanner()).ID)
	if len(d.Would) != 1 || d.Would[0].Reason != "firewall" {
		sc.Errorf("%+v", d)
	}
	sc.says(text, "only counted")
	if sc.own() {
		sc.Error("the customer's own switch is thrown")
	}
	user(false)
	a := sc.Caller.Invite(sc.URI(), scanner())
	sc.Caller.Quiet(50 * time.Millisecond)
	if d := sc.final(a.ID); d.Reason != "firewall" || !d.Refused {
		sc.Errorf("%+v", d)
	}
	sc.Loose = true
}
