package ua

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"tollgate/sip"
)

// dialog is one of RFC 3261 12, seen from our side.
type dialog struct {
	callID    string
	local     string // From of our requests, tag and all
	remote    string // To of our requests, tag and all
	remoteTag string
	target    string // the URI of the far Contact
	routes    []string
	flow      *flow // where it was made: for targets that are names

	cseq       uint32 // of our last request
	remoteCSeq uint32 // of theirs; 0 before the first
	rseq       uint32 // the last reliable provisional response that was taken (RFC 3262)
}

var (
	errContact = errors.New("bad Contact")
	errRoute   = errors.New("bad Record-Route")
)

// maxRoutes bounds a route set; no real one is half as long.
const maxRoutes = 16

// dialogOfRequest makes the dialog of a request that we answer with tag (RFC 3261
// 12.1.1).
func dialogOfRequest(m *message, tag string) (*dialog, error) {
	d := &dialog{
		callID:     string(m.CallID()),
		local:      oneLine(m.Value(sip.HdrTo)) + ";tag=" + tag,
		remote:     oneLine(m.Value(sip.HdrFrom)),
		remoteTag:  string(m.FromTag()),
		flow:       m.flow,
		remoteCSeq: m.CSeq(),
	}
	var err error
	if d.routes, err = recordRoutes(m); err != nil {
		return nil, err
	}
	return d, d.retarget(m)
}

// dialogOfResponse makes the dialog of an answer with a tag to our INVITE, whose
// CSeq was cseq (RFC 3261 12.1.2).
func dialogOfResponse(m *message, cseq uint32) (*dialog, error) {
	d := &dialog{
		callID:    string(m.CallID()),
		local:     oneLine(m.Value(sip.HdrFrom)),
		remote:    oneLine(m.Value(sip.HdrTo)),
		remoteTag: string(m.ToTag()),
		flow:      m.flow,
		cseq:      cseq,
	}
	var err error
	if d.routes, err = recordRoutes(m); err != nil {
		return nil, err
	}
	slices.Reverse(d.routes)
	return d, d.retarget(m)
}

// retarget takes the Contact of m as the far target (RFC 3261 12.2.1.2).
func (d *dialog) retarget(m *message) error {
	it := m.Elements(sip.HdrContact)
	elem, ok := it.Next()
	if !ok {
		return errContact
	}
	uri, ok := cleanURI(elem)
	if !ok {
		return errContact
	}
	d.target = uri
	return nil
}

func recordRoutes(m *message) ([]string, error) {
	var routes []string
	for e := m.Elements(sip.HdrRecordRoute); ; {
		elem, ok := e.Next()
		if !ok {
			return routes, nil
		}
		uri, ok := cleanURI(elem)
		if !ok || len(routes) == maxRoutes {
			return nil, errRoute
		}
		routes = append(routes, uri)
	}
}

// cleanURI gives the SIP URI of a name-addr that we may send to.
func cleanURI(elem []byte) (string, bool) {
	na, err := sip.ParseNameAddr(elem)
	if err != nil {
		return "", false
	}
	u, err := sip.ParseURI(na.URI)
	if err != nil || (u.Scheme != sip.SchemeSIP && u.Scheme != sip.SchemeSIPS) {
		return "", false
	}
	return string(na.URI), true
}

// request gives the next request in the dialog, on its route set (RFC 3261
// 12.2.1.1), without Via. ACK takes the number of its INVITE.
func (d *dialog) request(method sip.Method, cseq uint32) *request {
	r := &request{
		method: method, uri: d.target, branch: newBranch(),
		from: d.local, to: d.remote, callID: d.callID, cseq: cseq,
	}
	for _, route := range d.routes {
		r.routes = append(r.routes, "<"+route+">")
	}
	if len(d.routes) > 0 && !isLoose(d.routes[0]) {
		r.uri = d.routes[0]
		r.routes = append(r.routes[1:], "<"+d.target+">")
	}
	return r
}

// next counts our requests.
func (d *dialog) next() uint32 {
	d.cseq++
	return d.cseq
}

func isLoose(uri string) bool {
	u, err := sip.ParseURI([]byte(uri))
	if err != nil {
		return false
	}
	_, ok := u.Param("lr")
	return ok
}

// hop gives the flow to the first route or the target. Names are not resolved: what
// a name stands for goes where the dialog came from, and so does what cannot be
// reached.
func (d *dialog) hop(s *sockets) *flow {
	uri := d.target
	if len(d.routes) > 0 {
		uri = d.routes[0]
	}
	proto, addr, ok := resolve(uri)
	if !ok || addr == d.flow.remote && proto == d.flow.proto {
		return d.flow
	}
	f, err := s.connect(context.Background(), proto, d.flow.local.Addr(), addr)
	if err != nil {
		return d.flow
	}
	return f
}

// resolve reads the transport and the address of a SIP URI; false when its host is a
// name or its transport none of ours.
func resolve(uri string) (Proto, netip.AddrPort, bool) {
	u, err := sip.ParseURI([]byte(uri))
	if err != nil {
		return "", netip.AddrPort{}, false
	}
	addr, ok := u.Addr()
	if maddr, has := u.Param("maddr"); has {
		var perr error
		addr, perr = netip.ParseAddr(string(maddr))
		ok = perr == nil
	}
	proto := UDP
	if t, has := u.Param("transport"); has {
		var perr error
		proto, perr = ParseProto(string(t))
		ok = ok && perr == nil
	}
	if u.Scheme == sip.SchemeSIPS {
		proto = TLS
	}
	port := u.Port
	if !u.HasPort {
		port = proto.port()
	}
	return proto, netip.AddrPortFrom(addr, port), ok && port != 0
}
