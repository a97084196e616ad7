package panelapi

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

func finds() []scenario {
	return []scenario{
		{"find: by all that is known", "registration: local\nsip_users:\n  - {username: \"2001\", password: \"" + phoneSecret + "\"}\nblocklist:\n  - {prefix: \"00882\"}\n", foundByAll},
	}
}

const phoneSecret = "Correct-Horse-1"

// newStage is a stage of another customer on the same node.
func newStage(sc *scene, change func(*harness.Customer)) *stage.Stage {
	return stage.New(sc.T, sc.Node, plain()[0], change)
}

// item is one thing that was found.
type item struct {
	Kind, ID, Label, Detail, Customer string

	CustomerID int64 `json:"customer_id"`
}

// find looks for something as somebody.
func (c *client) find(what string) []item {
	c.t.Helper()
	var out struct{ Items []item }
	c.read("GET", "/find?q="+url.QueryEscape(what), nil, &out)
	return out.Items
}

// finds waits until these kinds of the customer's are found, and wants nobody else's where it is his key.
func (sc *scene) finds(as *client, what string, kinds ...string) {
	sc.Helper()
	harness.Eventually(sc.T, soon, func() error {
		list := as.find(what)
		for _, kind := range kinds {
			if !slices.ContainsFunc(list, func(i item) bool { return i.Kind == kind && i.CustomerID == sc.id && i.ID != "" && i.Label != "" }) {
				return fmt.Errorf("%q finds no %s, but %+v", what, kind, list)
			}
		}
		return nil
	})
}

// registered is a phone of a SIP user's that has registered at the node.
func (sc *scene) registered(user string, opts ...peer.Option) *peer.UA {
	sc.Helper()
	u := sc.Peer(udp())
	r := u.Registers(user, sc.Domain)
	r.Ask(600, opts...)
	challenge := r.Expect("401 REGISTER")
	r.Ask(600, append(opts, peer.Credentials{User: user, Password: phoneSecret}.Answer(challenge))...)
	r.Expect("200 REGISTER")
	return u
}

// foundByAll: a call, its record, a refusal, a phone, a ban and nouns, each by whatever a person has
// of it, and by nobody else.
func foundByAll(sc *scene) {
	phone := sc.registered("2001")
	refused := sc.Caller.Invite(sc.number("00882123456"))
	refused.Expect(403)
	ref := sc.decision(refused.ID)["ref"].(string)
	a := sc.Caller.Invite(sc.number("390612345678"))
	b := sc.Callee.Accept("INVITE")
	b.Answer(200, peer.SDP(sc.Callee, 1))
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	sc.api.must("POST", "/bans", object{"address": "203.0.113.44", "customer_id": sc.id, "reason": "seen by " + sc.Customer.Name})

	own := sc.customerKey()
	for _, as := range []*client{sc.api, own} {
		sc.finds(as, a.ID, "call", "decision")
		sc.finds(as, "390612345678@"+sc.Domain, "call")
		sc.finds(as, "+39 06 1234-5678", "call", "decision")
		sc.finds(as, sc.Caller.Addr().String(), "call", "decision")
		sc.finds(as, sc.Caller.IP(), "call")
		sc.finds(as, refused.ID, "decision", "cdr")
		sc.finds(as, ref, "decision", "cdr")
		sc.finds(as, strings.ToLower(ref), "decision")
		sc.finds(as, "00882123456", "decision", "cdr")
		sc.finds(as, sc.Domain, "domain", "call", "binding")
		sc.finds(as, "2001@"+sc.Domain, "binding")
		sc.finds(as, phone.IP(), "binding")
		sc.finds(as, "203.0.113.44", "ban")
		sc.finds(as, sc.Callee.IP(), "destination", "call")
		sc.finds(as, sc.Customer.Name, "customer", "domain")
	}
	sc.finds(own, "2001", "sip-user")
	sc.End(a, b)
	for _, as := range []*client{sc.api, own} {
		sc.finds(as, a.ID, "decision", "cdr")
		sc.finds(as, "+390612345678", "decision", "cdr")
	}
	sc.notFoundByOthers(a.ID, refused.ID, ref, sc.Domain, sc.Customer.Name, sc.Caller.IP(), sc.Callee.IP(), phone.IP(), "2001", "00882123456", "390612345678", "203.0.113.44")
}

func (sc *scene) notFoundByOthers(keys ...string) {
	sc.Helper()
	other := sc.another().customerKey()
	for _, key := range keys {
		if list := other.find(key); len(list) > 0 {
			sc.Errorf("another customer finds by %q: %+v", key, list)
		}
	}
	other.refused(404, "GET", fmt.Sprintf("/find?q=x&customer=%d", sc.id), nil)
	if list := sc.api.find("   "); len(list) > 0 {
		sc.Errorf("nothing finds %+v", list)
	}
	sc.api.refused(422, "GET", "/find?q="+strings.Repeat("x", 201), nil)
	for _, hostile := range []string{"%", "_", "'; --", "\x00", "\xff\xfe", "\u202e"} {
		if a := other.try("GET", "/find?q="+url.QueryEscape(hostile), nil); a.code != 200 && a.code != 422 || strings.Contains(string(a.body), sc.Customer.Name) {
			sc.Errorf("%q: %s", hostile, a)
		}
	}
}

// decision waits for what was decided of a Call-ID.
func (sc *scene) decision(callID string) (d object) {
	sc.Helper()
	harness.Eventually(sc.T, soon, func() error {
		for _, one := range sc.api.items(sc.list("decisions") + "&q=" + url.QueryEscape(callID)) {
			if one["call_id"] == callID {
				d = one
				return nil
			}
		}
		return fmt.Errorf("no decision about %s", callID)
	})
	return d
}
