package peer

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Proxy is a stateless SIP proxy (RFC 3261 16.11) on two UDP endpoints: what comes to
// In goes on from Out, answers the other way. A PBX that forwards a call back out, or
// a loop, is made of it.
type Proxy struct {
	In, Out     *UA
	RecordRoute bool
	// Route says where a request outside of dialogs goes; it may change it (its URI).
	Route func(*Message) netip.AddrPort
}

// Run makes both endpoints pass on all they get.
func (p *Proxy) Run() {
	p.In.Handle(p.forward)
	p.Out.Handle(p.forward)
}

func (p *Proxy) forward(m *Message) bool {
	if m.Status != 0 {
		p.back(m.clone())
		return true
	}
	source := m.flow.remote
	m = m.clone()
	hops, _ := strconv.Atoi(m.Get("Max-Forwards"))
	if hops <= 0 {
		return true
	}
	m.Set("Max-Forwards", strconv.Itoa(hops-1))
	vias := m.All("Via")
	vias[0] = stamp(vias[0], source)
	p.popRoutes(m)
	next := p.next(m)
	if p.RecordRoute && m.Method == "INVITE" && m.Tag("To") == "" {
		m.Prepend("Record-Route", "<sip:"+p.In.addr.String()+";lr>")
	}
	m.Del("Via")
	for _, v := range slices.Backward(vias) {
		m.Prepend("Via", v)
	}
	m.Prepend("Via", p.Out.via(p.branch(vias[0])))
	p.Out.transmit(&flow{ua: p.Out, remote: next}, m.Bytes())
	return true
}

// branch is the same for an INVITE, its CANCEL and the ACK of its refusal.
func (p *Proxy) branch(top string) string {
	h := fnv.New64a()
	h.Write([]byte(HeaderParam(top, "branch")))
	return fmt.Sprintf("z9hG4bK%s%x", p.In.Mark, h.Sum64())
}

// popRoutes takes our own entries off the top of the route set.
func (p *Proxy) popRoutes(m *Message) {
	routes := m.All("Route")
	for len(routes) > 0 && p.own(URIOf(routes[0])) {
		routes = routes[1:]
	}
	m.Del("Route")
	for _, r := range slices.Backward(routes) {
		m.Prepend("Route", r)
	}
}

func (p *Proxy) own(uri string) bool {
	host, port := HostPort(uri)
	at := host + ":" + strconv.Itoa(port)
	return at == p.In.addr.String() || at == p.Out.addr.String()
}

func (p *Proxy) next(m *Message) netip.AddrPort {
	if routes := m.All("Route"); len(routes) > 0 {
		return p.Out.resolve(URIOf(routes[0]))
	}
	if m.Tag("To") == "" || m.Method == "CANCEL" || p.own(m.URI) {
		return p.Route(m)
	}
	if _, port := HostPort(m.URI); port == 0 { // an ACK of a refusal: it carries the first URI and a tag
		return p.Route(m)
	}
	return p.Out.resolve(m.URI)
}

// back passes a response to the Via below ours.
func (p *Proxy) back(m *Message) {
	vias := m.All("Via")
	if len(vias) < 2 || !strings.Contains(vias[0], p.In.Mark) {
		return
	}
	vias = vias[1:]
	m.Del("Via")
	for _, v := range slices.Backward(vias) {
		m.Prepend("Via", v)
	}
	host, port := HostPort(vias[0])
	if received := HeaderParam(vias[0], "received"); received != "" {
		host = received
	}
	if rport, err := strconv.Atoi(HeaderParam(vias[0], "rport")); err == nil {
		port = rport
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return
	}
	p.In.transmit(&flow{ua: p.In, remote: netip.AddrPortFrom(ip, uint16(port))}, m.Bytes())
}
