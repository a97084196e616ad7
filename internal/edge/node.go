package edge

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"tollgate/internal/api"
	"tollgate/internal/call"
	"tollgate/internal/config"
	"tollgate/internal/live"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/registrar"
	"tollgate/internal/tenant"
	"tollgate/internal/uac"
	"tollgate/sip"
)

// Calls is api.Node.
func (e *Edge) Calls(keep func(tenant.CustomerID) bool) []call.Summary { return e.calls.List(keep) }

// Hangup is api.Node.
func (e *Edge) Hangup(id string, allowed func(tenant.CustomerID) bool) bool {
	return e.calls.Hangup(id, policy.HungUp, allowed)
}

// Bindings is api.Node.
func (e *Edge) Bindings(keep func(tenant.CustomerID) bool, text string, after registrar.Place, most int) []registrar.Summary {
	return e.registrar.Matching(keep, text, after, most)
}

// Binding is api.Node.
func (e *Edge) Binding(id string) (registrar.Summary, bool) {
	key, ok := registrar.ParseID(id)
	if !ok {
		return registrar.Summary{}, false
	}
	return e.registrar.Find(key)
}

// Unbind is api.Node.
func (e *Edge) Unbind(id string, allowed func(tenant.CustomerID) bool) bool {
	return e.registrar.Remove(id, allowed)
}

// DestinationStates is api.Node.
func (e *Edge) DestinationStates() map[tenant.DestinationID]peer.State { return e.watch.States() }

// Registrations is api.Node.
func (e *Edge) Registrations() map[tenant.SwitchID]uac.State { return e.registrations.States() }

// DomainDNS is api.Node.
func (e *Edge) DomainDNS(ctx context.Context, name string) api.DNSState {
	return e.prover.state(ctx, name)
}

// Usage is api.Node.
func (e *Edge) Usage(s live.Scope) live.Usage { return e.live.Usage(s) }

// Ceiling is api.Node.
func (e *Edge) Ceiling() (calls, cps int) { return e.cfg.Limits.Calls, e.cfg.Limits.CPS }

// Applied is api.Node.
func (e *Edge) Applied(ctx context.Context, revision int64) error {
	for e.follower.seen.Load() < revision {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.follower.follow(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Info is api.Node.
func (e *Edge) Info() api.Info {
	info := api.Info{
		Version: version(&e.cfg), Started: e.started, Draining: e.gate.Draining(),
		Calls: e.calls.Live(), Revision: e.follower.seen.Load(),
	}
	if e.kernel != nil {
		info.Bans = e.kernel.info()
	}
	s := e.media.Stats()
	info.Media = api.MediaWay{Way: wayOf(&s), Why: s.Why}
	for _, l := range e.transport.Listeners() {
		li := api.ListenerInfo{URL: l.Proto.String() + "://" + l.Addr.String(), Network: l.Network}
		if l.AdvertiseHost != "" {
			li.Advertise = net.JoinHostPort(strings.Trim(l.AdvertiseHost, "[]"), strconv.Itoa(int(l.AdvertisePort)))
		}
		info.Listeners = append(info.Listeners, li)
	}
	return info
}

// transactions counts the live cells of all shards.
func (e *Edge) transactions() float64 {
	n := 0
	for i := range e.layer.Shards() {
		s := e.layer.Stats(i)
		n += s.Servers + s.Clients
	}
	return float64(n)
}

func (e *Edge) retransmissions() float64 {
	var n uint64
	for i := range e.layer.Shards() {
		s := e.layer.Stats(i)
		n += s.RequestRetransOut + s.ResponseRetransOut
	}
	return float64(n)
}

// journalRecords counts what was kept and what was ended.
func (e *Edge) journalRecords() float64 {
	s := e.journal.Stats()
	return float64(s.Puts + s.Deletes)
}

// version is the program's, as its command says or as the build does.
func version(cfg *config.Node) string { return cmp.Or(cfg.Version, Version()) }

// Version is what the build says of itself.
func Version() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		return b.Main.Version
	}
	return "devel"
}

// Explain is api.Node: the request is built and goes through the very steps that
// decide, but for those that would change something.
func (e *Edge) Explain(q api.ExplainQuery, in policy.Language) policy.Explanation {
	source, err := netip.ParseAddrPort(q.Source)
	if err != nil {
		if a, err := netip.ParseAddr(q.Source); err == nil {
			source = netip.AddrPortFrom(a, 5060)
		}
	}
	method, transport := strings.ToUpper(q.Method), strings.ToLower(q.Transport)
	if method == "" {
		method = "INVITE"
	}
	if transport == "" {
		transport = "udp"
	}
	var b strings.Builder
	line := func(parts ...string) {
		for _, p := range parts {
			b.WriteString(strings.NewReplacer("\r", " ", "\n", " ").Replace(p))
		}
		b.WriteString("\r\n")
	}
	line(method, " ", q.To, " SIP/2.0")
	line("Via: SIP/2.0/", strings.ToUpper(transport), " ", source.String(), ";branch=z9hG4bKexplain")
	line("Max-Forwards: 70")
	line("From: <", q.From, ">;tag=explain")
	line("To: <", q.To, ">")
	line("Call-ID: explain")
	line("CSeq: 1 ", method)
	for _, h := range q.Headers {
		line(h)
	}
	line("Content-Length: 0")
	line()
	var m sip.Message
	if err := m.Parse([]byte(b.String())); err != nil {
		return refusedMessage(400, err.Error(), in)
	}
	return e.gate.Explain(&policy.Request{
		Msg: &m, Source: source, Local: e.asked(&m), Transport: transport, Now: time.Now(), Health: e.watch,
	}, in)
}

// asked is the address of ours to which a message would be sent, as far as its Request-URI tells;
// a listener on all addresses knows it only then.
func (e *Edge) asked(m *sip.Message) netip.Addr {
	uri, err := sip.ParseURI(m.RequestURI())
	at, isAddr := uri.Addr()
	if err != nil || !isAddr {
		return netip.Addr{}
	}
	for _, l := range e.transport.Listeners() {
		if e.transport.OwnHost(uri.Host, l.Addr.Port()) {
			return at
		}
	}
	return netip.Addr{}
}

func refusedMessage(status int, detail string, in policy.Language) policy.Explanation {
	e := policy.Explanation{Language: in}
	e.Told("validate", policy.Verdict{Status: status, Reason: policy.BadMessage, Detail: detail}, in.Retell(detail))
	return e
}
