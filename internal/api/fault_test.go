package api_test

import "testing"

// TestFaultsSpeak: who asks in Italian reads in it what is wrong: of a noun, of the store, of the
// schema, of many at once. Who asks for nothing reads English, and what the product fixes stays.
func TestFaultsSpeak(t *testing.T) {
	w := newWorld(t)
	alfa := w.settle("alfa", 1)
	admin := w.as(alfa.key)
	rule := id(admin.must("POST", "/api/v1/firewall-rules", object{
		"customer_id": alfa.customer, "name": "one", "header": "to", "value": "x", "action": "drop",
	}))
	destination := object{"customer_id": alfa.customer, "name": "d", "group": 1, "host": "a b", "port": 5060, "protocol": "udp"}
	for _, c := range []struct {
		name, method, path    string
		body                  object
		detail, message, want string
		english               string
	}{
		{
			name: "a noun", method: "POST", path: "destinations", body: destination,
			detail:  `destination d: host: "a b" contiene " ", che in un nome di host non c'è; un indirizzo, o un nome come pbx.example.com`,
			message: `"a b" contiene " ", che in un nome di host non c'è`, want: "un indirizzo, o un nome come pbx.example.com",
			english: `destination d: host: "a b" holds " ", which no host name does; an address, or a name such as pbx.example.com`,
		},
		{
			name: "many", method: "PATCH", path: "firewall-rules", body: object{"ids": []int64{rule}, "patch": object{"value": ""}},
			detail:  `value: manca; un'espressione regolare; "^$" corrisponde a ciò che è vuoto o manca; non è cambiato nulla`,
			message: "manca", want: `un'espressione regolare; "^$" corrisponde a ciò che è vuoto o manca`,
			english: `value: is missing; a regular expression; "^$" matches what is empty or missing; nothing was changed`,
		},
		{
			name: "the schema", method: "POST", path: "firewall-rules/delete", body: object{"ids": []int64{}},
			detail: "ids: non è del tipo giusto; lunghezza della lista >= 1", message: "non è del tipo giusto", want: "lunghezza della lista >= 1",
			english: "ids: is not of the right kind; array length >= 1",
		},
	} {
		r := admin.do(c.method, "/api/v1/"+c.path, c.body, "Accept-Language", "it")
		if p := r.problem(t); len(p.Errors) == 0 || p.Detail != c.detail || p.Errors[0].Message != c.message || p.Errors[0].Want != c.want {
			t.Errorf("%s: %s", c.name, r.body)
		}
		if p := admin.do(c.method, "/api/v1/"+c.path, c.body).problem(t); p.Detail != c.english {
			t.Errorf("%s in English: %q", c.name, p.Detail)
		}
	}
	if p := admin.do("GET", "/api/v1/switches/999999", nil, "Accept-Language", "it").problem(t); p.Errors[0].Message != "non trovato" {
		t.Errorf("%+v", p)
	}
}
