package gate

import (
	"slices"
	"strconv"

	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/transport"
)

// Explain takes a request through the very steps that decide, up to the one that sends it, and
// tells what each of them found. Nothing is counted and no place is taken. What it cannot know:
// rates of new calls, and whether the very message was here before (a loop).
func (g *Gate) Explain(r *policy.Request) policy.Explanation {
	proto, _ := transport.ParseProto(r.Transport)
	p := &passage{msg: r.Msg, req: *r, flow: transport.Flow{Proto: proto, Remote: r.Source}}
	p.req.Dry = true
	g.learn(p)
	e := policy.Explanation{Passed: []string{}}
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
			e.Told(s.name, v, v.Reason.Sentence())
		}
		if v.Refused() {
			break
		}
		e.Passed = append(e.Passed, s.name)
	}
	e.Would = slices.Clone(p.id.Spared())
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
		text = v.Reason.Sentence() + " Limit of " + limit + "."
	}
	e.ToldReserve(&p.list, v, text)
}

// tellHeard tells of a call that passes all steps, but counts at once since its caller is known
// (call.Passed.Known), and reaches the antifraud threshold.
func tellHeard(e *policy.Explanation, p *passage) {
	if v := p.alike.Reached(&p.id); v.Refused() {
		e.Told("antifraud", v, v.Reason.Sentence())
	}
}

func tellPhones(e *policy.Explanation, p *passage, v policy.Verdict) {
	text := ""
	switch {
	case v.Refused():
	case len(p.phones) > 0:
		text = phonesText(p.phones)
	case p.registers():
		text = "The SIP user " + p.id.User.Username + " registers here."
	}
	e.Told("phones", v, text)
}

func tellRoute(e *policy.Explanation, p *passage, v policy.Verdict) {
	if v.Refused() || len(p.phones) == 0 && !p.registers() {
		e.ToldRoute(&p.id, &p.list, v)
	}
}

// phonesText says which phones a request goes to.
func phonesText(list []registrar.Contact) string {
	text := "It goes to the phone of " + list[0].AOR
	if len(list) > 1 {
		text = "It goes to " + strconv.Itoa(len(list)) + " phones of " + list[0].AOR + " at once"
	}
	return text + ", in place of destinations."
}
