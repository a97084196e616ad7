package panelapi

import (
	"fmt"
	"strings"

	"tollgate/test/harness"
	"tollgate/test/peer"
)

func records() []scenario {
	return []scenario{
		{"hang up: many at once", "", hungUp},
		{"similar: another destination", "", otherDestination},
		{"similar: a new firewall rule", "", newRule},
	}
}

// agent names the program that calls.
func agent(name string) peer.Option { return peer.With("User-Agent", name) }

// hungUp: several calls end on both sides by one request, and only those that its asker may end.
func hungUp(sc *scene) {
	type pair struct{ a, b *peer.Call }
	var up []pair
	ids := []string{"no-such-call"}
	for range 3 {
		a, b := sc.Talk()
		up = append(up, pair{a, b})
	}
	ringing, rung := sc.Ring()
	for _, c := range sc.api.items(sc.list("calls")) {
		ids = append(ids, c["id"].(string))
	}
	if len(ids) != 5 {
		sc.Fatalf("calls: %v", ids)
	}
	wish := object{"ids": ids, "reason": "the wrong\r\ntrunk of " + sc.Customer.Name}
	reader, _ := sc.key(object{"name": "reader of " + sc.Customer.Name, "role": "customer", "access": "read-only", "customer_id": sc.id})
	reader.refused(403, "POST", "/calls/hangup", wish)
	if got := sc.another().customerKey().must("POST", "/calls/hangup", wish); got["count"] != 0.0 {
		sc.Errorf("another customer: %v", got)
	}
	sc.api.refused(422, "POST", "/calls/hangup", object{"ids": []string{}})
	got := sc.customerKey().must("POST", "/calls/hangup", wish)
	if gone, _ := got["gone"].([]any); got["count"] != 4.0 || len(gone) != 1 || gone[0] != "no-such-call" {
		sc.Errorf("%v", got)
	}
	for _, p := range up {
		for _, c := range []*peer.Call{p.a, p.b} {
			bye := c.Expect("BYE")
			if strings.Contains(string(bye.Bytes()), "trunk") {
				sc.Errorf("a party is told why:\n%s", bye.Bytes())
			}
			c.Reply(bye, 200)
		}
	}
	rung.Reply(rung.Expect("CANCEL"), 200)
	rung.Answer(487)
	rung.Expect("ACK")
	ringing.Expect(480)
	harness.Eventually(sc.T, soon, func() error {
		list := sc.api.items(sc.list("cdrs"))
		if len(list) != 4 || len(sc.api.items(sc.list("calls"))) != 0 {
			return fmt.Errorf("%d records", len(list))
		}
		for _, r := range list {
			if r["ended_by"] != "tollgate" {
				return fmt.Errorf("%v", r)
			}
		}
		return nil
	})
	if log := sc.Node.LogSince(0, "call hung up"); !strings.Contains(log, "trunk of "+sc.Customer.Name) || strings.Contains(log, "wrong\r\n") {
		sc.Errorf("the log says\n%s", log)
	}
}

// similar is what is beside a bad call.
type similar struct {
	Bad, Good   *struct{ ID, Ref, Destination string }
	Differences []struct{ Field, Good, Bad string }
}

// beside asks for the last good call beside the one of a Call-ID.
func (sc *scene) beside(as *client, callID string) (out similar, path string) {
	sc.Helper()
	harness.Eventually(sc.T, soon, func() error {
		for _, r := range as.items(sc.list("cdrs") + "&q=" + callID) {
			if r["call_id"] == callID {
				path = fmt.Sprintf("/cdrs/%.0f", r["seq"])
				as.read("GET", path+"/similar", nil, &out)
				return nil
			}
		}
		return fmt.Errorf("no record of %s", callID)
	})
	return out, path
}

// differs wants a difference.
func (sc *scene) differs(s *similar, field, good, bad string) {
	sc.Helper()
	for _, d := range s.Differences {
		if d.Field == field {
			if d.Good != good || d.Bad != bad {
				sc.Errorf("%+v, want %q and %q", d, good, bad)
			}
			return
		}
	}
	sc.Errorf("%s is the same: %+v", field, s.Differences)
}

// through is a call to a number that the PBX answers so.
func (sc *scene) through(u *peer.UA, status int, opts ...peer.Option) *peer.Call {
	sc.Helper()
	a := sc.Caller.Invite(sc.number("390612345678"), opts...)
	b := u.Accept("INVITE")
	b.Answer(status, peer.SDP(u, 1))
	if status != 200 {
		b.Expect("ACK")
		a.Expect(status)
		return a
	}
	a.Expect(200)
	a.Ack()
	b.Expect("ACK")
	sc.End(a, b)
	return a
}

func otherDestination(sc *scene) {
	first := sc.through(sc.Callee, 404) // nothing good was before it
	if s, _ := sc.beside(sc.api, first.ID); s.Good != nil || len(s.Differences) != 0 || s.Bad == nil {
		sc.Errorf("%+v", s)
	}
	sc.through(sc.Callee, 200)
	second := sc.Peer(udp())
	sc.Customer.Destinations = []harness.Destination{{Name: "new", Addr: second.Addr()}}
	sc.Apply()
	bad := sc.through(second, 488, agent("another/2"))
	own := sc.customerKey()
	s, path := sc.beside(own, bad.ID)
	if s.Good == nil || s.Good.Destination != "d1" {
		sc.Fatalf("%+v", s)
	}
	sc.differs(&s, "destination", "d1", "new")
	sc.differs(&s, "status", "200", "488")
	sc.differs(&s, "user_agent", "blackbox", "another/2")
	for _, d := range s.Differences {
		if d.Field == "source" || d.Field == "caller" || d.Field == "domain" {
			sc.Errorf("was the same: %+v", d)
		}
	}
	if one := own.must("GET", "/cdrs/"+s.Bad.ID, nil); one["call_id"] != bad.ID {
		sc.Errorf("by its id: %v", one)
	}
	other := sc.another().customerKey()
	other.refused(404, "GET", path, nil)
	other.refused(404, "GET", path+"/similar", nil)
	other.refused(404, "GET", "/cdrs/"+s.Bad.ID+"/similar", nil)
	own.refused(404, "GET", "/cdrs/999999999/similar", nil)
}

func newRule(sc *scene) {
	sc.through(sc.Callee, 200)
	sc.own("firewall-rules", object{"name": "no such phones", "header": "user-agent", "value": "blackbox", "match": "word", "action": "drop"})
	bad := sc.Caller.Invite(sc.number("+390612345678"))
	sc.Loose = true
	s, _ := sc.beside(sc.api, bad.ID)
	if s.Good == nil {
		sc.Fatalf("no good call: %+v", s)
	}
	sc.differs(&s, "rule", "", "no such phones")
	sc.differs(&s, "reason", "ok", "firewall")
	sc.differs(&s, "destination", "d1", "")
}
