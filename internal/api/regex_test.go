package api_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/internal/policy"
)

// TestRegexTool: what matches, and where, in bytes and characters.
func TestRegexTool(t *testing.T) {
	w := newWorld(t)
	who := w.as(w.settle("alfa", 1).reader)
	long := strings.Repeat("x", 1025)
	for _, c := range []struct {
		match, value, in string
		want             string // matches start end start_char end_char reason
	}{
		{"regex", "(?i)yea", "my Yealink", "true 3 6 3 6 <nil>"},
		{"", "b+", "èbb", "true 2 4 1 3 <nil>"},
		{"regex", "^$", "", "true 0 0 0 0 <nil>"},
		{"regex", "a", "b", "false 0 0 0 0 <nil>"},
		{"regex", "x", long, "false 0 0 0 0 header_too_long"},
		{"word", "SCANNER", "friendly-scanner/1", "true 9 16 9 16 <nil>"},
		{"word", "È", "caffè", "true 4 6 4 5 <nil>"},
		{"word", "x", long, "false 0 0 0 0 header_too_long"},
		{"cidr", "192.0.2.0/24", "192.0.2.9", "true 0 9 0 9 <nil>"},
		{"cidr", "192.0.2.0/24", "192.0.3.9", "false 0 0 0 0 <nil>"},
		{"cidr", "2001:DB8::/32", "2001:db8::1", "true 0 11 0 11 <nil>"},
		{"cidr", "192.0.2.0/24", "pbx.example", "false 0 0 0 0 not_an_address"},
	} {
		body := object{"value": c.value, "strings": []string{c.in}}
		if c.match != "" {
			body["match"] = c.match
		}
		results := who.must("POST", "/api/v1/tools/regex", body)["results"].([]any)
		r := results[0].(object)
		if got := fmt.Sprintf("%v %v %v %v %v %v", r["matches"], r["start"], r["end"], r["start_char"], r["end_char"], r["reason"]); got != c.want || len(results) != 1 {
			t.Errorf("%s %q on %.40q: %s, want %s", c.match, c.value, c.in, got, c.want)
		}
	}
	if list := who.must("POST", "/api/v1/tools/regex", object{"value": "a", "strings": make([]string, 1000)})["results"].([]any); len(list) != 1000 {
		t.Errorf("%d results", len(list))
	}
}

// TestToolsInItalian: what the testers say is said in the language asked for.
func TestToolsInItalian(t *testing.T) {
	w := newWorld(t)
	who := w.as(w.settle("alfa", 1).key)
	for _, c := range []struct {
		path string
		body object
		want string
	}{
		{"regex", object{"value": "(x", "strings": []string{}}, "manca la ) di chiusura"},
		{"regex", object{"value": "(x", "strings": []string{}}, "chiudi il gruppo"},
		{"regex", object{"value": "a**", "strings": []string{}}, "forme possessive"},
		{"regex", object{"match": "cidr", "value": "192.0.2.0/24", "strings": []string{"x"}}, "Non è un indirizzo"},
		{"regex", object{"value": "x", "strings": []string{strings.Repeat("x", 1025)}}, policy.HeaderTooLong.In(policy.Italian)},
		{"regex", object{"value": "x", "strings": []string{strings.Repeat("x", 5000)}}, "al massimo 4096 byte"},
		{"rewrite", object{"examples": []string{"1", "2"}, "counter_examples": []string{"1"}}, "sia esempio sia controesempio"},
	} {
		if a := who.do("POST", "/api/v1/tools/"+c.path, c.body, "Accept-Language", "it"); !strings.Contains(string(a.body), c.want) {
			t.Errorf("%s %v: %s, want %q", c.path, c.body, a.body, c.want)
		}
	}
}

// TestRegexToolRefuses: what is wrong, where, and what would be right; nothing repeats the value.
func TestRegexToolRefuses(t *testing.T) {
	w := newWorld(t)
	who := w.as(w.settle("alfa", 1).key)
	for _, c := range []struct {
		match, value string
		strings      []string
		field, want  string
		offset, char any
	}{
		{"regex", "secretè(x", nil, "value", "close the group", 8.0, 7.0},
		{"regex", "a)", nil, "value", "remove", 1.0, 1.0},
		{"regex", "[", nil, "value", "close the class", 0.0, 0.0},
		{"regex", `(a)\1`, nil, "value", "back-references", 3.0, 3.0},
		{"regex", "(?!x)", nil, "value", "look-ahead", 0.0, 0.0},
		{"regex", "x{1001}", nil, "value", "1000", 1.0, 1.0},
		{"regex", "x" + strings.Repeat("a{50}", 20), nil, "value", "at most 500", 2.0, 2.0},
		{"regex", strings.Repeat("a", 1025), nil, "value", "at most 1024", 1024.0, 1024.0},
		{"regex", "", nil, "value", "a regular expression", nil, nil},
		{"word", "", nil, "value", "text to look for", nil, nil},
		{"word", strings.Repeat("a", 251), nil, "value", "250", nil, nil},
		{"cidr", "192.0.2.1/24", nil, "value", "192.0.2.0/24", nil, nil},
		{"cidr", "x", nil, "value", "", nil, nil},
		{"exact", "x", nil, "match", "", nil, nil},
		{"regex", "x", []string{strings.Repeat("a", 4097)}, "strings", "4096", nil, nil},
		{"regex", "x", make([]string, 1001), "strings", "", nil, nil},
	} {
		list := c.strings
		if list == nil {
			list = []string{"x"}
		}
		a := who.do("POST", "/api/v1/tools/regex", object{"match": c.match, "value": c.value, "strings": list})
		p := a.problem(t)
		if a.code != 422 || len(p.Errors) == 0 || p.Errors[0].Field != c.field || !strings.Contains(p.Errors[0].Want, c.want) || strings.Contains(string(a.body), "secret") {
			t.Errorf("%s %.40q: %d %s", c.match, c.value, a.code, a.body)
			continue
		}
		if e := p.Errors[0]; fmt.Sprint(e.Offset, e.OffsetChar) != fmt.Sprint(c.offset, c.char) {
			t.Errorf("%s %.40q: at %v, %v; want %v, %v", c.match, c.value, e.Offset, e.OffsetChar, c.offset, c.char)
		}
	}
}

// TestRegexToolIsBounded: the most expensive regex on the most and longest strings ends soon.
func TestRegexToolIsBounded(t *testing.T) {
	w := newWorld(t)
	strange := make([]string, 1000)
	for i := range strange {
		strange[i] = strings.Repeat("a", 1024)
	}
	a := w.admin().do("POST", "/api/v1/tools/regex", object{"value": `([ab]?[ab]?[ab]?[ab]?[ab]?[ab]?[ab]?[ab]?[ab]?[ab]?){20}[0-9]$`, "strings": strange})
	if a.code != 422 || a.problem(t).Errors[0].Field != "strings" {
		t.Errorf("%d %.200s", a.code, a.body)
	}
}
