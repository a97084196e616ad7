package call

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"github.com/dchest/siphash"

	"tollgate/internal/dialog"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// wayTo gives the flow to an exchange's receiver: the one that the dialog uses
// already, where route set and target lead there, else by the steps of RFC 3263.
func (c *Calls) wayTo(sh *transaction.Shard, call *Call, x *exchange) (transport.Flow, peer.Step) {
	if x.walk == nil {
		leg := call.leg(call.dialog(x.fork), x.from.Other())
		if flow, sure := c.quickWay(leg, call); sure {
			return flow, peer.Ready
		}
		c.startWalk(call, x)
	}
	return c.inside.Next(x.walk, 0, c, sh.Index, x.ref())
}

func (c *Calls) startWalk(call *Call, x *exchange) {
	leg := call.leg(call.dialog(x.fork), x.from.Other())
	target, ok := c.target(call, leg)
	x.walk = new(peer.Walk)
	x.walk.Start(&policy.Candidates{Foreign: ok}, target)
	x.walk.Within(c.cfg.Transport.NetworkOf(leg.Flow))
}

// target is where a leg is looked for when its flow is of no use (RFC 3263). The
// outside is looked for only at the address that it spoke from, so that nobody makes
// us call on a third party by what he writes into a Contact.
func (c *Calls) target(call *Call, leg dialog.Leg) (transport.Target, bool) {
	t, ok := peer.TargetOfURI(nextHop(call, leg))
	if ok && leg.Outside {
		t = transport.Target{Host: leg.Flow.Remote.Addr().String(), Port: t.Port, Proto: leg.Flow.Proto}
	}
	return t, ok
}

// nextHop is the URI that a request to a leg is sent to (RFC 3261 8.1.2): the
// first route, else the target.
func nextHop(call *Call, leg dialog.Leg) []byte {
	if leg.Routes.Empty() {
		return call.text(leg.Target)
	}
	routes := call.text(leg.Routes)
	if end := bytes.IndexByte(routes, '>'); end >= 0 {
		routes = routes[:end+1]
	}
	na, err := sip.ParseNameAddr(routes)
	if err != nil {
		return call.text(leg.Target)
	}
	return na.URI
}

// quickWay gives a leg's flow when no name or connection has to be looked up.
// An open connection is used again; a target of a narrower scope than where its
// party speaks from stands behind NAT, so the party is answered where it speaks from,
// as is all that is outside and claims another address.
func (c *Calls) quickWay(leg dialog.Leg, call *Call) (transport.Flow, bool) {
	leg.Flow = c.current(leg)
	if leg.Flow.Proto.Reliable() {
		return leg.Flow, c.cfg.Transport.Alive(leg.Flow)
	}
	if leg.Binding != (dialog.Stable{}) || leg.Forced {
		return leg.Flow, true // the hole in its NAT, whatever its Contact says
	}
	u, err := sip.ParseURI(nextHop(call, leg))
	if err != nil {
		return leg.Flow, true // no target was ever given: the source is all we know
	}
	addr, literal := u.Addr()
	if !literal {
		return leg.Flow, leg.Outside
	}
	proto, port := transport.UDP, uint16(5060)
	if u.Scheme == sip.SchemeSIPS {
		proto, port = transport.TLS, transport.TLS.DefaultPort()
	} else if v, ok := u.Param("transport"); ok {
		if proto, ok = transport.ParseProto(string(v)); !ok {
			return leg.Flow, true
		}
		port = proto.DefaultPort()
	}
	if u.HasPort {
		port = u.Port
	}
	to := netip.AddrPortFrom(addr, port)
	switch {
	case proto == transport.UDP && to == leg.Flow.Remote:
		return leg.Flow, true
	case leg.Outside && addr != leg.Flow.Remote.Addr(), transport.Scope(addr) < transport.Scope(leg.Flow.Remote.Addr()):
		return leg.Flow, true
	case proto == transport.UDP && addr.Is4() == leg.Flow.Remote.Addr().Is4():
		flow := leg.Flow
		flow.Remote = to
		return flow, true
	}
	return c.cfg.Transport.Find(transport.Hop{Proto: proto, Addr: to}, c.cfg.Transport.NetworkOf(leg.Flow))
}

// current gives a leg's flow, or where its phone has registered from since: over a new
// connection, or behind another address or port of its NAT.
func (c *Calls) current(leg dialog.Leg) transport.Flow {
	if leg.Binding == (dialog.Stable{}) {
		return leg.Flow
	}
	to, ok := c.cfg.Phones.ByID(leg.Binding)
	switch {
	case !ok:
	case leg.Seen != markOf(to.Flow), leg.Flow.Proto.Reliable() && !c.cfg.Transport.Alive(leg.Flow):
		return to.Flow
	}
	return leg.Flow
}

// markOf is a short hash of where a flow leads, the same after a restart.
func markOf(f transport.Flow) uint32 {
	var raw [27]byte
	raw[0] = byte(f.Proto)
	binary.BigEndian.PutUint64(raw[1:], f.Conn)
	addr := f.Remote.Addr().As16()
	copy(raw[9:], addr[:])
	binary.BigEndian.PutUint16(raw[25:], f.Remote.Port())
	return uint32(siphash.Hash(1, 2, raw[:]))
}

// reach gives a flow to a leg at once, or calls then from another goroutine.
func (c *Calls) reach(call *Call, leg dialog.Leg, then func(f transport.Flow, ok bool)) (transport.Flow, bool) {
	target, ok := c.target(call, leg)
	r := &reaching{router: c.inside, then: then}
	r.walk.Start(&policy.Candidates{Foreign: ok}, target)
	r.walk.Within(c.cfg.Transport.NetworkOf(leg.Flow))
	return r.step()
}

// reaching is a walk that belongs to no cell.
type reaching struct {
	router *peer.Router
	walk   peer.Walk
	then   func(f transport.Flow, ok bool)
}

func (r *reaching) step() (transport.Flow, bool) {
	flow, step := r.router.Next(&r.walk, 0, r, 0, 0)
	if step == peer.Exhausted {
		// Told from another goroutine, as the rest: the caller holds a lock.
		go r.then(flow, false)
	}
	return flow, step == peer.Ready
}

// Continue is peer.Waiter; nobody else touches the walk meanwhile.
func (r *reaching) Continue(_ uint8, _ uint64, apply func(*peer.Walk)) {
	apply(&r.walk)
	if flow, ready := r.step(); ready {
		r.then(flow, true)
	}
}
