// Package edge builds a node: it opens the store, compiles policy, binds sockets
// and wires every part to the next. It is the only place that knows them all;
// here a node starts, follows its configuration, drains and stops.
package edge

import (
	"context"
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"time"

	"golang.org/x/time/rate"

	"tollgate/internal/antifraud"
	"tollgate/internal/auth"
	"tollgate/internal/ban"
	"tollgate/internal/call"
	"tollgate/internal/cdr"
	"tollgate/internal/config"
	"tollgate/internal/dialog"
	"tollgate/internal/gate"
	"tollgate/internal/journal"
	"tollgate/internal/kernel"
	"tollgate/internal/live"
	"tollgate/internal/live/delayed"
	"tollgate/internal/live/memory"
	"tollgate/internal/media"
	"tollgate/internal/overload"
	"tollgate/internal/peer"
	"tollgate/internal/policy"
	"tollgate/internal/pulse"
	"tollgate/internal/record"
	"tollgate/internal/registrar"
	"tollgate/internal/relay"
	"tollgate/internal/store"
	"tollgate/internal/tenant"
	"tollgate/internal/threat"
	"tollgate/internal/trace"
	"tollgate/internal/transaction"
	"tollgate/internal/transport"
	"tollgate/internal/uac"
)

// Edge is one node.
type Edge struct {
	cfg           config.Node
	log           *slog.Logger
	started       time.Time
	store         *store.Store
	table         *policy.Table
	follower      *follower
	transport     *transport.Transport
	layer         *transaction.Layer
	live          live.Live
	watch         *peer.Watch
	calls         *call.Calls
	relay         *relay.Relay
	registers     *rate.Limiter // of the REGISTERs that bound nothing, those that are told
	registrar     *registrar.Registrar
	registrations *uac.Registrations
	messenger     *relay.Messenger
	media         *media.Engine
	flows         *kernel.Flows // nil: media is forwarded here
	gate          *gate.Gate
	recorder      *record.Recorder
	pulse         *pulse.Pulse
	expiries      expiries
	news          *news
	receiver      *receiver
	traces        *trace.Recorder
	steps         []string // of the gate, by name
	journal       *journal.Journal
	cdrs          *cdr.Writer
	webhook       *cdr.Webhook // nil where nobody wants call records
	bans          *ban.Table
	fraud         *antifraud.Guard
	kernel        *kernelBans
	guard         *threat.Guard
	ids           *dialog.Minter
	full          fullness
	prover        *prover
	clashes       clashes
	resolver      *transport.Resolver
	http          *httpServers
}

// New opens the store, loads it, and binds the SIP sockets; nothing is served
// before Run. What it has opened it closes when it fails.
func New(ctx context.Context, cfg config.Node, log *slog.Logger) (e *Edge, err error) {
	e = &Edge{cfg: cfg, log: log, started: time.Now().UTC(), registers: rate.NewLimiter(registersTold, registersTold)}
	defer func() {
		if err != nil {
			e.close()
			e = nil
		}
	}()
	e.store, err = store.Open(ctx, store.Options{Dir: cfg.DataDir, URL: cfg.Database, Key: cfg.SecretKey})
	if err != nil {
		return e, err
	}
	e.table = policy.NewTable()
	e.bans, e.fraud = e.newBans(), e.newAntifraud()
	e.follower = newFollower(e.store, e.table, e.bans, e.fraud, log)
	if err = e.follower.waits.due(ctx); err != nil {
		return e, err
	}
	if err = e.follower.follow(ctx); err != nil {
		return e, err
	}
	sockets := transportConfig(&cfg, e.bans, log)
	sockets.Rank = func(f transport.Flow, l *overload.Look) overload.Rank { return e.receiver.Rank(f, l) }
	sockets.Emergency = func(f transport.Flow, l *overload.Look) []string { return e.receiver.Emergency(f, l) }
	if e.transport, err = transport.New(sockets); err != nil {
		return e, err
	}
	minter, err := e.minter(ctx)
	if err != nil {
		return e, err
	}
	if err = e.openJournal(); err != nil {
		return e, err
	}
	e.ids = minter
	if err = e.openTraces(); err != nil {
		return e, err
	}
	if err = e.openMedia(); err != nil {
		return e, err
	}
	e.wire(minter)
	return e, e.restore()
}

func transportConfig(cfg *config.Node, bans *ban.Table, log *slog.Logger) transport.Config {
	t := transport.Config{Log: log, Refused: bans.Dropped}
	for _, l := range cfg.SIP.Listen {
		proto, _ := transport.ParseProto(l.Proto)
		t.Listen = append(t.Listen, transport.ListenerConfig{Proto: proto, Addr: l.Addr, Advertise: l.Advertise, Network: l.Network})
	}
	for _, c := range cfg.SIP.Certificates {
		t.Certificates = append(t.Certificates, transport.Certificate(c))
	}
	return t
}

// wire builds the SIP side, from the ground up.
func (e *Edge) wire(minter *dialog.Minter) {
	e.table.SetPlatform(policy.Platform{Calls: e.cfg.Limits.Calls, CPS: e.cfg.Limits.CPS, Local: e.localHosts()})
	e.recorder, e.pulse, e.news = record.New(e.log), pulse.New(), newNews(e)
	e.cdrs, e.webhook = e.newCDRs(), e.newWebhook()
	e.live = memory.New()
	if e.cfg.Test.Live == "delayed" {
		e.live = delayed.New(e.live, 40*time.Millisecond, 1)
	}
	e.resolver = transport.NewResolver(transport.ResolverConfig{})
	e.prover = &prover{store: e.store, resolver: e.resolver, sip: e.transport, host: e.cfg.Platform.Host, log: e.log}
	router := &peer.Router{Network: e.transport, Resolver: e.resolver, Forbidden: e.cfg.Forbidden.Prefixes, OwnToo: !e.cfg.Forbidden.Own}
	agent := uac.NewAgent()
	e.guard = e.newGuard()
	core := &core{}
	e.layer = transaction.New(transaction.Config{Send: &tap{e.transport, e.traces}, Core: core, ShardOf: minter.Shard, Key: minter.BranchKey()})
	e.watch = peer.NewWatch(peer.WatchConfig{
		Router: router, Table: e.table, Advertised: e.transport.Advertised, Interval: e.cfg.Test.Keepalive,
		Changed: func(host string, s peer.State) {
			e.log.Info("destination", "host", host, "status", s.Status)
			e.news.destination(host)
		},
	}, e.layer)
	e.registrar = registrar.New(registrar.Config{
		Router: router, Minter: minter, Transport: e.transport, Interval: e.cfg.Test.Keepalive,
		Journal: keeper{e.journal, keptBinding}, Customer: e.customer, Ended: e.bindingEnded,
		Answered: e.answered, Refused: e.refusedRegister,
	}, e.layer)
	calls := call.Config{
		Router: router, Minter: minter, Transport: e.transport, Phones: e.registrar, Agent: agent,
		Journal: keeper{e.journal, keptCall}, Customer: e.customer, ProbeAfter: e.cfg.Test.Keepalive, PingEvery: e.cfg.Test.Keepalive,
		Hold: func(id dialog.Stable, c *policy.Customer, user tenant.SIPUserID, urgent bool, switches ...tenant.SwitchID) {
			e.gate.Hold(id, c, user, urgent, switches...)
		},
		Swap: func(id dialog.Stable, from tenant.SwitchID, to *policy.Switch, done func(bool)) (ok, now bool) {
			return e.gate.Swap(id, from, to, done)
		},
		Release: func(id dialog.Stable) { e.gate.Release(id) },
		Heard:   e.heard, Progress: e.beatProgress, Refused: e.refusedWithin,
		Ended: e.ended, Answered: e.answered,
	}
	e.bridging(&calls)
	e.calls = call.New(calls, e.layer)
	e.relay = relay.New(relay.Config{Router: router, Minter: minter, Advertised: e.transport.Advertised, Agent: agent, Answered: e.answered, Refused: e.refusedBehind}, e.layer)
	e.messenger = relay.NewMessenger(e.transport.Advertised, e.layer)
	e.registrations = uac.NewRegistrations(uac.RegisterConfig{
		Router: router, Table: e.table, Agent: agent, Minter: minter, Advertised: e.transport.Advertised, Jitter: rand.Float64,
		Changed: func(name string, s uac.State) {
			e.log.Info("registration", "switch", name, "registered", s.Registered, "code", s.LastCode)
		},
	}, e.layer)
	e.gate = gate.New(gate.Config{
		Table: e.table, Health: e.watch, Live: e.live, Calls: e.calls, Relay: e.relay,
		Registrar: e.registrar, Minter: minter, Banned: e.bans.Refused, Antifraud: e.fraud, Auth: auth.New(minter.NonceKey(), time.Now()), Decided: e.decided,
	}, e.layer)
	core.Gate, e.steps = e.gate, e.gate.StepNames()
	e.full.tell(e.gate)
	e.receiver = &receiver{layer: e.layer, registrar: e.registrar, calls: e.calls, bans: e.bans, table: e.table, transport: e.transport, traces: e.traces}
}

// core breaks the circle between the layer and the gate that registers with it.
type core struct{ *gate.Gate }

// minter makes identifiers that every node of this database reads, before and after a
// restart of any of them.
func (e *Edge) minter(ctx context.Context) (*dialog.Minter, error) {
	stored, err := e.store.IdentifierKeys(ctx)
	if err != nil {
		return nil, err
	}
	keyOf := func(id uint8, b [16]byte) dialog.Key {
		return dialog.Key{ID: id, K0: binary.BigEndian.Uint64(b[:8]), K1: binary.BigEndian.Uint64(b[8:])}
	}
	keys := make([]dialog.Key, len(stored.Keys))
	for i, k := range stored.Keys {
		keys[i] = keyOf(k.ID, k.Key)
	}
	return dialog.NewMinter(1, uint16(rand.Uint32()), keyOf(0, stored.Root), keys...), nil
}

// customer gives the settings in force, nil when the customer is gone.
func (e *Edge) customer(id tenant.CustomerID) *policy.Customer {
	return e.table.Snapshot().Customer(id)
}

// bindingEnded tells of a phone that did not un-register.
func (e *Edge) bindingEnded(c registrar.Contact, why policy.Reason) {
	e.log.Info("binding ended", "aor", c.AOR, "source", c.Flow.Remote.String(), "reason", why.Code())
	if why == policy.PhoneSilent {
		e.calls.EndPhone(c.Binding, why)
	}
}

// localHosts are the names and addresses by which requests mean this node.
func (e *Edge) localHosts() []string {
	var hosts []string
	for _, l := range e.transport.Listeners() {
		if l.AdvertiseHost != "" {
			hosts = append(hosts, l.AdvertiseHost)
		}
		if !l.Addr.Addr().IsUnspecified() {
			hosts = append(hosts, l.Addr.Addr().String())
		}
	}
	if e.cfg.Platform.Host != "" {
		hosts = append(hosts, e.cfg.Platform.Host)
	}
	return hosts
}

// ended records a call.
func (e *Edge) ended(c call.Ending) {
	e.fraud.Over(c.Counted)
	e.recorder.Ended(record.Ending{
		Reason: c.Reason, Status: c.Status, Setup: c.Setup, Duration: c.Duration, Answered: c.Answered,
		MOS: media.Worst(c.Media), OneWay: oneWay(&c),
	})
	e.beatEnded(&c)
	e.recordCall(&c)
	e.traceEnd(&c)
}

func (e *Edge) decided(sh *transaction.Shard, d *gate.Decision) {
	if d.Verdict.Reason == policy.SharedDestinationClash {
		e.clashes.note(d, sh.Now())
	}
	v := record.Verdict{Method: d.Method, Verdict: d.Verdict, Source: d.Source}
	if d.Identity.Customer != nil {
		v.Customer = d.Identity.Customer.Settings.Name
	}
	if d.Message != nil {
		v.CallID, v.Target = d.Message.CallID(), d.Message.RequestURI()
	}
	v.Emergency = d.Identity.Emergency && !d.Verdict.Reason.Asks()
	if d.Verdict.Refused() || v.Emergency {
		v.Ref = trace.ID(d.ID).Ref()
	}
	e.recorder.Decided(&v)
	e.suspicious(sh, d)
	if d.Verdict.Reason.Asks() {
		e.traceAsked(d)
		return // what comes of it is the answer's
	}
	e.beatDecided(sh, d)
	e.recordRefusal(d)
	e.traceDecision(d)
}

// Run serves until ctx ends, then drains: no new calls, and the live ones have
// until stop ends, or drainLimit, to finish.
func (e *Edge) Run(ctx, stop context.Context) error {
	defer e.close()
	e.kernel = newKernelBans(e)
	e.http = newHTTPServers(e)
	if err := e.http.start(); err != nil {
		return err
	}
	if err := e.firstLink(ctx); err != nil {
		return err
	}
	e.layer.Run()
	// A reader that blocks in the kernel holds its P for a while: timers must not wait for it.
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + e.transport.Spare())
	e.media.Start()
	e.transport.Start(e.receiver)
	e.watch.Run()
	e.registrar.Run()
	e.journal.Run(e.checkpoint)
	e.cdrs.Run()
	if e.webhook != nil {
		e.webhook.Run()
	}
	e.traces.Run()
	e.bans.Run()
	e.guard.Run()
	e.follower.start()
	e.prover.start()
	e.news.start()
	for _, l := range e.Info().Listeners {
		e.log.Info("listening", "sip", l.URL)
	}
	<-ctx.Done()
	e.drain(stop)
	return nil
}

// drainLimit is how long a node goes on for its live calls after a SIGTERM. Those that
// are up then are kept for the node that comes after it.
const drainLimit = 10 * time.Second

// drain lets no new calls in and waits for the live ones. Calls that still ring at the
// end of it are refused; those that are up stand in the journal.
func (e *Edge) drain(stop context.Context) {
	e.gate.Drain()
	e.log.Info("draining", "calls", e.calls.Live())
	limit := time.NewTimer(drainLimit)
	defer limit.Stop()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for waiting := true; waiting && e.calls.Live() > 0; {
		select {
		case <-stop.Done():
			waiting = false
		case <-limit.C:
			waiting = false
		case <-look.C:
		}
	}
	e.calls.EndRinging(policy.Draining)
	if n := e.calls.Live(); n > 0 {
		e.log.Info("calls are kept for the next start", "calls", n)
	}
}

// close takes down what is up, from the outside in.
func (e *Edge) close() {
	if e.news != nil {
		e.news.close()
	}
	if e.http != nil {
		e.http.close()
	}
	if e.prover != nil {
		e.prover.close()
	}
	if e.follower != nil {
		e.follower.close()
	}
	if e.watch != nil && e.http != nil {
		e.watch.Close()
		e.registrar.Close()
	}
	if e.resolver != nil {
		e.resolver.Close()
	}
	if e.transport != nil {
		e.logged("transport", e.transport.Close())
	}
	if e.layer != nil && e.http != nil {
		e.layer.Close()
	}
	if e.media != nil {
		e.media.Close()
	}
	if e.flows != nil {
		e.logged("media in the kernel", e.flows.Close())
	}
	if e.guard != nil && e.http != nil {
		e.guard.Close()
	}
	if e.kernel != nil {
		e.kernel.close()
	}
	if e.bans != nil && e.http != nil {
		e.bans.Close()
	}
	if e.traces != nil {
		e.traces.Close()
	}
	if e.cdrs != nil {
		e.cdrs.Close() // its last records are in the journal if the store takes none
	}
	if e.webhook != nil {
		e.webhook.Close()
	}
	if e.journal != nil {
		e.logged("journal", e.journal.Close())
	}
	if e.live != nil {
		e.logged("live", e.live.Close())
	}
	if e.store != nil {
		e.logged("store", e.store.Close())
	}
}

func (e *Edge) logged(part string, err error) {
	if err != nil {
		e.log.Error("close", "part", part, "error", err.Error())
	}
}
