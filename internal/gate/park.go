package gate

import (
	"slices"

	"tollgate/internal/auth"
	"tollgate/internal/live"
	"tollgate/internal/policy"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// park keeps a passage until its answer comes. Its server transaction keeps the
// message, answers 100, absorbs retransmissions and hears its CANCEL.
func (g *Gate) park(sh *transaction.Shard, p *passage, park *parking, ref uint64) {
	gen := park.gen + 1
	*park = parking{gen: gen, used: true, passage: *p}
	park.msg, park.req.Msg, park.answer, park.lines = nil, nil, auth.Credentials{}, nil
	park.phones = slices.Clone(p.phones)
	if p.server == 0 {
		park.server = sh.NewServer(p.msg, p.flow, g.user, ref)
	} else {
		sh.SetRef(p.server, g.user, ref)
	}
	park.next++
}

func (g *Gate) parking(sh *transaction.Shard, ref uint64) *parking {
	park := g.parked[sh.Index].At(uint32(ref))
	if park == nil || !park.used || uint64(park.gen&0xffffff) != ref>>32&0xffffff {
		return nil
	}
	return park
}

// Reserved is live.Waiter: the answer to a reservation that was not known at once.
func (g *Gate) Reserved(ref uint64, o live.Outcome) {
	g.layer.Do(uint8(ref>>56), func(sh *transaction.Shard) {
		park := g.parking(sh, ref)
		if park == nil {
			return
		}
		p := park.passage
		park.used = false
		park.passage = passage{}
		g.parked[sh.Index].Release(uint32(ref))
		if park.canceled || !sh.Request(p.server, &sh.Kept) {
			if o.OK {
				g.Release(p.stable)
			}
			return
		}
		p.msg, p.req.Msg = &sh.Kept, &sh.Kept
		v, parked := g.asked(sh, &p, o)
		switch {
		case parked:
			return
		case v.Refused():
			g.refuse(sh, &p, v)
			return
		}
		g.run(sh, &p)
	})
}

// Canceled is transaction.User: the INVITE of a parked passage was cancelled.
func (g *Gate) Canceled(sh *transaction.Shard, s transaction.ID, ref uint64) {
	if park := g.parking(sh, ref); park != nil {
		park.canceled = true
		d := Decision{
			ID: park.stable, Method: sip.INVITE, Proto: park.flow.Proto, Source: park.flow.Remote, Identity: &park.id, Passed: park.next - 1,
			Verdict: policy.Verdict{Status: 487, Reason: policy.Canceled},
		}
		if sh.Request(s, &sh.Kept) {
			d.Message = &sh.Kept
		}
		g.cfg.Decided(sh, &d)
		sh.RespondStatus(s, &sip.Response{Status: 487})
	}
}

// Response is transaction.User, as all below: they tell of client transactions and
// timers, of which the gate has none.
func (g *Gate) Response(*transaction.Shard, transaction.ID, uint64, *sip.Message, transport.Flow) {}

// Failed is transaction.User.
func (g *Gate) Failed(*transaction.Shard, transaction.ID, uint64, transaction.Failure) {}

// Unreachable is transaction.User.
func (g *Gate) Unreachable(*transaction.Shard, transaction.ID, uint64) {}

// Ended is transaction.User.
func (g *Gate) Ended(*transaction.Shard, transaction.ID, uint64) {}

// Timer is transaction.User.
func (g *Gate) Timer(*transaction.Shard, uint8, uint64) {}
