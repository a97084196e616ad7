package gate

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	"tollgate/internal/dialog"
	"tollgate/internal/live"
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// Decision is what became of a request, and why. It is valid only while it is told.
type Decision struct {
	// ID is the call's own, or follows from a refused request, so that its retransmissions,
	// which the gate decides again as it keeps nothing of what it refuses, have the same.
	ID         dialog.Stable
	Method     sip.Method
	Proto      transport.Proto
	Source     netip.AddrPort
	Local      netip.AddrPort // where it came to
	Identity   *policy.Identity
	Verdict    policy.Verdict
	Message    *sip.Message
	Passed     int                // how many of StepNames it passed
	Limit      live.Limit         // that has no room
	Candidates *policy.Candidates // of one that was routed, else nil
	Username   []byte             // that a password was given for, in our realm; nil: none was
}

// LimitText names the limit that has no room, and its size: "switch carrier, 30 calls". "": there is none.
func (d *Decision) LimitText() string {
	return limitText(d.Limit, d.Identity, d.Verdict.Reason == policy.RateLimit)
}

// limitText is that of a limit which an identity's call met.
func limitText(l live.Limit, id *policy.Identity, rate bool) string {
	most := l.Calls
	if rate {
		most = l.CPS
	}
	if l.Scope.Kind == 0 || id.Customer == nil {
		return ""
	}
	return trace.LimitText(limitName(l.Scope, id.Customer), most, rate)
}

// limitName is the noun whose limit it is.
func limitName(of live.Scope, c *policy.Customer) string {
	name := ""
	switch of.Kind {
	case live.Company:
		name = c.Company.Name
	case live.Customer, live.Emergency:
		name = c.Settings.Name
	case live.Switch:
		if sw := c.Switch(tenant.SwitchID(of.ID)); sw != nil {
			name = sw.Name
		}
	case live.User:
		if u := c.UserByID(tenant.SIPUserID(of.ID)); u != nil {
			name = u.Username
		}
	case live.Profile:
		if p := c.Profile(tenant.ProfileID(of.ID)); p != nil {
			name = p.Name
		}
	case live.Platform:
	}
	return strings.TrimSpace(of.Kind.String() + " " + name)
}

// StepNames are the steps in order, as explanations and decisions name them.
func (g *Gate) StepNames() []string {
	names := make([]string, len(g.steps))
	for i := range g.steps {
		names[i] = g.steps[i].name
	}
	return names
}

func (g *Gate) decided(sh *transaction.Shard, p *passage, v policy.Verdict) {
	d := &p.decision
	*d = Decision{
		ID: p.stable, Method: p.msg.Method(), Proto: p.flow.Proto, Source: p.flow.Remote, Local: p.flow.Local,
		Identity: &p.id, Verdict: v, Message: p.msg, Passed: p.next, Limit: p.full,
		Username: p.answer.Username,
	}
	if p.list.Group != 0 || p.list.Foreign || p.list.DID != "" {
		d.Candidates = &p.list
	}
	g.cfg.Decided(sh, d)
}

// refuse ends a passage: by its transaction, where it has one, else without any
// state, so that a stranger costs us nothing.
func (g *Gate) refuse(sh *transaction.Shard, p *passage, v policy.Verdict) {
	p.stable = g.refusalID(p.msg, p.flow)
	g.decided(sh, p, v)
	if v.Status == policy.Drop {
		return
	}
	r := sip.Response{Status: v.Status}
	switch v.Reason {
	case policy.BadMessage, policy.BadRegistration, policy.ForeignRegistration, policy.RegistrationLate, policy.TooManyBindings:
		r.Reason = v.Detail
	}
	if v.Status == 401 || v.Status == 407 {
		r.Headers = g.challenge(p, v)
	} else {
		r.Headers = headersOf(v, &p.id, p.msg, p.stable)
	}
	if p.server == 0 && p.id.User != nil {
		// His retransmission would be a replay of his answer: it is for a transaction to know.
		p.server = sh.NewServer(p.msg, p.flow, g.user, 0)
	}
	if p.server != 0 {
		sh.RespondStatus(p.server, &r)
		return
	}
	sh.Reply(p.msg, p.flow, &r)
}

// refusalID follows from what makes a request's transaction (RFC 3261 17.2.3: branch,
// sent-by and method; 8.1.1.7 makes the branch unique).
func (g *Gate) refusalID(m *sip.Message, f transport.Flow) dialog.Stable {
	var room [512]byte
	addr := f.Remote.Addr().As16()
	key := append(append(room[:0], "refused"...), addr[:]...)
	key = binary.BigEndian.AppendUint16(key, f.Remote.Port())
	key = binary.BigEndian.AppendUint32(key, m.CSeq())
	if via := m.TopVia(); via != nil {
		key = append(append(key, via.Branch...), 0)
	}
	key = append(append(key, m.CallID()...), 0)
	return g.cfg.Minter.Derive(append(key, m.FromTag()...))
}

// allow is what we serve outside of dialogs and within.
var allow = []byte("Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, PRACK, UPDATE, INFO, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, REFER\r\n")

// headersOf gives the header lines of a refusal: those that it must carry (RFC 3261 8.2),
// and for who is known as more than a caller by domain, why, with the reference that the
// decision is found by (mission row C2; RFC 3326).
func headersOf(v policy.Verdict, id *policy.Identity, m *sip.Message, stable dialog.Stable) (h []byte) {
	switch v.Status {
	case 405:
		h = append(h, allow...)
	case 423:
		h = strconv.AppendInt(append(h, "Min-Expires: "...), registrar.MinLife, 10)
		h = append(h, "\r\n"...)
	case 420:
		h = append(h, "Unsupported: "...)
		h = append(append(h, m.Value(sip.HdrProxyRequire)...), "\r\n"...)
	}
	if id.Customer == nil || id.By == policy.ByDomain || id.By == policy.ByNothing {
		return h
	}
	return v.Reason.AppendHeader(h, v.Status, trace.ID(stable).Ref())
}
