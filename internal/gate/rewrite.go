package gate

import (
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
)

// rewrite brings the numbers of what an entry sends to the form in which they are known here
// (step 11). What a switch is sent belongs to the switch that is tried (package peer).
func (g *Gate) rewrite(_ *transaction.Shard, p *passage) (policy.Verdict, bool) {
	g.cfg.Table.Snapshot().Rewrite(&p.req, &p.id)
	return policy.Verdict{}, false
}

// screen holds the numbers that switches would be sent against the block list, too.
func (g *Gate) screen(_ *transaction.Shard, p *passage) (policy.Verdict, bool) {
	return g.cfg.Table.Snapshot().Screen(&p.req, &p.id, &p.list), false
}

func tellRewrite(e *policy.Explanation, p *passage, v policy.Verdict) {
	e.ToldRewrite(&p.req, &p.id, v)
}

func tellScreen(e *policy.Explanation, p *passage, v policy.Verdict) {
	e.ToldSwitches(&p.req, &p.id, &p.list, v)
}
