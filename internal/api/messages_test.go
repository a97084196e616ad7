package api_test

import (
	"strings"
	"testing"
)

// TestMessages: what is told of each phone, who may send, and what is no text.
func TestMessages(t *testing.T) {
	w := newWorld(t)
	alfa, beta := w.settle("alfa", 1), w.settle("beta", 2)
	at := "/api/v1/sip-users/" + itoa(alfa.ids["sip-users"]) + "/messages"
	w.node.answers = []int{200, 408}
	got := w.as(alfa.key).must("POST", at, object{"text": "Kaffee\nist fertig", "from": "+49301"})
	phones, _ := got["phones"].([]any)
	if got["delivered"] != true || len(phones) != 2 || phones[1].(map[string]any)["status"] != float64(408) {
		t.Errorf("%v", got)
	}
	w.node.answers = nil
	if got = w.as(alfa.companyKey).must("POST", at, object{"text": "?"}); got["delivered"] != false || got["reason"] != "user_not_registered" {
		t.Errorf("to nobody: %v", got)
	}
	if len(w.node.sent) != 2 || w.node.sent[0] != "+49301: Kaffee\nist fertig" || w.node.sent[1] != "messages: ?" {
		t.Errorf("sent %q", w.node.sent)
	}
	for name, c := range map[string]struct {
		key  string
		body object
		code int
	}{
		"read-only":        {alfa.reader, object{"text": "?"}, 403},
		"another customer": {beta.key, object{"text": "?"}, 404},
		"no text":          {alfa.key, object{"text": ""}, 422},
		"a long one":       {alfa.key, object{"text": strings.Repeat("ä", 401)}, 422},
		"an escape":        {alfa.key, object{"text": "a\x1b[2J"}, 422},
		"a header":         {alfa.key, object{"text": "?", "from": "x>\r\nX: y"}, 422},
	} {
		if r := w.as(c.key).do("POST", at, c.body); r.code != c.code {
			t.Errorf("%s: %d %s", name, r.code, r.body)
		}
	}
	if len(w.node.sent) != 2 {
		t.Errorf("sent %q", w.node.sent[2:])
	}
	if audit := string(w.admin().do("GET", "/api/v1/audit", nil).body); strings.Count(audit, `"message"`) != 2 || strings.Contains(audit, "Kaffee") {
		t.Errorf("the audit says %s", audit)
	}
}
