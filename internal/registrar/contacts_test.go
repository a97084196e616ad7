package registrar_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/internal/transport"
)

const (
	instance = `;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"`
	soft     = "<sip:3401@10.0.0.6:5070;transport=udp>"
)

// TestSeveralContacts: each keeps its parameters, PBX's answers are mapped back in
// order, and what the PBX lists besides passes plain only.
func TestSeveralContacts(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		p := r.phone("3401")
		p.register(`Contact: "Desk" `+desk+`;q=0.3;methods="INVITE, BYE",`+soft+`;q=0.8;expires=60`, "m: sip:3401@10.0.0.7;expires=120")
		req := r.want(pbxAddr, "REGISTER ")
		tokens := []string{token(req, 0)}
		lines := strings.Split(header(req, "Contact"), ",")
		if len(lines) != 3 || !strings.HasPrefix(lines[0], `"Desk" <sip:`) ||
			!strings.HasSuffix(lines[0]+","+lines[1], `@192.0.2.1:5060>;q=0.3;methods="INVITE, BYE"`) ||
			!strings.HasSuffix(lines[2], "@192.0.2.1:5060>;q=0.8;expires=60") ||
			!strings.HasSuffix(header(req, "m"), "@192.0.2.1:5060>;expires=120") {
			t.Fatalf("parameters changed:\n%s", req)
		}
		_, second, _ := strings.Cut(lines[2], "sip:")
		_, third, _ := strings.Cut(header(req, "m"), "sip:")
		tokens = append(tokens, second[:48], third[:48])
		r.in(udp(pbxAddr), answer(req, "200 OK",
			fmt.Sprintf("Contact: <sip:%s@192.0.2.1:5060>;expires=60;pub-gruu=\"sip:x@203.0.113.10\", <sip:old@203.0.113.99>;expires=5", tokens[1]),
			fmt.Sprintf("m: sip:%s@192.0.2.1:5060;expires=120", tokens[2]),
			fmt.Sprintf("Contact: \"Desk\" <sip:%s@192.0.2.1:5060>;q=0.3;expires=99999", tokens[0]),
		))
		ok := r.want(phoneAddr, "SIP/2.0 200 ")
		gruu := "203.0.113.10"
		want := []string{
			soft + `;expires=60;pub-gruu="sip:x@` + gruu + `"`, "<sip:old@203.0.113.99>;expires=5",
			"<sip:3401@10.0.0.7>;expires=120", `"Desk" ` + desk + ";q=0.3;expires=7200",
		}
		if hidden {
			want = slices.Delete(want, 1, 2)
			want[0] = strings.Replace(want[0], gruu, "192.0.2.1", 1)
		}
		if got := headers(ok, "Contact"); !slices.Equal(got, want) {
			t.Errorf("got %q\nwant %q", got, want)
		}
		r.bound("3401", "sip:3401@10.0.0.7", "sip:3401@10.0.0.6:5070;transport=udp", "sip:3401@10.0.0.5:5060;ob")
		r.wait(61 * time.Second)
		r.bound("3401", "sip:3401@10.0.0.7", "sip:3401@10.0.0.5:5060;ob")
		r.wait(60 * time.Second)
		r.bound("3401", "sip:3401@10.0.0.5:5060;ob")
	})
}

// TestInstance: the token outlives a change of the Contact, and tells devices and
// flows apart.
func TestInstance(t *testing.T) {
	run(t, false, func(r *rig) {
		p := r.phone("3401")
		first, _ := p.accept([]string{desk + instance})
		second, ok := p.accept([]string{"<sip:3401@10.0.0.5:6060>" + instance})
		if token(first, 0) != token(second, 0) {
			t.Error("another token")
		}
		if got := header(ok, "Contact"); !strings.HasPrefix(got, "<sip:3401@10.0.0.5:6060>") {
			t.Errorf("Contact %q", got)
		}
		r.bound("3401", "sip:3401@10.0.0.5:6060")
		req, _ := p.accept([]string{desk + instance + ";reg-id=1", desk + instance + ";reg-id=2", desk + instance + ";reg-id=2"})
		seen := map[string]bool{token(first, 0): true}
		for i := range 3 {
			seen[token(req, i)] = true
		}
		if len(seen) != 4 {
			t.Errorf("%d tokens: %v", len(seen), seen)
		}
	})
}

// TestUnregister: by expires=0, by a 2xx that no longer lists it, by "*".
func TestUnregister(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		p := r.phone("3401")
		p.accept([]string{desk, soft})
		p.accept([]string{desk + ";expires=0"}) // answered without any Contact
		r.bound("3401", "sip:3401@10.0.0.6:5070;transport=udp")
		p.accept([]string{desk}) // the PBX lists this one only
		r.bound("3401", "sip:3401@10.0.0.5:5060;ob")

		p.accept([]string{desk, soft})
		p.register("Contact: "+desk, "Expires: 0")
		req := r.want(pbxAddr, "REGISTER ")
		r.in(udp(pbxAddr), answer(req, "200 OK"))
		r.want(phoneAddr, "SIP/2.0 200 ")
		r.bound("3401", "sip:3401@10.0.0.6:5070;transport=udp")

		p.register("Contact: *", "Expires: 0")
		req = r.want(pbxAddr, "REGISTER ")
		if header(req, "Contact") != "*" {
			t.Errorf("Contact %q", header(req, "Contact"))
		}
		r.in(udp(pbxAddr), answer(req, "403 No"))
		r.want(phoneAddr, "SIP/2.0 403 ")
		r.bound("3401", "sip:3401@10.0.0.6:5070;transport=udp")
		p.register("Contact: *", "Expires: 0")
		r.in(udp(pbxAddr), answer(r.want(pbxAddr, "REGISTER "), "200 OK"))
		r.want(phoneAddr, "SIP/2.0 200 ")
		r.bound("3401")
		if len(r.journal.kept) != 0 || r.reg.Len() != 0 {
			t.Errorf("%d in the journal, %d bindings", len(r.journal.kept), r.reg.Len())
		}
		if _, found := r.reg.ByFlow(udp(phoneAddr)); found {
			t.Error("its flow is still known")
		}
	})
}

// TestOthersStay: a 2xx that lists nothing ends nothing but what was asked, and one of
// another PBX says nothing about the first one's bindings.
func TestOthersStay(t *testing.T) {
	run(t, false, func(r *rig) {
		p := r.phone("3401")
		p.accept([]string{desk})
		p.register("Contact: " + soft)
		r.in(udp(pbxAddr), answer(r.want(pbxAddr, "REGISTER "), "200 OK", "Expires: 90"))
		r.want(phoneAddr, "SIP/2.0 200 ")
		r.bound("3401", "sip:3401@10.0.0.6:5070;transport=udp", "sip:3401@10.0.0.5:5060;ob")
		r.wait(91 * time.Second)
		r.bound("3401", "sip:3401@10.0.0.5:5060;ob")

		p.register("Contact: " + soft)
		r.in(udp(pbxAddr), answer(r.want(pbxAddr, "REGISTER "), "503 Down"))
		req := r.want(pbx2Addr, "REGISTER ")
		r.in(udp(pbx2Addr), answer(req, "200 OK", echo(req)...))
		r.want(phoneAddr, "SIP/2.0 200 ")
		r.bound("3401", "sip:3401@10.0.0.6:5070;transport=udp", "sip:3401@10.0.0.5:5060;ob")
	})
}

// TestCrossing: a 2xx does not end what was bound after its REGISTER was sent.
func TestCrossing(t *testing.T) {
	run(t, false, func(r *rig) {
		p := r.phone("3401")
		p.register("Contact: " + desk)
		slow := r.want(pbxAddr, "REGISTER ")
		r.wait(time.Second)
		r.drain(pbxAddr)
		p.accept([]string{soft})
		r.in(udp(pbxAddr), answer(slow, "200 OK", echo(slow)...))
		r.bound("3401", "sip:3401@10.0.0.5:5060;ob", "sip:3401@10.0.0.6:5070;transport=udp")
	})
}

// TestQuery: a REGISTER without Contact asks for the list.
func TestQuery(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		p := r.phone("3401")
		req, _ := p.accept([]string{desk})
		tok := token(req, 0)
		other, _ := r.phone("3402").accept([]string{"<sip:3402@10.0.0.5>"})
		p.register()
		query := r.want(pbxAddr, "REGISTER ")
		if header(query, "Contact") != "" {
			t.Errorf("a Contact came in:\n%s", query)
		}
		r.in(udp(pbxAddr), answer(query, "200 OK", fmt.Sprintf("Contact: <sip:%s@192.0.2.1:5060>;expires=17", tok),
			fmt.Sprintf("Contact: <sip:%s@192.0.2.1:5060>;expires=17", token(other, 0))))
		ok := r.want(phoneAddr, "SIP/2.0 200 ")
		if got := headers(ok, "Contact"); !slices.Equal(got, []string{desk + ";expires=17"}) {
			t.Errorf("Contacts %q", got)
		}
		// Nothing was asked for, so the old expiry holds.
		r.wait(20 * time.Second)
		r.bound("3401", "sip:3401@10.0.0.5:5060;ob")
	})
}

// TestExpiry: the cap goes both ways; what the PBX grants counts.
func TestExpiry(t *testing.T) {
	tests := []struct {
		name, contact, header string   // asked
		wantContact, wantHead string   // sent on
		grant                 []string // of the 2xx, after the Contact
		said                  string   // to the phone
		lives                 time.Duration
	}{
		{"as asked", "", "Expires: 600", "", "600", []string{""}, "", 600 * time.Second},
		{"contact's own", ";expires=300", "Expires: 600", ";expires=300", "600", []string{""}, "", 300 * time.Second},
		{"nothing said", "", "", "", "", []string{""}, "", time.Hour},
		{"no number", ";expires=soon", "", ";expires=soon", "", []string{""}, "", time.Hour},
		{"granted less", "", "Expires: 600", "", "600", []string{";expires=60"}, ";expires=60", time.Minute},
		{"granted less by header", "", "Expires: 600", "", "600", []string{"", "Expires: 90"}, "", 90 * time.Second},
		{"header over the cap", "", "Expires: 86400", "", "7200", []string{";expires=7200"}, ";expires=7200", 2 * time.Hour},
		{"contact over the cap", ";expires=99999999999;q=0.5", "", ";expires=7200;q=0.5", "", []string{";expires=7200"}, ";expires=7200", 2 * time.Hour},
		{"granted over the cap", "", "Expires: 60", "", "60", []string{";expires=86400;x=y"}, ";expires=7200;x=y", 2 * time.Hour},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			run(t, false, func(r *rig) {
				r.t = t
				p := r.phone("3401")
				p.register("Contact: "+desk+c.contact, c.header)
				req := r.want(pbxAddr, "REGISTER ")
				if !strings.HasSuffix(header(req, "Contact"), ">"+c.wantContact) || header(req, "Expires") != c.wantHead {
					t.Errorf("sent on: %q, %q", header(req, "Contact"), header(req, "Expires"))
				}
				lines := append([]string{"Contact: <sip:" + token(req, 0) + "@192.0.2.1:5060>" + c.grant[0]}, c.grant[1:]...)
				r.in(udp(pbxAddr), answer(req, "200 OK", lines...))
				ok := r.want(phoneAddr, "SIP/2.0 200 ")
				if want := desk + c.said; header(ok, "Contact") != want {
					t.Errorf("said to the phone: %q, want %q", header(ok, "Contact"), want)
				}
				r.answerPings(true)
				r.wait(c.lives - time.Second)
				r.bound("3401", "sip:3401@10.0.0.5:5060;ob")
				r.wait(1200 * time.Millisecond)
				r.bound("3401")
				if got := strings.Join(r.ended, ","); got != "3401@acme.test binding_expired" {
					t.Errorf("ended: %q", got)
				}
			})
		})
	}
}

// TestTooBrief: a 423 passes with its Min-Expires and binds nothing.
func TestTooBrief(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		p := r.phone("3401")
		p.register("Contact: "+desk, "Expires: 5")
		r.in(udp(pbxAddr), answer(r.want(pbxAddr, "REGISTER "), "423 Interval Too Brief", "Min-Expires: 60"))
		if no := r.want(phoneAddr, "SIP/2.0 423 "); header(no, "Min-Expires") != "60" {
			t.Errorf("Min-Expires is lost:\n%s", no)
		}
		r.bound("3401")
	})
}

// TestPath: kept here, not sent on, told to the phone.
func TestPath(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		p := r.phone("3401")
		p.register("Contact: "+desk, "Supported: path", "Path: <sip:p2.example;lr>, <sip:p1.example;lr>;x=1", "Path: <sip:p0.example;lr>")
		req := r.want(pbxAddr, "REGISTER ")
		if header(req, "Path") != "" || header(req, "Supported") != "path" {
			t.Errorf("Path went on:\n%s", req)
		}
		r.in(udp(pbxAddr), answer(req, "200 OK", append(echo(req), "Service-Route: <sip:203.0.113.10;lr>", "P-Associated-URI: <sip:3401@acme.test>")...))
		ok := r.want(phoneAddr, "SIP/2.0 200 ")
		if got := headers(ok, "Path"); !slices.Equal(got, []string{"<sip:p2.example;lr>, <sip:p1.example;lr>;x=1", "<sip:p0.example;lr>"}) {
			t.Errorf("Path %q", got)
		}
		if header(ok, "Service-Route") != "" || header(ok, "P-Associated-URI") != "<sip:3401@acme.test>" {
			t.Errorf("routes:\n%s", ok)
		}
		c, _ := r.contact(token(req, 0))
		if c.Path != "<sip:p2.example;lr>, <sip:p1.example;lr>;x=1, <sip:p0.example;lr>" {
			t.Errorf("Path %q", c.Path)
		}
		p.accept([]string{desk})
		if c, _ := r.contact(token(req, 0)); c.Path != "" {
			t.Errorf("an old Path: %q", c.Path)
		}
	})
}

// TestMoves: a refresh over another flow moves the binding; the token stays.
func TestMoves(t *testing.T) {
	run(t, false, func(r *rig) {
		p := r.phone("3401")
		req, _ := p.accept([]string{desk})
		line2 := r.phone("3402")
		line2.accept([]string{"<sip:3402@10.0.0.5>"})
		old := p.flow
		for _, f := range []transport.Flow{udp(movedAddr), tcp(phoneAddr, 7), tcp(phoneAddr, 8)} {
			p.flow = f
			again, _ := p.accept([]string{desk})
			if token(again, 0) != token(req, 0) {
				t.Error("another token")
			}
			c, ok := r.reg.ByFlow(f)
			if !ok || c.Flow != f || c.AOR != "3401@acme.test" {
				t.Errorf("%v %+v", ok, c)
			}
		}
		if c, ok := r.reg.ByFlow(old); !ok || c.AOR != "3402@acme.test" {
			t.Errorf("the other line: %v %+v", ok, c)
		}
		if _, ok := r.reg.ByFlow(tcp(phoneAddr, 7)); ok || r.reg.Len() != 2 {
			t.Errorf("%d bindings", r.reg.Len())
		}
		r.reg.Closed(tcp(phoneAddr, 7)) // not its connection any more
		r.bound("3401", "sip:3401@10.0.0.5:5060;ob")
		r.reg.Closed(tcp(phoneAddr, 8))
		r.bound("3401")
		if got := strings.Join(r.ended, ","); got != "3401@acme.test binding_dead" {
			t.Errorf("ended: %q", got)
		}
	})
}

// TestPreference: ByAOR gives the most preferred first.
func TestPreference(t *testing.T) {
	run(t, false, func(r *rig) {
		var contacts, want []string
		for i, q := range []string{";q=0.125", ";q=1.0", ";q=0", ";q=0.9", "", ";q=0.50"} {
			contacts = append(contacts, fmt.Sprintf("<sip:c%d@10.0.0.5>%s", i, q))
		}
		for _, i := range []int{4, 1, 3, 5, 0, 2} {
			want = append(want, fmt.Sprintf("sip:c%d@10.0.0.5", i))
		}
		r.phone("a%20b").accept(contacts)
		r.bound("a%20b", want...)
		r.bound("%61%20%62", want...)
		r.bound("A%20b")
	})
}

// TestLateAnswer: the phone's connection ends while its PBX thinks.
func TestLateAnswer(t *testing.T) {
	run(t, false, func(r *rig) {
		p := r.phone("3401")
		p.flow = tcp(phoneAddr, 7)
		p.register("Contact: " + desk)
		req := r.want(pbxAddr, "REGISTER ")
		r.mu.Lock()
		r.dead[7] = true
		r.mu.Unlock()
		r.reg.Closed(p.flow)
		r.in(udp(pbxAddr), answer(req, "200 OK", echo(req)...))
		r.bound("3401")
	})
}
