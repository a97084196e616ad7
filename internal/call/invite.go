package call

import (
	"tollgate/internal/dialog"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/internal/uac"
	"tollgate/sip"
)

// setup is what a call needs only until it is answered.
type setup struct {
	walk    peer.Walk
	warning []byte         // of an offer that could not go to a candidate
	phones  []phone        // instead of a walk, the most preferred first; those of one preference ring at once
	next    int            // the first of them that was not tried yet
	silent  bool           // one of them was, too long
	flow    transport.Flow // the branch's at hand
	// reached leads to the walk's destination, where a place at it had to be waited for.
	reached transport.Flow
	early   bool            // early media was heard: no other destination after that
	mask    string          // host that stands for the caller's side
	best    []byte          // the best refusal of the phones so far
	from    uint8           // the phone that it came from
	names   []dialog.Rename // of dialogs that the request names

	numbers   policy.Numbers // as the entry's rewriting left them
	emergency bool
	answers   *uac.Answers // to the challenges of the switch at hand; nil: it has not asked
	fromText  dialog.Text  // call.out's before a candidate's rewriting
	toText    dialog.Text
}

// Passed is a request that makes dialogs and that the gate let through.
type Passed struct {
	Server     transaction.ID
	Stable     dialog.Stable // the id of its reservation
	Identity   *policy.Identity
	Candidates *policy.Candidates
	Phones     []registrar.Contact // to ring, instead of Candidates
	Caller     dialog.Stable       // the binding of the phone that it comes from
	Urgent     bool                // it holds a place among the emergency calls that pass limits
	Known      bool                // nobody forges its source: it is heard at once
}

// Start makes a call of an INVITE that passed the gate and tries its first
// destination, or a subscription of a SUBSCRIBE or REFER. m is the request.
func (c *Calls) Start(sh *transaction.Shard, p *Passed, m *sip.Message) {
	info, ok := sh.Server(p.Server)
	if !ok {
		if m.Method() == sip.INVITE {
			c.cfg.Release(p.Stable)
		}
		return
	}
	call := c.newCall(sh, m.Method())
	settings := &p.Identity.Customer.Settings
	call.id, call.customer, call.direction = p.Stable, p.Identity.Customer, p.Identity.Direction
	call.hidden, call.urgent = p.Identity.Customer.Hides(), p.Urgent
	call.server, call.cseq, call.started = p.Server, m.CSeq(), sh.Since()
	if call.place = firstPlace(p, call.method); p.Identity.Entry != nil {
		call.entry = p.Identity.Entry.ID
	}
	call.parties = partiesOf(p)
	sh.SetRef(p.Server, c.user, call.ref(refSetup))
	if err := c.fill(sh, call, p, m, info.Flow); err != nil {
		c.refuse(sh, call, 513, policy.TooBig)
		return
	}
	c.prepare(sh, call, p, m)
	c.bridges(sh, call, p.Identity.Emergency)
	c.late(sh, call, m)
	if call.method == sip.INVITE {
		call.invite = sh.After(settings.Timers.Invite, c.user, timerInvite, call.ref(refSetup))
	}
	if p.Known && !c.hear(sh, call) {
		c.refuse(sh, call, policy.Antifraud.Status(), policy.Antifraud)
		return
	}
	if c.translated(sh, call, m) {
		c.try(sh, call, m)
	}
}

// prepare takes a setup and fills in where the request may go.
func (c *Calls) prepare(sh *transaction.Shard, call *Call, p *Passed, m *sip.Message) {
	var s *setup
	call.setup, s = c.table(sh).setups.Alloc()
	call.setup++
	*s = setup{
		mask: c.mask(p.Identity, call.caller.Flow), phones: s.phones[:0],
		numbers: p.Identity.Numbers, emergency: p.Identity.Emergency, fromText: call.out.from, toText: call.out.to,
	}
	for _, contact := range p.Phones {
		s.phones = append(s.phones, phone{contact: contact})
		if call.method != sip.INVITE {
			break // the one that is liked best: a subscription to each would be many
		}
	}
	var foreign transport.Target
	if p.Candidates.Foreign {
		foreign, _ = peer.TargetOfURI(m.RequestURI())
	}
	s.walk.Start(p.Candidates, foreign)
}

// mask is the host that stands for a hidden side: the domain that the request
// named, the customer's first, or our own address.
func (c *Calls) mask(id *policy.Identity, f transport.Flow) string {
	switch {
	case id.Domain != "":
		return id.Domain
	case len(id.Customer.Domains) > 0:
		return id.Customer.Domains[0]
	}
	host, _ := c.cfg.Transport.Advertised(f)
	return host
}

// textsRoom is what the texts of most calls need, in bytes.
const textsRoom = 1024

// fill takes what the dialog needs of the INVITE.
func (c *Calls) fill(sh *transaction.Shard, call *Call, p *Passed, m *sip.Message, f transport.Flow) (err error) {
	call.texts.Buf = sh.Buffer(textsRoom)
	add := func(b []byte) (t dialog.Text) {
		if err == nil {
			t, err = call.texts.Add(b)
		}
		return t
	}
	call.uri = add(m.RequestURI())
	from, to := dialog.WithoutTag(m.Value(sip.HdrFrom)), dialog.WithoutTag(m.Value(sip.HdrTo))
	call.caller = dialog.Leg{
		CallID: add(m.CallID()), Tag: add(m.FromTag()),
		Remote: add(from), Local: add(to),
		Target: add(dialog.ContactURI(m)), Flow: f,
		Outside: p.Identity.Direction == policy.Inbound, Binding: p.Caller, Seen: markOf(f),
		Forced: call.forced(dialog.Caller),
	}
	sh.Out = dialog.RouteSetOfRequest(sh.Out[:0], m)
	call.caller.Routes = add(sh.Out)
	call.out = outward{call.caller.CallID, call.caller.Tag, call.caller.Remote, call.caller.Local}
	if !call.hidden {
		return err
	}
	h := &c.table(sh).work.hiding
	c.hide(h, call, c.mask(p.Identity, f), m)
	far := c.cfg.Minter.Far(m.CallID(), m.FromTag())
	call.out.tag = add(appendTag(sh.Out[:0], far, callerTag))
	sh.Out = c.cfg.Minter.AppendCallID(sh.Out[:0], m.CallID(), far)
	call.out.callID = add(sh.Out)
	call.out.from = add(h.AppendIdentity(sh.Out[:0], from))
	call.out.to = add(h.AppendIdentity(sh.Out[:0], to))
	return err
}

// mint appends an identifier of a call.
func (c *Calls) mint(dst []byte, sh *transaction.Shard, call *Call, part dialog.Part, fork uint8) []byte {
	return c.cfg.Minter.Append(dst, dialog.ID{Shard: sh.Index, Slot: call.slot, Stable: call.id, Part: part, Fork: fork})
}

// Tags that are no fork's, which are numbered from 1.
const (
	refusalTag uint8 = 0xfe // To the caller, of a refusal that no 1xx came before
	callerTag  uint8 = 0xff // From, towards callees
)

// appendTag appends a tag of ours: the call's stable id and a number, which nobody
// outside of the dialog can know.
func appendTag(dst []byte, id dialog.Stable, n uint8) []byte {
	var raw [13]byte
	copy(raw[:], id[:])
	raw[12] = n
	return sip.AppendToken(dst, raw[:])
}

// try sends the INVITE to the next address of the walk, or ends the call when
// there is none. m is the INVITE where it is at hand, nil else.
func (c *Calls) try(sh *transaction.Shard, call *Call, m *sip.Message) {
	if m == nil {
		if !sh.Request(call.server, &sh.Kept) {
			return
		}
		m = &sh.Kept
	}
	s := c.setup(sh, call)
	if len(s.phones) > 0 {
		if c.muteHere(sh, call, s, m) {
			c.refuseOffer(sh, call, call.reason, s.warning)
			return
		}
		c.ring(sh, call, s, m)
		return
	}
	for {
		flow, step := s.reached, peer.Ready
		if s.reached = (transport.Flow{}); flow.Proto == 0 {
			flow, step = c.cfg.Router.Next(&s.walk, len(m.Bytes())+c.growth(call), c, sh.Index, call.ref(refSetup))
		}
		switch step {
		case peer.Waiting:
			return
		case peer.Exhausted:
			c.exhausted(sh, call)
			return
		case peer.Ready:
			switch c.replace(sh, call, s, flow) {
			case deciding:
				return
			case full:
				continue
			}
			call.dest = s.walk.Destination()
			if c.muteHere(sh, call, s, m) {
				s.walk.SkipCandidate()
				continue
			}
			s.flow, s.early, s.answers = flow, false, nil
			c.leaveDialogs(sh, call)
			if c.sendFirst(sh, call, s, m, nil) {
				return
			}
		}
	}
}

// growth is about how many bytes we add to an INVITE (RFC 3261 18.1.1 counts the
// message as it is sent).
func (c *Calls) growth(call *Call) int {
	n := policy.Growth(call.sender(), nil)
	if call.hidden {
		return n + 60
	}
	return n + 220
}

// sendFirst writes and sends the request of one branch, to a phone or over s.flow;
// false when it could not.
func (c *Calls) sendFirst(sh *transaction.Shard, call *Call, s *setup, m *sip.Message, to *phone) bool {
	flow := s.flow
	numbers, err := c.numbered(sh, call, s, m, to)
	if err != nil {
		c.refuse(sh, call, 513, policy.TooBig)
		return true
	}
	call.branch = sh.NewClient(c.user, call.ref(refSetup))
	if call.branch == 0 {
		c.refuse(sh, call, 503, policy.ResourceExhausted)
		return true
	}
	w := &c.table(sh).work
	fwd := &w.fwd
	*fwd = dialog.Forward{
		Message: m, Source: call.caller.Flow.Remote, Out: c.address(flow),
		Branch: sh.AppendBranch(w.branch[:0], call.branch, transaction.LoopHash(m)), CSeq: m.CSeq() + uint32(call.again),
	}
	if to != nil {
		fwd.Target, fwd.Routes = []byte(to.contact.URI), []byte(to.contact.Path)
	}
	fwd.Names, fwd.Realm = s.names, call.customer.AsksIn()
	fwd.Changes = policy.Edits(call.sender(), call.dest)
	if call.hidden {
		c.hide(&w.hiding, call, s.mask, m)
		fwd.Hide, fwd.Names = &w.hiding, c.unmasked(call, s.names, m, flow)
		fwd.ID = c.mint(w.id[:0], sh, call, dialog.ToCallee, 0)
		fwd.CallID, fwd.FromTag = call.text(call.out.callID), call.text(call.out.tag)
		fwd.From, fwd.To = call.text(call.out.from), call.text(call.out.to)
	} else {
		fwd.ID = c.mint(w.id[:0], sh, call, dialog.InRoute, 0)
		c.records(fwd, call.caller.Flow, flow)
	}
	c.number(sh, call, &numbers, m, fwd)
	c.authorize(sh, call, s, to, fwd)
	fwd.Edit(&sh.Edit)
	out, err := c.compose(sh, call, m, bound{dialog.Caller, call.forks, flow})
	if why := fault(err); why != policy.OK {
		sh.Forget(call.branch)
		c.refuse(sh, call, why.Status(), why)
		return true
	}
	sh.Out = out
	if sh.SendRequest(call.branch, call.method, flow, out) != nil {
		call.branch = 0
		return false
	}
	sh.Stop(&call.initial)
	call.initial = sh.After(call.customer.Settings.Timers.Initial, c.user, timerInitial, call.ref(refSetup))
	return true
}

// sender is the entry that a call comes from, nil for none.
func (c *Call) sender() *policy.Switch {
	if c.entry == 0 {
		return nil
	}
	return c.customer.Switch(c.entry)
}

// leaveDialogs leaves the early dialogs of a branch that was given up, or whose place
// is needed. They stay known while requests within the call are under way, which name
// them by number.
func (c *Calls) leaveDialogs(sh *transaction.Shard, call *Call) {
	for i := range call.forks {
		call.dialog(i).Confirmed = false // a subscription's, by a NOTIFY
	}
	call.confirmed = 0
	if call.pending == 0 {
		c.unindex(sh, call)
		call.forks, call.more = 0, call.more[:0]
		if s := c.bridged(sh, call); s != nil {
			s.Forget()
		}
	}
	call.mine = call.forks
}

// hide prepares the hiding of the caller's side of the INVITE.
func (c *Calls) hide(h *dialog.Hiding, call *Call, mask string, m *sip.Message) {
	h.Reset(mask, call.customer.Domains, call.caller.Flow.Remote)
	h.NameURI(call.text(call.caller.Target))
	if via := m.TopVia(); via != nil {
		h.Name(via.Host)
	}
}

// records gives the Record-Route entries of a plain call: one, or two where
// transport or network change between the legs (RFC 5658).
func (c *Calls) records(f *dialog.Forward, from, to transport.Flow) {
	f.RecordRoute[0] = c.address(to)
	f.Records = 1
	other := c.address(from)
	if other != f.RecordRoute[0] {
		f.RecordRoute[1] = other
		f.Records = 2
	}
}

// address is how the peer of a flow knows us.
func (c *Calls) address(f transport.Flow) dialog.Address {
	host, port := c.cfg.Transport.Advertised(f)
	return dialog.Address{Proto: f.Proto, Host: host, Port: port}
}
