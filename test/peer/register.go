package peer

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// Registration is a phone's way to be reached as an address of record: the REGISTERs of
// one Call-ID (RFC 3261 10.2). The Call's Expect takes the answers.
type Registration struct {
	*Call
	Contact string // the URI that the phone wants as Request-URI
	Params  string // header parameters of the Contact, such as ;+sip.instance="<urn:uuid:...>"
}

// Registers prepares the registration of user@domain; Ask sends it.
func (u *UA) Registers(user, domain string) *Registration {
	u.t.Helper()
	c := &Call{
		UA: u, ID: u.token("reg") + "@" + u.host(), LocalTag: u.token("tag"), contact: u.token("contact"),
		local: "<sip:" + user + "@" + domain + ">", Target: "sip:" + domain, CSeq: 10,
	}
	c.remote = c.local
	u.claimed[c.ID] = true
	return &Registration{Call: c, Contact: u.URI(c.contact)}
}

// Ask sends a REGISTER for so many seconds; 0 takes the Contact away.
func (r *Registration) Ask(expires int, opts ...Option) *Message {
	r.UA.t.Helper()
	contact := With("Contact", fmt.Sprintf("<%s>%s;expires=%d", r.Contact, r.Params, expires))
	return r.Request("REGISTER", append([]Option{contact}, opts...)...)
}

// AskAll sends a REGISTER that ends all bindings of the address of record.
func (r *Registration) AskAll() *Message {
	r.UA.t.Helper()
	return r.Request("REGISTER", With("Contact", "*"), With("Expires", "0"))
}

// Query sends a REGISTER without a Contact, which asks who is registered.
func (r *Registration) Query(opts ...Option) *Message {
	r.UA.t.Helper()
	return r.Request("REGISTER", append([]Option{Without("Contact")}, opts...)...)
}

// Granted is for how many seconds an answer lists a Contact, -1 where it does not.
func Granted(answer *Message, uri string) int {
	for _, contact := range answer.All("Contact") {
		if URIOf(contact) != uri {
			continue
		}
		for _, value := range []string{HeaderParam(contact, "expires"), answer.Get("Expires")} {
			if n, err := strconv.Atoi(value); err == nil {
				return n
			}
		}
	}
	return -1
}

// Source is where a message came from. Over TCP and TLS it tells whose connection it was:
// one that this side opened has the other's listening port.
func (m *Message) Source() netip.AddrPort { return m.flow.remote }

// Connections is how many streams are open.
func (u *UA) Connections() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.flows)
}

// Keepalives is how many empty lines came between the messages of streams (RFC 5626 3.5.1).
func (u *UA) Keepalives() int { return int(u.crlf.Load()) }

// Replies answers a request outside of dialogs, also from a handler.
func (u *UA) Replies(m *Message, status int, opts ...Option) {
	c := &Call{UA: u, LocalTag: u.token("tag")}
	c.Reply(m, status, opts...)
}

// Drain takes all that has come and that no one expected, until nothing comes for a moment:
// for senders who do not care. What it gives is in order.
func (u *UA) Drain() []*Message {
	var all []*Message
	for {
		m := u.take(100*time.Millisecond, func(*Message) bool { return true })
		if m == nil {
			return all
		}
		all = append(all, m)
	}
}

// Next takes the next request, whatever it belongs to, as if it were a call's first; nil when
// none comes within d.
func (u *UA) Next(d time.Duration) *Call {
	m := u.take(d, func(m *Message) bool { return m.Method != "" })
	if m == nil {
		return nil
	}
	return u.admit(m, m.Method)
}
