package api_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestHeadersTool: what becomes of headers, by lists that are saved, typed, or both.
func TestHeadersTool(t *testing.T) {
	w := newWorld(t)
	e := w.settle("alfa", 1)
	who := w.as(e.key)
	sw, at := e.ids["switches"], e.ids["destinations"]
	add := object{"action": "add", "name": "X-Account", "value": "alfa"}
	who.must("PATCH", "/api/v1/switches/"+itoa(sw), object{"headers": []object{add}})
	who.must("PATCH", "/api/v1/destinations/"+itoa(at), object{"headers": []object{{"action": "replace", "name": "user-agent", "value": "pbx"}}})
	trunk := who.must("POST", "/api/v1/switches", object{
		"customer_id": e.customer, "name": "trunk", "direction": "ingress", "host": "192.0.2.9",
		"headers": []object{{"action": "replace", "name": "User-Agent", "value": "gate"}, add},
	})
	through := who.must("POST", "/api/v1/destinations", object{
		"customer_id": e.customer, "name": "through", "switch_id": trunk["id"], "headers": []object{{"action": "remove", "name": "x-account"}},
	})["id"]
	const lines = "INVITE sip:1@x SIP/2.0\r\nUser-Agent: phone\r\nX-Account: none\r\n\r\nbody"
	for _, c := range []struct {
		body object
		want string
	}{
		{object{"switch_id": sw, "request": lines}, "User-Agent: phone|X-Account: none|X-Account: alfa true"},
		{object{"destination_id": at, "request": lines}, "user-agent: pbx|X-Account: none true"},
		{object{"destination_id": through, "request": lines}, "User-Agent: gate true true true"},
		{object{"destination_id": through, "headers": []object{}, "request": lines}, "User-Agent: gate|X-Account: none|X-Account: alfa true true"},
		{object{"destination_id": through, "switch_id": sw, "request": lines}, "422"},
		{object{"headers": []object{{"action": "add", "name": "Via", "value": "x"}}, "request": lines}, "422"},
		{object{"switch_id": sw, "headers": []object{}, "request": lines}, "User-Agent: phone|X-Account: none"},
		{
			object{"headers": []object{{"action": "remove", "name": "x-account"}, add, {"action": "remove", "name": "X-None"}}, "request": lines},
			"User-Agent: phone|X-Account: alfa true true false",
		},
		{object{"headers": []object{add}, "request": ""}, "X-Account: alfa true"},
		{object{"request": "A: 1\n  more\n"}, "A: 1|  more"},
		{object{"request": "A: 1\x00<script>\n"}, "422"},
		{object{"request": "\n"}, ""},
	} {
		a := who.do("POST", "/api/v1/tools/headers", c.body)
		if a.code != 200 {
			if fmt.Sprint(a.code) != c.want {
				t.Errorf("%v: %d %s", c.body, a.code, a.body)
			}
			continue
		}
		got := who.must("POST", "/api/v1/tools/headers", c.body)
		text := strings.ReplaceAll(strings.TrimSuffix(got["headers"].(string), "\n"), "\n", "|")
		for _, s := range got["steps"].([]any) {
			text += fmt.Sprintf(" %v", s.(object)["changed"])
		}
		if text != c.want {
			t.Errorf("%v: %q, want %q", c.body, text, c.want)
		}
	}
}
