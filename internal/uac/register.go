package uac

import (
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"tollgate/internal/dialog"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/tenant"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/sip"
)

// The times of registrations.
const (
	lifetime    = time.Hour        // that is asked for
	shortest    = 5 * time.Second  // between two REGISTERs that went well, however little is granted
	firstPause  = 30 * time.Second // after a failure; then twice as long each time
	longestWait = 10 * time.Minute
	patience    = 5 * time.Second // for an address to answer
)

// RegisterConfig says what Registrations is made of.
type RegisterConfig struct {
	Router     *peer.Router
	Table      *policy.Table
	Agent      *Agent
	Minter     *dialog.Minter
	Advertised func(f transport.Flow) (host string, port uint16)
	Jitter     func() float64 // 0 to 1, for the pauses
	Changed    func(name string, s State)
}

// State is how a registration of ours does.
type State struct {
	Registered bool      `json:"registered"`
	Until      time.Time `json:"until,omitzero"`            // when it ends unless refreshed
	LastCode   int       `json:"last_code,omitempty"`       // of the last answer, 0 = none came
	Next       time.Time `json:"next_attempt,omitzero"`     // when it is asked for again
	Failures   int       `json:"failures_in_row,omitempty"` // since it last went well
}

// Registrations keeps us registered at the switches that want it (RFC 3261 10.2). Its cells
// are guarded by their shard's lock, what is shown of them by mu.
type Registrations struct {
	cfg    RegisterConfig
	layer  *transaction.Layer
	user   uint8
	cells  []map[tenant.SwitchID]*registration // by shard
	gone   []map[uint64]*registration          // by shard and ref: those that are being taken back
	seen   *policy.Snapshot                    // of the layer's clock alone
	known  map[tenant.SwitchID]*policy.Destination
	gen    uint16     // likewise
	looked time.Time  // likewise: when names were last looked up
	mu     sync.Mutex // guards states
	states map[tenant.SwitchID]State
}

// registration is one switch's.
type registration struct {
	way     *policy.Destination
	callID  string
	tag     string
	cseq    uint32
	expires time.Duration // that is asked for
	walk    peer.Walk
	flow    transport.Flow
	gen     uint16 // tells it from one of the same switch that it takes the place of
	leaving bool   // it is being taken back: no address but flow is tried, and nothing is shown
	client  transaction.ID
	timer   transaction.TimerID
	answers Answers
	contact string
	state   State
	places  [][]netip.AddrPort // of each target of way, as last resolved; see locate
	home    netip.AddrPort     // that has granted the registration
}

// Timer codes.
const (
	timerAsk uint8 = iota
	timerSilence
)

// NewRegistrations makes the registrations of a layer.
func NewRegistrations(cfg RegisterConfig, layer *transaction.Layer) *Registrations {
	r := &Registrations{
		cfg: cfg, layer: layer, cells: make([]map[tenant.SwitchID]*registration, layer.Shards()),
		gone:  make([]map[uint64]*registration, layer.Shards()),
		known: make(map[tenant.SwitchID]*policy.Destination), states: make(map[tenant.SwitchID]State),
	}
	for i := range r.cells {
		r.cells[i], r.gone[i] = make(map[tenant.SwitchID]*registration), make(map[uint64]*registration)
	}
	r.user = layer.Register(r)
	layer.Every(r.beat)
	return r
}

// States tells how each registration does.
func (r *Registrations) States() map[tenant.SwitchID]State {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[tenant.SwitchID]State, len(r.states))
	for id, s := range r.states {
		all[id] = s
	}
	return all
}

// beat looks whether the settings have changed: what is new is asked for at once, what is gone
// is un-registered.
func (r *Registrations) beat() {
	r.follow()
	s := r.cfg.Table.Snapshot()
	if s == r.seen {
		return
	}
	r.seen = s
	want := make(map[tenant.SwitchID]*policy.Destination, len(r.known))
	for c := range s.Customers {
		for _, d := range c.Registrations {
			want[d.Switch.ID] = d
		}
	}
	for id := range r.known {
		if want[id] == nil {
			r.in(id, r.leave)
		}
	}
	for id, d := range want {
		switch was := r.known[id]; {
		case was == nil:
			r.in(id, func(sh *transaction.Shard, id tenant.SwitchID) { r.begin(sh, id, d) })
		case was.Switch != d.Switch:
			r.in(id, func(sh *transaction.Shard, id tenant.SwitchID) { r.change(sh, id, d) })
		}
	}
	r.known = want
}

// in runs f with the shard of a switch locked.
func (r *Registrations) in(id tenant.SwitchID, f func(*transaction.Shard, tenant.SwitchID)) {
	r.layer.Do(uint8(uint64(id)%uint64(r.layer.Shards())), func(sh *transaction.Shard) { f(sh, id) })
}

func (r *Registrations) begin(sh *transaction.Shard, id tenant.SwitchID, way *policy.Destination) {
	stable := dialog.NewStable()
	token := string(sip.AppendToken(nil, stable[:]))
	r.start(sh, id, &registration{way: way, callID: token + "@register", tag: token[:12], expires: lifetime})
}

func (r *Registrations) start(sh *transaction.Shard, id tenant.SwitchID, g *registration) {
	r.gen++
	g.gen = r.gen
	r.cells[sh.Index][id] = g
	r.ask(sh, g)
}

// ask begins anew: a REGISTER to the switch's first address.
func (r *Registrations) ask(sh *transaction.Shard, g *registration) {
	var list policy.Candidates
	list.List[0], list.N = g.way, 1
	g.walk.Start(&list, transport.Target{})
	g.answers, g.state.LastCode = Answers{}, 0
	r.locate(sh, g)
	r.next(sh, g)
}

func (g *registration) id() tenant.SwitchID { return g.way.Switch.ID }

func (g *registration) ref() uint64 { return uint64(g.gen)<<48 | uint64(g.id()) }

// of gives the registration that a ref names, nil when it is gone.
func (r *Registrations) of(sh *transaction.Shard, ref uint64) *registration {
	g := r.cells[sh.Index][tenant.SwitchID(ref&(1<<48-1))]
	if g == nil || g.gen != uint16(ref>>48) {
		return r.gone[sh.Index][ref]
	}
	return g
}

// next tries the next address.
func (r *Registrations) next(sh *transaction.Shard, g *registration) {
	if g.leaving {
		r.left(sh, g)
		return
	}
	for {
		flow, step := r.cfg.Router.Next(&g.walk, 0, r, sh.Index, g.ref())
		switch step {
		case peer.Waiting:
			return
		case peer.Exhausted:
			r.failed(sh, g)
			return
		}
		if g.flow = flow; r.send(sh, g) {
			return
		}
	}
}

// send sends a REGISTER over the flow at hand; false when it could not.
func (r *Registrations) send(sh *transaction.Shard, g *registration) bool {
	if g.client = sh.NewClient(r.user, g.ref()); g.client == 0 {
		return false
	}
	r.write(sh, g)
	if sh.SendRequest(g.client, sip.REGISTER, g.flow, sh.Out) != nil {
		g.client = 0
		return false
	}
	sh.Stop(&g.timer)
	g.timer = sh.After(patience, r.user, timerSilence, g.ref())
	return true
}

// write builds the REGISTER into sh.Out.
func (r *Registrations) write(sh *transaction.Shard, g *registration) {
	host, port := r.cfg.Advertised(g.flow)
	sw := g.way.Switch
	var token [dialog.IDLen]byte
	g.contact = "sip:" + string(r.cfg.Minter.AppendOurs(token[:0], dialog.Ours{Customer: uint64(sw.Customer), Switch: uint64(sw.ID)})) +
		"@" + host + ":" + strconv.Itoa(int(port))
	if g.flow.Proto != transport.UDP {
		g.contact += ";transport=" + g.flow.Proto.String()
	}
	at := g.way.Host
	if a, err := netip.ParseAddr(at); err == nil && a.Is6() {
		at = "[" + at + "]"
	}
	uri := "sip:" + at
	if p := g.way.Port; p != 0 && p != g.way.DefaultPort() {
		uri += ":" + strconv.Itoa(int(p))
	}
	g.cseq++
	aor := []byte("<sip:" + string(appendUser(nil, sw.Username)) + "@" + at + ">")
	headers := "Contact: <" + g.contact + ">\r\nExpires: " + strconv.Itoa(int(g.expires/time.Second)) + "\r\nUser-Agent: Tollgate\r\n"
	var branch [transaction.BranchLen]byte
	b := dialog.Build{
		Method: sip.REGISTER, Target: []byte(uri), Out: dialog.Address{Proto: g.flow.Proto, Host: host, Port: port},
		Branch: sh.AppendBranch(branch[:0], g.client, 0), From: aor, FromTag: []byte(g.tag), To: aor,
		CallID: []byte(g.callID), CSeq: g.cseq,
		Headers: headers + string(g.answers.Append(nil, sw, sip.REGISTER, []byte(uri))),
	}
	sh.Out = b.Append(sh.Out[:0])
}

// appendUser appends a name as the user part of a URI.
func appendUser(dst []byte, name string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.!~*'()&=+$,/", c) >= 0 {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

// Response is transaction.User.
func (r *Registrations) Response(sh *transaction.Shard, id transaction.ID, ref uint64, m *sip.Message, f transport.Flow) {
	g := r.of(sh, ref)
	code := m.StatusCode()
	if g == nil || g.client != id || code < 200 {
		return
	}
	sh.Stop(&g.timer)
	g.client, g.state.LastCode = 0, code
	switch {
	case g.leaving && !Challenge(code):
		r.left(sh, g)
	case code < 300:
		r.registered(sh, g, m)
	case Challenge(code) && f.Remote == g.flow.Remote && r.cfg.Agent.Take(&g.answers, g.way.Switch, m):
		g.state.LastCode = 0 // a question is no answer: should nothing follow, it was silence
		if !r.send(sh, g) {
			r.next(sh, g)
		}
	case code == 423 && r.longer(g, m):
		if !r.send(sh, g) {
			r.next(sh, g)
		}
	case code == 408 || code >= 500 && code < 600:
		r.next(sh, g)
	default:
		r.failed(sh, g)
	}
}

// longer obeys a 423 (RFC 3261 10.2.8); false where it asks for nothing that is more, and for
// no more than a week.
func (r *Registrations) longer(g *registration, m *sip.Message) bool {
	n, ok := sip.ParseUint(m.Value(sip.HdrMinExpires))
	least := time.Duration(n) * time.Second
	if !ok || n > 7*24*3600 || least <= g.expires {
		return false
	}
	g.expires = least
	return true
}

// registered takes a 2xx: what was granted is refreshed at four fifths of its time.
func (r *Registrations) registered(sh *transaction.Shard, g *registration, m *sip.Message) {
	granted := g.granted(m)
	g.home = g.flow.Remote
	r.tell(g)
	g.state.Registered, g.state.Failures, g.state.Until = true, 0, sh.Now().Add(granted).UTC()
	r.again(sh, g, max(granted*4/5, shortest))
}

// granted is how long a registration lasts: as our Contact says, else Expires, else as asked.
func (g *registration) granted(m *sip.Message) time.Duration {
	seconds, ok := sip.ParseUint(m.Value(sip.HdrExpires))
	if v := g.said(m); v != nil {
		seconds, ok = sip.ParseUint(v)
	}
	if !ok || seconds == 0 || time.Duration(seconds)*time.Second > g.expires {
		return g.expires
	}
	return time.Duration(seconds) * time.Second
}

// said is the expires of our Contact in a 2xx, nil where there is none: of the one with our user
// part, since some registrars write another address there, else of the only one.
func (g *registration) said(m *sip.Message) (expires []byte) {
	user, _, _ := strings.Cut(strings.TrimPrefix(g.contact, "sip:"), "@")
	it := m.Elements(sip.HdrContact)
	const most = 32
	for n := range most {
		elem, more := it.Next()
		if !more {
			break
		}
		na, err := sip.ParseNameAddr(elem)
		if err != nil {
			continue
		}
		v, _ := sip.FindParam(na.Params, "expires")
		if u, err := sip.ParseURI(na.URI); err == nil && string(u.User) == user {
			return v
		}
		if expires = nil; n == 0 {
			expires = v
		}
	}
	return expires
}

// failed waits longer each time, and never as long as others do.
func (r *Registrations) failed(sh *transaction.Shard, g *registration) {
	if g.leaving {
		r.left(sh, g)
		return
	}
	pause := min(firstPause<<min(g.state.Failures, 8), longestWait)
	g.state.Failures++
	g.state.Registered = g.state.Registered && sh.Now().Before(g.state.Until)
	r.again(sh, g, pause-time.Duration(r.cfg.Jitter()*float64(pause)/5))
}

// again asks once more after a time, and shows how it stands.
func (r *Registrations) again(sh *transaction.Shard, g *registration, after time.Duration) {
	g.client = 0
	sh.Stop(&g.timer)
	g.timer = sh.After(after, r.user, timerAsk, g.ref())
	g.state.Next = sh.Now().Add(after).UTC()
	r.mu.Lock()
	was := r.states[g.id()]
	r.states[g.id()] = g.state
	r.mu.Unlock()
	if r.cfg.Changed != nil && (was.Registered != g.state.Registered || was.LastCode != g.state.LastCode) {
		r.cfg.Changed(g.way.Name, g.state)
	}
}

// Failed is transaction.User.
func (r *Registrations) Failed(sh *transaction.Shard, id transaction.ID, ref uint64, _ transaction.Failure) {
	if g := r.of(sh, ref); g != nil && g.client == id {
		r.next(sh, g)
	}
}

// Unreachable gives up one address at once.
func (r *Registrations) Unreachable(sh *transaction.Shard, id transaction.ID, ref uint64) {
	if g := r.of(sh, ref); g != nil && g.client == id {
		sh.Abandon(id)
		r.next(sh, g)
	}
}

// Timer asks again, or gives up an address that is silent.
func (r *Registrations) Timer(sh *transaction.Shard, code uint8, ref uint64) {
	g := r.of(sh, ref)
	if g == nil {
		return
	}
	g.timer = 0
	if code == timerAsk {
		r.ask(sh, g)
		return
	}
	sh.Abandon(g.client)
	r.next(sh, g)
}

// Continue is peer.Waiter.
func (r *Registrations) Continue(shard uint8, ref uint64, apply func(*peer.Walk)) {
	r.layer.Do(shard, func(sh *transaction.Shard) {
		if g := r.of(sh, ref); g != nil {
			apply(&g.walk)
			r.next(sh, g)
		}
	})
}

// Canceled is an INVITE's only.
func (r *Registrations) Canceled(*transaction.Shard, transaction.ID, uint64) {}

// Ended is an INVITE's only.
func (r *Registrations) Ended(*transaction.Shard, transaction.ID, uint64) {}
