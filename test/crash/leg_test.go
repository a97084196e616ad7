package crash

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tollgate/test/peer"
)

// offer is a session description that names nobody.
const offer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"

// name is the header by which both parties of a hidden call know that it is one.
const name = "X-Crash"

// leg is one side of a call. Its party's mu guards it.
type leg struct {
	p         *party
	call      string // the name of the call, the same on both sides
	id        string // Call-ID
	localTag  string
	remoteTag string
	local     string // From and To of our requests, without tags
	remote    string
	target    string
	routes    []string
	contact   string // user part of our Contact
	record    string // Record-Route of a proxy that stands before us; "" none
	cseq      int
	heard     int    // CSeq of the last request that came
	last      string // and its op

	invite   *peer.Message // the last INVITE that we sent
	ack      []byte        // and its ACK
	ackTo    netip.AddrPort
	incoming *peer.Message // the INVITE that waits for our answer or its ACK
	from     way
	ok       []byte      // our 2xx, until its ACK
	resend   *time.Timer // of it
	wait     time.Duration

	accepted  bool // a 2xx was sent or came
	confirmed bool // its ACK came, or was sent
	hungUp    bool // a BYE was sent
	ended     bool // no dialog any more: BYE came or was answered, or the INVITE was refused
	refused   int  // with this status
	ops       map[string]bool
	story     []string // what it sent and got, for a fault's report
}

// notes adds to the story. mu is held.
func (l *leg) notes(what string, m *peer.Message) {
	if l != nil {
		l.story = append(l.story, fmt.Sprintf("%s %s %s, cseq %s", time.Now().Format("15:04:05.000"), what, m.Start(), m.Get("CSeq")))
	}
}

// tells is the story of both sides of a call.
func (c *talk) tells() string {
	story := func(l *leg) string { return strings.Join(l.story, "\n  ") }
	text := "caller " + c.a.id + "\n  " + state(c.a, story)
	if c.b != nil {
		text += "\ncallee " + c.b.id + "\n  " + state(c.b, story)
	}
	return text
}

// opt changes a request before it is sent.
type opt = peer.Option

// invites starts a call, from behind a proxy of its own where record is that proxy's
// Record-Route. The other side finds the call's name in its X-Crash header.
func (p *party) invites(call, uri, from, record string, opts ...opt) (*leg, *request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &leg{
		p: p, call: call, id: p.token("call") + "@" + p.addr.Addr().String(), localTag: p.token("tag"),
		contact: p.token("c"), local: "<" + from + ">", remote: "<" + uri + ">", target: uri, record: record, cseq: 100, ops: map[string]bool{},
	}
	p.legs[l.id] = l
	return l, l.sends("INVITE", append([]opt{peer.With(name, call), peer.Body("application/sdp", offer)}, opts...)...)
}

// behindProxy is the Record-Route of a proxy at this party's own address.
func (p *party) behindProxy() string {
	return "<sip:" + p.addr.String() + ";transport=" + p.proto + ";lr>"
}

// asks sends a request of the dialog.
func (l *leg) asks(method string, opts ...opt) *request {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	return l.sends(method, opts...)
}

// sends builds and sends a request. mu is held.
func (l *leg) sends(method string, opts ...opt) *request {
	l.cseq++
	m := l.build(method, l.cseq)
	for _, o := range opts {
		o(m)
	}
	switch method {
	case "INVITE":
		l.invite = m
	case "BYE":
		l.hungUp = true
	}
	l.notes("-->", m)
	return l.p.ask(l, m, l.hop(m))
}

// build writes a request from the dialog's state (RFC 3261 12.2.1.1).
func (l *leg) build(method string, cseq int) *peer.Message {
	p := l.p
	m := &peer.Message{Method: method, URI: l.target}
	m.Add("Via", fmt.Sprintf("SIP/2.0/%s %s;branch=z9hG4bK%s;rport", strings.ToUpper(p.proto), p.addr, p.token("b")))
	for _, r := range l.routes {
		m.Add("Route", r)
	}
	to := l.remote
	if l.remoteTag != "" {
		to += ";tag=" + l.remoteTag
	}
	m.Add("Max-Forwards", "70")
	m.Add("From", l.local+";tag="+l.localTag)
	m.Add("To", to)
	m.Add("Call-ID", l.id)
	m.Add("CSeq", fmt.Sprintf("%d %s", cseq, method))
	m.Add("Contact", "<"+p.uri(l.contact)+">")
	if l.record != "" && l.remoteTag == "" {
		m.Add("Record-Route", l.record)
	}
	return m
}

// hop is where a request goes: the first Route, else the target; outside of dialogs the edge.
func (l *leg) hop(m *peer.Message) netip.AddrPort {
	if l.remoteTag == "" {
		return l.p.edge
	}
	uri := m.URI
	if len(l.routes) > 0 {
		uri = peer.URIOf(l.routes[0])
	}
	host, port := peer.HostPort(uri)
	at, err := netip.ParseAddr(host)
	if err != nil || netip.AddrPortFrom(at, uint16(port)) != l.p.edge {
		l.p.fault(m, "this party can reach only the edge at %s, and was told to send to %s", l.p.edge, uri)
		return l.p.edge
	}
	return l.p.edge
}

// answered takes a final answer. mu is held.
func (l *leg) answered(r *request, m *peer.Message) {
	l.notes("<--", m)
	switch r.msg.Method {
	case "INVITE":
		l.invited(r, m)
	case "BYE":
		l.ended = true
		l.stop()
	}
}

// invited takes the final answer to an INVITE, and acknowledges it.
func (l *leg) invited(r *request, m *peer.Message) {
	number, _ := m.CSeq()
	if m.Status >= 300 {
		ack := l.build("ACK", number)
		ack.Set("Via", r.msg.Get("Via"))
		ack.URI = r.msg.URI
		ack.Set("To", m.Get("To"))
		l.ack, l.ackTo = ack.Bytes(), r.to
		_ = l.p.send(l.ackTo, l.ack)
		if l.remoteTag == "" {
			l.ended, l.refused = true, m.Status
		}
		return
	}
	if l.remoteTag == "" {
		l.remoteTag, l.routes = m.Tag("To"), m.All("Record-Route")
		slices.Reverse(l.routes)
		l.passOwn()
	}
	l.target = peer.URIOf(m.Get("Contact"))
	ack := l.build("ACK", number)
	ack.Set(name, l.call)
	l.ack, l.ackTo = ack.Bytes(), l.hop(ack)
	l.accepted, l.confirmed = true, true
	l.notes("-->", ack)
	_ = l.p.send(l.ackTo, l.ack)
}

// passOwn leaves out the proxy that stands before us, at our own address.
func (l *leg) passOwn() {
	if l.record != "" && len(l.routes) > 0 && l.routes[0] == l.record {
		l.routes = l.routes[1:]
	}
}

// stop ends what the leg still sends. mu is held.
func (l *leg) stop() {
	l.ok = nil
	if l.resend != nil {
		l.resend.Stop()
	}
}

// request answers what came; nil for nothing yet. mu is held.
func (p *party) request(m *peer.Message, from way) []byte {
	if m.Get("Max-Forwards") == "" || len(m.All("Via")) == 0 {
		p.fault(m, "a request without Max-Forwards or Via")
	}
	l := p.legs[m.Get("Call-ID")]
	l.notes("<--", m)
	switch {
	case m.Method == "CANCEL":
		if l != nil && l.incoming != nil && !l.accepted {
			l.ended = true
			p.write(l.from, l.reply(l.incoming, 487).Bytes())
		}
		return p.plain(m, 200).Bytes()
	case m.Tag("To") != "":
		return p.inside(l, m, from)
	case m.Method == "INVITE" && l == nil:
		return p.invited(m, from)
	case m.Method == "INVITE":
		return p.plain(m, 482).Bytes() // RFC 3261 8.2.2.2
	case m.Method == "REGISTER":
		return p.registers(m)
	}
	return p.plain(m, 200).Bytes() // OPTIONS, MESSAGE
}

// inside answers a request of a dialog.
func (p *party) inside(l *leg, m *peer.Message, from way) []byte {
	if l == nil || l.ended {
		return p.plain(m, 481).Bytes()
	}
	l.judge(m)
	l.ops[m.Get(name)] = true
	switch m.Method {
	case "BYE":
		l.ended = true
		l.stop()
	case "INVITE":
		l.incoming, l.from = m, from
		l.target = peer.URIOf(m.Get("Contact"))
		raw := l.reply(m, 200).Bytes()
		l.holds(raw)
		return raw
	}
	return l.reply(m, 200).Bytes()
}

// judge holds a request against the dialog (RFC 3261 12.2.2). mu is held.
func (l *leg) judge(m *peer.Message) {
	p := l.p
	// Who never saw the 2xx, which died with the node, knows no tag of the other side.
	if m.Tag("To") != l.localTag || l.remoteTag != "" && m.Tag("From") != l.remoteTag {
		p.fault(m, "the dialog's tags are %s (ours) and %s", l.localTag, l.remoteTag)
	}
	if peer.User(m.URI) != l.contact {
		p.fault(m, "the Request-URI must be our Contact %s", l.contact)
	}
	want := l.record
	if got := strings.Join(m.All("Route"), ", "); got != want {
		p.fault(m, "the Route must be %q", want)
	}
	number, _ := m.CSeq()
	op := m.Method + m.Get(name)
	if number < l.heard || number == l.heard && op != l.last { // what a crash has cut short comes twice
		p.fault(m, "CSeq %d after %d (%s)", number, l.heard, l.last)
	}
	l.heard, l.last = number, op
}

// invited takes a call. mu is held.
func (p *party) invited(m *peer.Message, from way) []byte {
	l := &leg{
		p: p, call: m.Get(name), id: m.Get("Call-ID"), localTag: p.token("tag"), remoteTag: m.Tag("From"), contact: p.token("c"),
		local: m.Get("To"), remote: untagged(m.Get("From")), target: peer.URIOf(m.Get("Contact")), routes: m.All("Record-Route"),
		cseq: 500, incoming: m, from: from, ops: map[string]bool{},
	}
	if m.Get("X-Proxy") != "" {
		l.record = p.behindProxy()
	}
	l.heard, _ = m.CSeq()
	p.legs[l.id] = l
	p.calls[l.call] = l
	ringing := l.reply(m, 180).Bytes()
	if p.ringing {
		return ringing
	}
	p.write(from, ringing)
	return l.takes()
}

// takes answers the INVITE with 200; what it gives is to be sent. mu is held.
func (l *leg) takes() []byte {
	l.accepted = true
	raw := l.reply(l.incoming, 200).Bytes()
	l.holds(raw)
	return raw
}

// answers answers a call that rings.
func (l *leg) answers() {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	if !l.accepted && !l.ended {
		raw := l.takes()
		l.p.replies[branch(l.incoming)+" INVITE"] = raw
		l.p.write(l.from, raw)
	}
}

// holds sends a 2xx again until its ACK comes (RFC 3261 13.3.1.4). mu is held.
func (l *leg) holds(raw []byte) {
	l.ok, l.wait = raw, t1
	if l.resend != nil {
		l.resend.Stop()
	}
	l.resend = time.AfterFunc(l.wait, func() {
		l.p.mu.Lock()
		defer l.p.mu.Unlock()
		if l.ok == nil || l.p.closed {
			return
		}
		l.p.write(l.from, l.ok)
		l.wait = min(2*l.wait, t2)
		l.resend.Reset(l.wait)
	})
}

// acked takes an ACK. mu is held.
func (p *party) acked(m *peer.Message) {
	l := p.legs[m.Get("Call-ID")]
	if l == nil || l.ok == nil {
		return // it comes again, or is of a refusal
	}
	number, _ := m.CSeq()
	if want, _ := l.incoming.CSeq(); want != number || m.Tag("To") != l.localTag {
		return
	}
	if peer.User(m.URI) != l.contact || m.Tag("From") != l.remoteTag || strings.Join(m.All("Route"), ", ") != l.record {
		p.fault(m, "an ACK in the dialog of Contact %s, Route %q", l.contact, l.record)
	}
	l.confirmed = true
	l.notes("<--", m)
	l.stop()
}

// untagged is a From without its tag.
func untagged(value string) string {
	value, _, _ = strings.Cut(value, ";tag=")
	return value
}

// plain is an answer outside of dialogs, or of none.
func (p *party) plain(req *peer.Message, status int) *peer.Message {
	m := &peer.Message{Status: status, Reason: "Crash"}
	for _, via := range req.All("Via") {
		m.Add("Via", via)
	}
	m.Add("From", req.Get("From"))
	to := req.Get("To")
	if req.Tag("To") == "" && status > 100 {
		to += ";tag=" + p.token("tag")
	}
	m.Add("To", to)
	m.Add("Call-ID", req.Get("Call-ID"))
	m.Add("CSeq", req.Get("CSeq"))
	return m
}

// reply is an answer in this leg's dialog.
func (l *leg) reply(req *peer.Message, status int) *peer.Message {
	m := l.p.plain(req, status)
	if req.Tag("To") == "" {
		m.Set("To", req.Get("To")+";tag="+l.localTag)
	}
	if req.Method != "INVITE" || status >= 300 {
		return m
	}
	if l.record != "" {
		m.Add("Record-Route", l.record)
	}
	for _, r := range req.All("Record-Route") {
		m.Add("Record-Route", r)
	}
	m.Add("Contact", "<"+l.p.uri(l.contact)+">")
	if status == 200 {
		peer.Body("application/sdp", offer)(m)
	}
	return m
}

// state reads a leg under its lock.
func state[T any](l *leg, read func(*leg) T) T {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	return read(l)
}
