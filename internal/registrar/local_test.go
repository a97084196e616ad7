package registrar_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/registrar"
	"tollgate/internal/tenant"
)

// here runs f with a customer whose phones register at the node, as alice and bob.
func here(t *testing.T, f func(r *rig)) {
	t.Helper()
	run(t, false, func(r *rig) {
		r.change(func(a *tenant.Account) {
			a.Customer.Registration = "local"
			a.Domains = append(a.Domains, tenant.Domain{ID: 2, Customer: 1, Name: "second.test"})
			a.SIPUsers = []tenant.SIPUser{{ID: 1, Customer: 1, Username: "alice"}, {ID: 2, Customer: 1, Username: "bob"}}
		})
		f(r)
	})
}

// has checks which Contacts a SIP user has, most preferred first.
func (r *rig) has(user tenant.SIPUserID, want ...string) {
	r.t.Helper()
	var got []string
	for _, c := range r.reg.ByUser(nil, 1, user) {
		got = append(got, c.URI)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		r.t.Fatalf("user %d has %q, want %q", user, got, want)
	}
}

// put registers Contacts and gives the answer.
func (p *phone) put(lines ...string) string {
	p.r.t.Helper()
	p.register(lines...)
	p.r.nothing(pbxAddr)
	return p.r.want(p.flow.Remote, "SIP/2.0 ")
}

func status(answer string) string {
	line, _, _ := strings.Cut(answer, "\r\n")
	return strings.TrimPrefix(line, "SIP/2.0 ")
}

const (
	first  = "<sip:alice@10.0.0.5:5060;ob>"
	second = "<sip:alice@10.0.0.9>"
)

// TestHere: contacts come, are listed, are refreshed and go, and no PBX hears of it.
func TestHere(t *testing.T) {
	here(t, func(r *rig) {
		p := r.phone("alice")
		ok := p.put("Contact: "+first+instance+";q=0.25;reg-id=1", "Expires: 600", "Supported: path, outbound", "User-Agent: Desk")
		if got := header(ok, "Contact"); got != first+";expires=600;q=0.25"+instance+";reg-id=1" {
			t.Errorf("Contact %q in\n%s", got, ok)
		}
		if header(ok, "Require") != "outbound" || !regexp.MustCompile(`^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$`).MatchString(header(ok, "Date")) {
			t.Errorf("an answer without what it needs:\n%s", ok)
		}
		q := r.phone("alice")
		q.flow, q.cseq = udp(movedAddr), 50
		ok = q.put("Contact: "+second+";expires=9000", "Path: <sip:p1.test;lr>", "Supported: path")
		if all := headers(ok, "Contact"); len(all) != 2 || !strings.Contains(ok, second+";expires=7200\r\n") || header(ok, "Path") != "<sip:p1.test;lr>" {
			t.Errorf("the answer lists\n%s", ok)
		}
		r.has(1, "sip:alice@10.0.0.9", "sip:alice@10.0.0.5:5060;ob")
		r.has(2)
		r.bound("alice")
		if all := headers(q.put(), "Contact"); len(all) != 2 { // asked without a Contact
			t.Errorf("a query lists %q", all)
		}
		list := r.reg.List(everyone, registrar.Place{}, 0)
		if len(list) != 2 || list[0].User != "alice" || list[0].AOR != "alice@acme.test" {
			t.Errorf("%+v", list)
		}
		ok = q.put("Contact: "+second, "Expires: 0")
		if all := headers(ok, "Contact"); len(all) != 1 {
			t.Errorf("after one went: %q", all)
		}
		r.wait(601 * time.Second)
		r.has(1)
		r.answerPings(true)
	})
}

// TestHereTwice: a REGISTER that ends a contact, makes another and names the first one again has both.
func TestHereTwice(t *testing.T) {
	here(t, func(r *rig) {
		p := r.phone("alice")
		p.put("Contact: " + first)
		ok := p.put("Contact: " + first + ";expires=0, " + second + ";q=0.5, " + first + ";expires=600")
		if all := headers(ok, "Contact"); len(all) != 2 {
			t.Errorf("the answer lists\n%s", ok)
		}
		r.has(1, "sip:alice@10.0.0.5:5060;ob", "sip:alice@10.0.0.9")
	})
}

// TestHereAll: all contacts of a user go at once, nobody else's.
func TestHereAll(t *testing.T) {
	here(t, func(r *rig) {
		alice, bob := r.phone("alice"), r.phone("bob")
		alice.put("Contact: " + first + ", " + second)
		bob.put("Contact: <sip:bob@10.0.0.5>")
		for _, bad := range []string{"Expires: 1", "Contact: " + first + "\nExpires: 0"} {
			if got := status(alice.put("Contact: *", bad)); !strings.HasPrefix(got, "400 ") {
				t.Errorf("%s: %s", bad, got)
			}
		}
		if ok := alice.put("Contact: *", "Expires: 0"); status(ok) != "200 OK" || len(headers(ok, "Contact")) != 0 {
			t.Errorf("answer\n%s", ok)
		}
		r.has(1)
		r.has(2, "sip:bob@10.0.0.5")
	})
}

// TestHereRefused: what is wrong changes nothing.
func TestHereRefused(t *testing.T) {
	here(t, func(r *rig) {
		p := r.phone("alice")
		p.put("Contact: " + first)
		for _, c := range []struct{ name, to, line, want string }{
			{"too short", "", "Contact: " + second + ";expires=59", "423 Interval Too Brief"},
			{"too short for one", "", "Contact: " + second + ", " + first + ";expires=1", "423 Interval Too Brief"},
			{"another's", "<sip:bob@acme.test>", "Contact: " + second, "403 Another's Address of Record"},
			{"another case", "<sip:Alice@acme.test>", "Contact: " + second, "403 Another's Address of Record"},
			{"another's, all", "<sip:bob@acme.test>", "Contact: *\nExpires: 0", "403 Another's Address of Record"},
			{"another customer's", "<sip:alice@other.test>", "Contact: " + second, "403 Another's Address of Record"},
			{"us", "", "Contact: <sip:alice@192.0.2.1>", "400 Contact Leads Here"},
		} {
			p.to = c.to
			no := p.put(c.line)
			if got := status(no); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
			if strings.HasPrefix(c.want, "423") != (header(no, "Min-Expires") == "60") {
				t.Errorf("%s: %s", c.name, no)
			}
		}
		nobody := r.phone("nobody")
		if got := status(nobody.put("Contact: " + second)); got != "403 No SIP User" {
			t.Errorf("of nobody: %s", got)
		}
		r.has(1, "sip:alice@10.0.0.5:5060;ob")
	})
}

// TestHereOrder: of one Call-ID, what was sent earlier and comes later is refused (RFC 3261
// 10.3 step 7); another Call-ID, as of a phone that has started anew, is not held to it.
func TestHereOrder(t *testing.T) {
	here(t, func(r *rig) {
		p := r.phone("alice")
		p.cseq = 10
		p.put("Contact: " + first)
		for _, line := range []string{"Contact: " + first + ";expires=0", "Contact: *\nExpires: 0", "Contact: " + second + ", " + first} {
			p.cseq = 7
			if got := status(p.put(line)); got != "500 CSeq Out of Order" {
				t.Errorf("%s: %s", line, got)
			}
			p.cseq++ // another branch
		}
		r.has(1, "sip:alice@10.0.0.5:5060;ob")
		if got := status(p.put("Contact: " + second)); got != "200 OK" {
			t.Errorf("another Contact: %s", got)
		}
		p.cseq = 20
		if got := status(p.put("Contact: *", "Expires: 0")); got != "200 OK" {
			t.Errorf("in order: %s", got)
		}
		r.has(1)
	})
}

// TestHereDomains: a user's phones are his under whichever domain they register, and by
// whichever key tokens are made.
func TestHereDomains(t *testing.T) {
	here(t, func(r *rig) {
		p := r.phone("alice")
		p.put("Contact: " + first)
		p.to = "<sip:alice@Second.test>"
		if ok := p.put("Contact: " + second + ";q=0.1"); len(headers(ok, "Contact")) != 2 {
			t.Errorf("answer\n%s", ok)
		}
		r.has(1, "sip:alice@10.0.0.5:5060;ob", "sip:alice@10.0.0.9")
		was := r.reg.List(everyone, registrar.Place{}, 0)
		_, next := r.restart(dialog.NewMinter(1, 2, dialog.Key{K0: 3, K1: 4}, dialog.Key{ID: 2, K0: 5, K1: 6}))
		now := next.List(everyone, registrar.Place{}, 0)
		if len(now) != 2 || now[0] != was[0] || now[1] != was[1] {
			t.Errorf("was %+v\nnow %+v", was, now)
		}
		r.reg = next // and knows the order still
		p.cseq = 0
		r.has(1, "sip:alice@10.0.0.5:5060;ob", "sip:alice@10.0.0.9")
	})
}

// TestHerePings: mission row U4.
func TestHerePings(t *testing.T) {
	for _, c := range []struct {
		mode         string
		pings, bound int // within five minutes of silence
	}{{"disabled", 0, 1}, {"enabled", 5, 1}, {"timeout", 3, 0}} {
		t.Run(c.mode, func(t *testing.T) {
			here(t, func(r *rig) {
				r.change(func(a *tenant.Account) { a.SIPUsers[0].NATPing = &c.mode })
				p := r.phone("alice")
				p.flow = tcp(phoneAddr, 9)
				p.put("Contact: "+first, "Expires: 3600")
				r.answerPings(true)
				r.wait(10 * time.Minute) // who answers stays
				r.has(1, "sip:alice@10.0.0.5:5060;ob")
				r.answerPings(false)
				r.drain(phoneAddr)
				r.wait(5 * time.Minute)
				n := 0
				for m := r.out(phoneAddr); m != ""; m = r.out(phoneAddr) {
					if strings.HasPrefix(m, "OPTIONS sip:alice@10.0.0.5:5060;ob SIP/2.0\r\n") {
						n++
					}
				}
				if got := len(r.reg.ByUser(nil, 1, 1)); n != c.pings || got != c.bound {
					t.Errorf("%d pings, %d bound; want %d, %d", n, got, c.pings, c.bound)
				}
				if want := map[int]string{0: "alice@acme.test phone_silent"}[c.bound]; strings.Join(r.ended, " ") != want {
					t.Errorf("told of %q, want %q", r.ended, want)
				}
			})
		})
	}
}

// TestHereUserGone: with a user go his bindings, and with the setting everyone's.
func TestHereUserGone(t *testing.T) {
	here(t, func(r *rig) {
		r.phone("alice").put("Contact: " + first)
		r.phone("bob").put("Contact: <sip:bob@10.0.0.5>")
		r.change(func(a *tenant.Account) { a.SIPUsers = a.SIPUsers[:1] })
		r.wait(31 * time.Second)
		r.has(2)
		r.has(1, "sip:alice@10.0.0.5:5060;ob")
		r.change(func(a *tenant.Account) { a.Customer.Registration = "relay" })
		r.wait(31 * time.Second)
		r.has(1)
	})
}

// TestHereFull: a journal that cannot keep a binding is told to the phone, and a user has so
// many contacts and no more.
func TestHereFull(t *testing.T) {
	here(t, func(r *rig) {
		p := r.phone("alice")
		r.journal.full = 1
		if got := status(p.put("Contact: " + first + ", " + second)); got != "503 Service Unavailable" {
			t.Errorf("disk full: %s", got)
		}
		r.has(1)
		r.journal.full = -1
		for i := range 33 {
			want := "200 OK"
			if i == 32 {
				want = "403 Too Many Bindings"
			}
			if got := status(p.put("Contact: <sip:alice@10.0.0.9:" + "70" + string(rune('0'+i/10)) + string(rune('0'+i%10)) + ">")); got != want {
				t.Errorf("contact %d: %s", i, got)
			}
		}
	})
}
