package edge

import (
	"sync"
	"time"

	"tollgate/internal/call"
	"tollgate/internal/cdr"
	"tollgate/internal/dialog"
	"tollgate/internal/gate"
	"tollgate/internal/journal"
	"tollgate/internal/media"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/sip"
)

// cdrKeeper is the journal of call records.
type cdrKeeper struct{ journal *journal.Journal }

// Put is cdr.Journal.
func (k cdrKeeper) Put(id cdr.ID, data []byte) error {
	return k.journal.Put(keptCDR, journal.ID(id), data)
}

// Delete is cdr.Journal.
func (k cdrKeeper) Delete(id cdr.ID) { k.journal.Delete(keptCDR, journal.ID(id)) }

func (e *Edge) newCDRs() *cdr.Writer {
	return cdr.New(cdr.Config{
		Store: e.store, Journal: cdrKeeper{e.journal}, Log: e.log, Keep: e.cfg.Retention.CDRs, Behind: e.recordsBehind, Stored: e.cdrsStored,
	})
}

// recordsBehind is told when the records of so many calls wait for the database that no
// new calls should make more of them, and when there is room again.
func (e *Edge) recordsBehind(is bool) {
	e.full.set(&e.full.records, is)
	if is {
		e.log.Error("the database takes no call records: no new calls and registrations", "data_dir", e.cfg.DataDir)
	}
}

// fullness is why nothing new is let in: either of two things that must be kept cannot be.
type fullness struct {
	mu      sync.Mutex // guards what follows, and the order in which the gate is told
	journal bool
	records bool
	gate    *gate.Gate // nil until there is one
}

func (f *fullness) set(which *bool, is bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*which = is
	if f.gate != nil {
		f.gate.Full(f.journal || f.records)
	}
}

// tell has a gate told from now on.
func (f *fullness) tell(g *gate.Gate) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gate = g
	g.Full(f.journal || f.records)
}

// challenged says that an INVITE was answered with a challenge: its retry with credentials
// is the attempt (RFC 3261 22.1).
func challenged(status int) bool { return status == 401 || status == 407 }

// oneWay says that one side of a call was heard, and the other never.
func oneWay(c *call.Ending) bool { return c.Answered && media.OneWay(c.Media, c.Duration) != "" }

// recordCall keeps the record of a call, and has it told to who watches.
func (e *Edge) recordCall(c *call.Ending) {
	if !c.Answered && challenged(c.Status) {
		return
	}
	e.news.callEnded(c)
	r := cdr.Record{
		ID: cdr.ID(c.ID), Outbound: c.Direction == policy.Outbound, Hidden: c.Hidden, Answered: c.Answered,
		Started: c.Started, Setup: c.Setup, Duration: c.Duration, Status: c.Status, Reason: c.Reason.Code(), EndedBy: endedBy(c),
		CallID: c.CallID, FarCallID: c.FarCallID, From: c.From, To: c.To, URI: c.URI,
		Source: c.Source.Remote, SourceTransport: c.Source.Proto.String(),
		Target: c.Target.Remote, TargetTransport: c.Target.Proto.String(),
		Media: c.Media, OneWay: oneWay(c),
	}
	if c.Destination != nil {
		r.DestinationID, r.Destination = c.Destination.ID, c.Destination.Name
	}
	of(&r, c.Customer)
	parties(&r, c.Switch, c.User)
	if c.Called != nil {
		r.Called = cdr.Named[tenant.SIPUserID]{ID: c.Called.ID, Name: c.Called.Username}
	}
	e.cdrs.Ended(&r)
}

// parties says whom a call came from; nil: nobody that has a name.
func parties(r *cdr.Record, sw *policy.Switch, user *policy.User) {
	if sw != nil {
		r.Switch = cdr.Named[tenant.SwitchID]{ID: sw.ID, Name: sw.Name}
	}
	if user != nil {
		r.User = cdr.Named[tenant.SIPUserID]{ID: user.ID, Name: user.Username}
	}
}

// calling is the switch that a request came from: an entry, or a destination that is one.
func calling(id *policy.Identity) *policy.Switch {
	if id.Entry == nil && id.Source != nil {
		return id.Source.Switch
	}
	return id.Entry
}

func of(r *cdr.Record, c *policy.Customer) {
	r.Company, r.Customer, r.CustomerName = c.Company.ID, c.Settings.ID, c.Settings.Name
}

// recordRefusal keeps the record of an INVITE that the gate refused, of a known customer.
func (e *Edge) recordRefusal(d *gate.Decision) {
	m := d.Message
	if d.Method != sip.INVITE || !d.Verdict.Refused() || d.Identity.Customer == nil || m == nil || challenged(d.Verdict.Status) {
		return
	}
	if d.Verdict.Reason == policy.NoDialog {
		return // no attempt: it would change a call
	}
	r := cdr.Record{
		ID: cdr.ID(d.ID), Outbound: d.Identity.Direction == policy.Outbound, Started: time.Now(),
		Status: d.Verdict.Status, Reason: d.Verdict.Reason.Code(), Rule: d.Verdict.Rule, RuleName: d.Verdict.Name, EndedBy: cdr.Tollgate,
		CallID: m.CallID(), From: dialog.WithoutTag(m.Value(sip.HdrFrom)), To: dialog.WithoutTag(m.Value(sip.HdrTo)), URI: m.RequestURI(),
		Source: d.Source, SourceTransport: d.Proto.String(),
	}
	if d.Verdict.Reason == policy.Antifraud {
		r.Counter = d.Verdict.Detail
	}
	if d.Verdict.Reason == policy.Canceled {
		r.EndedBy = cdr.Caller
	}
	r.Limit = d.LimitText()
	if c := d.Candidates; c != nil && c.N > 0 {
		r.DestinationID, r.Destination = c.List[0].ID, c.List[0].Name
	}
	of(&r, d.Identity.Customer)
	parties(&r, calling(d.Identity), d.Identity.User)
	e.cdrs.Refused(&r)
}
