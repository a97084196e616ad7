package peer

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Call is one Call-ID at one endpoint: a call, or a request outside of calls.
type Call struct {
	UA        *UA
	ID        string
	LocalTag  string
	RemoteTag string
	Target    string   // where requests inside the dialog go: the other side's Contact
	Routes    []string // the route set, as it is to be sent
	CSeq      int      // of our last request

	local, remote string // From and To of our requests, without tags
	contact       string // user part of our Contact
	remoteCSeq    int
	confirmed     bool
	forked        bool     // one of several dialogs of this Call-ID: others' messages are not for it
	invite        *Message // our last INVITE
	inviteFlow    *flow
	incoming      *Message // their last INVITE
	lastRaw       []byte
	lastFlow      *flow
}

// Option changes a message before it is sent.
type Option func(*Message)

// With sets a header.
func With(name, value string) Option { return func(m *Message) { m.Set(name, value) } }

// Also adds a header line beside those that are there.
func Also(name, value string) Option { return func(m *Message) { m.Add(name, value) } }

// Without removes a header.
func Without(name string) Option { return func(m *Message) { m.Del(name) } }

// Body gives the message a body.
func Body(contentType, text string) Option {
	return func(m *Message) {
		m.Set("Content-Type", contentType)
		m.Body = text
	}
}

// NoBody takes the body away.
func NoBody() Option {
	return func(m *Message) {
		m.Del("Content-Type")
		m.Body = ""
	}
}

// SDP gives the message a session description of this endpoint; its version is the number given.
func SDP(u *UA, version int) Option {
	family := "IP4"
	if u.addr.Addr().Is6() {
		family = "IP6"
	}
	return Body("application/sdp", fmt.Sprintf("v=0\r\no=- 4711 %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n"+
		"m=audio %d RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n",
		version, family, u.IP(), family, u.IP(), 20000+version))
}

// Invite starts a call with an offer; options may change all of it.
func (u *UA) Invite(uri string, opts ...Option) *Call {
	u.t.Helper()
	return u.Start("INVITE", uri, append([]Option{SDP(u, 1)}, opts...)...)
}

// Start sends a request outside of dialogs to the edge.
func (u *UA) Start(method, uri string, opts ...Option) *Call {
	u.t.Helper()
	c := &Call{
		UA: u, ID: u.token("call") + "@" + u.host(), LocalTag: u.token("tag"), contact: u.token("contact"),
		local: "<sip:alice@" + u.Mark + ".invalid>", remote: "<" + uri + ">", Target: uri, CSeq: 100,
	}
	sent := c.Request(method, opts...)
	c.ID, c.LocalTag = sent.Get("Call-ID"), sent.Tag("From") // options may have changed them,
	c.local = untagged(sent.Get("From"))                     // and who calls stays the same in his later requests
	u.claimed[c.ID] = true
	return c
}

// host is the address as it stands in a URI.
func (u *UA) host() string {
	if u.addr.Addr().Is6() {
		return "[" + u.IP() + "]"
	}
	return u.IP()
}

// URI is a SIP URI of this endpoint.
func (u *UA) URI(user string) string {
	uri := "sip:" + user + "@" + u.addr.String()
	if u.proto != "udp" {
		uri += ";transport=" + u.proto
	}
	return uri
}

func (u *UA) via(branch string) string {
	return fmt.Sprintf("SIP/2.0/%s %s;branch=%s;rport", strings.ToUpper(u.proto), u.addr, branch)
}

// Request sends a request of this call: the first one, or one inside the dialog. The
// message that went out is returned.
func (c *Call) Request(method string, opts ...Option) *Message {
	c.UA.t.Helper()
	if method != "ACK" {
		c.CSeq++
	}
	m := c.build(method, opts)
	f := c.nextHop(m)
	if method == "INVITE" {
		c.invite, c.inviteFlow = m, f
	}
	c.send(f, m)
	return m
}

// build writes a request from the dialog's state (RFC 3261 12.2.1.1).
func (c *Call) build(method string, opts []Option) *Message {
	u := c.UA
	m := &Message{Method: method, URI: c.Target}
	if u.Bare && c.RemoteTag != "" {
		m.URI = URIOf(c.remote)
	}
	m.Add("Via", u.via("z9hG4bK"+u.token("br")))
	for _, r := range c.Routes {
		m.Add("Route", r)
	}
	to := c.remote
	if c.RemoteTag != "" {
		to += ";tag=" + c.RemoteTag
	}
	m.Add("Max-Forwards", "70")
	m.Add("From", c.local+";tag="+c.LocalTag)
	m.Add("To", to)
	m.Add("Call-ID", c.ID)
	m.Add("CSeq", fmt.Sprintf("%d %s", c.CSeq, method))
	m.Add("Contact", "<"+u.URI(c.contact)+">")
	m.Add("User-Agent", "blackbox")
	for _, o := range opts {
		o(m)
	}
	return m
}

// nextHop is where a request goes: the topmost Route, else the target; outside of dialogs the edge.
func (c *Call) nextHop(m *Message) *flow {
	u := c.UA
	u.t.Helper()
	addr := u.Edge
	if c.RemoteTag != "" && !u.Bare || !addr.IsValid() {
		next := m.URI
		if routes := m.All("Route"); len(routes) > 0 {
			next = URIOf(routes[0])
		}
		addr = u.resolve(next)
	}
	f, err := u.flowTo(addr)
	if err != nil {
		u.t.Fatalf("%s: %s to %s: %v", u.addr, m.Start(), addr, err)
	}
	return f
}

// resolve turns a URI into an address, and insists that it is of this endpoint's transport.
func (u *UA) resolve(uri string) netip.AddrPort {
	u.t.Helper()
	host, port := HostPort(uri)
	transport := strings.ToLower(strings.TrimSpace(URIParam(uri, "transport")))
	if strings.HasPrefix(uri, "sips:") {
		transport = "tls"
	}
	if transport == "" {
		transport = "udp"
	}
	if transport != u.proto {
		u.t.Fatalf("%s speaks %s and was told to send to %q", u.addr, u.proto, uri)
	}
	if port == 0 {
		port = 5060
		if transport == "tls" {
			port = 5061
		}
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		u.t.Fatalf("%s was told to send to %q, whose host is no address", u.addr, uri)
	}
	return netip.AddrPortFrom(ip, uint16(port))
}

func (c *Call) send(f *flow, m *Message) {
	c.UA.t.Helper()
	c.lastRaw, c.lastFlow = m.Bytes(), f
	c.UA.transmit(f, c.lastRaw)
}

// Resend sends the last message of this call again, byte for byte.
func (c *Call) Resend() {
	c.UA.t.Helper()
	c.UA.transmit(c.lastFlow, c.lastRaw)
}

// Ack acknowledges the 2xx of our last INVITE.
func (c *Call) Ack(opts ...Option) *Message {
	c.UA.t.Helper()
	number, _ := c.invite.CSeq()
	set := func(m *Message) { m.Set("CSeq", fmt.Sprintf("%d ACK", number)) }
	return c.Request("ACK", append([]Option{set}, opts...)...)
}

// Cancel cancels our last INVITE (RFC 3261 9.1).
func (c *Call) Cancel(opts ...Option) *Message {
	c.UA.t.Helper()
	m := c.inTransaction("CANCEL", c.invite.Get("To"))
	for _, o := range opts {
		o(m)
	}
	c.send(c.inviteFlow, m)
	return m
}

// inTransaction is an ACK of a refusal or a CANCEL: our INVITE's top Via, Route, From, Call-ID and number.
func (c *Call) inTransaction(method, to string) *Message {
	m := &Message{Method: method, URI: c.invite.URI}
	number, _ := c.invite.CSeq()
	m.Add("Via", c.invite.Get("Via"))
	for _, r := range c.invite.All("Route") {
		m.Add("Route", r)
	}
	m.Add("Max-Forwards", "70")
	m.Add("From", c.invite.Get("From"))
	m.Add("To", to)
	m.Add("Call-ID", c.ID)
	m.Add("CSeq", fmt.Sprintf("%d %s", number, method))
	return m
}

// Prack acknowledges a reliable provisional response (RFC 3262).
func (c *Call) Prack(provisional *Message, opts ...Option) *Message {
	c.UA.t.Helper()
	rack := With("RAck", provisional.Get("RSeq")+" "+provisional.Get("CSeq"))
	return c.Request("PRACK", append([]Option{rack}, opts...)...)
}

// Hangup ends the call and waits for the answer.
func (c *Call) Hangup() {
	c.UA.t.Helper()
	c.Request("BYE")
	c.Expect("200 BYE")
}

// Accept takes the next request that belongs to no call known here; it must be of that method.
func (u *UA) Accept(method string) *Call {
	u.t.Helper()
	return u.AcceptWithin(Patience, method)
}

// AcceptWithin is Accept with another patience.
func (u *UA) AcceptWithin(patience time.Duration, method string) *Call {
	u.t.Helper()
	m := u.take(patience, func(m *Message) bool { return !u.claimed[m.Get("Call-ID")] })
	if m == nil {
		u.t.Fatalf("%s %s: expected %s, nothing came", u.proto, u.addr, method)
	}
	return u.admit(m, method)
}

// admit makes a call of its first request.
func (u *UA) admit(m *Message, method string) *Call {
	u.t.Helper()
	if m.Method != method {
		u.t.Fatalf("%s %s: expected %s, got\n%s", u.proto, u.addr, method, m.Bytes())
	}
	c := &Call{
		UA: u, ID: m.Get("Call-ID"), LocalTag: u.token("tag"), contact: u.token("contact"),
		CSeq: 500, incoming: m,
	}
	u.claimed[c.ID] = true
	c.learnRequest(m)
	return c
}

// AcceptAny is Accept at whichever of several endpoints it comes to.
func AcceptAny(method string, uas ...*UA) *Call {
	uas[0].t.Helper()
	for deadline := time.Now().Add(Patience); time.Now().Before(deadline); {
		for _, u := range uas {
			if m := u.take(2*time.Millisecond, func(m *Message) bool { return !u.claimed[m.Get("Call-ID")] }); m != nil {
				return u.admit(m, method)
			}
		}
	}
	uas[0].t.Fatalf("expected %s at one of %d endpoints, nothing came", method, len(uas))
	return nil
}

// AcceptAgain takes the same caller's next attempt, as after a challenge: plain edges keep the
// Call-ID, others may not.
func (c *Call) AcceptAgain(method string) *Call {
	u := c.UA
	u.t.Helper()
	m := u.take(Patience, func(m *Message) bool { return m.Method == method && m.Tag("To") == "" })
	if m == nil {
		u.t.Fatalf("%s %s: expected another %s, nothing came", u.proto, u.addr, method)
	}
	if m.Get("Call-ID") == c.ID {
		c.incoming = m
		c.learnRequest(m)
		return c
	}
	return u.admit(m, method)
}

// Incoming is the other side's last INVITE, or the request that began it all.
func (c *Call) Incoming() *Message { return c.incoming }

// Sent is our last INVITE.
func (c *Call) Sent() *Message { return c.invite }

// Answer replies to the other side's last INVITE (or first request).
func (c *Call) Answer(status int, opts ...Option) *Message {
	c.UA.t.Helper()
	return c.Reply(c.incoming, status, opts...)
}

// Reply answers a request of the other side.
func (c *Call) Reply(req *Message, status int, opts ...Option) *Message {
	u := c.UA
	u.t.Helper()
	m := &Message{Status: status, Reason: reason(status)}
	for i, via := range req.All("Via") {
		if i == 0 {
			via = stamp(via, req.flow.remote)
		}
		m.Add("Via", via)
	}
	_, method := req.CSeq()
	if status < 300 && makesDialog(method) {
		for _, rr := range req.All("Record-Route") {
			m.Add("Record-Route", rr)
		}
	}
	to := req.Get("To")
	if status > 100 && req.Tag("To") == "" {
		to += ";tag=" + c.LocalTag
	}
	m.Add("From", req.Get("From"))
	m.Add("To", to)
	m.Add("Call-ID", req.Get("Call-ID"))
	m.Add("CSeq", req.Get("CSeq"))
	if status > 100 && status < 300 && (makesDialog(method) || method == "UPDATE") {
		m.Add("Contact", "<"+u.URI(c.contact)+">")
	}
	m.Add("Server", "blackbox")
	for _, o := range opts {
		o(m)
	}
	f, err := u.backTo(req)
	if err != nil {
		u.t.Fatalf("%s: answer %d: %v", u.addr, status, err)
	}
	c.send(f, m)
	return m
}

// Answering makes the endpoint answer requests of a method outside of dialogs by itself, with
// the status that answer gives at that moment; 0 is silence. Scenarios do not see them.
func (u *UA) Answering(method string, answer func() int) {
	u.Handle(func(m *Message) bool {
		if m.Method != method || m.Tag("To") != "" {
			return false
		}
		if status := answer(); status != 0 {
			u.Replies(m, status)
		}
		return true
	})
}

// stamp fills received and rport into the topmost Via (RFC 3581 4, RFC 3261 18.2.1).
func stamp(via string, from netip.AddrPort) string {
	parts := strings.Split(via, ";")
	hasRport := false
	for i, p := range parts {
		if strings.EqualFold(strings.TrimSpace(p), "rport") {
			parts[i], hasRport = fmt.Sprintf("rport=%d", from.Port()), true
		}
	}
	via = strings.Join(parts, ";")
	host, _ := HostPort(via)
	if hasRport || host != from.Addr().String() {
		via += ";received=" + from.Addr().String()
	}
	return via
}

// backTo is where the answer to a request goes (RFC 3261 18.2.2, RFC 3581 4).
func (u *UA) backTo(req *Message) (*flow, error) {
	via := req.All("Via")[0]
	host, port := HostPort(via)
	if u.proto == "udp" {
		if HeaderParam(via, "rport") != "" {
			return &flow{ua: u, remote: req.flow.remote}, nil
		}
		if port == 0 {
			port = 5060
		}
		return &flow{ua: u, remote: netip.AddrPortFrom(req.flow.remote.Addr(), uint16(port))}, nil
	}
	u.mu.Lock()
	open := slices.Contains(u.flows, req.flow)
	u.mu.Unlock()
	if open {
		return req.flow, nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return nil, fmt.Errorf("the stream is closed and the Via's host %q is no address: %w", host, net.ErrClosed)
	}
	return u.flowTo(netip.AddrPortFrom(ip, uint16(port)))
}

func reason(status int) string {
	phrases := map[int]string{
		100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted", 302: "Moved Temporarily",
		401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 407: "Proxy Authentication Required",
		480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops",
		486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 491: "Request Pending",
		500: "Server Internal Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Server Time-out",
		600: "Busy Everywhere", 603: "Decline",
	}
	if phrase, ok := phrases[status]; ok {
		return phrase
	}
	return "Test"
}
