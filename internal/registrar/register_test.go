package registrar_test

import (
	"strings"
	"testing"
)

const desk = "<sip:3401@10.0.0.5:5060;ob>"

// TestRegister: a challenge, the answer to it, a refresh.
func TestRegister(t *testing.T) {
	both(t, func(r *rig, hidden bool) {
		p := r.phone("3401")
		p.register("Contact: "+desk, "Expires: 600")
		first := r.want(pbxAddr, "REGISTER sip:acme.test SIP/2.0\r\n")
		r.in(udp(pbxAddr), answer(first, "401 Unauthorized", `WWW-Authenticate: Digest realm="acme.test", nonce="n"`))
		no := r.want(phoneAddr, "SIP/2.0 401 ")
		if header(no, "WWW-Authenticate") != `Digest realm="acme.test", nonce="n"` {
			t.Errorf("the challenge changed:\n%s", no)
		}
		r.bound("3401")
		req, ok := p.accept([]string{desk}, "Expires: 600", `Authorization: Digest username="3401"`)
		for _, name := range []string{"Call-ID", "From", "Contact"} {
			if header(first, name) != header(req, name) {
				t.Errorf("%s changed: %q, then %q", name, header(first, name), header(req, name))
			}
		}
		if header(req, "CSeq") != "2 REGISTER" || header(req, "To") != "<sip:3401@acme.test>" || header(req, "Authorization") == "" {
			t.Errorf("not what the phone asked:\n%s", req)
		}
		if want := "<sip:3401@10.0.0.5:5060;ob>;expires=3600"; header(ok, "Contact") != want {
			t.Errorf("Contact %q, want %q", header(ok, "Contact"), want)
		}
		if hidden && (strings.Contains(req, "10.0.0.5") || strings.Contains(req, "198.51.100.7")) {
			t.Errorf("the phone shows:\n%s", req)
		}
		if hidden && strings.Contains(ok, "203.0.113") {
			t.Errorf("the PBX shows:\n%s", ok)
		}
		r.bound("3401", "sip:3401@10.0.0.5:5060;ob")
		c, found := r.contact(token(req, 0))
		if !found || c.AOR != "3401@acme.test" || c.Flow.Remote != phoneAddr || c.Customer != 1 || c.Q != 1000 {
			t.Errorf("%v %+v", found, c)
		}
		if by, found := r.reg.ByFlow(udp(phoneAddr)); !found || by != c {
			t.Errorf("by its flow: %v %+v", found, by)
		}
		again, _ := p.accept([]string{desk}, "Expires: 600")
		if header(again, "Contact") != header(req, "Contact") || header(again, "Call-ID") != header(req, "Call-ID") {
			t.Errorf("another token or Call-ID:\n%s", again)
		}
		if r.reg.Len() != 1 {
			t.Errorf("%d bindings", r.reg.Len())
		}
	})
}
