package gate

import (
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/trace"
	"tollgate/internal/transport"
)

// Explain takes a request through the very steps that decide, up to the one that sends it, and
// tells what each of them found. Nothing is counted and no place is taken. What it cannot know:
// rates of new calls, and whether the very message was here before (a loop).
func (g *Gate) Explain(r *policy.Request, in policy.Language) policy.Explanation {
	proto, _ := transport.ParseProto(r.Transport)
	p := &passage{msg: r.Msg, req: *r, flow: transport.Flow{Proto: proto, Remote: r.Source}}
	p.req.Dry = true
	g.learn(p)
	e := policy.Explanation{Passed: []string{}, Language: in}
	for _, s := range g.steps {
		if s.changes {
			e.Passed = append(e.Passed, s.name)
			tellHeard(&e, p)
			break
		}
		v, _ := s.run(g, nil, p)
		if s.tell != nil {
			s.tell(&e, p, v)
		} else {
			e.Told(s.name, v, v.Reason.In(in))
		}
		if v.Refused() {
			break
		}
		e.Passed = append(e.Passed, s.name)
	}
	e.ToldSpared(p.id.Spared())
	return e
}

func tellIdentity(e *policy.Explanation, p *passage, v policy.Verdict)  { e.ToldIdentity(&p.id, v) }
func tellFirewall(e *policy.Explanation, p *passage, v policy.Verdict)  { e.ToldFirewall(&p.id, v) }
func tellBlocklist(e *policy.Explanation, p *passage, v policy.Verdict) { e.ToldBlocklist(&p.id, v) }

// tellRefusal is for steps that have nothing to say of what passes.
func tellRefusal(name string) func(*policy.Explanation, *passage, policy.Verdict) {
	return func(e *policy.Explanation, _ *passage, v policy.Verdict) { e.Told(name, v, "") }
}

// tellReserve tells what has no room for a call.
func tellReserve(e *policy.Explanation, p *passage, v policy.Verdict) {
	text := ""
	if limit := limitText(p.full, &p.id, false); v.Refused() && limit != "" {
		text = v.Reason.In(e.Language) + e.Language.Say(" Limit of %s.", trace.LimitIn(e.Language, limit))
	}
	e.ToldReserve(&p.list, v, text)
}

// tellHeard tells of a call that passes all steps, but counts at once since its caller is known
// (call.Passed.Known), and reaches the antifraud threshold.
func tellHeard(e *policy.Explanation, p *passage) {
	if v := p.alike.Reached(&p.id); v.Refused() {
		e.Told("antifraud", v, v.Reason.In(e.Language))
	}
}

func tellPhones(e *policy.Explanation, p *passage, v policy.Verdict) {
	text := ""
	switch {
	case v.Refused():
	case len(p.phones) > 0:
		text = phonesText(e.Language, p.phones)
	case p.registers():
		text = e.Language.Say("The SIP user %s registers here.", p.id.User.Username)
	}
	e.Told("phones", v, text)
}

func tellRoute(e *policy.Explanation, p *passage, v policy.Verdict) {
	if v.Refused() || len(p.phones) == 0 && !p.registers() {
		e.ToldRoute(&p.id, &p.list, v)
	}
}

// phonesText says which phones a request goes to.
func phonesText(l policy.Language, list []registrar.Contact) string {
	if len(list) > 1 {
		return l.Say("It goes to %d phones of %s at once, in place of destinations.", len(list), list[0].AOR)
	}
	return l.Say("It goes to the phone of %s, in place of destinations.", list[0].AOR)
}
