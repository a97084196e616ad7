package wall

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// changes are rules that change while requests come, and the tool that tries them.
func changes() []scenario {
	return []scenario{
		{name: "a change is in force at once", matrix: plain(), play: changed},
		{name: "the tool and traffic agree", matrix: plain(), play: toolAgrees},
		{name: "a file and back", matrix: plain(), play: fileAndBack},
	}
}

func changed(sc *scene) {
	sc.walls(rule{name: "wall", header: "user-agent", match: "word", value: "blackbox"})
	var one string
	for id := range sc.ids[firewall] {
		one = fmt.Sprintf("%s/%d", firewall, id)
	}
	change := func(o object) { sc.w.must(sc.T, "PATCH", one, o) }
	for range 5 {
		sc.judge(try{method: "MESSAGE", want: silence, rule: "wall"})
		change(object{"action": "accept"})
		sc.judge(try{method: "MESSAGE", want: passes, rule: "wall"}) // and what it has counted stays
		change(object{"action": "drop", "mode": "monitor"})
		sc.judge(try{method: "MESSAGE", want: passes, counted: []string{"wall"}})
		change(object{"mode": "enforce", "name": "renamed"})
	}
	change(object{"value": "other"})
	sc.counted(firewall, map[string]int{}) // another rule now
	sc.judge(try{method: "MESSAGE", want: passes})
	change(object{"value": "blackbox"})
	sc.judge(try{method: "MESSAGE", want: silence, rule: "wall"})
	sc.w.must(sc.T, "DELETE", one, nil)
	sc.judge(try{method: "MESSAGE", want: passes})
	if status, o := sc.w.ask(sc.T, "POST", firewall, object{
		"customer_id": sc.customer, "name": "bad", "header": "to", "match": "regex", "value": "a(b", "action": "drop",
	}); status != 422 || !strings.Contains(fmt.Sprint(o["errors"]), "character 2") {
		sc.Errorf("a bad regex: %d %v", status, o)
	}
}

// toolAgrees: what the tool says of a User-Agent is what becomes of a request with it.
func toolAgrees(sc *scene) {
	agents := []string{"", "friendly-scanner", "Yealink SIP-T46G 66.84.0.15", "YEALINK", "caffè", "a b", strings.Repeat("x", 1024), strings.Repeat("x", 1025)}
	for _, p := range [][2]string{{"regex", "(?i)yealink"}, {"regex", "^$"}, {"regex", "^[^ ]+$"}, {"regex", "x{100}$"}, {"word", "È"}, {"word", " "}, {"word", "SCANNER"}} {
		results := sc.w.must(sc.T, "POST", "/tools/regex", object{"match": p[0], "value": p[1], "strings": agents})["results"].([]any)
		sc.walls(rule{name: "wall", header: "user-agent", match: p[0], value: p[1]})
		for i, agent := range agents {
			r := results[i].(object)
			c := try{method: "MESSAGE", options: []peer.Option{peer.With("User-Agent", agent)}, want: passes}
			switch {
			case r["reason"] != nil:
				c.want, c.reason = 400, r["reason"].(string)
			case r["matches"] == true:
				c.want, c.rule = silence, "wall"
			}
			sc.judge(c)
		}
	}
	status, o := sc.w.ask(sc.T, "POST", "/tools/regex", object{"value": "è(x", "strings": []string{}})
	fault := o["errors"].([]any)[0].(object)
	if status != 422 || fault["offset"] != 2.0 || fault["offset_char"] != 1.0 || !strings.Contains(fault["want"].(string), `\(`) {
		sc.Errorf("%d %v", status, o)
	}
}

// fileAndBack: what a file says is in force when apply returns, export gives it again.
func fileAndBack(sc *scene) {
	sc.Customer.Extra += `firewall_rules:
  - {name: wall, header: user-agent, value: "^black", match: regex, priority: 3, action: drop}
blocklist:
  - {prefix: "040"}
`
	sc.Apply()
	sc.names()
	sc.judge(try{uri: "sip:040123@%", want: silence, rule: "wall"})
	sc.judge(try{at: blocklist, uri: "sip:040123@%", options: []peer.Option{peer.With("User-Agent", "white")}, want: 403, rule: "040"})
	out := sc.Node.Must(sc.T, "export").Stdout
	for _, word := range []string{"firewall_rules:", "name: wall", "^black", "blocklist:", `"040"`} {
		if !strings.Contains(out, word) {
			sc.Errorf("export does not say %q", word)
		}
	}
	if strings.Contains(out, "hits") || strings.Contains(out, "last_sample") {
		sc.Errorf("export says what was matched:\n%s", out)
	}
	text := sc.Node.Must(sc.T, "firewall", "--customer", sc.Customer.Name).Stdout + sc.Node.Must(sc.T, "blocklist", "--customer", sc.Customer.Name).Stdout
	for _, word := range []string{"HITS", "LAST SAMPLE", "^black", "INVITE from " + sc.Caller.Addr().String() + ": blackbox", "040", "INVITE from " + sc.Caller.Addr().String() + ": 040123"} {
		if !strings.Contains(text, word) {
			sc.Errorf("%q is not said by\n%s", word, text)
		}
	}
}

// names learns the names of rules and entries that a file has made.
func (sc *scene) names() {
	sc.Helper()
	for path, field := range map[string]string{firewall: "name", blocklist: "prefix"} {
		for _, item := range sc.w.list(sc.T, path, sc.customer) {
			sc.ids[path][int64(item["id"].(float64))] = item[field].(string)
		}
	}
}

// TestCheapRefusal: a User-Agent of 60 KB costs no more than any refusal, whatever the regexes.
// Looked at by twenty of them it would be 70 ms each.
func TestCheapRefusal(t *testing.T) {
	w := newWall(t)
	sc := w.scene(t, stage.Matrix("tcp4-udp4")[0], nil)
	var rules []rule
	for i := range 20 {
		rules = append(rules, rule{name: fmt.Sprint(i), header: "user-agent", match: "regex", value: fmt.Sprintf("(?i)(a+)+scan%d$", i), priority: i + 1})
	}
	sc.walls(rules...)
	long := peer.With("User-Agent", strings.Repeat("a", 60_000))
	const count = 100
	before := cpu(t, w.node)
	for range count {
		sc.Caller.Start("OPTIONS", "sip:bob@"+sc.Domain, long).Expect(400)
	}
	if each := (cpu(t, w.node) - before) * 1000 / count; each > 3 {
		t.Errorf("%.2f ms of CPU for each of %d refusals", each, count)
	} else {
		t.Logf("%.2f ms of CPU for each of %d refusals", each, count)
	}
}

// cpu is the seconds of CPU that a node has used.
func cpu(t *testing.T, n *harness.Node) float64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.PID()))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')'):]))
	ticks := 0.0
	for _, field := range fields[12:14] { // utime and stime, in hundredths of a second
		n, _ := strconv.ParseFloat(field, 64)
		ticks += n
	}
	return ticks / 100
}
