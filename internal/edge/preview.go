package edge

import (
	"context"
	"net/netip"
	"time"

	"tollgate/internal/api"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/trace"
	"tollgate/sip"
)

// Preview is api.Node: what was decided goes through a draft of rules once more.
func (e *Edge) Preview(ctx context.Context, d *api.Draft, cases []trace.Decision) (out []api.Previewed, err error) {
	s := e.table.Snapshot()
	c := s.Customer(d.Customer)
	if c == nil {
		return nil, tenant.NotFound(tenant.KindCustomer)
	}
	switch {
	case d.Blocked != nil:
		c, err = c.WithBlocklist([]tenant.BlocklistEntry{*d.Blocked})
	case d.Firewall != nil:
		c, err = c.WithFirewall(d.Firewall)
	default:
		c, err = c.WithRouting(d.Routing)
	}
	if err != nil {
		return nil, err
	}
	cases = append(cases, e.registered(c, d)...)
	for i := range cases {
		if ctx.Err() != nil {
			return out, nil // as far as it came
		}
		m, ok := e.recorded(ctx, &cases[i], d.Whole)
		if !ok || d.Blocked != nil && m.Method() != sip.INVITE {
			continue
		}
		r := &policy.Request{Msg: m, Source: cases[i].Source, Transport: cases[i].Transport, Now: time.Now(), Dry: true, Ours: e.ids.Wrote}
		p := api.Previewed{Case: &cases[i], Phone: e.ofPhone(&cases[i])}
		switch {
		case d.Blocked != nil:
			id := identityOf(s, c, r, &cases[i])
			p.Drops, p.Rule = dropped(s.Blocklist(r, &id), &id)
		case d.Firewall != nil:
			id := asDecided(c, &cases[i])
			p.Drops, p.Rule = dropped(s.Firewall(r, &id), &id)
			if !p.Drops && id.Direction == policy.Inbound {
				p.Rule = c.Accepting(r)
			}
		default:
			var v policy.Verdict
			p.Group, p.Rule, v = c.GroupFor(r)
			p.Drops = v.Refused()
		}
		out = append(out, p)
	}
	return out, nil
}

// asDecided is whose a request was, as its decision has it.
func asDecided(c *policy.Customer, d *trace.Decision) policy.Identity {
	id := policy.Identity{Customer: c, Direction: policy.Inbound, Domain: d.Domain}
	if d.Direction == policy.Outbound.String() {
		id.Direction = policy.Outbound
	}
	return id
}

// identityOf is whose a call is now, with its number as his entry rewrites it; as it was decided, where what
// was kept of it does not tell.
func identityOf(s *policy.Snapshot, c *policy.Customer, r *policy.Request, d *trace.Decision) policy.Identity {
	var id policy.Identity
	if v := s.Identify(r, &id); v.Refused() || id.Customer.Settings.ID != c.Settings.ID {
		id = asDecided(c, d)
		if uri, err := sip.ParseURI(r.Msg.RequestURI()); err == nil {
			id.Emergency = c.CallsEmergency(&uri)
		}
		return id
	}
	s.Rewrite(r, &id)
	id.Customer = c
	return id
}

// dropped says whether a request would be dropped, or would be if the rule did more than count, and by which rule.
func dropped(v policy.Verdict, id *policy.Identity) (drops bool, rule tenant.RuleID) {
	drops, rule = v.Refused(), v.Rule
	for _, would := range id.Spared() {
		drops, rule = true, would.Rule
	}
	return drops, rule
}

// ofPhone says that a request came from a phone that has registered.
func (e *Edge) ofPhone(d *trace.Decision) bool {
	return d.By == policy.ByBinding.String() || d.Source.IsValid() && e.registrar.From(d.Customer, d.Source.Addr().Unmap())
}

// recorded gives a request as it was, as far as it was kept: whole, where that is asked for, else
// what a decision holds of it, which is all that most rules look at.
func (e *Edge) recorded(ctx context.Context, d *trace.Decision, whole bool) (*sip.Message, bool) {
	if whole {
		return e.firstOf(ctx, d.ID)
	}
	m := new(sip.Message)
	text := request(d.Method, d.URI, d.Transport, d.Source, []string{
		"From: " + d.From, "To: " + d.To, "Call-ID: " + d.CallID, "CSeq: 1 " + d.Method, "User-Agent: " + d.UserAgent,
	})
	return m, m.Parse([]byte(text)) == nil
}

// firstOf gives the request that began a case, where it was kept.
func (e *Edge) firstOf(ctx context.Context, id trace.ID) (*sip.Message, bool) {
	_, messages, err := e.traces.Get(ctx, id)
	if err != nil {
		return nil, false
	}
	for i := range messages {
		m := new(sip.Message)
		if messages[i].In && m.Parse(messages[i].Data) == nil && m.IsRequest() {
			return m, true
		}
	}
	return nil, false
}

// request writes one with lines of its own; what would end a line is a blank.
func request(method, uri, transport string, source netip.AddrPort, lines []string) string {
	clean := func(s string) string {
		b := []byte(s)
		for i, c := range b {
			if c == '\r' || c == '\n' {
				b[i] = ' '
			}
		}
		return string(b)
	}
	text := clean(method) + " " + clean(uri) + " SIP/2.0\r\nVia: SIP/2.0/" + clean(transport) + " " + source.String() + ";branch=z9hG4bKpreview\r\nMax-Forwards: 70\r\n"
	for _, l := range lines {
		text += clean(l) + "\r\n"
	}
	return text + "Content-Length: 0\r\n\r\n"
}

// Replay is api.Node. Digest responses are not kept, so a request that had one is challenged again.
func (e *Edge) Replay(ctx context.Context, d *trace.Decision, in policy.Language) (policy.Explanation, bool) {
	m, ok := e.firstOf(ctx, d.ID)
	if !ok {
		return policy.Explanation{}, false
	}
	return e.gate.Explain(&policy.Request{
		Msg: m, Source: d.Source, Local: e.asked(m), Transport: d.Transport, Now: time.Now(), Health: e.watch,
	}, in), true
}
