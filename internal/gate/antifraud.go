package gate

import (
	"time"

	"tollgate/internal/antifraud"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/sip"
)

// antifraud refuses what is too much of the same (step 10). Calls are counted later, when
// somebody wants them (call.Heard); here they only meet a key that is shut.
func (g *Gate) antifraud(_ *transaction.Shard, p *passage) (v policy.Verdict, parked bool) {
	p.alike = antifraud.Standing{}
	if g.cfg.Antifraud != nil {
		p.alike, v = g.cfg.Antifraud.Check(&p.req, &p.id)
	}
	return v, false
}

func tellAntifraud(e *policy.Explanation, p *passage, v policy.Verdict) {
	e.Told("antifraud", v, alikeText(e.Language, &p.alike, &p.id, v))
}

// alikeText tells how it stands with a request's key.
func alikeText(l policy.Language, s *antifraud.Standing, id *policy.Identity, v policy.Verdict) string {
	switch {
	case s.Of == 0 && id.Emergency && antifraudOn(id):
		return l.Say("An emergency call passes antifraud.")
	case s.Of == 0:
		return ""
	case s.Spared:
		return l.Say("The source is on the customer's whitelist, or one of his destinations: antifraud leaves it alone.")
	}
	what := l.Say("calls with this key are up or ringing")
	if s.Method != sip.INVITE {
		what = l.Say("%s with this key came within 10 s", s.Method)
	}
	text := l.Say("%d of %d %s (from %q, to %q).", s.Count, s.Of, what, s.From, s.To)
	switch {
	case s.Left > 0:
		text += l.Say(" The threshold was reached: the key is shut for %s more.", s.Left.Round(time.Second))
	case s.Method == sip.INVITE && s.Count+1 >= s.Of:
		text += l.Say(" The next that rings reaches the threshold.")
	}
	if !v.Refused() && (id.Customer.Transparent || id.Customer.Settings.Antifraud.Mode == "monitor") {
		text += l.Say(" It is only counted.")
	}
	return text
}

func antifraudOn(id *policy.Identity) bool {
	a := &id.Customer.Settings.Antifraud
	return a.Invite > 0 || a.Register > 0 || a.Options > 0
}
