package why

import (
	"fmt"
	"strings"

	"tollgate/test/peer"
	"tollgate/test/stage"
)

const phoneSecret = "Correct-Horse-1"

const localPhones = "registration: local\nsip_users:\n  - {username: \"2001\", password: \"" + phoneSecret + "\"}\n  - {username: \"2002\", password: \"" + phoneSecret + "\"}\n"

func registrations() []scenario {
	return []scenario{
		{"registrations here", localPhones, plain(), registrationsHere},
		{"registrations for another's domain", "", plain(), registrationElsewhere},
		{"registrations that the PBX refuses", "timers: {initial: 1s}\n", stage.One(), registrationRefused},
	}
}

// registrationsHere: whatever is wrong with a REGISTER is told to its phone and, later, to who asks; one
// that is in order, or asked for a password, is no decision.
func registrationsHere(sc *scene) {
	for _, c := range []struct {
		status  int
		reason  string
		expires int
		opts    []peer.Option
	}{
		{423, "registration_too_brief", 59, nil},
		{400, "bad_registration", 600, []peer.Option{peer.With("Contact", "<mailto:2001@example.test>")}},
		{403, "identity_not_owned", 600, []peer.Option{peer.With("To", "<sip:2002@"+sc.Domain+">")}},
		{500, "registration_late", 600, nil},
	} {
		r := sc.Caller.Registers("2001", sc.Domain)
		if c.reason == "registration_late" { // the first one is in order
			sc.register(r, 600, 200)
			r.CSeq -= 4
		}
		m := sc.register(r, c.expires, c.status, c.opts...)
		if c.status == 423 && m.Get("Min-Expires") != "60" {
			sc.Errorf("too brief, and the phone is told\n%s", m.Bytes())
		}
		sc.registration(r.ID, m, c.status, c.reason)
	}
	r := sc.Caller.Registers("2001", sc.Domain)
	sc.register(r, 600, 200)
	if _, found := sc.ask(sc.Domain); len(found.Decisions) != 4 {
		sc.Errorf("%d decisions about four refusals", len(found.Decisions))
	}
}

// register sends a REGISTER and sends it again with the password.
func (sc *scene) register(r *peer.Registration, expires, status int, opts ...peer.Option) *peer.Message {
	sc.Helper()
	r.Ask(expires, opts...)
	challenge := r.Expect("401 REGISTER")
	r.Ask(expires, append(opts, peer.Credentials{User: "2001", Password: phoneSecret}.Answer(challenge))...)
	return r.Expect(fmt.Sprintf("%d REGISTER", status))
}

// registration wants the refusal of a phone's REGISTER to be explained.
func (sc *scene) registration(callID string, m *peer.Message, status int, reason string) {
	sc.Helper()
	text, d := sc.of(callID)
	if ref := sc.told(m, reason); ref == "" || ref != d.Ref {
		sc.Errorf("the phone was told the reference %q, and it is %q", ref, d.Ref)
	}
	if !d.Refused || d.Status != status || d.Reason != reason || d.Sentence == "" || d.CustomerName != sc.Customer.Name {
		sc.Errorf("%+v", d)
	}
	sc.says(text, d.Ref, d.Sentence, fmt.Sprintf("refused with %d", status), sc.Customer.Name, "REGISTER", fmt.Sprintf("%d %s", status, m.Reason))
	if strings.Contains(text, `response="`) && !strings.Contains(text, `response="x`) {
		sc.Errorf("the answer to the challenge stands in\n%s", text)
	}
	sc.consistent(&d, "REGISTER")
	sc.foundBy(&d, d.Ref, sc.Caller.IP(), "2001@"+sc.Domain)
}

// registrationElsewhere: what is for no user of the customer's never comes to the PBX, which decides
// the others.
func registrationElsewhere(sc *scene) {
	r := sc.Caller.Registers("2001", sc.Domain)
	r.Ask(600, peer.With("To", "<sip:2001@elsewhere.test>"))
	if m := r.Expect("403 REGISTER"); m.Has("Reason") {
		sc.Errorf("a caller by domain is told %q", m.Get("Reason"))
	}
	text, d := sc.of(r.ID)
	if d.Reason != "foreign_registration" || d.Status != 403 || d.CustomerName != sc.Customer.Name {
		sc.Errorf("%+v", d)
	}
	sc.says(text, d.Sentence, "REGISTER")
	sc.consistent(&d, "REGISTER")
}

// registrationRefused: the PBX refuses a phone, or says nothing; it is asked for the password, and lets it in.
func registrationRefused(sc *scene) {
	ask := func(status int) string {
		sc.Helper()
		p := sc.Caller.Registers("2001", sc.Domain)
		p.Ask(600)
		in := sc.Callee.Accept("REGISTER")
		if status == 0 {
			p.Expect("404 REGISTER")
			return p.ID
		}
		in.Answer(status)
		p.Expect(fmt.Sprintf("%d REGISTER", status))
		return p.ID
	}
	if r := sc.Node.Command(sc.T, "why", ask(401)); r.Code != 1 {
		sc.Errorf("a challenge is no refusal: %s", r)
	}
	text, d := sc.of(ask(403))
	if !d.Refused || d.Status != 403 || d.Reason != "registration_refused" || d.CustomerName != sc.Customer.Name || d.Destination != "d1" {
		sc.Errorf("%+v", d)
	}
	sc.says(text, "REGISTER", "The PBX refused the registration.", "403 Forbidden (REGISTER)")
	sc.foundBy(&d, "2001@"+sc.Domain, sc.Domain, d.Ref, sc.Caller.Addr().String())
	if ladder := sc.Node.Must(sc.T, "trace", d.CallID).Stdout; strings.Count(ladder, "403 Forbidden") != 2 {
		sc.Errorf("the PBX's answer and ours:\n%s", ladder)
	}
	text, d = sc.of(ask(0))
	if !d.Refused || d.Status != 404 || d.Reason != "initial_timeout" {
		sc.Errorf("%+v", d)
	}
	sc.says(text, "No destination gave a provisional response in time.")
}
