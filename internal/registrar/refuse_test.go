package registrar_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tollgate/internal/registrar"
)

// TestRefused: what is answered here, and goes to no PBX.
func TestRefused(t *testing.T) {
	long := strings.Repeat("x", 600)
	tests := []struct {
		name, to string // "" = the phone's own
		lines    []string
		want     string
	}{
		{"another's domain", "<sip:3401@other.test>", []string{"Contact: " + desk}, "403 Another's Address of Record"},
		{"no domain", "<sip:3401@203.0.113.10>", []string{"Contact: " + desk}, "403 Another's Address of Record"},
		{"no user", "<sip:acme.test>", []string{"Contact: " + desk}, "403 No Address of Record"},
		{"a number", "<tel:3401>", []string{"Contact: " + desk}, "403 No Address of Record"},
		{"control character", "<sip:a%00b@acme.test>", []string{"Contact: " + desk}, "400 Bad To"},
		{"a long To", "<sip:" + long + "@acme.test>", []string{"Contact: " + desk}, "400 Bad To"},
		{"* without Expires", "", []string{"Contact: *"}, "400 Contact * Needs Expires 0"},
		{"* with Expires", "", []string{"Contact: *", "Expires: 60"}, "400 Contact * Needs Expires 0"},
		{"* and another", "", []string{"Contact: *, " + desk, "Expires: 0"}, "400 Contact * Needs Expires 0"},
		{"nine", "", []string{"Contact: " + strings.Repeat(desk+",", 8) + desk}, "400 Too Many Contacts"},
		{"no SIP", "", []string{"Contact: <mailto:a@b.test>"}, "400 Contact Is No SIP URI"},
		{"tel", "", []string{"Contact: <tel:3401>"}, "400 Contact Is No SIP URI"},
		{"headers", "", []string{"Contact: <sip:a@10.0.0.5?Subject=x>"}, "400 Headers in Contact"},
		{"our listener", "", []string{"Contact: <sip:a@192.0.2.1>"}, "400 Contact Leads Here"},
		{"our listener, escaped otherwise", "", []string{"Contact: <sip:a@192.0.2.1:5060;transport=tcp>"}, "400 Contact Leads Here"},
		{"a long URI", "", []string{"Contact: <sip:" + long + "@10.0.0.5>"}, "400 Contact Too Long"},
		{"a long instance", "", []string{"Contact: " + desk + `;+sip.instance="` + long + `"`}, "400 Bad Instance"},
		{"a long Path", "", []string{"Contact: " + desk, "Path: <sip:" + long + "@p.test;lr>", "Path: <sip:" + long + "@p.test;lr>"}, "400 Path Too Long"},
		{"a bad Path", "", []string{"Contact: " + desk, "Path: sip:p.test"}, "400 Bad Path"},
		{"a Path of another scheme", "", []string{"Contact: " + desk, "Path: <tel:112>"}, "400 Bad Path"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			run(t, false, func(r *rig) {
				r.t = t
				p := r.phone("3401")
				p.to = c.to
				p.register(c.lines...)
				r.want(phoneAddr, "SIP/2.0 "+c.want+"\r\n")
				r.nothing(pbxAddr)
			})
		})
	}
}

// TestTokenAsContact: a phone cannot register one of our tokens.
func TestTokenAsContact(t *testing.T) {
	run(t, false, func(r *rig) {
		p := r.phone("3401")
		req, _ := p.accept([]string{desk})
		p.register("Contact: <sip:" + token(req, 0) + "@10.0.0.5>")
		r.want(phoneAddr, "SIP/2.0 400 Contact Leads Here\r\n")
		r.nothing(pbxAddr)
	})
}

// TestOtherSpellings: of a domain, which all mean the same address of record.
func TestOtherSpellings(t *testing.T) {
	run(t, false, func(r *rig) {
		p := r.phone("3401")
		req, _ := p.accept([]string{desk})
		for _, to := range []string{"<sip:3401@ACME.test>", "sip:3401@acme.test.", `"x" <sips:%33401@acme.test:5070;transport=tcp>`} {
			p.to = to
			again, _ := p.accept([]string{desk})
			if token(again, 0) != token(req, 0) || header(again, "To") != to {
				t.Errorf("%s: To %q, Contact %q", to, header(again, "To"), header(again, "Contact"))
			}
		}
	})
}

// TestTooMany: 32 bindings of one address of record, not one more; a refresh goes on.
func TestTooMany(t *testing.T) {
	run(t, false, func(r *rig) {
		p := r.phone("3401")
		last := ""
		for i := range 32 {
			last = fmt.Sprintf("<sip:c%d@10.0.0.5>", i)
			p.register("Contact: " + last)
			r.in(udp(pbxAddr), answer(r.want(pbxAddr, "REGISTER "), "200 OK"))
			r.want(phoneAddr, "SIP/2.0 200 ")
		}
		p.register("Contact: <sip:more@10.0.0.5>")
		r.want(phoneAddr, "SIP/2.0 403 Too Many Bindings\r\n")
		r.nothing(pbxAddr)
		p.register("Contact: " + last)
		r.want(pbxAddr, "REGISTER ")
		r.phone("3402").register("Contact: " + desk)
		r.want(pbxAddr, "REGISTER ")
	})
}

// TestTooManyCrossing: REGISTERs that cross cannot have more together than one alone.
func TestTooManyCrossing(t *testing.T) {
	run(t, false, func(r *rig) {
		p := r.phone("3401")
		var under []string
		for i := range 34 {
			p.register(fmt.Sprintf("Contact: <sip:c%d@10.0.0.5>", i))
			under = append(under, r.want(pbxAddr, "REGISTER "))
		}
		for i, req := range under {
			r.in(udp(pbxAddr), answer(req, "200 OK"))
			status := "SIP/2.0 200 "
			if i >= 32 {
				status = "SIP/2.0 503 "
			}
			r.want(phoneAddr, status)
		}
		if r.reg.Len() != 32 {
			t.Errorf("%d bindings", r.reg.Len())
		}
	})
}

func TestFailover(t *testing.T) {
	both(t, func(r *rig, _ bool) {
		p := r.phone("3401")
		p.register("Contact: "+desk+";expires=99999", "Path: <sip:p.test;lr>")
		first := r.want(pbxAddr, "REGISTER ")
		r.wait(5100 * time.Millisecond)
		r.drain(pbxAddr)
		second := r.want(pbx2Addr, "REGISTER ")
		for _, name := range []string{"Contact", "Call-ID", "From", "CSeq", "Path"} {
			if header(first, name) != header(second, name) {
				t.Errorf("%s: %q, then %q", name, header(first, name), header(second, name))
			}
		}
		r.in(udp(pbxAddr), answer(first, "200 OK", echo(first)...)) // too late
		r.nothing(phoneAddr)
		r.in(udp(pbx2Addr), answer(second, "200 OK", echo(second)...))
		r.want(phoneAddr, "SIP/2.0 200 ")
		r.bound("3401", "sip:3401@10.0.0.5:5060;ob")
	})
}

// TestExhausted: what goes up when no PBX takes it.
func TestExhausted(t *testing.T) {
	for _, c := range []struct{ first, second, want string }{
		{"503 Down", "503 Down", "500 "},
		{"502 Bad", "504 Late", "504 "},
		{"", "", "404 "},
		{"503 Down", "", "404 "},
	} {
		both(t, func(r *rig, _ bool) {
			r.phone("3401").register("Contact: " + desk)
			for _, at := range []struct {
				addr   netip.AddrPort
				status string
			}{{pbxAddr, c.first}, {pbx2Addr, c.second}} {
				req := r.want(at.addr, "REGISTER ")
				if at.status == "" {
					r.wait(5100 * time.Millisecond)
				} else {
					r.in(udp(at.addr), answer(req, at.status))
				}
			}
			r.want(phoneAddr, "SIP/2.0 "+c.want)
			r.bound("3401")
		})
	}
}

// TestRedirection: plain passes, hidden does not.
func TestRedirection(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		r.phone("3401").register("Contact: " + desk)
		r.in(udp(pbxAddr), answer(r.want(pbxAddr, "REGISTER "), "302 Moved", "Contact: <sip:203.0.113.77>"))
		if !hidden {
			if no := r.want(phoneAddr, "SIP/2.0 302 "); header(no, "Contact") != "<sip:203.0.113.77>" {
				t.Errorf("where to:\n%s", no)
			}
			return
		}
		if no := r.want(phoneAddr, "SIP/2.0 480 "); strings.Contains(no, "203.0.113") {
			t.Errorf("the new place shows:\n%s", no)
		}
	})
}

// TestJournalFirst: a binding is in the journal before the phone has its 200; with a
// full disk nothing changes.
func TestJournalFirst(t *testing.T) {
	run(t, false, func(r *rig) {
		p := r.phone("3401")
		p.accept([]string{desk})
		p.accept([]string{desk})
		p.register("Contact: " + desk + ";expires=0")
		r.in(udp(pbxAddr), answer(r.want(pbxAddr, "REGISTER "), "200 OK"))
		if got := r.journal.take(); got != "put 200 put 200 delete 200" {
			t.Errorf("order: %s", got)
		}
		r.drain(phoneAddr)
		p.accept([]string{desk})
		was := r.reg.List(everyone, registrar.Place{}, 0)[0]
		r.wait(10 * time.Second)
		r.journal.full = 2
		p.register("Contact: "+desk+", "+soft+", <sip:third@10.0.0.9>", "User-Agent: new")
		r.in(udp(pbxAddr), answer(r.want(pbxAddr, "REGISTER "), "200 OK"))
		r.want(phoneAddr, "SIP/2.0 503 ")
		if list := r.reg.List(everyone, registrar.Place{}, 0); len(list) != 1 || list[0] != was {
			t.Errorf("bindings %+v", list)
		}
		if len(r.journal.kept) != 1 || r.reg.Len() != 1 {
			t.Errorf("%d in the journal", len(r.journal.kept))
		}
		r.journal.full = -1
		p.accept([]string{desk})
	})
}
