package wall

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"tollgate/test/peer"
)

// hostile are values that may harm a database, a browser, a terminal, a spreadsheet, a log.
var hostile = map[string]string{
	"SQL":       `'; DROP TABLE firewall_rules; --`,
	"more SQL":  `" OR 1=1 /*`,
	"HTML":      `<script>alert(1)</script><img src=x onerror=alert(1)>&lt;`,
	"template":  `{{.}}${jndi:ldap://x}%s%n%00`,
	"terminal":  "\u009b2J\u009d0;x\u0085",
	"direction": "\u202e\u2066abc\u2069\u200f",
	"bytes":     "\x9b2J\xff\xfe\xc0\x80",
	"fold":      "a\r\n Contact: <sip:evil@192.0.2.1>\r\n\tb",
	"formula":   `=cmd|' /C calc'!A0`,
	"formulas":  "+1+1 @SUM(1) -2\t=3",
	"JSON":      `","hits":99,"x":"`,
	"YAML":      `x: &a [*a, !!python/object:os.system {}] # |`,
	"log":       `x" level=ERROR msg="forged`,
	"long":      strings.Repeat("Ω", 400),
	"astral":    "\U000e0041\U0001f600",
}

// samples are requests with such values in each header, which a rule matches and keeps.
func samples() []scenario {
	var list []scenario
	for name, value := range hostile {
		list = append(list, scenario{name: "hostile " + name, matrix: plain(), play: func(sc *scene) { sc.keeps(value) }})
	}
	return list
}

var textHeaders = []string{"user-agent", "from", "to", "allow", "supported"}

// keeps sends a value in each header, and looks at all that shows it afterwards.
func (sc *scene) keeps(value string) {
	sc.Helper()
	var rules []rule
	for i, h := range append([]string{"request-uri"}, textHeaders...) {
		rules = append(rules, rule{name: h, header: h, match: "word", value: "m4rk" + h, monitor: true, priority: i + 1})
	}
	sc.walls(rules...)
	sc.Callee.Answering("MESSAGE", func() int { return 480 })
	kept := 0
	for _, h := range textHeaders {
		call := sc.Caller.Start("MESSAGE", "sip:bob@"+sc.Domain, sc.carries(h, value))
		if call.ExpectOneOf("480 MESSAGE", "400 MESSAGE").Status == 400 {
			continue // no such header may be
		}
		kept++
		want := strings.ToValidUTF8(unfolded("m4rk"+h+" "+value), "\ufffd")
		if got, _ := sc.sample(firewall, h)["value"].(string); !strings.Contains(strings.ReplaceAll(got, `\`, ""), strings.ReplaceAll(want, `\`, "")) && !strings.Contains(value, "\xff") {
			sc.Errorf("%s: the sample is %q, want %q", h, got, want)
		}
	}
	if kept < 3 {
		sc.Errorf("only %d headers took %q", kept, value)
	}
	if len(value) < 300 {
		uri := "sip:m4rkrequest-uri" + escaped(value) + "@" + sc.Domain
		sc.Caller.Start("MESSAGE", uri, peer.With("To", "<sip:bob@"+sc.Domain+">")).Expect("480 MESSAGE")
		if got := sc.sample(firewall, "request-uri"); got["value"] != uri {
			sc.Errorf("the sample is %q, want %q", got, uri)
		}
	}
	sc.shown(len(rules))
}

// shown: in every form of output there is nothing that is not shown.
func (sc *scene) shown(rules int) {
	sc.Helper()
	for _, form := range []string{"text", "json", "yaml"} {
		r := sc.Node.Must(sc.T, "firewall", "--customer", sc.Customer.Name, "-o", form)
		if err := harmless(r.Stdout + r.Stderr); err != nil || !strings.Contains(r.Stdout, "m4rkuser-agent") {
			sc.Errorf("%s: %v\n%q", form, err, r.Stdout)
		}
		if n := strings.Count(r.Stdout, "\n"); form == "text" && n != rules+1 {
			sc.Errorf("%d lines for %d rules:\n%s", n, rules, r.Stdout)
		}
	}
	if n := len(sc.w.list(sc.T, firewall, sc.customer)); n != rules {
		sc.Errorf("%d rules are left", n)
	}
}

// carries puts a value into a header.
func (sc *scene) carries(header, value string) peer.Option {
	marked := "m4rk" + header + " " + value
	switch header {
	case "from":
		return func(m *peer.Message) { m.Set("From", quoted(marked)+" <sip:x@y.test>;tag="+m.Tag("From")) }
	case "to":
		return peer.With("To", quoted(marked)+" <sip:bob@"+sc.Domain+">")
	}
	return peer.With(map[string]string{"user-agent": "User-Agent", "allow": "Allow", "supported": "Supported"}[header], marked)
}

func quoted(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }

func unfolded(s string) string { return strings.NewReplacer("\r\n ", " ", "\r\n\t", " ").Replace(s) }

func escaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

// harmless finds what a terminal would obey, or what is no text.
func harmless(text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("no UTF-8: %q", text)
	}
	obeyed := func(r rune) bool { return r != '\n' && r != '\t' && r != ' ' && !unicode.IsPrint(r) }
	if i := strings.IndexFunc(text, obeyed); i >= 0 {
		return fmt.Errorf("a terminal would obey %q", text[i:min(len(text), i+20)])
	}
	return nil
}

// harmlessLog looks at all that the node has logged.
func (w *wall) harmlessLog(t *testing.T) {
	t.Helper()
	data, err := os.ReadFile(w.node.LogFile())
	if err == nil {
		err = harmless(string(data))
	}
	if err != nil {
		t.Errorf("the log: %v", err)
	}
	if strings.Contains(string(data), "\nlevel=ERROR") || strings.Contains(string(data), `x" level=ERROR`) {
		t.Error("a line of the log was forged")
	}
}
