package peer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// is tells whether a message is what a scenario names: a status (180), a method
// ("BYE"), a status of a method ("200 BYE"), or one of several of these.
func is(m *Message, what any) bool {
	switch w := what.(type) {
	case []any:
		return slices.ContainsFunc(w, func(w any) bool { return is(m, w) })
	case int:
		return m.Status == w
	case string:
		code, method, found := strings.Cut(w, " ")
		if !found {
			return m.Method == w
		}
		_, cseqMethod := m.CSeq()
		status, _ := strconv.Atoi(code)
		return m.Status == status && method == cseqMethod
	}
	panic(fmt.Sprintf("peer: expectation of type %T", what))
}

// mine tells whether a message is for this call, or for this dialog of a forked one.
func (c *Call) mine(m *Message) bool {
	if m.Get("Call-ID") != c.ID {
		return false
	}
	if !c.forked {
		return true
	}
	if m.Method != "" {
		return m.Tag("To") == c.LocalTag && (c.RemoteTag == "" || m.Tag("From") == c.RemoteTag) || m.Tag("To") == ""
	}
	_, method := m.CSeq()
	if method == "CANCEL" || method == "INVITE" && m.Status >= 300 {
		return true // of the whole INVITE, not of one dialog
	}
	return m.Tag("To") == c.RemoteTag || c.RemoteTag == ""
}

// Expect takes the call's next message, which must be what is named. 100 Trying is
// passed over unless named; retransmissions do not count. A refusal of an INVITE is
// acknowledged, as the transaction layer of a phone does.
func (c *Call) Expect(what any) *Message {
	c.UA.t.Helper()
	return c.ExpectWithin(Patience, what)
}

// ExpectWithin is Expect with another patience.
func (c *Call) ExpectWithin(patience time.Duration, what any) *Message {
	u := c.UA
	u.t.Helper()
	m := u.take(patience, func(m *Message) bool { return c.mine(m) && (m.Status != 100 || is(m, what)) })
	if m == nil {
		u.t.Fatalf("%s %s: expected %v, nothing came in %v", u.proto, u.addr, what, patience)
	}
	if !is(m, what) {
		u.t.Fatalf("%s %s: expected %v, got\n%s", u.proto, u.addr, what, m.Bytes())
	}
	c.learn(m)
	return m
}

// Await takes the first message that is what is named, and leaves what came before it
// for later expectations: for messages that cross.
func (c *Call) Await(what any) *Message {
	c.UA.t.Helper()
	m := c.AwaitWithin(Patience, what)
	if m == nil {
		c.UA.t.Fatalf("%s %s: awaited %v, in vain", c.UA.proto, c.UA.addr, what)
	}
	return m
}

// AwaitWithin is Await with another patience; nil when it did not come.
func (c *Call) AwaitWithin(patience time.Duration, what any) *Message {
	m := c.UA.take(patience, func(m *Message) bool { return c.mine(m) && is(m, what) })
	if m != nil {
		c.learn(m)
	}
	return m
}

// ExpectOneOf takes the call's next message, which must be one of those named.
func (c *Call) ExpectOneOf(whats ...any) *Message {
	u := c.UA
	u.t.Helper()
	m := u.take(Patience, func(m *Message) bool { return c.mine(m) && m.Status != 100 })
	if m == nil {
		u.t.Fatalf("%s %s: expected one of %v, nothing came", u.proto, u.addr, whats)
	}
	if !slices.ContainsFunc(whats, func(w any) bool { return is(m, w) }) {
		u.t.Fatalf("%s %s: expected one of %v, got\n%s", u.proto, u.addr, whats, m.Bytes())
	}
	c.learn(m)
	return m
}

// AwaitOneOf takes the first message that is one of those named and leaves the others.
func (c *Call) AwaitOneOf(whats ...any) *Message {
	u := c.UA
	u.t.Helper()
	m := u.take(Patience, func(m *Message) bool {
		return c.mine(m) && slices.ContainsFunc(whats, func(w any) bool { return is(m, w) })
	})
	if m == nil {
		u.t.Fatalf("%s %s: awaited one of %v, in vain", u.proto, u.addr, whats)
	}
	c.learn(m)
	return m
}

// Either takes what comes first: what a awaits, or what b does; the other one is nil. For what
// either an edge answers by itself or the other side has to.
func Either(a *Call, whatA any, b *Call, whatB any) (atA, atB *Message) {
	a.UA.t.Helper()
	for deadline := time.Now().Add(Patience); time.Now().Before(deadline); {
		if m := a.AwaitWithin(2*time.Millisecond, whatA); m != nil {
			return m, nil
		}
		if m := b.AwaitWithin(2*time.Millisecond, whatB); m != nil {
			return nil, m
		}
	}
	a.UA.t.Fatalf("awaited %v at %s or %v at %s, in vain", whatA, a.UA.addr, whatB, b.UA.addr)
	return nil, nil
}

// ExpectSet takes as many messages as are named, in any order, and gives them in the order named.
func (c *Call) ExpectSet(whats ...any) []*Message {
	c.UA.t.Helper()
	out := make([]*Message, len(whats))
	for range whats {
		var left []any
		for i, w := range whats {
			if out[i] == nil {
				left = append(left, w)
			}
		}
		m := c.ExpectOneOf(left...)
		for i, w := range whats {
			if out[i] == nil && is(m, w) {
				out[i] = m
				break
			}
		}
	}
	return out
}

// Quiet fails if anything new comes to this endpoint within d (100 Trying apart).
func (u *UA) Quiet(d time.Duration) {
	u.t.Helper()
	if m := u.take(d, func(m *Message) bool { return m.Status != 100 }); m != nil {
		u.t.Fatalf("%s %s: nothing was expected, got\n%s", u.proto, u.addr, m.Bytes())
	}
}

// Settled marks the test as failed if a message waits that nobody expected, or comes within d.
func (u *UA) Settled(d time.Duration) {
	u.t.Helper()
	if m := u.take(d, func(m *Message) bool { return m.Status != 100 }); m != nil {
		u.t.Errorf("%s %s: after the scenario there is still\n%s", u.proto, u.addr, m.Bytes())
	}
}

// learn brings the dialog's state up to date, and acknowledges refusals of INVITEs.
func (c *Call) learn(m *Message) {
	c.check(m)
	if m.Method != "" {
		c.learnRequest(m)
		return
	}
	_, method := m.CSeq()
	switch {
	case method == "INVITE" && m.Status >= 300:
		ack := c.inTransaction("ACK", m.Get("To"))
		c.UA.transmit(c.inviteFlow, ack.Bytes())
	case method == "INVITE" && m.Status > 100:
		c.learnAnswer(m)
	case method != "INVITE" && makesDialog(method) && m.Status >= 200 && m.Status < 300 && c.invite == nil:
		c.learnAnswer(m)
	case method == "UPDATE" && m.Status < 300 && m.Has("Contact"):
		c.Target = URIOf(m.Get("Contact"))
	}
}

// check is what must hold for every message of a call, whatever the scenario.
func (c *Call) check(m *Message) {
	t := c.UA.t
	t.Helper()
	if m.Method == "" {
		if vias := m.All("Via"); len(vias) != 1 || !strings.Contains(vias[0], c.UA.Mark) {
			t.Errorf("%s: a response must come with our Via alone, got\n%s", c.UA.addr, m.Bytes())
		}
		if m.Tag("From") != c.LocalTag {
			t.Errorf("%s: a response must come with our From tag %s, got\n%s", c.UA.addr, c.LocalTag, m.Bytes())
		}
		return
	}
	if m.Get("Max-Forwards") == "" || len(m.All("Via")) == 0 {
		t.Errorf("%s: a request without Max-Forwards or Via:\n%s", c.UA.addr, m.Bytes())
	}
	if m.Tag("To") == "" || m.Method == "ACK" || m.Method == "CANCEL" {
		return
	}
	if m.Method == "NOTIFY" && c.RemoteTag == "" && m.Tag("To") == c.LocalTag {
		return // it makes the dialog (RFC 6665 4.4.1)
	}
	if m.Tag("To") != c.LocalTag || m.Tag("From") != c.RemoteTag {
		t.Errorf("%s: a request inside the dialog must carry its tags (local %s, remote %s), got\n%s",
			c.UA.addr, c.LocalTag, c.RemoteTag, m.Bytes())
	}
	if !c.UA.Bare && User(m.URI) != c.contact {
		t.Errorf("%s: a request inside the dialog must name our Contact %s in its URI, got\n%s", c.UA.addr, c.contact, m.Bytes())
	}
	if number, _ := m.CSeq(); number <= c.remoteCSeq {
		t.Errorf("%s: CSeq %d after %d in one dialog:\n%s", c.UA.addr, number, c.remoteCSeq, m.Bytes())
	} else {
		c.remoteCSeq = number
	}
}

// learnAnswer makes or refreshes the dialog from a 1xx or 2xx of our INVITE (RFC 3261 12.1.2).
func (c *Call) learnAnswer(m *Message) {
	tag := m.Tag("To")
	if tag == "" || c.confirmed && c.RemoteTag != tag || m.Status < 200 && c.RemoteTag != "" && c.RemoteTag != tag {
		return
	}
	if m.Has("Contact") {
		c.Target = URIOf(m.Get("Contact"))
	}
	if !c.confirmed {
		c.RemoteTag, c.Routes = tag, m.All("Record-Route")
		slices.Reverse(c.Routes)
	}
	c.confirmed = c.confirmed || m.Status >= 200
}

// learnRequest makes or refreshes the dialog from a request of the other side (RFC 3261 12.1.1).
func (c *Call) learnRequest(m *Message) {
	first := m.Tag("To") == "" && m.Method != "CANCEL" && m.Method != "ACK"
	if first || m.Method == "NOTIFY" && c.RemoteTag == "" {
		c.RemoteTag = m.Tag("From")
		c.local, c.remote = untagged(m.Get("To")), untagged(m.Get("From"))
		c.Routes = m.All("Record-Route")
		c.remoteCSeq, _ = m.CSeq()
		c.confirmed = true // the route set of this side is known
	}
	if (first || m.Method == "INVITE" || m.Method == "UPDATE" || c.Target == "") && m.Has("Contact") {
		c.Target = URIOf(m.Get("Contact"))
	}
	if m.Method == "INVITE" {
		c.incoming = m
	}
}

func untagged(value string) string {
	parts := strings.Split(value, ";")
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool {
		return strings.HasPrefix(strings.ToLower(strings.TrimSpace(p)), "tag=")
	}), ";")
}

// Fork is the dialog that another To-tag of our INVITE's answers makes (RFC 3261 13.2.2.4).
// From then on this call and the new one take only their own messages.
func (c *Call) Fork(answer *Message) *Call {
	d := *c
	d.RemoteTag, d.confirmed, d.Target, d.Routes = "", false, "", nil
	d.learnAnswer(answer)
	c.forked, d.forked = true, true
	return &d
}

// MoveContact makes later messages carry another Contact, as a phone that changed its place.
func (c *Call) MoveContact() { c.contact = c.UA.token("contact") }

// AnswerAs is this incoming call as another phone behind it would answer: a To-tag and a Contact of its own.
func (c *Call) AnswerAs() *Call {
	d := *c
	d.LocalTag, d.contact = c.UA.token("tag"), c.UA.token("contact")
	c.forked, d.forked = true, true
	return &d
}

// Fail marks the test as failed, and lets it go on.
func (u *UA) Fail(format string, args ...any) {
	u.t.Helper()
	u.t.Errorf(format, args...)
}
