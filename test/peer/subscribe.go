package peer

import "fmt"

// makesDialog tells whether a method's 2xx makes a dialog.
func makesDialog(method string) bool {
	return method == "INVITE" || method == "SUBSCRIBE" || method == "REFER"
}

// Subscribe asks for the news of an event (RFC 6665) for so many seconds.
func (u *UA) Subscribe(uri, event string, seconds int, opts ...Option) *Call {
	u.t.Helper()
	return u.Start("SUBSCRIBE", uri, append(subscribing(event, seconds), opts...)...)
}

// Resubscribe refreshes a subscription, or ends it with 0 seconds.
func (c *Call) Resubscribe(event string, seconds int, opts ...Option) *Message {
	c.UA.t.Helper()
	return c.Request("SUBSCRIBE", append(subscribing(event, seconds), opts...)...)
}

func subscribing(event string, seconds int) []Option {
	return []Option{With("Event", event), With("Expires", fmt.Sprint(seconds))}
}

// Notify sends news, and says how the subscription stands: "active;expires=60" or "terminated;reason=...".
func (c *Call) Notify(event, state string, opts ...Option) *Message {
	c.UA.t.Helper()
	return c.Request("NOTIFY", append([]Option{With("Event", event), With("Subscription-State", state)}, opts...)...)
}

// ForkedNotify takes a NOTIFY of another notifier, whom our SUBSCRIBE has reached too, and
// gives the dialog that it makes (RFC 6665 4.4.1).
func (c *Call) ForkedNotify() (*Call, *Message) {
	u := c.UA
	u.t.Helper()
	m := u.take(Patience, func(m *Message) bool {
		return m.Get("Call-ID") == c.ID && m.Method == "NOTIFY" && m.Tag("From") != c.RemoteTag
	})
	if m == nil {
		u.t.Fatalf("%s %s: expected another notifier's NOTIFY, nothing came", u.proto, u.addr)
	}
	d := *c
	d.RemoteTag, d.confirmed, d.Target, d.Routes, d.remoteCSeq = "", false, "", nil, 0
	c.forked, d.forked = true, true
	d.learn(m)
	return &d, m
}
