package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"tollgate/internal/api"
	"tollgate/internal/ua"
	"tollgate/sip"
)

type probeCommand struct {
	URI       string        `arg:"" help:"Who is called, such as sip:100@acme.example."`
	From      string        `placeholder:"URI" help:"Who calls; sip:probe@ and this machine's address where not given."`
	Via       string        `placeholder:"URL" help:"Where the call goes in, such as udp://192.0.2.1:5060; else the node's own listener."`
	Transport string        `enum:"udp,tcp,tls,any" default:"any" help:"Which of the node's listeners is used: udp, tcp or tls."`
	Talk      time.Duration `default:"2s" help:"How long the call stays up."`
	Ring      time.Duration `default:"20s" help:"How long it may ring."`
	Header    []string      `sep:"none" placeholder:"'NAME: VALUE'" help:"A further header; as often as needed."`
	Messages  bool          `short:"m" help:"Print the messages whole."`
}

// silenceLimit is how long a request is waited for that the node says it will not answer.
const silenceLimit = 3 * time.Second

// Run places the call.
func (c *probeCommand) Run(ctx context.Context, p *program) error {
	if c.Talk < 0 || c.Ring <= 0 {
		return misuse("--talk and --ring are times, such as 5s")
	}
	cfg := ua.ProbeConfig{URI: c.URI, From: c.From, Talk: c.Talk, Ring: c.Ring, Headers: c.Header}
	var foretold verdict
	if c.Via != "" {
		proto, at, err := parseVia(c.Via)
		if err != nil {
			return err
		}
		cfg.Proto, cfg.Server = proto, at
	} else {
		node, err := p.client(ctx)
		if err != nil {
			return err
		}
		if cfg.Proto, cfg.Server, err = c.entrance(ctx, node); err != nil {
			return err
		}
		foretold = c.foretell(ctx, node, &cfg)
	}
	return c.place(ctx, p, cfg, foretold)
}

func (c *probeCommand) place(ctx context.Context, p *program, cfg ua.ProbeConfig, foretold verdict) error {
	if foretold.Status < 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, silenceLimit)
		defer cancel()
	}
	ladder, err := ua.Probe(ctx, cfg)
	if err != nil {
		return fmt.Errorf("the call could not be placed: %w", err)
	}
	if err := p.print(&ladder, func() { _ = ladder.WriteText(p.stdout, c.Messages) }); err != nil {
		return err
	}
	if foretold.Status < 0 && ladder.Status == 0 {
		return fmt.Errorf("the node gives such a request no answer (%s): %s", foretold.Reason, foretold.Detail)
	}
	if ladder.Outcome != ua.Answered {
		return silent{}
	}
	return nil
}

func parseVia(s string) (ua.Proto, netip.AddrPort, error) {
	const want = "--via is not an address such as udp://192.0.2.1:5060"
	scheme, at, found := strings.Cut(s, "://")
	proto, err := ua.ParseProto(scheme)
	if !found || err != nil {
		return "", netip.AddrPort{}, misuse(want)
	}
	addr, err := netip.ParseAddrPort(at)
	if err != nil || addr.Port() == 0 {
		return "", netip.AddrPort{}, misuse(want)
	}
	return proto, addr, nil
}

// entrance chooses one of the node's listeners: that of the transport that was asked for, or the
// first of UDP, TCP and TLS; of the address family of the URI's host, where that is an address.
func (c *probeCommand) entrance(ctx context.Context, node *client) (ua.Proto, netip.AddrPort, error) {
	var info api.Info
	if err := node.get(ctx, "/node", &info); err != nil {
		return "", netip.AddrPort{}, err
	}
	wanted := []string{"udp", "tcp", "tls"}
	if c.Transport != "any" {
		wanted = []string{c.Transport}
	}
	var best listener
	for _, l := range info.Listeners {
		at, ok := parseListener(l, node.host)
		if !ok || !slices.Contains(wanted, string(at.proto)) {
			continue
		}
		at.rank = 2 * slices.Index(wanted, string(at.proto))
		if at.addr.Addr().Is6() != uriIs6(c.URI) {
			at.rank++
		}
		if !best.addr.IsValid() || at.rank < best.rank {
			best = at
		}
	}
	if !best.addr.IsValid() {
		return "", netip.AddrPort{}, fmt.Errorf("the node has no %s listener that this machine knows how to reach: name one with --via", strings.Join(wanted, ", "))
	}
	return best.proto, best.addr, nil
}

type listener struct {
	proto ua.Proto
	addr  netip.AddrPort
	rank  int // lower is better
}

// parseListener gives where a listener is reached from here: one on all addresses by loopback, or
// by the host of a node elsewhere.
func parseListener(l api.ListenerInfo, host string) (listener, bool) {
	u, err := url.Parse(l.URL)
	if err != nil {
		return listener{}, false
	}
	proto, errProto := ua.ParseProto(u.Scheme)
	at, errAddr := netip.ParseAddrPort(u.Host)
	if errors.Join(errProto, errAddr) != nil {
		return listener{}, false
	}
	switch {
	case host != "" && (at.Addr().IsUnspecified() || at.Addr().IsLoopback()):
		a, err := netip.ParseAddr(host)
		if err != nil {
			return listener{}, false
		}
		at = netip.AddrPortFrom(a, at.Port())
	case at.Addr().IsUnspecified() && at.Addr().Is4():
		at = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port())
	case at.Addr().IsUnspecified():
		at = netip.AddrPortFrom(netip.IPv6Loopback(), at.Port())
	}
	return listener{proto: proto, addr: at}, true
}

func uriIs6(uri string) bool {
	u, err := sip.ParseURI([]byte(uri))
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(strings.Trim(string(u.Host), "[]"))
	return err == nil && a.Is6()
}

// foretell asks the node what it would do, so that silence, its answer to strangers, is not waited
// for. Where it does not say, the call tells.
func (c *probeCommand) foretell(ctx context.Context, node *client, cfg *ua.ProbeConfig) verdict {
	from := cmp.Or(c.From, "sip:probe@"+cfg.Server.Addr().String())
	if cfg.Server.Addr().Is6() && c.From == "" {
		from = "sip:probe@[" + cfg.Server.Addr().String() + "]"
	}
	data, err := node.do(ctx, http.MethodPost, "/tools/explain", api.ExplainQuery{
		From: from, To: c.URI, Source: netip.AddrPortFrom(cfg.Server.Addr(), 49152).String(), Transport: string(cfg.Proto), Headers: c.Header,
	})
	var e explanation
	if err != nil || decode(data, &e) != nil {
		return verdict{}
	}
	if n := len(e.Steps); n > 0 {
		e.Verdict.Detail = e.Steps[n-1].Text
	}
	return e.Verdict
}
