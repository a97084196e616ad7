package crash

import (
	"fmt"
	"strings"

	"tollgate/test/peer"
)

// line is a phone's registration for one address of record.
type line struct {
	p      *party
	user   string
	domain string
	cseq   int
	bound  bool // so said the last 200
	asking *request
}

func (l *line) aor() string { return "sip:" + l.user + "@" + l.domain }

// asks sends a REGISTER for so many seconds, 0 to end it.
func (l *line) asks(seconds int) *request {
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	l.cseq++
	m := &peer.Message{Method: "REGISTER", URI: "sip:" + l.domain}
	m.Add("Via", fmt.Sprintf("SIP/2.0/%s %s;branch=z9hG4bK%s;rport", strings.ToUpper(p.proto), p.addr, p.token("b")))
	m.Add("Max-Forwards", "70")
	m.Add("From", fmt.Sprintf("<%s>;tag=%s", l.aor(), p.token("tag")))
	m.Add("To", "<"+l.aor()+">")
	m.Add("Call-ID", "reg-"+l.user+"-"+p.mark)
	m.Add("CSeq", fmt.Sprintf("%d REGISTER", l.cseq))
	m.Add("Contact", fmt.Sprintf("<%s>;expires=%d", p.uri(l.user), seconds))
	l.asking = p.ask(nil, m, p.edge)
	return l.asking
}

// settle takes what the last answer said: whether the line is bound.
func (l *line) settle() error {
	if l.asking == nil {
		return nil
	}
	if err := l.asking.want(200); err != nil {
		return err
	}
	uri := l.p.uri(l.user)
	l.bound = peer.Granted(l.asking.answer, uri) > 0
	return nil
}

// registers is a PBX that lets everybody in. mu is held.
func (p *party) registers(m *peer.Message) []byte {
	answer := p.plain(m, 200)
	aor, contact := peer.URIOf(m.Get("To")), m.Get("Contact")
	p.lines[aor] = peer.URIOf(contact)
	if peer.HeaderParam(contact, "expires") != "0" {
		answer.Add("Contact", contact)
	}
	return answer.Bytes()
}

// reached holds that the PBX reaches a line that is bound by its token, or not one that is not.
func (l *line) reached(pbx *party) error {
	token := pbx.tokenOf(l.aor())
	if token == "" {
		return nil // it never came so far
	}
	call := dial(pbx, token, false)
	if !l.bound {
		if err := call.invite.want(480); err != nil {
			return fmt.Errorf("%s has ended its registration and is reached: %w", l.aor(), err)
		}
		return nil
	}
	if err := call.upAt(l.p); err != nil {
		return fmt.Errorf("%s is registered and not reached: %w", l.aor(), err)
	}
	return call.does(caller, "BYE")
}
