package phones

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tollgate/test/harness"
	"tollgate/test/peer"
	"tollgate/test/stage"
)

// registrations are what phones ask of their PBX through a node (RFC 3261 10).
func registrations() []stage.Scenario {
	all := stage.Matrix("udp4-udp4", "tcp4-udp4", "tls4-udp4", "udp4-tcp4", "tcp4-tls4", "tls4-tcp4", "udp6-udp4", "udp4-udp6")
	some := stage.Matrix("udp4-udp4", "tcp4-udp4")
	return []stage.Scenario{
		{Name: "challenge, refresh and un-register", Matrix: all, Play: wholeLife},
		{Name: "digest by SHA-256", Matrix: stage.One(), Play: digestSHA256},
		{Name: "a star ends all bindings", Matrix: some, Play: star},
		{Name: "three phones of one address", Matrix: some, Play: threeContacts},
		{Name: "two contacts in one request", Matrix: stage.One(), Play: twoAtOnce},
		{Name: "an instance keeps its token", Matrix: some, Play: instanceKeepsToken},
		{Name: "another contact is another token", Matrix: stage.One(), Play: otherContact},
		{Name: "423 and its retry", Matrix: stage.One(), Play: tooBrief},
		{Name: "two hours at most", Matrix: stage.One(), Play: capped},
		{Name: "a query", Matrix: some, Play: query},
		{Name: "a PBX that lists foreign contacts", Matrix: stage.One(), Play: foreignContacts},
		{Name: "a PBX that lists no contacts", Matrix: stage.One(), Play: noList},
		{Name: "a PBX that drops a contact", Matrix: stage.One(), Play: dropped},
		{Name: "Path of a proxy before us", Matrix: stage.One(), Play: path},
		{Name: "a phone's STUN", Matrix: stage.One(), Play: stun},
		{Name: "REGISTER fails over", Matrix: stage.One(), Play: failsOver},
		{Name: "bindings are listed", Matrix: some, Play: bindingsListed},
		{Name: "a registration expires", Matrix: some, Play: expires},
	}
}

// wholeLife: the PBX asks for a password, lets the phone in, has it refresh, and lets it go.
func wholeLife(s *stage.Stage) { life(s, "MD5") }

func digestSHA256(s *stage.Stage) { life(s, "SHA-256") }

func life(s *stage.Stage, algorithm string) {
	right, wrong := peer.Credentials{User: "alice", Password: "secret"}, peer.Credentials{User: "alice", Password: "guess"}
	p := newPhone(s, s.Caller, "alice")
	p.Ask(600)
	p.answers(401, peer.Challenge(s.Domain, algorithm))
	challenge := p.Expect("401 REGISTER")
	p.Ask(600, wrong.Answer(challenge))
	m := p.arrives()
	if right.Proves(m) {
		s.Error("a wrong password became a right one")
	}
	p.pbx.Reply(m, 401, peer.Challenge(s.Domain, algorithm))
	challenge = p.Expect("401 REGISTER")
	p.lost()

	p.Ask(600, right.Answer(challenge))
	m = p.arrives()
	if !right.Proves(m) {
		s.Errorf("the PBX cannot check the password:\n%s", m.Bytes())
	}
	callID, number := m.Get("Call-ID"), cseq(m)
	p.grant(m, 600)
	p.called()
	for range 3 {
		p.Ask(600, right.Answer(challenge))
		m = p.arrives()
		if m.Get("Call-ID") != callID || cseq(m) <= number {
			s.Errorf("a refresh keeps its Call-ID and counts up (RFC 3261 10.2); after %s %d came\n%s", callID, number, m.Bytes())
		}
		number = cseq(m)
		p.grant(m, 500)
	}
	p.Ask(0, right.Answer(challenge))
	m = p.arrives()
	if got := peer.HeaderParam(m.Get("Contact"), "expires"); got != "0" {
		s.Errorf("the phone leaves, and the PBX gets expires=%q", got)
	}
	p.grant(m, 0)
	p.lost()
}

func cseq(m *peer.Message) int {
	n, _ := m.CSeq()
	return n
}

func star(s *stage.Stage) {
	first, second := register(s, s.Caller, "alice"), newPhone(s, s.Peer(s.Variant.Caller), "alice")
	second.Ask(600)
	second.grant(second.arrives(), 600, "<"+first.token+">;expires=500")

	for name, opts := range map[string][]peer.Option{
		"with time left": {peer.With("Contact", "*"), peer.With("Expires", "60")},
		"without a time": {peer.With("Contact", "*")},
		"and a contact":  {peer.With("Contact", "*"), peer.Also("Contact", "<"+first.Contact+">"), peer.With("Expires", "0")},
	} {
		first.Request("REGISTER", opts...)
		if m := first.ExpectOneOf("400 REGISTER"); m == nil {
			s.Errorf("a star %s must be refused", name)
		}
	}
	first.called()
	second.called()

	first.AskAll()
	m := first.arrives()
	if m.Get("Contact") != "*" || m.Get("Expires") != "0" {
		s.Errorf("the star must reach the PBX as it is:\n%s", m.Bytes())
	}
	first.grant(m, 0)
	first.lost()
	second.lost()
}

// threeContacts: each phone has a token, the PBX lists them all, and each phone reads the others' own Contacts.
func threeContacts(s *stage.Stage) {
	phones := []*phone{register(s, s.Caller, "alice")}
	for range 2 {
		p := newPhone(s, s.Peer(s.Variant.Caller), "alice")
		p.Ask(600)
		m := p.arrives()
		var others []string
		for _, o := range phones {
			if o.token == p.token {
				s.Fatalf("two phones have the token %s", p.token)
			}
			others = append(others, "<"+o.token+">;expires=300")
		}
		answer := p.grant(m, 600, others...)
		for _, o := range phones {
			if got := peer.Granted(answer, o.Contact); got != 300 {
				s.Errorf("the phone must read of %s for 300 s, got %d:\n%s", o.Contact, got, answer.Bytes())
			}
		}
		phones = append(phones, p)
	}
	for _, p := range phones {
		p.called()
	}
}

// twoAtOnce: one request, two Contacts with all their parameters; one is granted less.
func twoAtOnce(s *stage.Stage) {
	p := newPhone(s, s.Caller, "alice")
	other := strings.Replace(p.Contact, "sip:", "sip:second", 1)
	p.Request("REGISTER", peer.With("Expires", "600"),
		peer.With("Contact", fmt.Sprintf(`"Alice" <%s>;q=0.7;methods="INVITE,BYE", <%s>;q=0.2;expires=300`, p.Contact, other)))
	m := p.arrives()
	contacts := m.All("Contact")
	if len(contacts) != 2 {
		s.Fatalf("two Contacts went in, this came out:\n%s", m.Bytes())
	}
	first, second := peer.URIOf(contacts[0]), peer.URIOf(contacts[1])
	if first == second || peer.HeaderParam(contacts[0], "q") != "0.7" || peer.HeaderParam(contacts[0], "methods") != `"INVITE,BYE"` ||
		peer.HeaderParam(contacts[1], "q") != "0.2" || peer.HeaderParam(contacts[1], "expires") != "300" {
		s.Errorf("each Contact keeps its parameters:\n%s", m.Bytes())
	}
	p.pbx.Reply(m, 200, peer.With("Contact", fmt.Sprintf("<%s>;expires=600;q=0.7, <%s>;expires=200;q=0.2", first, second)))
	answer := p.Expect("200 REGISTER")
	if a, b := peer.Granted(answer, p.Contact), peer.Granted(answer, other); a != 600 || b != 200 {
		s.Errorf("granted 600 and 200, the phone is told %d and %d:\n%s", a, b, answer.Bytes())
	}
	for token, contact := range map[string]string{first: p.Contact, second: other} {
		p.token, p.Contact = token, contact
		p.called()
	}
}

// instanceKeepsToken: the phone comes back from another port with another Contact.
func instanceKeepsToken(s *stage.Stage) {
	p := newPhone(s, s.Caller, "alice")
	p.Params = instance(s.T)
	p.refresh(600)
	moved := newPhone(s, s.Peer(s.Variant.Caller), "alice")
	moved.Params, moved.token = p.Params, p.token
	moved.Ask(600)
	m := moved.arrives()
	if got := m.Get("Contact"); !strings.Contains(got, p.Params) {
		s.Errorf("the PBX must get the instance %s, got %q", p.Params, got)
	}
	moved.grant(m, 600)
	moved.called()
	p.UA.Quiet(silence / 4)
}

// otherContact: without an instance, another Contact is another phone.
func otherContact(s *stage.Stage) {
	p, q := register(s, s.Caller, "alice"), newPhone(s, s.Caller, "alice")
	q.refresh(600)
	if p.token == q.token {
		s.Errorf("two Contacts have the token %s", p.token)
	}
	other := register(s, s.Peer(udp4), "carol")
	if other.token == p.token || other.token == q.token {
		s.Errorf("two users have the token %s", other.token)
	}
}

func tooBrief(s *stage.Stage) {
	p := newPhone(s, s.Caller, "alice")
	p.Ask(30)
	p.answers(423, peer.With("Min-Expires", "120"))
	if least := p.Expect("423 REGISTER").Get("Min-Expires"); least != "120" {
		s.Errorf("Min-Expires came as %q", least)
	}
	p.lost()
	p.refresh(120)
	p.called()
}

// capped: no phone is registered for longer than two hours, whatever is asked or granted.
func capped(s *stage.Stage) {
	p := newPhone(s, s.Caller, "alice")
	ask := map[string][]peer.Option{
		"by parameter": {peer.With("Contact", "<"+p.Contact+">;expires=100000")},
		"by header":    {peer.With("Contact", "<"+p.Contact+">"), peer.With("Expires", "100000")},
		"by both":      {peer.With("Contact", "<"+p.Contact+">;expires=4294967295"), peer.With("Expires", "4294967295")},
	}
	for name, opts := range ask {
		p.Request("REGISTER", opts...)
		m := p.arrives()
		for _, value := range []string{m.Get("Expires"), peer.HeaderParam(m.Get("Contact"), "expires")} {
			if n, err := strconv.Atoi(value); value != "" && (err != nil || n > 7200) {
				s.Errorf("asked %s, the PBX gets %q", name, value)
			}
		}
		p.pbx.Reply(m, 200, peer.With("Contact", "<"+p.token+">;expires=90000"), peer.With("Expires", "90000"))
		if got := peer.Granted(p.Expect("200 REGISTER"), p.Contact); got < 1 || got > 7200 {
			s.Errorf("asked %s, the phone is told %d", name, got)
		}
	}
	row := p.listed()
	at, err := time.Parse(time.RFC3339, fmt.Sprint(row["expires"]))
	if left := time.Until(at); err != nil || left > 7205*time.Second || left < 7000*time.Second {
		s.Errorf("the binding lives until %v: %v", row["expires"], err)
	}
}

func query(s *stage.Stage) {
	p := register(s, s.Caller, "alice")
	p.Query()
	m := p.arrives()
	if m.Has("Contact") {
		s.Errorf("a query has no Contact:\n%s", m.Bytes())
	}
	p.grant(m, 444)
	p.called()
	stranger := newPhone(s, s.Peer(udp4), "carol")
	stranger.Query()
	stranger.pbx = s.Callee.Accept("REGISTER")
	stranger.pbx.Answer(200)
	if answer := stranger.Expect("200 REGISTER"); answer.Has("Contact") {
		s.Errorf("nobody is registered, and yet:\n%s", answer.Bytes())
	}
}

// foreignContacts: a desk phone inside is shown outside unless the customer hides his PBX; a token
// that means nobody any more is never shown.
func foreignContacts(s *stage.Stage) {
	left := register(s, s.Peer(udp4), "alice")
	left.refresh(0)
	p := newPhone(s, s.Caller, "alice")
	p.Ask(600)
	m := p.arrives()
	desk := "sip:desk@" + s.Callee.Mark + ".invalid"
	answer := p.grant(m, 600, "<"+desk+">;expires=100", "<"+left.token+">;expires=200")
	if got := peer.Granted(answer, desk); !s.Hidden && got != 100 || s.Hidden && got != -1 {
		s.Errorf("the desk phone is shown for %d s:\n%s", got, answer.Bytes())
	}
	if text := string(answer.Bytes()); strings.Contains(text, peer.User(left.token)) || strings.Contains(text, left.Contact) {
		s.Errorf("a phone that has left is shown:\n%s", text)
	}
}

// flip changes the last character and keeps the alphabet.
func flip(token string) string {
	last := byte('0')
	if token[len(token)-1] == '0' {
		last = '1'
	}
	return token[:len(token)-1] + string(last)
}

// noList: some PBXs answer 200 and nothing else: then what was asked for counts.
func noList(s *stage.Stage) {
	p := newPhone(s, s.Caller, "alice")
	p.Ask(600)
	p.answers(200, peer.With("Expires", "300"))
	p.Expect("200 REGISTER")
	p.called()
	p.Ask(0)
	p.answers(200)
	p.Expect("200 REGISTER")
	p.lost()
}

// dropped: what the PBX lists no more is gone.
func dropped(s *stage.Stage) {
	p, q := register(s, s.Caller, "alice"), register(s, s.Peer(udp4), "alice")
	p.lost() // the second answer did not list it
	q.called()
	p.refresh(600)
	p.called()
}

func path(s *stage.Stage) {
	hop := "<sip:hop." + s.Caller.Mark + ".invalid;lr>"
	p := newPhone(s, s.Caller, "alice")
	p.Ask(600, peer.With("Supported", "path"), peer.With("Path", hop))
	m := p.arrives()
	if m.Has("Path") {
		s.Errorf("the PBX reaches the phone through us alone:\n%s", m.Bytes())
	}
	if answer := p.grant(m, 600); answer.Get("Path") != hop {
		s.Errorf("the Path must be answered (RFC 3327 5.3):\n%s", answer.Bytes())
	}
	b := sends(s, "MESSAGE", p.token, peer.Body("text/plain", "x"))
	a := p.gets("MESSAGE")
	if route := a.Incoming().Get("Route"); route != hop {
		s.Errorf("the request must take the way back as Route %s, got %q", hop, route)
	}
	a.Answer(200)
	b.Expect("200 MESSAGE")
}

func failsOver(s *stage.Stage) {
	second := s.Peer(udp4)
	s.Customer.Destinations = append(s.Customer.Destinations, harness.Destination{Addr: second.Addr()})
	s.Apply()
	p := newPhone(s, s.Caller, "alice")
	p.Ask(600)
	p.answers(503)
	at := second.Accept("REGISTER")
	token := peer.URIOf(at.Incoming().Get("Contact"))
	at.Answer(200, peer.With("Contact", "<"+token+">;expires=600"))
	if got := peer.Granted(p.Expect("200 REGISTER"), p.Contact); got != 600 {
		s.Errorf("granted 600, the phone is told %d", got)
	}
	b := second.Start("MESSAGE", token, peer.Body("text/plain", "x"), from(s, "bob"))
	p.gets("MESSAGE").Answer(200)
	b.Expect("200 MESSAGE")
}

func bindingsListed(s *stage.Stage) {
	p := newPhone(s, s.Caller, "alice")
	p.Params = instance(s.T)
	p.refresh(600)
	row := p.listed()
	if row == nil {
		s.Fatalf("`bindings -o json` does not show the phone: %v", s.Node.JSON(s.T, "bindings"))
	}
	for key, want := range map[string]any{
		"aor": "alice@" + s.Domain, "transport": s.Caller.Proto(), "nat": false, "reachable": true, "user_agent": "blackbox",
	} {
		if row[key] != want {
			s.Errorf("%s is listed as %v, expected %v", key, row[key], want)
		}
	}
	if s.Caller.Proto() == "udp" && row["source"] != s.Caller.Addr().String() {
		s.Errorf("source is listed as %v, expected %s", row["source"], s.Caller.Addr())
	}
	p.refresh(0)
	if row := p.listed(); row != nil {
		s.Errorf("the phone has left and is still listed: %v", row)
	}
}

func expires(s *stage.Stage) {
	p := newPhone(s, s.Caller, "alice")
	p.refresh(3) // and a machine that is busy has the call in that time
	p.called()
	p.gone(peer.Patience)
	p.lost()
	p.refresh(600)
	p.called()
}
